import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from support import actions
from support.models import Agent, Ticket
from support.tests.factories import TicketFactory, online_agent
from ticketing.actions import deactivate, set_role
from ticketing.errors import Invalid
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


def asked(email, by=None):
    ticket = actions.raise_unverified_ticket(user_id="Ada", phone="1", query="Where?", email=email, by=by)
    ticket.refresh_from_db()
    return ticket


def owners():
    return set(Ticket.objects.values_list("email", "user__username"))


def test_tickets_raised_with_the_address_join_the_account_that_proves_it_and_no_others_do():
    asked("Ada@Example.org", by=AnonymousUser())
    asked("ada@example.org.evil.example")
    asked("")
    somebodys = TicketFactory()
    user = UserFactory(username="ada", email="Ada@example.org")
    actions.welcome(user, {})
    assert owners() == {
        ("ada@example.org", "ada"),
        ("ada@example.org.evil.example", None),
        ("", None),
        ("", somebodys.user.username),
    }
    [line] = Activity.objects.filter(operation="support.join_account")
    assert (line.object_id, line.details) == (user.pk, {"count": 1})


def test_a_ticket_that_belongs_to_somebody_is_not_taken_from_them():
    holder = UserFactory()
    ticket = asked("ada@example.org", by=holder)
    assert ticket.user == holder
    actions.welcome(UserFactory(email="ada@example.org"), {})
    ticket.refresh_from_db()
    assert ticket.user == holder


def test_an_account_without_an_address_gets_nothing():
    asked("")
    user = UserFactory(email="")
    with nothing_changes():
        actions.welcome(user, {})


def test_it_costs_the_same_for_one_ticket_and_for_twenty():
    def cost(count):
        user = UserFactory()
        for _ in range(count):
            asked(user.email)
        with CaptureQueriesContext(connection) as queries:
            actions.welcome(user, {})
        return len(queries)

    assert cost(1) == cost(20)


def test_a_wrong_address_is_refused_and_an_agent_without_terms_serves_every_department():
    with nothing_changes(), pytest.raises(Invalid):
        asked("ada@")
    actions.welcome(UserFactory(role="agent"), {"role": "agent"})
    assert Agent.objects.get().departments == []


@pytest.mark.parametrize("end", [deactivate, lambda user, by: set_role(user, role="customer", by=by)])
def test_the_tickets_of_an_agent_who_is_no_more_are_handed_out_again(end):
    agent = online_agent()
    ticket = TicketFactory()
    actions.assign_waiting_tickets()
    ticket.refresh_from_db()
    assert ticket.agent == agent
    end(agent.user, by=None)
    assert not Agent.objects.present().exists()
    other = online_agent()
    actions.assign_waiting_tickets()
    ticket.refresh_from_db()
    assert ticket.agent == other
