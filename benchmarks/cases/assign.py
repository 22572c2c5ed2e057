"""Waiting tickets handed to agents: a pass of the site against one ticket at a time, and a pass among a million.

The reference takes the ticket that waits longest with SKIP LOCKED, locks the agent with the lowest load who answers
there, and writes ticket, agent and the line of the trail: one transaction for each ticket, on one connection. Where the
site knows three departments there are twenty here, so the databases of this case take any name for one.
"""

import time

from psycopg import Connection

from benchmarks.place import Database, Place, say
from benchmarks.report import Row, median

AGENTS, DEPARTMENTS, FREE = 200, 20, 5
ANY_NAME = """
    ALTER TABLE support_agent DROP CONSTRAINT support_agent_departments_known;
    ALTER TABLE support_ticket DROP CONSTRAINT support_ticket_department_known
"""
ACCOUNTS = """
    INSERT INTO ticketing_user (id, username, role, password, is_superuser, first_name, last_name, email, is_staff,
        is_active, date_joined, is_demo)
    SELECT gen_random_uuid(), 'bench' || number, 'agent', '', false, '', '', '', false, true, now(), true
    FROM generate_series(1, %s) number
"""
PLACES = """
    INSERT INTO support_agent (id, user_id, capacity, taken, departments, online_until)
    SELECT gen_random_uuid(), id, %s, 0, ARRAY['d' || substr(username, 6)::int %% %s], now() + interval '1 day'
    FROM ticketing_user WHERE username LIKE 'bench%%'
"""
TICKETS = """
    INSERT INTO support_ticket (id, code, claimed_user_id, claimed_phone, subject, message, department, priority,
        status, queue_at, rejection)
    SELECT gen_random_uuid(), 'B' || number, '', '', 'Subject', 'It does not work.', 'd' || number %% %s, 'low',
        'created', now() - (%s - number) * interval '1 millisecond', ''
    FROM generate_series(1, %s) number
"""
TRAIL = """
    INSERT INTO ticketing_activity (role, operation, kind, object_id, details)
    SELECT 'system', 'support.open', 'support.ticket', id, '{}' FROM support_ticket
"""
MILESTONES = """
    INSERT INTO support_milestone (ticket_id, what, at, asked_at, department, priority)
    SELECT id, 'asked', queue_at, queue_at, department, priority FROM support_ticket
"""
RUN_ONCE = """
import json, time
from django.db import connection
from support.actions import assign_waiting_tickets
connection.ensure_connection()
began = time.perf_counter()
assigned = assign_waiting_tickets()
print(json.dumps([assigned, time.perf_counter() - began]))
"""
# Five places become free, each with another agent; then a pass is timed, and the last one's statements are counted.
# What was in work goes to the end of the queue as another question would, so that as many wait in every turn.
STEADY = """
import json, time
from django.db import connection
from django.test.utils import CaptureQueriesContext
from support.actions import assign_waiting_tickets
def free():
    with connection.cursor() as cursor:
        cursor.execute('''
            WITH ended AS (
                UPDATE support_ticket t SET status = 'created', agent_id = NULL, assigned_at = NULL, queue_at = now()
                FROM (
                    SELECT DISTINCT ON (agent_id) id, agent_id FROM support_ticket WHERE status = 'in_progress'
                    ORDER BY agent_id LIMIT {free}
                ) one WHERE t.id = one.id RETURNING one.agent_id
            ) UPDATE support_agent SET taken = taken - 1 WHERE id IN (SELECT agent_id FROM ended)''')
seconds = []
for turn in range({turns}):
    free()
    began = time.perf_counter()
    assert assign_waiting_tickets() == {free}
    seconds.append(time.perf_counter() - began)
free()
with CaptureQueriesContext(connection) as queries:
    assign_waiting_tickets()
print(json.dumps([sorted(seconds)[len(seconds) // 2], len(queries)]))
"""
RESET = """
    UPDATE support_ticket SET status = 'created', agent_id = NULL, assigned_at = NULL,
        first_assigned_at = NULL;
    UPDATE support_agent SET taken = 0, last_assigned_at = NULL;
    DELETE FROM ticketing_activity WHERE operation = 'support.assign';
    DELETE FROM support_milestone WHERE what = 'handed'
"""
VACUUM = "VACUUM (ANALYZE) support_ticket, support_agent, ticketing_activity, ticketing_user"
ONE_TICKET = """
    SELECT id, department FROM support_ticket WHERE status = 'created' AND department = ANY (%s)
    ORDER BY queue_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
ONE_AGENT = """
    SELECT a.id FROM support_agent a JOIN ticketing_user u ON u.id = a.user_id
    WHERE u.is_active AND a.online_until > now() AND a.taken < a.capacity AND %s = ANY (a.departments)
    ORDER BY a.taken::float / a.capacity, a.last_assigned_at NULLS FIRST LIMIT 1 FOR UPDATE OF a
"""
ONE_ASSIGNED = """
    UPDATE support_ticket SET status = 'in_progress', agent_id = %s, assigned_at = now(), updated_at = now()
    WHERE id = %s
"""
ONE_HEAVIER = "UPDATE support_agent SET taken = taken + 1, last_assigned_at = now(), updated_at = now() WHERE id = %s"
ONE_LINE = """
    INSERT INTO ticketing_activity (role, operation, kind, object_id, details)
    VALUES ('system', 'support.assign', 'support.ticket', %s, jsonb_build_object('agent', %s::text))
"""


def run(place: Place) -> list[Row]:
    """One at a time and all at once in turns; then passes with five free places, among many and among few."""
    return [rush(place), steady(place)]


def rush(place: Place) -> Row:
    """All waiting tickets fit."""
    many, sample = place.size(10_000, 1000), place.size(500, 100)
    database = prepared(place, "assign", many, capacity=many // AGENTS)
    singly, at_once = [], []
    for number in range(place.rounds):
        say(f"assign, round {number + 1} of {place.rounds}")
        reset(database)
        singly.append(many / sample * one_by_one(database, sample))
        reset(database)
        assigned, seconds = database.shell(RUN_ONCE)
        at_once.append(seconds)
        place.check(f"a pass hands out whatever waits: {assigned} of {many}", assigned == many)
    spread = database.sql("SELECT max(taken) - min(taken), max(taken) FROM support_agent")
    place.check(f"every agent has as many: {spread}", spread == [(0, many // AGENTS)])
    database.audit()
    title = f"assign {spaced(many)} tickets to {AGENTS} agents of {DEPARTMENTS} departments"
    reference = f"one at a time with SKIP LOCKED: {median(singly):.1f} s, extrapolated from {sample}"
    ratios = [one / other for one, other in zip(singly, at_once, strict=True)]
    figures = {"singly": singly, "at_once": at_once}
    return Row(title, f"{median(at_once):.2f} s", reference, ratios, at_least=40, figures=figures)


def steady(place: Place) -> Row:
    """Few places are free, whatever waits."""
    waiting = {"assign_many": place.size(1_000_000, 20_000), "assign_few": 1000}
    databases = [full(place, name, many) for name, many in waiting.items()]
    seconds: dict[str, list[float]] = {name: [] for name in waiting}
    statements: dict[str, int] = {}
    for number in range(2 * place.rounds - 1):
        say(f"assign, a steady pass, round {number + 1} of {2 * place.rounds - 1}")
        for database in databases:
            took, statements[database.name] = database.shell(STEADY.format(free=FREE, turns=place.size(40, 10)))
            seconds[database.name].append(took)
    place.check(f"a pass takes as many statements whatever waits: {statements}", len({*statements.values()}) == 1)
    many, few = seconds.values()
    title = f"a pass with {FREE} free places, {spaced(waiting['assign_many'])} waiting"
    told = f"{1000 * median(many):.1f} ms, {statements['assign_many']} statements"
    ratios = [one / other for one, other in zip(many, few, strict=True)]
    return Row(title, told, f"1 000 waiting: {1000 * median(few):.1f} ms", ratios, at_most=2, figures=seconds)


def spaced(number: int) -> str:
    """As it is read in a table."""
    return f"{number:,}".replace(",", " ")


def prepared(place: Place, name: str, tickets: int, *, capacity: int) -> Database:
    """Agents who are there and have nothing to do, and tickets that wait."""
    say(f"writing {tickets} tickets")
    database = place.database(name)
    with database.connect() as connection:
        connection.execute(ANY_NAME)
        connection.execute(ACCOUNTS, [AGENTS])
        connection.execute(PLACES, [capacity, DEPARTMENTS])
        connection.execute(TICKETS, [DEPARTMENTS, tickets, tickets])
        connection.execute(TRAIL)
        connection.execute(MILESTONES)
        connection.execute(VACUUM)
    return database


def full(place: Place, name: str, waiting: int) -> Database:
    """So many wait because every agent is full."""
    capacity = 5
    database = prepared(place, name, waiting + AGENTS * capacity, capacity=capacity)
    assigned, _seconds = database.shell(RUN_ONCE)
    place.check(f"agents are filled up: {assigned} of {AGENTS * capacity}", assigned == AGENTS * capacity)
    database.sql(VACUUM)
    return database


def reset(database: Database) -> None:
    """As if nothing had been handed out."""
    with database.connect() as connection:
        connection.execute(RESET)
        connection.execute(VACUUM)


def one_by_one(database: Database, tickets: int) -> float:
    """For how many seconds that many are handed out, each by itself."""
    departments = [f"d{number}" for number in range(DEPARTMENTS)]
    with database.connect() as connection:
        began = time.perf_counter()
        for _ in range(tickets):
            one(connection, departments)
        return time.perf_counter() - began


def one(connection: Connection, departments: list[str]) -> None:
    """The ticket that waits longest, to the least loaded agent."""
    with connection.transaction():
        ticket = connection.execute(ONE_TICKET, [departments]).fetchone()
        assert ticket
        agent = connection.execute(ONE_AGENT, [ticket[1]]).fetchone()
        assert agent
        connection.execute(ONE_ASSIGNED, [agent[0], ticket[0]])
        connection.execute(ONE_HEAVIER, [agent[0]])
        connection.execute(ONE_LINE, [ticket[0], agent[0]])
