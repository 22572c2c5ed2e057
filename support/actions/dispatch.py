"""Handing out waiting tickets: one pass, set by set, that may run as often and in as many places as it likes.

Locks are taken in one order: tickets are never waited for here (SKIP LOCKED), agents are. Verbs that hold a ticket may
therefore wait for an agent's row without a deadlock. A ticket skipped this time is free for the next pass.
"""

from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from support.models import Department

ADVISORY_LOCK = 7_346_001  # any number of our own; passes wait for one another on it

_PRESENT = """
    online_until > statement_timestamp()
    AND EXISTS (SELECT 1 FROM ticketing_user u WHERE u.id = support_agent.user_id AND u.is_active)
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

_ROOM = f"""
SELECT departments, sum(capacity - taken) FROM support_agent
WHERE taken < capacity AND {_PRESENT}
GROUP BY departments
ORDER BY departments = '{{}}', cardinality(departments), departments
"""

# The number of free places stands in the text: with a literal LIMIT the planner reads just the head of the index.
_SERVE = f"""
WITH free AS MATERIALIZED (
    SELECT id, capacity, taken, last_assigned_at FROM support_agent
    WHERE departments::text[] = %(departments)s::text[] AND taken < capacity AND {_PRESENT}
    ORDER BY id FOR NO KEY UPDATE
), place AS (
    SELECT id AS agent_id, row_number() OVER (ORDER BY taken + n, last_assigned_at NULLS FIRST, id) AS turn
    FROM free, generate_series(1, capacity - taken) n
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
        cursor.execute(_ROOM)
        return sum(_serve(cursor, departments, int(room)) for departments, room in cursor.fetchall())


def _serve(cursor: CursorWrapper, departments: list[str], room: int) -> int:
    served = ["", *(departments or Department.values)]
    parameters: dict[str, Any] = {"operation": "support.assign", "departments": departments, "served": served}
    cursor.execute(_SERVE.format(room=room), parameters)
    return cursor.rowcount


def assign_on_commit() -> None:
    """Run a pass once the current transaction has freed or added room; the change stands even if the pass fails."""
    transaction.on_commit(assign_waiting_tickets, robust=True)
