from datetime import timedelta

import pytest
from django.utils import timezone

from support import actions
from support.errors import AlreadyAnAgent, CapacityInUse
from support.models import Agent
from support.tests.factories import TicketFactory, online_agent
from ticketing.errors import Invalid, NotAllowed
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def test_an_agent_speaks_for_nobody_else():
    agent, other = UserFactory(role="agent"), UserFactory(role="agent")
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.go_online(other, lasts=HOUR, by=agent)


def test_a_supervisor_can_send_an_agent_home():
    agent, boss = online_agent(), UserFactory(role="supervisor")
    actions.go_offline(agent.user, by=boss)
    assert not Agent.objects.present().exists()


def test_going_offline_twice_changes_nothing_the_second_time():
    agent = online_agent()
    actions.go_offline(agent.user, by=agent.user)
    with nothing_changes():
        actions.go_offline(agent.user, by=agent.user)


def test_a_sign_of_life_keeps_a_presence_from_lapsing_and_never_shortens_it():
    agent = online_agent(lasts=timedelta(seconds=20))
    assert actions.give_sign_of_life(agent.user, by=agent.user)
    later = Agent.objects.get().online_until
    assert later - agent.online_until > timedelta(minutes=2)
    longer = actions.go_online(agent.user, lasts=HOUR, by=agent.user).online_until
    assert actions.give_sign_of_life(agent.user, by=agent.user)
    assert Agent.objects.get().online_until == longer


def test_a_page_that_was_left_open_brings_nobody_back():
    agent = online_agent()
    for gone in (None, timezone.now() - timedelta(seconds=1)):
        Agent.objects.update(online_until=gone)
        with nothing_changes():
            assert not actions.give_sign_of_life(agent.user, by=agent.user)


def test_nobody_gives_a_sign_of_life_of_another():
    agent, another = online_agent(), UserFactory(role="agent")
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.give_sign_of_life(agent.user, by=another)


@pytest.mark.parametrize("role", ["customer", "gate"])
def test_only_those_who_answer_can_be_present(role):
    user = UserFactory(role=role)
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.go_online(user, lasts=HOUR, by=user)


def test_the_capacity_is_the_supervisors_and_never_below_what_is_in_work():
    agent, boss = online_agent(), UserFactory(role="supervisor")
    TicketFactory.create_batch(3)
    actions.assign_waiting_tickets()
    with nothing_changes(), pytest.raises(CapacityInUse):
        actions.set_capacity(agent, capacity=2, by=boss)
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.set_capacity(agent, capacity=4, by=agent.user)
    assert actions.set_capacity(agent, capacity=3, by=boss).capacity == 3


def test_an_account_has_one_place_at_the_desk_which_supervisors_give():
    user, boss = UserFactory(role="agent"), UserFactory(role="supervisor")
    given = {"capacity": 2, "departments": ["sales"]}
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.add_agent(user, **given, by=user)
    with nothing_changes(), pytest.raises(Invalid):
        actions.add_agent(user, **{**given, "capacity": -1}, by=boss)
    assert actions.add_agent(user, **given, by=boss).departments == ["sales"]
    with nothing_changes(), pytest.raises(AlreadyAnAgent):
        actions.add_agent(user, **given, by=boss)
