"""Everything that a customer can leave behind in the three apps, with a mark by which each of their words is known."""

from datetime import timedelta
from uuid import uuid4

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from allocation.actions import accept_transfer, buy, hold_tickets, offer_transfer, scan, undo_admission
from allocation.models import Event, Ticket
from allocation.tests.factories import EventFactory, TicketOptionFactory
from booking.actions import book, make_feed
from booking.tests.factories import NOON, past
from support.actions import (
    close_ticket,
    note_on_ticket,
    open_ticket,
    raise_unverified_ticket,
    rate_ticket,
    reject_ticket,
    reply_to_ticket,
    tag_ticket,
)
from support.policies import File
from ticketing.actions import ask_for_reset, issue_token
from ticketing.models import IdempotencyKey, Mail, Session, Waiter
from ticketing.subjects import Subject
from ticketing.tests.factories import UserFactory

DAY = timedelta(days=1)


class Life:
    """One customer's, with all that is over; `mark` stands in every word of theirs, and in what is said to them."""

    def __init__(self, mark, phone, desk):
        self.mark, self.phone, self.desk = mark, phone, desk
        self.email = f"{mark}@mail.example"
        self.account = UserFactory(
            username=f"{mark}.name",
            first_name=f"{mark}first",
            last_name=f"{mark}last",
            email=self.email,
            email_confirmed_at=timezone.now(),
        )
        self.friend = UserFactory(email_confirmed_at=timezone.now())

    def said(self, what):
        return f"{self.mark}{what}"

    def words(self):
        """What an export for the person has to show."""
        whats = ["subject", "message", "answer", "reply", "comment", "reason", "guest", "asked", "file.txt", "laptop"]
        names = [self.email, f"{self.mark}.name", *map(self.said, ["first", "last", "device", "booked", "family"])]
        return [*map(self.said, whats), *names, self.phone]

    def happen(self):
        self.ask()
        self.visit()
        self.go_out()
        self.log_in()
        return self

    def ask(self):
        texts = {"subject": self.said("subject"), "message": self.said("message")}
        files = [File(self.said("file.txt"), self.said("content").encode())]
        question = open_ticket(**texts, department="", priority="low", files=files, by=self.account)
        reply_to_ticket(question, message=self.said("answer"), by=self.desk)
        reply_to_ticket(question, message=self.said("reply"), by=self.account)
        secret = [File(self.said("secret.txt"), self.said("hidden").encode())]
        note_on_ticket(question, message=self.said("note"), files=secret, by=self.desk)
        tag_ticket(question, tag=self.said("tag"), by=self.desk)
        type(question).objects.filter(pk=question.pk).update(handover_note=self.said("handover"))
        reject_ticket(question, reason=self.said("reason"), by=self.desk)
        rate_ticket(question, verdict="bad", comment=self.said("comment"), by=self.account)
        guest = {"user_id": self.said("guest"), "phone": self.phone, "query": self.said("asked"), "email": self.email}
        close_ticket(raise_unverified_ticket(**guest, by=AnonymousUser()), by=self.desk)
        self.question = question

    def visit(self):
        named = {"firstname": self.said("booked"), "lastname": self.said("family"), "phone": self.phone}
        self.booking = past(timedelta(hours=2), **named, email=self.email, by=self.account)
        past(timedelta(hours=2), **named, email=f"{self.mark}@elsewhere.example", by=self.account)
        make_feed(by=self.account)
        ended = {"kind": "booking.slot", "stock": uuid4(), "quantity": 1, "least": 1, "email": self.email}
        Waiter.objects.create(**ended, account=self.account, state="left")

    def go_out(self):
        """To what is over; one ticket came from a friend and another went there."""
        Mail.objects.update(created_at=Now() - timedelta(hours=2))  # nobody gets many within an hour
        self.option = TicketOptionFactory(event=EventFactory(), allocation=50)
        for buyer, taker in ((self.account, self.friend), (self.friend, self.account)):
            receipt = buy({self.option.pk: 2}, buyer=buyer.pk, by=buyer)
            _kept, handed = Ticket.objects.filter(purchase=receipt.id).order_by("number")
            accept_transfer(offer_transfer(handed, email=taker.email, by=buyer), by=taker)
        own = Ticket.objects.filter(holder=self.account).first()
        undo_admission(scan(own.code, gate="Gate 1", nonce=uuid4(), by=None), reason=self.said("undone"), by=None)
        over = timezone.now() - 400 * DAY
        Event.objects.filter(pk=self.option.event_id).update(starts_at=over, ends_at=over + DAY)
        self.ticket = own

    def log_in(self):
        issue_token(self.account, name=self.said("laptop"), by=self.account)
        later, key = timezone.now() + DAY, uuid4().hex
        named = {"session_key": key, "public_id": uuid4(), "session_data": "", "device": self.said("device")}
        Session.objects.create(**named, account=self.account, created_at=timezone.now(), expire_date=later)
        ask_for_reset(email=self.email, by=AnonymousUser())
        browser = {"ip_address": "192.0.2.7", "user_agent": self.said("browser"), "http_accept": "1", "path_info": "/"}
        for typed in (self.email, self.account.username):
            seen = {"username": typed, **browser}
            AccessAttempt.objects.create(**seen, failures_since_start=1, get_data="", post_data="")
            AccessFailureLog.objects.create(**seen, locked_out=True)
            AccessLog.objects.create(**seen)
        IdempotencyKey.objects.create(
            caller=str(self.account.pk), route="1", key=self.said("key"), fingerprint="1", made=self.booking.pk
        )

    def plan(self):
        """What is still ahead."""
        named = {"firstname": self.said("booked"), "lastname": self.said("family"), "phone": self.phone}
        self.next_visit = book(**named, email=self.email, starts_at=NOON, by=self.account)
        about = [Subject("booking.booking", self.next_visit.pk)]
        texts = {"subject": self.said("subject"), "message": self.said("message")}
        self.open_question = open_ticket(**texts, department="", priority="low", about=about, by=self.account)
        self.next_option = TicketOptionFactory(event=EventFactory())
        mine = {"buyer": self.account.pk, "by": self.account}
        buy({self.next_option.pk: 2}, **mine)
        hold_tickets({self.next_option.pk: 1}, **mine)
        kind, stock = "booking.slot", self.next_visit.slot_id
        wish = {"kind": kind, "stock": stock, "quantity": 20, "least": 20, "email": self.email}
        self.waiter = Waiter.objects.create(**wish, account=self.account)


def rows():
    """Every row of every table of the database, as one text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT one::text FROM {table} AS one")
            yield from ((table, text) for (text,) in cursor.fetchall())


def naming(*words):
    """Those of them with one of these words in them, also in a file."""
    plain = [word.lower() for word in words]
    signs = [*plain, *(word.encode().hex() for word in plain)]
    return sorted(row for row in rows() if any(sign in row[1].lower() for sign in signs))
