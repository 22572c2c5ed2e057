"""Many at once, on PostgreSQL, with threads."""

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import Count, F, Q, Sum

from support import actions, audit
from support.errors import AlreadyTaken
from support.models import Agent, AgentTally, Milestone, Tally, Ticket
from support.tests.factories import TicketFactory, online_agent
from ticketing.errors import Conflict
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(function, arguments, threads=16):
    def one(argument):
        try:
            return function(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, arguments))


def books_balance():
    in_work = Count("tickets", filter=Q(tickets__status="in_progress"))
    agents = Agent.objects.annotate(in_work=in_work)
    return not agents.exclude(taken=F("in_work")).exists() and not agents.filter(taken__gt=F("capacity")).exists()


def test_sixteen_passes_at_once_assign_each_ticket_once():
    customer = UserFactory()
    for _ in range(5):
        online_agent(capacity=8)
    TicketFactory.create_batch(60, by=customer)
    handed_out = at_once(lambda _: actions.assign_waiting_tickets(), range(16))
    assert sum(handed_out) == 40
    assert Ticket.objects.filter(status="in_progress").count() == 40
    assert Activity.objects.filter(operation="support.assign").count() == 40
    assert books_balance()


def test_tickets_raised_closed_and_handed_out_while_agents_come_and_go_keep_the_books_balanced(caplog):
    customer = UserFactory()
    agents = [online_agent(capacity=3) for _ in range(4)]
    tickets = TicketFactory.create_batch(20, by=customer)

    def anything(seed):
        chance = random.Random(seed)
        for _ in range(6):
            ticket, agent = chance.choice(tickets), chance.choice(agents)
            move = chance.randrange(6)
            if move == 0:
                TicketFactory(by=customer)
            elif move == 1:
                actions.close_ticket(ticket, by=None)
            elif move == 2:
                actions.reply_to_ticket(ticket, message="?", by=customer)
            elif move == 3:
                actions.go_offline(agent.user, by=None)
            elif move == 4:
                actions.go_online(agent.user, lasts=timedelta(hours=1), by=None)
            else:
                actions.assign_waiting_tickets()

    at_once(anything, range(40))
    assert books_balance()
    for agent in agents:
        actions.go_online(agent.user, lasts=timedelta(hours=1), by=None)
    actions.assign_waiting_tickets()
    assert books_balance()
    room = sum(agent.left for agent in Agent.objects.all())
    assert not (room and Ticket.objects.waiting().exists())
    assert caplog.records == []  # a pass that fails on commit is logged: no deadlock, no refusal by the database


def test_milestones_that_many_count_at_once_are_counted_once():
    customer = UserFactory()
    tickets = TicketFactory.create_batch(40, by=customer)

    def anything(number):
        if number < 40:
            actions.close_ticket(tickets[number], by=None)
        return actions.count_milestones(limit=7)

    counted = at_once(anything, range(48))
    counted.append(actions.count_milestones())
    assert sum(counted) == Milestone.objects.count() == 80
    assert Tally.objects.aggregate(came=Sum("came"), went=Sum("went")) == {"came": 40, "went": 40}
    assert AgentTally.objects.count() == 0
    with connection.cursor() as cursor:
        [recount] = [sql for _, promise, sql in audit.CHECKS if promise.startswith("the tallies")]
        cursor.execute(recount)
        assert cursor.fetchall() == []


def test_counting_again_meanwhile_loses_nothing():
    customer = UserFactory()
    tickets = TicketFactory.create_batch(12, by=customer)

    def anything(number):
        actions.close_ticket(tickets[number], by=None)
        return actions.count_milestones_again() if number % 3 == 0 else actions.count_milestones(limit=2)

    at_once(anything, range(12))
    actions.count_milestones()
    assert Tally.objects.aggregate(came=Sum("came"), went=Sum("went")) == {"came": 12, "went": 12}


def test_a_pass_that_had_to_wait_for_an_agent_counts_with_what_was_committed_meanwhile():
    """Locked and counted up in one statement, the CHECK refused 2 + 2 of 3 although the first 2 had become 1."""
    light, _, customer = online_agent(capacity=2), online_agent(capacity=3), UserFactory()
    TicketFactory.create_batch(9, by=customer)
    assert actions.assign_waiting_tickets() == 5
    Agent.objects.update(capacity=F("capacity") + 1)

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            actions.close_ticket(light.tickets.first(), by=None)
            passing = other.submit(at_once, lambda _: actions.assign_waiting_tickets(), [1])
            wait_until_blocked()
        passing.result()
    assert Ticket.objects.filter(status="in_progress").count() == 7
    assert books_balance()


def test_a_hand_and_a_pass_that_want_the_same_ticket_have_one_winner_and_the_trail_says_who():
    customer, quick = UserFactory(), online_agent(capacity=100)
    for _ in range(3):
        online_agent(capacity=20)
    tickets = TicketFactory.create_batch(40, by=customer)

    def take(ticket):
        try:
            return actions.take_ticket(ticket, by=quick.user)
        except AlreadyTaken:
            return None

    def either(job):
        return take(job) if job else actions.assign_waiting_tickets()

    jobs = [job for ticket in reversed(tickets) for job in (ticket, None)]
    at_once(either, jobs)
    lines = Activity.objects.filter(operation__in=["support.take", "support.assign"])
    told = {line.object_id: line.details["agent"] for line in lines}
    assert len(lines) == len(told) == 40
    assert told == {ticket.pk: str(ticket.agent_id) for ticket in Ticket.objects.all()}
    assert books_balance()


HANDS = [
    lambda ticket, agent: actions.take_ticket(ticket, by=agent.user),
    lambda ticket, agent: actions.release_ticket(ticket, by=agent.user),
    lambda ticket, agent: actions.hand_over_ticket(ticket, to=agent, note="Yours.", by=None),
    lambda ticket, agent: actions.assign_ticket(ticket, to=agent, by=None),
    lambda ticket, agent: actions.assign_waiting_tickets(),
]


def test_the_trail_tells_in_which_order_hands_and_passes_had_a_ticket(caplog):
    customer, agents = UserFactory(), [online_agent(capacity=100) for _ in range(4)]
    tickets = TicketFactory.create_batch(4, by=customer)

    def anything(seed):
        chance = random.Random(seed)
        for _ in range(6):
            with suppress(Conflict):
                chance.choice(HANDS)(chance.choice(tickets), chance.choice(agents))

    at_once(anything, range(24))
    for ticket in Ticket.objects.all():
        has = "queue"
        for line in list(Activity.objects.about(ticket))[1:]:
            released = line.operation == "support.release"
            assert has == (line.details["agent"] if released else line.details.get("before", "queue"))
            has = "queue" if released else line.details["agent"]
        assert has == str(ticket.agent_id or "queue")
    assert books_balance()
    assert caplog.records == []


def test_a_hand_that_waits_for_a_pass_sees_what_it_did():
    agent, other, customer = online_agent(), online_agent(), UserFactory()
    actions.go_away(other.user, lasts=timedelta(hours=1), by=None)
    ticket = TicketFactory(by=customer)

    def take(_):
        with pytest.raises(AlreadyTaken):
            actions.take_ticket(ticket, by=other.user)

    with ThreadPoolExecutor(1) as hand:
        with transaction.atomic():
            assert actions.assign_waiting_tickets() == 1
            taking = hand.submit(at_once, take, [1])
            wait_until_blocked()
        taking.result()
    assert Ticket.objects.get().agent == agent
    assert books_balance()


FLAPPING = float(os.environ.get("FLAPPING_SECONDS", "3"))
SOON = "interval '0.5 seconds'"  # passes wait for one another, and each is quick
GIVEN_TO_NOBODY = """
    SELECT code FROM support_ticket t JOIN support_agent a ON a.id = t.agent_id
    WHERE t.status = 'in_progress' AND t.assigned_at > a.online_until
"""
# Whoever answers here answers in all departments, and nobody but passes locks a ticket.
OVERTAKEN = """
    SELECT earlier.code FROM support_ticket earlier JOIN support_ticket later
    ON (earlier.queue_at, earlier.id) < (later.queue_at, later.id) AND earlier.updated_at < later.assigned_at
    WHERE earlier.status = 'created' AND later.status = 'in_progress'
"""


def test_while_the_leases_of_ten_agents_flap_every_promise_holds_and_then_each_has_the_same_load(settings, caplog):
    settings.AGENT_GRACE = timedelta(milliseconds=200)
    customer = UserFactory()
    agents = [online_agent(capacity=40) for _ in range(10)]
    tickets = TicketFactory.create_batch(300, by=customer)
    actions.assign_waiting_tickets()
    end = time.monotonic() + FLAPPING
    untrue = []

    def flap(number):
        chance = random.Random(number)
        while time.monotonic() < end:
            person = agents[number].user
            lasts = timedelta(seconds=chance.uniform(0.01, 1.5))
            come_or_go = chance.choice([actions.go_online, actions.go_online, actions.go_away, None])
            if come_or_go:
                come_or_go(person, lasts=lasts, by=None)
            else:
                actions.go_offline(person, by=None)
            time.sleep(chance.uniform(0, 0.8))

    def sweep(_):
        while time.monotonic() < end:
            actions.assign_waiting_tickets()
            time.sleep(0.05)

    def look(_):
        while time.monotonic() < end:
            untrue.extend(broken())
            time.sleep(0.2)

    at_once(lambda job: job[0](job[1]), [*((flap, number) for number in range(10)), (sweep, 0), (look, 0)])
    assert untrue == []
    for agent in agents:
        actions.go_offline(agent.user, by=None)
    with transaction.atomic():  # the pass sees them come together
        for agent in agents:
            actions.go_online(agent.user, lasts=timedelta(hours=1), by=None)
    actions.assign_waiting_tickets()
    assert {agent.taken for agent in Agent.objects.all()} == {len(tickets) // len(agents)}
    assert broken() == []
    assert caplog.records == []


def broken():
    """What is untrue of the desk in one snapshot, S1 to S4."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        found = []
        given = [("S2", "nobody gets a ticket after their lease", GIVEN_TO_NOBODY), ("S4", "in order", OVERTAKEN)]
        for name, promise, sql in [*audit.CHECKS, *given]:
            cursor.execute(sql.replace("interval '10 seconds'", SOON).replace("'60.0 seconds'", "'0.2 seconds'"))
            if rows := cursor.fetchall():
                found.append((name, promise, rows[:3]))
        return found


def wait_until_blocked():
    """Return once another connection waits for a row that this one has locked."""
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))")
            if cursor.fetchone():
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_a_ticket_committed_during_a_pass_is_not_missed():
    """With a try-lock the second pass would give up, and the ticket would wait for somebody else's pass."""
    online_agent(capacity=50)
    customer = UserFactory()

    def raise_and_pass(_):
        TicketFactory(by=customer)
        actions.assign_waiting_tickets()

    at_once(raise_and_pass, range(30))
    assert not Ticket.objects.waiting().exists()
