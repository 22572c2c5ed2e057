"""What people do by hand about who has a ticket."""

from datetime import timedelta

import pytest
from django.test import Client

from support import actions
from support.errors import AgentFull, AgentGone, AlreadyClosed, AlreadyTaken, NoteMissing, NotInWork
from support.models import Agent, Ticket
from support.tests.factories import TicketFactory, online_agent
from ticketing.errors import NotAllowed
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent():
    return online_agent(first_name="Ada")


@pytest.fixture
def boss():
    return UserFactory(role="supervisor")


def trail(ticket):
    return [line.operation for line in Activity.objects.about(ticket)][1:]


def loads(*agents):
    return [Agent.objects.get(pk=agent.pk).taken for agent in agents]


def taken(by):
    return actions.take_ticket(TicketFactory(), by=by.user)


def test_an_agent_takes_what_waits_whatever_comes_before_it(agent):
    TicketFactory()
    ticket = actions.take_ticket(TicketFactory(), by=agent.user)
    assert (ticket.status, ticket.agent) == ("in_progress", agent)
    assert (loads(agent), trail(ticket)) == ([1], ["support.take"])
    assert Activity.objects.about(ticket).last().details == {"agent": str(agent.pk), "before": "queue"}


def test_who_is_away_may_take_something_and_who_is_offline_may_not(agent):
    actions.go_away(agent.user, lasts=agent.online_until - agent.created_at, by=agent.user)
    assert taken(agent).agent == agent
    actions.go_offline(agent.user, by=agent.user)
    ticket = TicketFactory()
    with nothing_changes(), pytest.raises(AgentGone):
        actions.take_ticket(ticket, by=agent.user)


def test_what_somebody_has_or_is_closed_is_not_taken(agent):
    ticket, other = taken(agent), online_agent()
    with nothing_changes(), pytest.raises(AlreadyTaken):
        actions.take_ticket(ticket, by=other.user)
    actions.close_ticket(ticket, by=None)
    with nothing_changes(), pytest.raises(AlreadyClosed):
        actions.take_ticket(ticket, by=other.user)


def test_nobody_takes_more_than_they_can_hold():
    full, ticket = online_agent(capacity=1), TicketFactory()
    taken(full)
    with nothing_changes(), pytest.raises(AgentFull):
        actions.take_ticket(ticket, by=full.user)


def test_what_is_released_goes_to_somebody_else_and_not_back(agent):
    ticket = actions.release_ticket(taken(agent), by=agent.user)
    assert (ticket.status, ticket.agent, loads(agent)) == ("created", None, [0])
    later = TicketFactory()
    assert actions.assign_waiting_tickets() == 1
    assert (Ticket.objects.get(pk=ticket.pk).agent, Ticket.objects.get(pk=later.pk).agent) == (None, agent)
    other = online_agent()
    actions.assign_waiting_tickets()
    assert Ticket.objects.get(pk=ticket.pk).agent == other
    assert trail(ticket) == ["support.take", "support.release", "support.assign"]


def test_what_one_released_stands_in_the_way_of_nothing_else():
    alone = online_agent(capacity=1)
    for _ in range(3):
        actions.release_ticket(taken(alone), by=alone.user)
    free = TicketFactory()
    assert actions.assign_waiting_tickets() == 1
    assert Ticket.objects.get(pk=free.pk).agent == alone


def test_a_ticket_is_handed_over_with_a_note(agent):
    ticket, other = taken(agent), online_agent()
    with nothing_changes(), pytest.raises(NoteMissing):
        actions.hand_over_ticket(ticket, to=other, note=" ", by=agent.user)
    handed = actions.hand_over_ticket(ticket, to=other, note="Knows the machine.", by=agent.user)
    assert (handed.agent, handed.handover_note, loads(agent, other)) == (other, "Knows the machine.", [0, 1])
    assert "Knows" not in str([line.details for line in Activity.objects.about(ticket)])


def test_it_is_handed_to_nobody_who_is_gone_away_or_full_and_only_what_somebody_has(agent):
    ticket, waits = taken(agent), TicketFactory()
    gone, away, full = online_agent(), online_agent(), online_agent(capacity=0)
    actions.go_offline(gone.user, by=None)
    actions.go_away(away.user, lasts=away.online_until - away.created_at, by=None)
    for to, refusal in ((gone, AgentGone), (away, AgentGone), (full, AgentFull)):
        with nothing_changes(), pytest.raises(refusal):
            actions.hand_over_ticket(ticket, to=to, note="x", by=agent.user)
    for refused in (
        lambda: actions.hand_over_ticket(waits, to=agent, note="x", by=agent.user),
        lambda: actions.release_ticket(waits, by=agent.user),
    ):
        with nothing_changes(), pytest.raises(NotInWork):
            refused()


def test_only_a_supervisor_assigns_what_waits_or_what_somebody_has(agent, boss):
    ticket, other = TicketFactory(), online_agent()
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.assign_ticket(ticket, to=agent, by=agent.user)
    actions.assign_ticket(ticket, to=agent, by=boss)
    assert actions.assign_ticket(ticket, to=other, by=boss).agent == other
    assert (loads(agent, other), trail(ticket)) == ([0, 1], ["support.assign_by_hand"] * 2)
    with nothing_changes():
        actions.assign_ticket(ticket, to=other, by=boss)


@pytest.mark.parametrize("verb", ["take", "release", "hand-over", "assign"])
def test_customers_have_no_hands_in_it(agent, verb):
    ticket = TicketFactory()
    client = Client()
    client.force_login(ticket.user)
    body = {"to": str(agent.pk), "note": "x"}
    address = f"/api/v1/support/tickets/{ticket.code}/{verb}/"
    sent = client.post(address, body, content_type="application/json", headers=bearer(ticket.user))
    assert sent.status_code == 403
    assert client.post(f"/panel/questions/{ticket.code}/{verb}/", body).status_code == 403


def test_it_is_done_on_the_page_of_the_ticket(agent, boss):
    ticket, other = TicketFactory(), online_agent()
    staff, head = Client(), Client()
    staff.force_login(agent.user)
    head.force_login(boss)
    address = f"/panel/questions/{ticket.code}/"
    assert "Take it" in staff.get(address).content.decode()
    staff.post(f"{address}take/")
    shown = staff.get(address).content.decode()
    assert "Put it back into the queue" in shown
    assert "Assign it" not in shown
    assert "Nobody else is online and has room." not in shown
    actions.go_away(other.user, lasts=timedelta(hours=1), by=None)
    assert "Nobody else is online and has room." in staff.get(address).content.decode()
    actions.go_online(other.user, lasts=timedelta(hours=1), by=None)
    assert (
        "must not contain control characters"
        in staff.post(f"{address}hand-over/", {"to": other.pk, "note": "Knows\x07it."}).content.decode()
    )
    staff.post(f"{address}hand-over/", {"to": other.pk, "note": "Knows it."})
    assert "Note at the handover: Knows it." in staff.get(address).content.decode()
    customer = Client()
    customer.force_login(ticket.user)
    assert "Knows it." not in customer.get(address).content.decode()
    head.post(f"{address}assign/", {"to": agent.pk})
    staff.post(f"{address}release/")
    assert trail(ticket) == ["support.take", "support.hand_over", "support.assign_by_hand", "support.release"]


def test_it_is_done_over_the_api(agent, boss):
    ticket, other, address = TicketFactory(), online_agent(), ""
    address = f"/api/v1/support/tickets/{ticket.code}/"

    def call(person, verb, **body):
        headers = bearer(person)
        return Client().post(f"{address}{verb}/", body, content_type="application/json", headers=headers)

    assert call(agent.user, "take").json()["agent"]["id"] == str(agent.pk)
    assert call(other.user, "take").json()["code"] == "already_taken"
    handed = call(agent.user, "hand-over", to=str(other.pk), note="Knows it.").json()
    assert (handed["agent"]["id"], handed["handover_note"]) == (str(other.pk), "Knows it.")
    assert call(boss, "assign", to=str(ticket.pk)).status_code == 404
    assert call(boss, "assign", to=str(agent.pk)).json()["agent"]["id"] == str(agent.pk)
    assert call(agent.user, "release").json()["status"] == "created"


def test_over_the_api_agents_learn_to_whom_they_can_hand_a_ticket(agent):
    ticket, free, _full = taken(agent), online_agent(capacity=2), online_agent(capacity=0)
    gone = online_agent()
    actions.go_offline(gone.user, by=None)
    answer = Client(headers=bearer(agent.user)).get(f"/api/v1/support/tickets/{ticket.code}/colleagues/")
    assert answer.json() == [{"id": str(free.pk), "name": free.user.name, "in_work": 0, "capacity": 2}]
