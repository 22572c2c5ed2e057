"""Handing out waiting tickets: one pass, set by set, that may run as often and in as many places as it likes.

Locks are taken in one order: tickets are never waited for here (SKIP LOCKED), agents are. Verbs that hold a ticket may
therefore wait for an agent's row without a deadlock. A ticket skipped this time is free for the next pass.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from support.models import Department

ADVISORY_LOCK = 7_346_001  # any number of our own; passes wait for one another on it

_PRESENT = """
    online_until > statement_timestamp()
    AND EXISTS (
        SELECT 1 FROM ticketing_user u WHERE u.id = support_agent.user_id AND u.is_active
        AND (u.role IN ('agent', 'supervisor') OR u.is_superuser)
    )
"""

_ACTIVITY = """
    INSERT INTO ticketing_activity (at, role, operation, kind, object_id, details)
    SELECT statement_timestamp(), 'system', %(operation)s, 'support.ticket', id, jsonb_build_object('agent', agent_id)
"""

_TAKE_BACK = f"""
WITH gone AS (
    SELECT id FROM support_agent WHERE taken > 0 AND NOT coalesce({_PRESENT}, false)
), left_alone AS (
    SELECT id, agent_id FROM support_ticket
    WHERE status = 'in_progress' AND agent_id IN (SELECT id FROM gone)
    FOR NO KEY UPDATE SKIP LOCKED
), back AS (
    UPDATE support_ticket t
    SET status = 'created', agent_id = NULL, assigned_at = NULL, updated_at = statement_timestamp()
    FROM left_alone WHERE t.id = left_alone.id
    RETURNING t.id, left_alone.agent_id
), lighter AS (
    UPDATE support_agent a SET taken = a.taken - n.tickets, updated_at = statement_timestamp()
    FROM (SELECT agent_id, count(*) AS tickets FROM back GROUP BY agent_id) n WHERE a.id = n.agent_id
)
{_ACTIVITY} FROM back
"""

# A statement of its own, so that the next one sees an agent whose row somebody was changing as it is then. Locked
# and counted up in one statement, the sum would be formed of both versions, and the CHECK would refuse it.
_FREE = f"""
SELECT departments, id, capacity - taken FROM support_agent
WHERE taken < capacity AND {_PRESENT}
ORDER BY id FOR NO KEY UPDATE
"""

# The number of free places stands in the text: with a literal LIMIT the planner reads just the head of the index.
_SERVE = f"""
WITH place AS (
    SELECT id AS agent_id, row_number() OVER (ORDER BY taken + n, last_assigned_at NULLS FIRST, id) AS turn
    FROM support_agent, generate_series(1, capacity - taken) n WHERE id = ANY (%(agents)s::uuid[])
), waiting AS MATERIALIZED (
    SELECT head.id, row_number() OVER (ORDER BY head.queue_at, head.id) AS turn
    FROM unnest(%(served)s::text[]) AS served (department)
    CROSS JOIN LATERAL (
        SELECT id, queue_at FROM support_ticket
        WHERE status = 'created' AND department = served.department
        ORDER BY queue_at, id LIMIT {{room}} FOR NO KEY UPDATE SKIP LOCKED
    ) head
), assigned AS (
    UPDATE support_ticket t
    SET status = 'in_progress', agent_id = place.agent_id,
        assigned_at = statement_timestamp(), updated_at = statement_timestamp()
    FROM waiting JOIN place USING (turn) WHERE t.id = waiting.id
    RETURNING t.id, place.agent_id
), heavier AS (
    UPDATE support_agent a
    SET taken = a.taken + n.tickets, last_assigned_at = statement_timestamp(), updated_at = statement_timestamp()
    FROM (SELECT agent_id, count(*) AS tickets FROM assigned GROUP BY agent_id) n WHERE a.id = n.agent_id
)
{_ACTIVITY} FROM assigned
"""


@transaction.atomic
def assign_waiting_tickets() -> int:
    """Take tickets back from agents who are gone, hand waiting ones to agents with room; returns how many.

    Agents are served in groups of the same departments, those with the fewest first, so that a pass leaves no ticket
    waiting that an agent with room could take (invariant S3), and no agent gets a later ticket before an earlier (S4).
    """
    with connection.cursor() as cursor:
        # Waits its turn: with a try-lock a ticket committed during another pass would be missed.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        cursor.execute(_TAKE_BACK, {"operation": "support.take_back"})
        cursor.execute(_FREE)
        return sum(_serve(cursor, *group) for group in _groups(cursor.fetchall()))


def _groups(free: list[tuple[list[str], UUID, int]]) -> Iterator[tuple[list[str], list[UUID], int]]:
    """The free agents by their departments, those with the fewest first, each group with its free places."""
    for departments, agents in groupby(sorted(free, key=_breadth), key=lambda agent: agent[0]):
        _, ids, places = zip(*agents, strict=True)
        yield departments, list(ids), sum(places)


def _breadth(agent: tuple[list[str], UUID, int]) -> tuple[bool, int, list[str]]:
    departments = agent[0]
    return not departments, len(departments), departments


def _serve(cursor: CursorWrapper, departments: list[str], agents: list[UUID], room: int) -> int:
    served = ["", *(departments or Department.values)]
    parameters: dict[str, Any] = {"operation": "support.assign", "agents": agents, "served": served}
    cursor.execute(_SERVE.format(room=room), parameters)
    return cursor.rowcount


def assign_on_commit() -> None:
    """Run a pass once the current transaction has freed or added room; the change stands even if the pass fails."""
    transaction.on_commit(assign_waiting_tickets, robust=True)
