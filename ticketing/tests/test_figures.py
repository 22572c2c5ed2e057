"""The figures of the day: what they count, for whom, and at what cost."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from allocation.models import Purchase, TicketOption
from allocation.tests.factories import PurchaseFactory, TicketOptionFactory
from booking.models import Booking, Service, Slot
from booking.tests.factories import BookingFactory, ServiceFactory, database_now
from support import actions
from support.models import Agent, Ticket
from support.tests.factories import TicketFactory, online_agent
from ticketing import health
from ticketing.models import Heartbeat
from ticketing.runtime.heartbeat import BEATING, PATIENCE
from ticketing.tests.factories import UserFactory
from ticketing.views import figures

pytestmark = pytest.mark.django_db

EVERY = ("queue", "flow", "longest_waiting", "load", "agents", "bookings", "sales", "newest_options", "parts")


class Rows:
    """So many of everything that is counted, of today, by whole tables: what is tested is the reading."""

    def __init__(self):
        self.person = UserFactory()
        self.service = Service.objects.default()
        self.slot = Slot.objects.create(service=self.service, starts_at=_minute(), capacity=10_000, taken=0)

    def add(self, number):
        self.questions(number)
        self.bookings(number)
        self.sales(number)

    def questions(self, number):
        asked = {"user": self.person, "message": "Ça va ?", "department": "sales"}
        agents = [Agent(user=UserFactory(role="agent"), capacity=3, taken=1) for _ in range(number)]
        Agent.objects.bulk_create(agents)
        Agent.objects.update(online_until=Now() + timedelta(hours=1))
        waiting = [Ticket(subject=f"Waits {n}", queue_at=_minute(), **asked) for n in range(number)]
        worked = [
            Ticket(subject="In work", queue_at=_minute(), status="in_progress", agent=agent, **asked)
            for agent in agents
        ]
        closed = [
            Ticket(subject="Closed", queue_at=_minute(), status="completed", closed_at=_minute(), **asked)
            for _ in range(number)
        ]
        Ticket.objects.bulk_create([*waiting, *worked, *closed])

    def bookings(self, number):
        person = {"firstname": "Zoë", "lastname": "Ødegård", "phone": "5550100001", "slot": self.slot}
        Booking.objects.bulk_create(
            Booking(
                starts_at=_minute(),
                ends_at=_minute() + timedelta(minutes=1),
                manage_digest=uuid.uuid4().hex * 2,
                **person,
            )
            for _ in range(number)
        )

    def sales(self, number):
        options = [TicketOption(name=f"Concert {n}", capacity=50, taken=1) for n in range(number)]
        TicketOption.objects.bulk_create(options)
        Purchase.objects.bulk_create(Purchase(option=option, buyer=self.person.pk, quantity=1) for option in options)


def _minute():
    return database_now().replace(second=0, microsecond=0)


@pytest.fixture
def boss():
    return UserFactory(role="supervisor")


def of_today(queries):
    return [figures.__dict__[name](queries) for name in EVERY]


# What they count


def test_the_queue_is_counted_by_department_and_priority(boss):
    for department, priority in (("sales", "low"), ("sales", "low"), ("sales", "high"), ("", "high")):
        TicketFactory(department=department, priority=priority)
    Ticket.objects.filter(department="").update(queue_at=F("queue_at") - timedelta(minutes=5))
    actions.close_ticket(TicketFactory(department="technical"), by=None)
    queue = figures.queue(boss)
    assert (queue.waiting, queue.in_work) == (4, 0)
    assert queue.departments == {"sales": 3, "": 1}
    assert queue.priorities == {"low": 2, "high": 2}
    assert timedelta(minutes=5) <= queue.longest < timedelta(minutes=6)
    online_agent(departments=["sales"])
    actions.assign_waiting_tickets()
    queue = figures.queue(boss)
    assert (queue.waiting, queue.in_work) == (0, 4)
    assert queue.longest is None


def test_the_tickets_that_have_waited_longest_come_first_whatever_their_priority(boss):
    late, urgent = TicketFactory(priority="low"), TicketFactory(priority="high")
    Ticket.objects.filter(pk=late.pk).update(queue_at=F("queue_at") - timedelta(minutes=5))
    assert figures.longest_waiting(boss) == [late, urgent]


def test_questions_are_counted_by_the_hour_in_which_they_were_asked_and_closed(boss, settings):
    settings.TIME_ZONE = "Asia/Kolkata"
    actions.close_ticket(TicketFactory(), by=None)
    TicketFactory()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(hour FROM statement_timestamp() AT TIME ZONE 'Asia/Kolkata')::int")
        hour = cursor.fetchone()[0]
    assert figures.flow(boss) == figures.Flow({hour: 2}, {hour: 1})


def test_agents_are_counted_with_their_load(boss):
    there = online_agent(capacity=2)
    Agent.objects.create(user=UserFactory(role="agent"))
    TicketFactory()
    actions.assign_waiting_tickets()
    assert figures.load(boss) == {"agents": 1, "in_work": 1, "places": 2}
    assert [(agent == there, agent.present) for agent in figures.agents(boss)] == [(True, True), (False, False)]


def test_todays_bookings_are_counted_but_for_those_that_expired(boss, settings):
    now = database_now()
    # On clocks that show noon now, eight hours ago and in a while are of today.
    settings.TIME_ZONE = f"Etc/GMT{now.hour - 12:+d}"
    repair = ServiceFactory(name="Repair")
    for hours in (-9, -7, 1, 2):
        BookingFactory(starts_at=now + timedelta(hours=hours))
    BookingFactory(starts_at=now + timedelta(hours=1), service=repair)
    BookingFactory(starts_at=now + timedelta(days=1))
    found = figures.bookings(boss)
    assert (found.total, found.coming) == (4, 3)
    assert found.hours == {5: 1, 13: 2, 14: 1}
    assert found.services == {"Default": 3, "Repair": 1}


def test_sold_tickets_are_counted_by_hour_and_not_purchases(boss):
    option = TicketOptionFactory(allocation=10)
    PurchaseFactory(option=option, quantity=4)
    PurchaseFactory(option=option, quantity=2)
    before = PurchaseFactory(option=option, quantity=1)
    Purchase.objects.filter(pk=before.id).update(created_at=Now() - timedelta(days=2))
    sales = figures.sales(boss)
    assert sales.today == sum(sales.hours.values()) == 6
    assert sales.options == {"options": 1, "to_be_had": 1, "left": 3}
    assert figures.newest_options(boss) == [option]


def test_the_parts_of_the_site_are_those_of_its_health(boss, client):
    for name in BEATING:
        Heartbeat.objects.beat(name)
    Heartbeat.objects.filter(name="sweep").update(at=Now() - PATIENCE)
    parts = figures.parts(boss)
    assert {part.name: part.word for part in parts} == client.get("/health/ready").json()["parts"]
    [sweep] = [part for part in parts if part.name == "sweep"]
    assert (sweep.word, sweep.is_process, sweep.age >= PATIENCE) == ("silent", True, True)
    assert health.words(health.ages_of_parts())["cluster"] == "ok"


# For whom


@pytest.mark.parametrize(
    ("role", "hidden"),
    [
        ("supervisor", set()),
        ("agent", {"sales"}),
        ("customer", {"load", "agents"}),
        ("gate", {"queue", "flow", "longest_waiting", "load", "agents", "bookings", "sales"}),
    ],
)
def test_whoever_lacks_an_operation_has_no_such_figures(production, role, hidden):
    person = UserFactory(role=role)
    assert {name for name in EVERY if getattr(figures, name)(person) is None} == hidden


def test_a_stranger_has_the_figures_of_public_things_only(production):
    nobody = AnonymousUser()
    assert {name for name in EVERY if getattr(figures, name)(nobody) is not None} == {"newest_options", "parts"}


def test_a_customer_counts_what_is_their_own(production):
    TicketFactory()
    BookingFactory(starts_at=database_now())
    PurchaseFactory()
    person = UserFactory()
    assert figures.queue(person).waiting == 0
    assert figures.longest_waiting(person) == []
    assert figures.bookings(person).total == 0
    assert figures.sales(person).today == 0


# At what cost


def cost(boss):
    with CaptureQueriesContext(connection) as queries:
        found = of_today(boss)
    return len(queries), found


def test_they_cost_the_same_for_one_row_and_for_three_hundred(boss):
    rows = Rows()
    rows.add(1)
    few, _ = cost(boss)
    rows.add(299)
    many, found = cost(boss)
    # Queue, in work, late; asked, closed; the longest; load, agents; bookings; sales, options, newest; five of health.
    assert few == many == 17
    queue, flow, longest, load, agents, bookings, sales, newest, _parts = found
    assert (queue.waiting, queue.in_work, load["in_work"], bookings.total, sales.today) == (300,) * 5
    assert (sum(flow.raised.values()), sum(flow.closed.values())) == (900, 300)
    assert (len(longest), len(agents), len(newest)) == (10, 101, 10)
