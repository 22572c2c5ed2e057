import pytest

from support import actions
from support.errors import AlreadyClosed, ReasonMissing
from support.models import Agent, Ticket
from support.tests.factories import ReplyFactory, TicketFactory, online_agent
from ticketing.errors import NotAllowed
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


def in_work():
    agent = online_agent()
    ticket = TicketFactory()
    actions.assign_waiting_tickets()
    ticket.refresh_from_db()
    assert ticket.agent == agent
    return ticket


def test_an_opened_ticket_waits_and_is_in_the_trail():
    ticket = TicketFactory()
    assert (ticket.status, ticket.agent) == ("created", None)
    assert [line.operation for line in Activity.objects.about(ticket)] == ["support.open"]
    assert Activity.objects.get(object_id=ticket.pk).actor == ticket.user


def test_a_question_without_an_account_keeps_what_the_caller_claims_and_takes_its_first_line_as_subject():
    ticket = actions.raise_unverified_ticket(user_id="12345", phone="7654345123", query="Hello\nthere", by=None)
    assert (ticket.subject, ticket.message, ticket.user) == ("Hello", "Hello\nthere", None)
    assert (ticket.claimed_user_id, ticket.department, ticket.priority) == ("12345", "", "medium")


def test_closing_a_ticket_frees_its_agent_and_remembers_who_answered():
    ticket = in_work()
    closed = actions.close_ticket(ticket, by=ticket.user)
    assert (closed.status, closed.agent) == ("completed", ticket.agent)
    assert closed.closed_at
    assert Agent.objects.get().taken == 0


def test_closing_twice_changes_nothing_the_second_time():
    ticket = in_work()
    actions.close_ticket(ticket, by=None)
    with nothing_changes():
        actions.close_ticket(ticket, by=None)


def test_closing_a_waiting_ticket_takes_it_out_of_the_queue():
    ticket = actions.close_ticket(TicketFactory(), by=None)
    online_agent()
    assert actions.assign_waiting_tickets() == 0
    assert ticket.status == "completed"


def test_a_reopened_ticket_waits_again_behind_those_who_waited_meanwhile():
    ticket = in_work()
    actions.close_ticket(ticket, by=None)
    other = TicketFactory()
    reopened = actions.reopen_ticket(ticket, by=None)
    assert (reopened.status, reopened.agent, reopened.closed_at) == ("created", None, None)
    assert list(Ticket.objects.waiting()) == [other, ticket]


def test_reopening_an_open_ticket_changes_nothing():
    ticket = TicketFactory()
    with nothing_changes():
        actions.reopen_ticket(ticket, by=None)


def test_a_reply_reopens_a_closed_ticket():
    ticket = TicketFactory()
    actions.close_ticket(ticket, by=None)
    ReplyFactory(ticket=ticket)
    ticket.refresh_from_db()
    assert ticket.status == "created"


def test_a_reply_to_an_open_ticket_leaves_it_where_it_is():
    ticket = in_work()
    ReplyFactory(ticket=ticket)
    ticket.refresh_from_db()
    assert ticket.status == "in_progress"


def test_a_rejection_needs_an_agent_and_a_reason_and_keeps_the_reason():
    ticket = in_work()
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.reject_ticket(ticket, reason="spam", by=ticket.user)
    with nothing_changes(), pytest.raises(ReasonMissing):
        actions.reject_ticket(ticket, reason=" ", by=ticket.agent.user)
    rejected = actions.reject_ticket(ticket, reason="spam", by=ticket.agent.user)
    assert (rejected.status, rejected.rejection, rejected.is_closed) == ("rejected", "spam", True)
    assert Agent.objects.get().taken == 0
    with nothing_changes(), pytest.raises(AlreadyClosed):
        actions.reject_ticket(ticket, reason="spam", by=ticket.agent.user)


def test_gate_staff_have_nothing_to_do_with_tickets():
    gate = UserFactory(role="gate")
    with nothing_changes(), pytest.raises(NotAllowed):
        TicketFactory(by=gate)
