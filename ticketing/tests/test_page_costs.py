"""No page costs more for a thousand rows than for one: at most twenty queries, and the same ones."""

import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from allocation.models import Event, HeldItem, Hold, Purchase, Scan, TicketOption
from allocation.models import Ticket as EventTicket
from booking.models import Booking, Service, Slot
from support.models import Agent, Milestone, Reply, Ticket
from ticketing.tests.factories import UserFactory

pytestmark = pytest.mark.django_db
DAY = (timezone.now() + timedelta(days=3)).replace(hour=12, minute=0, second=0, microsecond=0)


class Rows:
    """What one customer has, and what staff see, so many of each."""

    def __init__(self):
        self.customer = UserFactory(first_name="Zoë")
        self.supervisor = UserFactory(role="supervisor", is_superuser=True, is_staff=True)
        person, self.gate = UserFactory(role="agent"), UserFactory(role="gate")
        hour = timezone.now() + timedelta(hours=1)
        self.agent = Agent.objects.create(user=person, capacity=1000, taken=0, online_until=hour)

    def add(self, number):
        """By whole tables: what is counted is the reading."""
        self.questions(number)
        self.bookings(number)
        self.sales(number)
        for _ in range(min(number, 30)):
            Agent.objects.create(user=UserFactory(role="agent"), capacity=3, taken=0)

    def questions(self, number):
        now = timezone.now()
        asked = {"user": self.customer, "message": "Ça va ?", "queue_at": now, "department": "sales"}
        Ticket.objects.bulk_create(Ticket(subject=f"Waits {n}", **asked) for n in range(number))
        worked = {**asked, "status": "in_progress", "agent": self.agent, "assigned_at": now}
        mine = Ticket.objects.bulk_create(Ticket(subject=f"In work {n}", **worked) for n in range(number))
        Agent.objects.filter(pk=self.agent.pk).update(taken=Ticket.objects.filter(agent=self.agent).count())
        self.question = mine[0]
        asked = {"department": "sales", "priority": "low", "agent": self.agent}
        for what in ("asked", "handed", "closed"):
            Milestone.objects.bulk_create(
                Milestone(ticket=ticket, what=what, asked_at=now - timedelta(hours=n), at=now, **asked)
                for n, ticket in enumerate(mine)
            )
        Reply.objects.bulk_create(
            Reply(ticket=self.question, author=self.agent.user, message="Voilà") for _ in range(number)
        )

    def bookings(self, number):
        service = Service.objects.default()
        seen = Slot.objects.count()
        slots = Slot.objects.bulk_create(
            Slot(service=service, starts_at=DAY + timedelta(minutes=seen + n), capacity=20, taken=1)
            for n in range(number)
        )
        person = {"firstname": "Zoë", "lastname": "Ødegård", "phone": "5550100001", "account": self.customer}
        minute = timedelta(minutes=1)
        made = Booking.objects.bulk_create(
            Booking(
                slot=slot,
                starts_at=slot.starts_at,
                ends_at=slot.starts_at + minute,
                manage_digest=uuid.uuid4().hex * 2,
                **person,
            )
            for slot in slots
        )
        self.booking = made[0]

    def sales(self, number):
        self.event = Event.objects.first() or Event.objects.create(
            name="Festival", starts_at=DAY, ends_at=DAY + timedelta(hours=3), time_zone="Europe/Berlin", published=True
        )
        options = TicketOption.objects.bulk_create(
            TicketOption(
                name=f"Concert {n}",
                capacity=50,
                taken=2,
                held=1,
                event=(self.event, None)[n % 2],
                on_sale_until=(self.event.ends_at, None)[n % 2],
            )
            for n in range(number)
        )
        bought = {"buyer": self.customer.pk, "account": self.customer, "quantity": 1}
        purchases = Purchase.objects.bulk_create(Purchase(option=option, **bought) for option in options)
        made = EventTicket.objects.bulk_create(
            EventTicket(option=one.option, purchase=one, number=1, holder=self.customer) for one in purchases
        )
        self.option, self.ticket, self.purchase = options[0], made[0], purchases[0]
        self.hold = Hold.objects.create(
            buyer=self.customer.pk, account=self.customer, until=timezone.now() + timedelta(hours=1)
        )
        self.admit(made)
        HeldItem.objects.bulk_create(HeldItem(hold=self.hold, option=option, quantity=1) for option in options)

    def admit(self, tickets):
        self.event.gates.add(self.gate)
        scans = Scan.objects.bulk_create(
            Scan(
                ticket=ticket,
                event=self.event,
                gate=f"Gate {n}",
                account=self.gate,
                nonce=uuid.uuid4(),
                outcome="admitted",
                code_digest="x",
            )
            for n, ticket in enumerate(tickets)
        )
        self.scan = scans[0]


@pytest.fixture
def rows():
    rows = Rows()
    rows.add(1)
    return rows


CUSTOMER = [
    "/",
    "/panel/book/",
    f"/panel/book/?date={DAY:%Y-%m-%d}",
    f"/panel/book/?month={DAY:%Y-%m}",
    "/panel/bookings/",
    "/panel/bookings/{booking.pk}/",
    "/panel/bookings/{booking.pk}/move/",
    "/panel/events/",
    "/panel/events/{event.pk}/",
    "/panel/events/{option.pk}/buy/",
    "/panel/events/{option.pk}/wait/",
    "/panel/holds/{hold.pk}/",
    "/panel/tickets/",
    "/panel/tickets/{ticket.pk}/",
    "/panel/tickets/{ticket.pk}/cancel/",
    "/panel/tickets/{ticket.pk}/hand-on/",
    "/panel/purchases/{purchase.pk}/cancel/",
    "/panel/questions/",
    "/panel/questions/?status=open",
    "/panel/questions/?search=Waits+or+va",
    "/panel/questions/{question.code}/",
    "/panel/questions/new/?about=booking.booking:{booking.pk}",
    "/account/profile/",
    "/account/tokens/",
    "/account/sessions/",
    "/account/data/",
]
AGENT = [
    "/",
    "/panel/desk/",
    "/panel/questions/",
    "/panel/questions/?search=Zoe+or+Waits+or+va&order=newest",
    "/panel/questions/{question.code}/",
]
GATE = ["/", "/panel/gate/", "/panel/gate/{event.pk}/?gate=North"]
SUPERVISOR = [
    "/",
    "/panel/gate/",
    "/panel/gate/{event.pk}/?gate=North",
    "/panel/gate/scans/{scan.pk}/undo/",
    "/panel/board/",
    "/panel/desk/",
    "/panel/desk/reports/",
    "/panel/questions/",
    "/panel/questions/?search=Waits+or+va",
    "/account/people/",
    "/account/people/{customer.pk}/",
    "/panel/events/report/",
    "/panel/events/{event.pk}/report/",
    "/admin/",
    *[f"/admin/support/{name}/" for name in ("ticket", "reply", "agent", "attachment", "cannedreply", "savedview")],
    *[f"/admin/booking/{name}/" for name in ("booking", "slot", "service")],
    *[f"/admin/allocation/{name}/" for name in ("ticketoption", "purchase", "ticket", "transfer")],
    *[f"/admin/ticketing/{name}/" for name in ("user", "activity", "mail", "delivery")],
]


def queries_of(client, path):
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path)
    assert answer.status_code == 200, path
    return [re.sub(r"[0-9]+", "0", query["sql"]) for query in queries]


PAGES = {"customer": CUSTOMER, "agent": AGENT, "gate": GATE, "supervisor": SUPERVISOR}


def test_a_page_costs_the_same_for_one_row_and_for_a_thousand(rows):
    clients = {who: Client() for who in PAGES}
    for who, client in clients.items():
        client.force_login(rows.agent.user if who == "agent" else getattr(rows, who))
    pages = [(who, path.format(**vars(rows))) for who, paths in PAGES.items() for path in paths]
    for who, address in pages:
        clients[who].get(address)  # what is made once and kept
    one = {page: queries_of(clients[page[0]], page[1]) for page in pages}
    rows.add(999)
    many = {page: queries_of(clients[page[0]], page[1]) for page in pages}
    assert {page: len(asked) for page, asked in many.items()} == {page: len(asked) for page, asked in one.items()}
    assert {page: asked for page, asked in many.items() if len(asked) > 20} == {}
