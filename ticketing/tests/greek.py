"""A site in use by people who write Greek: whatever Latin words its pages show are the site's own."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.db.models.functions import Now
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success
from django_q.signing import SignedPackage

from allocation.actions import (
    accept_transfer,
    buy,
    cancel_ticket,
    create_event,
    create_option,
    hold_tickets,
    invalidate,
    lapse_holds,
    offer_transfer,
    purchase,
    release_hold,
    scan,
    undo_admission,
)
from allocation.models import Event, Hold, TicketOption
from allocation.models import Purchase as EventPurchase
from allocation.models import Ticket as EventTicket
from booking.actions import book, change_booking, create_resource, make_feed
from booking.models import Service, Tally
from support.actions import (
    add_canned_reply,
    close_ticket,
    count_milestones,
    create_level,
    go_online,
    keep_view,
    look_at_ticket,
    note_on_ticket,
    open_ticket,
    rate_ticket,
    reject_ticket,
    reopen_ticket,
    reply_to_ticket,
    take_ticket,
)
from support.models import Promise
from support.policies import File
from ticketing.actions import create_webhook, issue_token, post_mail, use_offer
from ticketing.actions.hours import add_closure, add_special_opening, create_calendar, set_week
from ticketing.models import (
    Activity,
    Allowance,
    Delivery,
    EmailLink,
    Heartbeat,
    IdempotencyKey,
    Session,
    Site,
    Verdict,
    Waiter,
)
from ticketing.rights import Role
from ticketing.subjects import Subject
from ticketing.tests.factories import UserFactory

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)
TEXT = "Ώρες και λεπτά"
MANY, MORE = 26, 61  # more than lists show at once, and more tickets than their page does


def require_wish(stock, quantity, least, by):
    """Every wish is taken here."""


def take_up(waiter, by):
    """What becomes of an offer here: nothing is made of it."""
    use_offer(waiter, by=by)
    return "/"


def person(role, **more):
    """Somebody who reads German and writes Greek."""
    is_super = role == Role.SUPERUSER
    names = {"first_name": "Ζωή", "last_name": "Ωμέγα", "language": "de", **more}
    return UserFactory(role="supervisor" if is_super else role, is_superuser=is_super, is_staff=is_super, **names)


class World:
    """People, and once it is filled one of everything that a page shows, in each of its states."""

    def __init__(self):
        roles = [role for role in Role if role != Role.ANONYMOUS]
        self.people = {role: person(role, username=f"ρόλος{number}") for number, role in enumerate(roles)}
        self.customer, self.agent = self.people[Role.CUSTOMER], self.people[Role.AGENT]

    def fill(self):
        """Everything happens."""
        self.book()
        self.sell()
        self.stage()
        self.ask()
        self.wait()
        self.open()
        self.look_after()
        self.keep_records()

    def book(self):
        Service.objects.default()
        Service.objects.update(name=TEXT)
        self.booking, self.full = self.visit(NOON), NOON + timedelta(days=1)
        for _ in range(20):
            self.visit(self.full)
        ages = [timedelta(hours=1), timedelta(hours=9)]
        over = [change_booking(self.visit(NOON), starts_at=timezone.now() - age, by=None) for age in ages]
        self.bookings = [self.booking, *over]
        for number in range(MANY):
            self.visit(NOON + timedelta(days=2, hours=number))
        make_feed(resource=create_resource(name=TEXT, by=None), by=None)
        Tally.objects.count_cancelled(self.booking)

    def visit(self, at):
        names = {"firstname": "Ζωή", "lastname": "Ωμέγα", "phone": "0123456789", "email": "1@2.gr"}
        return book(**names, starts_at=at, by=self.customer)

    def sell(self):
        self.option, self.few, self.none = (
            create_option(name=TEXT, description=TEXT, allocation=allocation, by=None) for allocation in (1000, 3, 2)
        )
        for option, quantity in ((self.none, 2), (self.few, 1), (self.option, MORE)):
            bought = purchase(option.pk, quantity=quantity, buyer=self.customer.pk, by=self.customer)
        self.ticket, admitted, invalid, offered, accepted, *_ = EventTicket.objects.filter(purchase=bought.id).order_by(
            "number"
        )
        scan(admitted.code, gate=TEXT, nonce=uuid4(), by=None)
        invalidate(invalid, by=None)
        self.tickets = [self.ticket, admitted, invalid]
        self.transfers = self.hand_on(offered, accepted)
        for _ in range(MANY):
            create_option(name=TEXT, description="", allocation=9, by=None)

    def hand_on(self, offered, accepted):
        """By links, one of which somebody has used."""
        transfers = [offer_transfer(ticket, by=self.customer) for ticket in (offered, accepted)]
        accept_transfer(transfers[1], by=self.people[Role.AGENT])
        self.tickets.append(offered)
        return transfers

    def stage(self):
        """An event on all terms, one that nobody sees yet and one that is over, and holds in all their states."""
        soon, day = timezone.now() + timedelta(days=1), timedelta(days=1)
        named = {"name": TEXT, "venue": TEXT, "description": TEXT, "time_zone": "Europe/Athens", "by": None}
        self.events = [
            create_event(**named, starts_at=soon, ends_at=soon + day, published=True, gates=[self.people[Role.GATE]]),
            create_event(**named, starts_at=NOON, ends_at=NOON + day),
            create_event(**named, starts_at=NOON, ends_at=NOON + day, published=True),
        ]
        on = {"name": TEXT, "description": TEXT, "event": self.events[0], "by": None}
        self.staged = [
            create_option(**on, allocation=90, limit=8),
            create_option(**on, allocation=90, least=2, most=6, on_sale_until=soon),
            create_option(**on, allocation=90, on_sale_from=soon),
            create_option(**on, allocation=90, on_sale_until=timezone.now() - day),
            create_option(**on, allocation=1),
            create_option(**{**on, "event": self.events[1]}, allocation=9),
            create_option(**{**on, "event": self.events[2]}, allocation=9),
        ]
        first, second, *_rest, last, _draft, late = self.staged
        mine = {"buyer": self.customer.pk, "by": self.customer}
        bought = [buy({first.pk: 2, second.pk: 2}, **mine), buy({last.pk: 1}, **mine), buy({late.pk: 2}, **mine)]
        Event.objects.filter(pk=self.events[2].pk).update(cancel_until=timezone.now() - day)
        self.purchases = [EventPurchase.objects.get(pk=receipt.id) for receipt in bought]
        given_back, kept, *others = self.purchases[0].tickets.order_by("number")
        cancel_ticket(given_back, by=self.customer)
        self.staged_ticket = kept
        self.tickets += [given_back, kept, self.purchases[2].tickets.first()]
        scan(kept.code, gate=TEXT, nonce=uuid4(), by=None)
        self.count()
        at_gate = {"gate": TEXT, "by": self.people[Role.GATE], "event": self.events[0]}
        shown = [others[0].code, others[0].code, given_back.code, self.tickets[0].code, "1"]
        self.scans = [scan(code, nonce=uuid4(), **at_gate) for code in shown]
        again = scan(others[1].code, nonce=uuid4(), **at_gate)
        self.scans.append(undo_admission(again, reason=TEXT, by=None))
        self.holds = [hold_tickets(dict.fromkeys((first.pk, second.pk), 2), **mine) for _state in range(2)]
        self.holds.append(hold_tickets({self.option.pk: 1}, **mine))
        Hold.objects.filter(pk=self.holds[0].pk).update(until=Now())
        lapse_holds()
        release_hold(self.holds[1], by=self.customer)

    def count(self):
        """The books of one event are right, those of another are wrong, and the last one's were not counted yet."""
        EventTicket.objects.filter(option=self.staged[4]).update(created_at=timezone.now() - timedelta(days=70))
        EventTicket.objects.filter(option=self.staged[6]).update(created_at=timezone.now() - timedelta(days=3))
        over = timezone.now() - timedelta(hours=1)
        Event.objects.filter(pk=self.events[2].pk).update(starts_at=over - timedelta(days=1), ends_at=over)
        Verdict.objects.note("E1", at=timezone.now(), damaged=[str(self.staged[6].pk)])
        Event.objects.filter(pk=self.events[1].pk).update(created_at=timezone.now() + timedelta(days=1))

    def ask(self):
        asked = {"subject": TEXT, "message": TEXT, "by": self.customer}
        for priority in ("low", "medium", "high"):
            create_level(department="", priority=priority, first_response=60, resolution=120, by=None)
        ways = [("sales", "low"), ("technical", "medium"), ("security", "high"), ("", "medium")]
        self.questions = [open_ticket(**asked, department=where, priority=how) for where, how in ways]
        self.desk = go_online(self.agent, lasts=timedelta(hours=1), by=self.agent)
        reply_to_ticket(self.questions[0], message=TEXT, by=self.agent)
        add_canned_reply(title=TEXT, message=TEXT, by=None)
        self.view = keep_view(name=TEXT, query="status=open", is_shared=True, by=self.people[Role.SUPERVISOR])
        look_at_ticket(self.questions[0], by=self.people[Role.SUPERVISOR])
        about = [Subject("booking.booking", self.booking.pk), Subject("allocation.ticket", self.staged_ticket.pk)]
        self.questions.append(open_ticket(**asked, department="", priority="low", about=about))
        files = [File("Ω.png", b"1")]
        self.file = reply_to_ticket(self.questions[0], message=TEXT, files=files, by=self.agent).files.get()
        note_on_ticket(self.questions[0], message=TEXT, by=self.agent)
        Promise.objects.filter(ticket=self.questions[2]).update(response_missed_at=timezone.now())
        reject_ticket(self.questions[1], reason=TEXT, by=self.agent)
        rate_ticket(self.questions[1], verdict="bad", comment=TEXT, by=self.customer)
        for number in range(MANY):
            open_ticket(**asked, department="", priority=ways[number % 3][1])
        ended = take_ticket(open_ticket(**asked, department="sales", priority="low"), by=self.agent)
        reopen_ticket(close_ticket(ended, by=self.agent), by=self.agent)
        count_milestones()

    def wait(self):
        """For what is sold out, in every state."""
        soon, held = timezone.now() + timedelta(hours=1), {"offered", "accepted", "declined"}
        wish = {"kind": "allocation.ticketoption", "stock": self.none.pk, "quantity": 2, "least": 1, "language": "de"}
        self.waiters = [
            Waiter.objects.create(
                **wish,
                email=f"{number}@2.gr",
                account=self.customer,
                state=state,
                offered=1 if state in held else None,
                offered_until=soon if state in held else None,
            )
            for number, state in enumerate(Waiter.State)
        ]
        self.offer = next(waiter for waiter in self.waiters if waiter.state == "offered")
        TicketOption.objects.filter(pk=self.none.pk).update(capacity=3, taken=3, held=1)
        Waiter.objects.create(**wish, email="9@2.gr", moved_at=timezone.now(), moved_reason=TEXT)

    def open(self):
        """At some hours, but not on all days."""
        calendar = create_calendar(slug="1", name=TEXT, time_zone="Europe/Berlin", by=None)
        set_week(calendar, week={0: [(540, 720)]}, by=None)
        add_closure(calendar, first_day=NOON.date(), reason=TEXT, by=None)
        add_special_opening(calendar, day=NOON.date(), opens=540, closes=720, reason=TEXT, by=None)

    def look_after(self):
        soon = timezone.now() + timedelta(days=1)
        for purpose in EmailLink.Purpose:
            holder = self.customer if purpose in ("reset", "change") else None
            EmailLink.objects.create(purpose=purpose, email="1@2.gr", user=holder, expires_at=soon)
        self.links = list(EmailLink.objects.all())
        issue_token(self.customer, name=TEXT, lasts=timedelta(days=30), by=self.customer)
        self.token = self.customer.tokens.get()
        for user in self.people.values():
            self.log_in(user, "Ω/1.0 (Ω)")
            self.log_in(user, "")
        self.session = self.customer.sessions.first()

    def log_in(self, user, device):
        later = timezone.now() + timedelta(days=1)
        named = {"session_key": uuid4().hex, "public_id": uuid4(), "session_data": ""}
        return Session.objects.create(
            **named, account=user, device=device, created_at=timezone.now(), expire_date=later
        )

    def keep_records(self):
        owner = self.people[Role.SUPERUSER]
        create_webhook(url="https://1.gr/", description=TEXT, operations=[], by=owner)
        link = EmailLink.objects.first()
        mail = post_mail(to="1@2.gr", template="sign_up", language="de", link=link)
        mail.dead_at = timezone.now()
        mail.save()
        Activity.objects.record("booking.book", self.booking, by=self.customer, number=1)
        assert Delivery.objects.exists()
        IdempotencyKey.objects.create(caller="", route="1", key="1", fingerprint="1", made=self.booking.pk)
        Heartbeat.objects.bulk_create(Heartbeat(name=str(number), at=timezone.now()) for number in range(110))
        Site.objects.get_or_create(mode="demo")
        Allowance.objects.create(key="1", spent_until=timezone.now())
        seen = {"username": "ρόλος", "ip_address": "127.0.0.1", "user_agent": "Ω", "http_accept": "1", "path_info": "/"}
        AccessAttempt.objects.create(**seen, failures_since_start=1, get_data="", post_data="")
        AccessFailureLog.objects.create(**seen, locked_out=True)
        AccessLog.objects.create(**seen)
        done = {"func": "a.b", "started": timezone.now(), "stopped": timezone.now(), "args": (), "kwargs": {}}
        Success.objects.create(id="1", name="1", success=True, **done)
        Failure.objects.create(id="2", name="2", success=False, result="1", **done)
        Schedule.objects.create(func="a.b", name="1", schedule_type="I", minutes=1)
        OrmQ.objects.all().delete()  # tasks have English names
        task = SignedPackage.dumps({"id": "1", "name": "1", "func": "a.b", "args": (), "kwargs": {}})
        OrmQ.objects.create(key="1", payload=task, lock=timezone.now())
