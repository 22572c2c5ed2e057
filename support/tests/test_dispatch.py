"""Handing out: who gets what, in which order, and what happens to the tickets of those who are gone."""

import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from support import actions
from support.actions import dispatch
from support.models import Agent, Ticket
from support.tests.factories import TicketFactory, online_agent
from ticketing.models import Activity

pytestmark = pytest.mark.django_db


def older(ticket, **age):
    Ticket.objects.filter(pk=ticket.pk).update(queue_at=F("queue_at") - timedelta(**age))
    return ticket


def lapse(agent):
    Agent.objects.filter(pk=agent.pk).update(online_until=Now() - settings.AGENT_GRACE)


def loads():
    return sorted(Agent.objects.values_list("taken", flat=True))


def agent_of(ticket):
    return Ticket.objects.get(pk=ticket.pk).agent


def test_a_waiting_ticket_goes_to_an_agent_who_is_there():
    ticket, agent = TicketFactory(), online_agent()
    assert actions.assign_waiting_tickets() == 1
    ticket.refresh_from_db()
    assert (ticket.status, ticket.agent) == ("in_progress", agent)
    assert ticket.assigned_at
    assert [line.operation for line in Activity.objects.about(ticket)] == ["support.open", "support.assign"]
    assert Activity.objects.about(ticket).last().details == {"agent": str(agent.pk)}


def test_without_an_agent_it_waits():
    ticket = TicketFactory()
    lapse(online_agent())
    assert actions.assign_waiting_tickets() == 0
    assert agent_of(ticket) is None


def test_nobody_gets_more_than_their_capacity():
    TicketFactory.create_batch(10)
    online_agent(capacity=2)
    online_agent(capacity=3)
    assert actions.assign_waiting_tickets() == 5
    assert loads() == [2, 3]
    assert actions.assign_waiting_tickets() == 0


def test_the_load_is_spread_evenly():
    for _ in range(3):
        online_agent()
    TicketFactory.create_batch(6)
    actions.assign_waiting_tickets()
    assert loads() == [2, 2, 2]


def test_equally_loaded_agents_take_turns():
    online_agent()
    online_agent()
    got = []
    for _ in range(4):
        ticket = TicketFactory()
        actions.assign_waiting_tickets()
        got.append(agent_of(ticket))
        actions.close_ticket(ticket, by=None)
    assert got[0] == got[2] != got[1] == got[3]


def test_priority_comes_first_and_then_age():
    low, medium, high = (TicketFactory(priority=priority) for priority in ("low", "medium", "high"))
    first_medium = older(TicketFactory(priority="medium"), minutes=5)
    assert list(Ticket.objects.waiting()) == [high, first_medium, medium, low]
    for expected in (high, first_medium, medium, low):
        agent = online_agent(capacity=1)
        actions.assign_waiting_tickets()
        assert agent_of(expected) == agent


def test_after_a_day_a_low_ticket_overtakes_a_fresh_high_one():
    fresh, old = TicketFactory(priority="high"), older(TicketFactory(priority="low"), hours=24, minutes=1)
    assert list(Ticket.objects.waiting()) == [old, fresh]


def test_an_agent_gets_only_tickets_of_their_departments_and_those_for_anybody():
    sales = online_agent(departments=["sales"])
    technical, for_sales = TicketFactory(department="technical"), TicketFactory(department="sales")
    anybody = actions.raise_unverified_ticket(user_id="1", phone="2", query="?", by=None)
    assert actions.assign_waiting_tickets() == 2
    assert agent_of(for_sales) == agent_of(anybody) == sales
    assert agent_of(technical) is None


def test_specialists_are_served_first_so_that_nobody_waits_who_need_not():
    everything, sales = online_agent(capacity=1), online_agent(capacity=1, departments=["sales"])
    TicketFactory(department="sales")
    TicketFactory(department="technical")
    assert actions.assign_waiting_tickets() == 2
    assert (everything.tickets.get().department, sales.tickets.get().department) == ("technical", "sales")


def test_no_fit_ticket_waits_while_there_is_room_whatever_the_mixture():
    for departments in ([], ["sales"], ["sales", "technical"], ["security"]):
        online_agent(capacity=2, departments=departments)
    for department in ("sales", "technical", "security"):
        TicketFactory.create_batch(5, department=department)
    actions.assign_waiting_tickets()
    for agent in Agent.objects.with_room():
        fit = Ticket.objects.waiting().filter(department__in=["", *agent.departments])
        assert agent.departments
        assert not fit.exists()


def test_tickets_of_an_agent_whose_lease_lapsed_are_handed_to_another():
    gone, ticket = online_agent(), TicketFactory()
    actions.assign_waiting_tickets()
    lapse(gone)
    there = online_agent()
    assert actions.assign_waiting_tickets() == 1
    assert agent_of(ticket) == there
    assert Agent.objects.get(pk=gone.pk).taken == 0


def test_who_lapsed_keeps_what_they_have_for_a_while_and_gets_nothing_new():
    gone, ticket = online_agent(), TicketFactory()
    actions.assign_waiting_tickets()
    Agent.objects.update(online_until=Now() - settings.AGENT_GRACE + timedelta(seconds=10))
    another = TicketFactory()
    assert actions.assign_waiting_tickets() == 0
    assert (agent_of(ticket), agent_of(another)) == (gone, None)
    Agent.objects.update(online_until=Now() - settings.AGENT_GRACE)
    actions.assign_waiting_tickets()
    assert agent_of(ticket) is None


def test_what_is_answered_stays_with_who_is_gone_until_the_customer_says_something(
    django_capture_on_commit_callbacks,
):
    agent, ticket = online_agent(), TicketFactory()
    actions.assign_waiting_tickets()
    actions.reply_to_ticket(ticket, message="Try again.", by=agent.user)
    actions.go_offline(agent.user, by=agent.user)
    there = online_agent()
    assert actions.assign_waiting_tickets() == 0
    assert agent_of(ticket) == agent
    with django_capture_on_commit_callbacks(execute=True):
        actions.reply_to_ticket(ticket, message="It does not help.", by=ticket.user)
    assert agent_of(ticket) == there


def test_an_answered_ticket_stays_with_who_is_back_when_the_customer_replies(django_capture_on_commit_callbacks):
    agent, ticket = online_agent(), TicketFactory()
    online_agent()
    actions.assign_waiting_tickets()
    agent = agent_of(ticket)
    actions.reply_to_ticket(ticket, message="Try again.", by=agent.user)
    with django_capture_on_commit_callbacks(execute=True):
        actions.go_offline(agent.user, by=agent.user)
        actions.go_online(agent.user, lasts=timedelta(hours=1), by=agent.user)
        actions.reply_to_ticket(ticket, message="It does not help.", by=ticket.user)
    assert agent_of(ticket) == agent


def test_who_is_away_keeps_what_they_have_and_gets_nothing_new_until_they_are_back():
    agent, ticket = online_agent(), TicketFactory()
    actions.assign_waiting_tickets()
    actions.go_away(agent.user, lasts=timedelta(minutes=5), by=agent.user)
    another = TicketFactory()
    assert actions.assign_waiting_tickets() == 0
    assert (agent_of(ticket), agent_of(another)) == (agent, None)
    actions.go_online(agent.user, lasts=timedelta(minutes=5), by=agent.user)
    assert actions.assign_waiting_tickets() == 1


def test_no_later_ticket_overtakes_one_whose_agent_lapses_during_the_pass(monkeypatch):
    lapses, stays = online_agent(capacity=1, lasts=timedelta(seconds=0.2)), online_agent(capacity=1)
    Agent.objects.filter(pk=stays.pk).update(last_assigned_at=Now())
    first, second = TicketFactory(), TicketFactory()
    meant = []

    def slowly(*given):
        meant.append(dict(matched(*given)))
        time.sleep(0.25)
        return list(meant[-1].items())

    matched = dispatch._matched
    monkeypatch.setattr(dispatch, "_matched", slowly)
    assert actions.assign_waiting_tickets() == 1
    assert meant[0] == {first.pk: lapses.pk, second.pk: stays.pk}
    assert (agent_of(first), agent_of(second)) == (stays, None)


def test_tickets_of_a_deactivated_account_are_handed_to_another():
    gone, ticket = online_agent(), TicketFactory()
    actions.assign_waiting_tickets()
    gone.user.is_active = False
    gone.user.save()
    assert actions.assign_waiting_tickets() == 0
    assert agent_of(ticket) is None


def test_a_closed_ticket_of_an_agent_who_is_gone_is_left_alone():
    gone, ticket = online_agent(), TicketFactory()
    actions.assign_waiting_tickets()
    actions.close_ticket(ticket, by=None)
    lapse(gone)
    online_agent()
    assert actions.assign_waiting_tickets() == 0
    ticket.refresh_from_db()
    assert (ticket.status, ticket.agent) == ("completed", gone)


def test_an_agent_who_logs_out_hands_the_tickets_back(django_capture_on_commit_callbacks):
    agent, ticket = online_agent(), TicketFactory()
    actions.assign_waiting_tickets()
    with django_capture_on_commit_callbacks(execute=True):
        actions.go_offline(agent.user, by=agent.user)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.agent) == ("created", None)


def test_logging_in_hands_out_what_waits(django_capture_on_commit_callbacks):
    ticket = TicketFactory()
    with django_capture_on_commit_callbacks(execute=True):
        agent = online_agent()
    assert agent_of(ticket) == agent


def test_a_second_log_in_never_shortens_the_first():
    agent = online_agent(lasts=timedelta(hours=8))
    again = actions.go_online(agent.user, lasts=timedelta(minutes=1), by=agent.user)
    assert again.online_until == agent.online_until


def test_the_database_itself_refuses_a_load_above_the_capacity():
    agent = online_agent(capacity=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Agent.objects.filter(pk=agent.pk).update(taken=2)


@pytest.mark.parametrize(
    "state",
    [
        {"status": "created", "agent": "somebody"},
        {"status": "in_progress", "agent": None},
        {"status": "completed", "agent": None},
        {"status": "lost", "agent": None},
    ],
)
def test_the_database_itself_refuses_a_state_that_makes_no_sense(state):
    ticket, agent = TicketFactory(), online_agent()
    state["agent"] = agent if state["agent"] else None
    with pytest.raises(IntegrityError), transaction.atomic():
        Ticket.objects.filter(pk=ticket.pk).update(**state)


def test_a_department_in_which_nobody_waits_costs_a_pass_no_look_at_every_ticket():
    """Only the index of what waits has its order: that of all tickets would be read to its end, and is not tempting."""
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX support_ticket_waiting")
        cursor.execute("EXPLAIN " + dispatch._WAITING.format(room=5), {"served": ["", "technical"]})
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Sort Key: support_ticket.department, support_ticket.queue_at" in plan
