"""Who gets which ticket, without a database."""

import random
from datetime import UTC, datetime
from uuid import UUID

import pytest

from support.actions.matching import Free, Matching, Waiting

NAMES = ["sales", "technical", "security"]


def agent(number, *departments, taken=0, capacity=5, last=None):
    at = None if last is None else datetime(2031, 5, 6, last, tzinfo=UTC)
    return Free(UUID(int=number), list(departments), taken, capacity, at)


def waiting(*departments):
    return [Waiting(UUID(int=1000 + number), name) for number, name in enumerate(departments)]


def hand_out(agents, tickets):
    """Who got the first ticket, the second, ...: the agents' numbers, and None for nobody."""
    got = dict(Matching(agents).hand_out(tickets))
    return [got[ticket.id].int if ticket.id in got else None for ticket in tickets]


def test_whoever_holds_least_of_what_they_can_hold_is_next():
    busy, large, small = agent(1, taken=4, capacity=5), agent(2, taken=5, capacity=10), agent(3, taken=1, capacity=4)
    assert hand_out([busy, large, small], waiting("", "", "")) == [3, 2, 3]


def test_of_the_equally_busy_whoever_was_assigned_longest_ago_is_next():
    later, never, earlier = agent(1, last=9), agent(2), agent(3, last=8)
    assert hand_out([later, never, earlier], waiting("", "", "", "")) == [2, 3, 1, 2]


def test_loads_are_compared_over_all_departments_and_not_within_one():
    specialist, everything = agent(1, "sales", taken=4), agent(2, taken=0)
    assert hand_out([specialist, everything], waiting("sales")) == [2]


def test_nobody_waits_because_an_agent_of_many_departments_got_what_another_could_have_had():
    specialist, everything = agent(1, "sales", taken=3, capacity=4), agent(2, capacity=1)
    assert hand_out([specialist, everything], waiting("sales", "technical")) == [1, 2]


def test_earlier_tickets_come_first_where_there_is_not_room_for_all():
    assert hand_out([agent(1, capacity=2)], waiting("sales", "technical", "security")) == [1, 1, None]


def mixture(seed):
    chance = random.Random(seed)
    agents = [
        agent(
            number,
            *chance.sample(NAMES, chance.choice([0, 1, 1, 2])),
            taken=chance.randrange(3),
            capacity=chance.randrange(1, 6),
        )
        for number in range(1, 7)
    ]
    return [each for each in agents if each.left > 0], waiting(*chance.choices(["", *NAMES], k=20))


@pytest.mark.parametrize("seed", range(200))
def test_whatever_the_mixture_everybody_gets_what_they_may_and_no_room_is_left_beside_who_waits(seed):
    agents, tickets = mixture(seed)
    got = hand_out(agents, tickets)
    for each in agents:
        theirs = [ticket.department for ticket, number in zip(tickets, got, strict=True) if number == each.id.int]
        assert len(theirs) <= each.left
        assert {*theirs} <= {"", *(each.departments or NAMES)}
        if len(theirs) < each.left:
            left = {ticket.department for ticket, number in zip(tickets, got, strict=True) if number is None}
            assert not left & {"", *(each.departments or NAMES)}


@pytest.mark.parametrize("seed", range(20))
def test_the_loads_of_equal_agents_differ_by_one_at_most(seed):
    agents = [agent(number, capacity=8) for number in range(1, 6)]
    tickets = waiting(*random.Random(seed).choices(NAMES, k=random.Random(seed).randrange(1, 40)))
    loads = [hand_out(agents, tickets).count(each.id.int) for each in agents]
    assert max(loads) - min(loads) <= 1
