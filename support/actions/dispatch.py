"""Handing out waiting tickets: one pass, set by set, that may run as often and in as many places as it likes.

Locks are taken in one order: tickets are never waited for here (SKIP LOCKED), agents are, all at once and by their ids.
Verbs that hold a ticket may therefore wait for an agent's row without a deadlock. A ticket skipped this time is free
for the next pass.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from support.actions.matching import Free, Matching, Waiting
from support.actions.milestones import note_milestone
from support.models import Department

ADVISORY_LOCK = 7_346_001  # any number of our own; passes wait for one another on it

_MAY_ANSWER = """
    EXISTS (
        SELECT 1 FROM ticketing_user u WHERE u.id = support_agent.user_id AND u.is_active
        AND (u.role IN ('agent', 'supervisor') OR u.is_superuser)
    )
"""
_PRESENT = f"online_until > statement_timestamp() AND {_MAY_ANSWER}"
# Whoever says that they go, or may not answer any more, is gone at once.
_IN_GRACE = f"coalesce(online_until + %(grace)s * interval '1 second' > statement_timestamp() AND {_MAY_ANSWER}, false)"

_ACTIVITY = """
    INSERT INTO ticketing_activity (at, role, operation, kind, object_id, details)
    SELECT statement_timestamp(), 'system', %(operation)s, 'support.ticket', id, jsonb_build_object('agent', agent_id)
"""

# Those with room, and those who are gone and leave unanswered what they had. A statement of its own, so that the next
# ones see an agent whose row somebody was changing as it is then. Locked and counted up in one statement, the sum would
# be formed of both versions, and the CHECK would refuse it.
_AGENTS = f"""
SELECT is_present, id, departments, taken, capacity, last_assigned_at
FROM support_agent, LATERAL (SELECT coalesce({_PRESENT}, false) AS is_present) presence
WHERE CASE
    WHEN is_present THEN taken < capacity AND NOT is_away
    WHEN taken = 0 OR {_IN_GRACE} THEN false
    ELSE EXISTS (
        SELECT 1 FROM support_ticket
        WHERE agent_id = support_agent.id AND status = 'in_progress' AND answered_at IS NULL
    )
END
ORDER BY id FOR NO KEY UPDATE OF support_agent
"""

_TAKE_BACK = f"""
WITH left_alone AS (
    SELECT id, agent_id FROM support_ticket
    WHERE status = 'in_progress' AND agent_id = ANY (%(gone)s::uuid[]) AND answered_at IS NULL
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

# These may be for none of those with room, and stand in nobody's way.
_RELEASED = "SELECT count(*) FROM support_ticket WHERE status = 'created' AND released_by_id IS NOT NULL"

# The number of free places stands in the text: with a literal LIMIT the planner reads just the head of the index. That
# it is the index of what waits, the range and the order by department see to: with an equality the index of all tickets
# in their order would do, too, and is read to its end for a department in which nobody waits.
_WAITING = """
SELECT head.id, served.department, head.released_by_id
FROM unnest(%(served)s::text[]) AS served (department)
CROSS JOIN LATERAL (
    SELECT id, queue_at, released_by_id FROM support_ticket
    WHERE status = 'created' AND department >= served.department AND department <= served.department
    ORDER BY department, queue_at, id LIMIT {room} FOR NO KEY UPDATE SKIP LOCKED
) head
ORDER BY head.queue_at, head.id
"""

# A lease may lapse between two statements. Then nobody gets anything: what was meant for who is gone by now may come
# before all the rest, and somebody else has room for it.
_ASSIGN = f"""
WITH assigned AS (
    UPDATE support_ticket t
    SET status = 'in_progress', agent_id = pair.agent_id, released_by_id = NULL, handover_note = '',
        assigned_at = statement_timestamp(), updated_at = statement_timestamp(),
        first_assigned_at = coalesce(t.first_assigned_at, statement_timestamp())
    FROM unnest(%(tickets)s::uuid[], %(agents)s::uuid[]) AS pair (id, agent_id)
    WHERE t.id = pair.id AND NOT EXISTS (
        SELECT 1 FROM support_agent WHERE id = ANY (%(agents)s::uuid[]) AND online_until <= statement_timestamp()
    )
    RETURNING t.id, pair.agent_id
), heavier AS (
    UPDATE support_agent a
    SET taken = a.taken + n.tickets, last_assigned_at = statement_timestamp(), updated_at = statement_timestamp()
    FROM (SELECT agent_id, count(*) AS tickets FROM assigned GROUP BY agent_id) n WHERE a.id = n.agent_id
)
{_ACTIVITY} FROM assigned
"""


@transaction.atomic
def assign_waiting_tickets() -> int:
    """Take back what agents who are gone have not answered, hand waiting ones to agents with room; returns how many.

    The tickets come in the order of the queue (invariant S4). Each goes to whoever of those who answer there holds
    least of what they can hold, and was assigned longest ago; none waits that an agent with room could take (S3).
    """
    with connection.cursor() as cursor:
        # Waits its turn: with a try-lock a ticket committed during another pass would be missed.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        return _take_back_and_assign(cursor)


def _take_back_and_assign(cursor: CursorWrapper) -> int:
    cursor.execute(_AGENTS, {"grace": settings.AGENT_GRACE.total_seconds()})
    agents = cursor.fetchall()
    if gone := [agent[1] for agent in agents if not agent[0]]:
        cursor.execute(_TAKE_BACK, {"operation": "support.take_back", "gone": gone})
    pairs = _matched(cursor, [Free(*agent[1:]) for agent in agents if agent[0]])
    if not pairs:
        return 0
    return _assign(cursor, pairs) or _take_back_and_assign(cursor)


def _matched(cursor: CursorWrapper, free: list[Free]) -> list[tuple[UUID, UUID]]:
    if not (room := _room(free)):
        return []
    served: dict[str, Any] = {"served": list(room)}
    cursor.execute(_RELEASED)
    [(released,)] = cursor.fetchall()
    cursor.execute(_WAITING.format(room=max(room.values()) + released), served)
    return Matching(free).hand_out(Waiting(*ticket) for ticket in cursor.fetchall())


def _room(free: Iterable[Free]) -> Counter[str]:
    """How many more tickets of each department fit, and of no department."""
    room: Counter[str] = Counter()
    for agent in free:
        room.update(dict.fromkeys(["", *(agent.departments or Department.values)], agent.left))
    return room


def _assign(cursor: CursorWrapper, pairs: list[tuple[UUID, UUID]]) -> int:
    tickets, agents = (list(ids) for ids in zip(*pairs, strict=True))
    cursor.execute(_ASSIGN, {"operation": "support.assign", "tickets": tickets, "agents": agents})
    if assigned := cursor.rowcount:
        note_milestone("handed", *tickets)
    return assigned


def assign_on_commit() -> None:
    """Run a pass once the current transaction has freed or added room; the change stands even if the pass fails."""
    transaction.on_commit(assign_waiting_tickets, robust=True)
