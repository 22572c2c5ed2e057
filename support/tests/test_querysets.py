"""What is counted at the support desk, and why a ticket waits."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from support import actions
from support.models import Agent, Ticket
from support.policies import DeskHours, place_in_words, why_waiting, with_waited
from support.querysets import LAST_PLACE
from support.tests.factories import TicketFactory, online_agent
from ticketing.actions import add_special_opening
from ticketing.models import User
from ticketing.tests.factories import CalendarFactory, UserFactory

pytestmark = pytest.mark.django_db

NOBODY = (
    "Nobody who answers for the department “technical” is online. It is handed out as soon as somebody is.",
    "No agent is online. It is handed out as soon as one is.",
)
SOON = "An agent has room: it is about to be handed out."
ONE_FULL = "One agent online could take it and is full. It is handed out once that agent closes a question."
TWO_FULL = "2 agents online could take it, and all are full. It is handed out once one of them closes a question."


def why(ticket):
    return why_waiting(Ticket.objects.with_agents().get(pk=ticket.pk), DeskHours())


def full_agent(**fields):
    return online_agent(capacity=0, **fields)


# Why it waits


def test_it_waits_because_nobody_who_answers_there_is_online():
    theirs, anybodys = TicketFactory(department="technical"), TicketFactory(department="")
    Agent.objects.create(user=UserFactory(role="agent"))  # who was never there
    assert (why(theirs), why(anybodys)) == NOBODY
    online_agent(departments=["sales", "security"])
    assert why(theirs) == NOBODY[0]
    assert why(anybodys) == SOON


@pytest.mark.parametrize("departments", [[], ["technical"], ["sales", "technical"]])
def test_it_waits_for_seconds_only_while_an_agent_of_the_department_has_room(departments):
    online_agent(departments=departments)
    full_agent()
    assert why(TicketFactory(department="technical")) == SOON


def test_it_waits_because_all_agents_of_the_department_are_full():
    ticket, anybodys = TicketFactory(department="technical"), TicketFactory(department="")
    full_agent(departments=["technical"])
    online_agent(departments=["sales"])
    assert (why(ticket), why(anybodys)) == (ONE_FULL, SOON)
    full_agent()
    assert why(ticket) == TWO_FULL


def test_it_waits_because_whoever_could_take_it_is_away():
    ticket, agent = TicketFactory(department="technical"), online_agent(departments=["technical"])
    actions.go_away(agent.user, lasts=timedelta(minutes=1), by=agent.user)
    assert why(ticket) == "Whoever could take it is away. It is handed out as soon as somebody is back."


@pytest.fixture
def opens_in_three_days():
    """The desk is closed until then; the words for that instant."""
    day = timezone.localdate() + timedelta(days=3)
    add_special_opening(CalendarFactory(slug="default", time_zone="UTC"), day=day, opens=510, closes=600, by=None)
    return f"{day:%A} {day.day} {day:%B %Y}, 08:30"


def test_it_waits_because_it_is_outside_hours(opens_in_three_days):
    theirs, anybodys, agent = TicketFactory(), TicketFactory(department=""), online_agent(departments=["sales"])
    said = f"Outside hours until {opens_in_three_days}, and nobody who could take it is online."
    assert (why(theirs), why(anybodys)) == (said, SOON)  # the hours keep nobody from answering
    actions.go_away(agent.user, lasts=timedelta(minutes=1), by=agent.user)
    assert why(anybodys) == said
    full_agent()
    assert why(theirs) == ONE_FULL


def test_within_hours_and_where_the_desk_keeps_none_nothing_is_said_of_them(settings, opens_in_three_days):
    ticket = TicketFactory()
    settings.SUPPORT_CALENDAR = "another"
    assert why(ticket) == NOBODY[0]
    CalendarFactory(slug="another")  # which never opens
    assert why(ticket) == NOBODY[0]
    settings.SUPPORT_CALENDAR = "always"
    CalendarFactory(slug="always", week={day: [(0, 1440)] for day in range(7)})
    assert why(ticket) == NOBODY[0]


def test_it_waits_because_nobody_is_there_but_who_put_it_back():
    agent, ticket = online_agent(), TicketFactory()
    actions.take_ticket(ticket, by=agent.user)
    actions.release_ticket(ticket, by=agent.user)
    assert why(ticket) == "It was put back, and nobody else who could take it is online."
    online_agent()
    assert why(ticket) == SOON


def test_what_somebody_has_who_is_gone_says_what_becomes_of_it():
    agent, ticket = online_agent(first_name="Ada", last_name=""), TicketFactory()
    actions.assign_waiting_tickets()
    assert why(ticket) == ""
    Agent.objects.update(online_until=Now())
    assert why(ticket) == "Ada is offline. It goes back to the queue shortly."
    actions.reply_to_ticket(ticket, message="Try again.", by=agent.user)
    assert why(ticket) == "Ada is offline. Once the customer replies, somebody else gets it."


def test_whoever_is_gone_or_may_not_answer_any_more_is_not_there():
    ticket = TicketFactory(department="technical")
    lapsed, inactive, customer = online_agent(), online_agent(), online_agent()
    Agent.objects.filter(pk=lapsed.pk).update(online_until=Now() - timedelta(seconds=1))
    User.objects.filter(pk=inactive.user_id).update(is_active=False)
    User.objects.filter(pk=customer.user_id).update(role="customer")
    assert why(ticket) == NOBODY[0]


def test_what_somebody_has_or_is_closed_waits_for_nothing():
    online_agent()
    ticket = TicketFactory()
    actions.assign_waiting_tickets()
    assert why(ticket) == ""
    actions.close_ticket(ticket, by=None)
    assert why(ticket) == ""


def test_the_sentence_holds_what_the_next_pass_does():
    online_agent(departments=["sales"], capacity=1)
    full_agent(departments=["technical"])
    soon, full, nobody = (TicketFactory(department=name) for name in ("sales", "technical", "security"))
    assert [why(ticket) for ticket in (soon, full)] == [SOON, ONE_FULL]
    assert why(nobody).startswith("Nobody")
    actions.assign_waiting_tickets()
    statuses = {ticket.pk: ticket.status for ticket in Ticket.objects.all()}
    assert [statuses[ticket.pk] for ticket in (soon, full, nobody)] == ["in_progress", "created", "created"]


# Its place in the queue


def places(**fields):
    return {row.subject: row.place for row in Ticket.objects.explained().filter(**fields)}


def test_its_place_counts_who_comes_before_it_among_those_whom_the_same_agents_answer():
    for subject, department, priority in (
        ("a", "sales", "low"),
        ("b", "technical", "high"),
        ("c", "", "medium"),
        ("d", "sales", "high"),
        ("e", "technical", "low"),
    ):
        TicketFactory(subject=subject, department=department, priority=priority)
    # In order: b and d, lifted by a day; c, which is anybody's; then a and e.
    assert places() == {"b": 1, "d": 1, "c": 3, "a": 3, "e": 3}


def test_what_does_not_wait_has_no_place():
    online_agent()
    done = TicketFactory(subject="in work")
    actions.assign_waiting_tickets()
    closed = actions.close_ticket(TicketFactory(subject="closed"), by=None)
    assert places(pk__in=[done.pk, closed.pk]) == {"in work": None, "closed": None}


def test_a_place_deep_in_the_queue_is_not_counted_out():
    customer = UserFactory()
    row = {"message": "?", "department": "sales", "user": customer}
    first = TicketFactory(department="sales")
    Ticket.objects.bulk_create(Ticket(subject=str(n), queue_at=first.queue_at, **row) for n in range(LAST_PLACE + 2))
    last = Ticket.objects.waiting().explained().last()
    assert (last.place, place_in_words(last)) == (LAST_PLACE, "Place 100 in the queue, or later.")
    assert place_in_words(Ticket.objects.waiting().explained().first()) == "Place 1 in the queue."


# How long it waits


def minutes_waited(ticket):
    return round(with_waited(Ticket.objects.waiting()).get(pk=ticket.pk).waited.total_seconds() / 60)


@pytest.mark.parametrize("priority", ["low", "medium", "high"])
def test_the_wait_is_told_without_the_lift_of_the_priority(priority):
    ticket = TicketFactory(priority=priority)
    Ticket.objects.update(queue_at=F("queue_at") - timedelta(minutes=90))
    assert minutes_waited(ticket) == 90


def test_another_priority_changes_nothing_about_the_wait_and_a_new_start_all():
    ticket = TicketFactory(priority="low")
    Ticket.objects.update(queue_at=F("queue_at") - timedelta(minutes=90), created_at=Now() - timedelta(days=400))
    actions.triage_ticket(ticket, priority="high", by=None)
    assert minutes_waited(ticket) == 90
    actions.close_ticket(ticket, by=None)
    actions.reopen_ticket(ticket, by=None)
    assert minutes_waited(ticket) == 0


# What is counted


def test_what_was_raised_and_closed_today_is_told_from_what_was_before():
    today, before = TicketFactory(), TicketFactory()
    for ticket in (today, before):
        actions.close_ticket(ticket, by=None)
    long_ago = Now() - timedelta(days=2)
    Ticket.objects.filter(pk=before.pk).update(created_at=long_ago, closed_at=long_ago)
    open_one = TicketFactory()
    assert set(Ticket.objects.raised_today()) == {today, open_one}
    assert set(Ticket.objects.closed_today()) == {today}


@pytest.mark.parametrize(("rows", "column"), [("raised_today", "created_at"), ("closed_today", "updated_at")])
def test_today_is_found_through_an_index(rows, column):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert re.search(rf"Index Cond: \(+{column} > ", getattr(Ticket.objects, rows)().explain())


def test_the_load_is_that_of_the_agents_who_are_counted():
    assert Agent.objects.present().load() == {"agents": 0, "in_work": 0, "places": 0}
    online_agent(capacity=3)
    full_agent()
    Agent.objects.create(user=UserFactory(role="agent"), capacity=7)
    TicketFactory.create_batch(2)
    actions.assign_waiting_tickets()
    assert Agent.objects.present().load() == {"agents": 2, "in_work": 2, "places": 3}


def test_agents_who_are_there_come_first_each_by_name():
    there = [online_agent(first_name=name).user for name in ("Zoë", "Ada")]
    gone = Agent.objects.create(user=UserFactory(role="agent", first_name="Ada")).user
    assert [agent.user for agent in Agent.objects.there_first()] == [there[1], there[0], gone]
