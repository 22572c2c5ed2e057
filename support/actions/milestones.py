"""What happens to tickets is written down for the reports, counted into tallies, and counted again.

A milestone is written in the transaction of what happened, and counted by one statement that marks it as counted: a
crash loses nothing, and nothing is counted twice however often and by however many that is tried. What is not counted
yet is added by whoever reads a report.
"""

from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from support import tallies
from support.models import LIFT, AgentTally, DurationTally, Tally
from support.tallies import AGENT_KEY, AGENT_NUMBERS, DURATION_KEY, NUMBERS, TALLY_KEY
from ticketing.models import Activity

CHUNK = 5_000
ADVISORY_LOCK = 7_346_003  # any number of our own; one counts at a time

# When it joined the queue the last time; the lift of its priority changes together with its place.
_ASKED_AT = "t.queue_at + CASE t.priority {} END".format(
    " ".join(
        f"WHEN '{priority.value}' THEN interval '{lift.total_seconds()} seconds'" for priority, lift in LIFT.items()
    )
)
_HAPPENED_AT = {
    "asked": _ASKED_AT,
    "again": _ASKED_AT,
    "handed": "t.assigned_at",
    "answered": "t.first_answered_at",
    "closed": "t.closed_at",
    "left": "coalesce(t.closed_at, statement_timestamp())",
    "came": "statement_timestamp()",
}
_IN_TIME = {
    "answered": "p.respond_by >= t.first_answered_at",
    "closed": "CASE WHEN t.first_answered_at IS NULL AND p.respond_by < t.closed_at THEN false END",
}
# Whoever gets it from a colleague, or from the queue once more, ends nobody's waiting.
_FIRST_TIME = {"handed": "t.assigned_at = t.first_assigned_at"}

_NOTE = """
INSERT INTO support_milestone (ticket_id, what, at, asked_at, department, priority, agent_id, in_time)
SELECT t.id, %(what)s, {at}, {asked_at}, t.department, t.priority, t.agent_id, {in_time}
FROM support_ticket t LEFT JOIN support_promise p ON p.ticket_id = t.id
WHERE t.id = ANY (%(tickets)s::uuid[]) AND {first_time}
"""


def note_milestone(what: str, *tickets: UUID) -> None:
    """Write down that this happened to the tickets just now, as they are after it."""
    statement = _NOTE.format(
        at=_HAPPENED_AT[what],
        asked_at=_ASKED_AT,
        in_time=_IN_TIME.get(what, "NULL::boolean"),
        first_time=_FIRST_TIME.get(what, "true"),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, {"what": what, "tickets": list(tickets)})


def _added(table: str, key: tuple[str, ...], numbers: tuple[str, ...], counted: str, **also: str) -> str:
    """SQL that adds what is counted to a table of tallies, in the order of its key."""
    columns = (*also, *key, *numbers)
    values = ", ".join([*also.values(), *key, *numbers])
    return f"""
        INSERT INTO {table} ({", ".join(columns)}) SELECT {values} FROM ({counted}) AS counted ORDER BY {", ".join(key)}
        ON CONFLICT ({", ".join(key)}) DO UPDATE SET {", ".join(f"{n} = {table}.{n} + excluded.{n}" for n in numbers)}
        RETURNING 1
    """


_ADD = f"""
hours AS ({_added("support_tally", TALLY_KEY, NUMBERS, tallies.COUNTS, zone="%(zone)s")}),
durations AS ({_added("support_durationtally", DURATION_KEY, ("number",), tallies.DURATIONS)}),
agents AS ({_added("support_agenttally", AGENT_KEY, AGENT_NUMBERS, tallies.OF_AGENTS)})
"""

# By an array: whatever PostgreSQL believes of the tables, that never goes through one for each row of another.
_COUNT = f"""
WITH fresh AS MATERIALIZED (
    SELECT id FROM support_milestone WHERE NOT counted ORDER BY id LIMIT %(limit)s
), chunk AS (
    UPDATE support_milestone AS m SET counted = true
    WHERE m.id = ANY (ARRAY(SELECT id FROM fresh)) AND NOT m.counted
    RETURNING m.*
), moments AS MATERIALIZED ({tallies.moments("chunk")}), {_ADD}
SELECT count(*) FROM moments
"""

_COUNT_AGAIN = f"""
WITH moments AS MATERIALIZED ({tallies.moments(tallies.COUNTED)}), {_ADD}
SELECT count(*) FROM moments
"""


@transaction.atomic
def count_milestones(*, limit: int = CHUNK) -> int:
    """Add at most so many milestones to the tallies; returns how many. In a new zone all are counted again first.

    Whoever comes while somebody else is counting leaves it to them.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        if zone_before() not in (None, settings.TIME_ZONE):
            _count_again(cursor)
        cursor.execute(_COUNT, {"limit": limit, "zone": settings.TIME_ZONE})
        return int(cursor.fetchone()[0])


@transaction.atomic
def count_milestones_again() -> int:
    """Make the tallies anew from the milestones that are counted; returns how many. Reports are whole meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        return _count_again(cursor)


def zone_before() -> str | None:
    """On whose clocks the tallies are counted; None before there are any."""
    return Tally.objects.values_list("zone", flat=True).first()


def _count_again(cursor: CursorWrapper) -> int:
    for model in (Tally, DurationTally, AgentTally):
        model._default_manager.all().delete()
    cursor.execute(_COUNT_AGAIN, {"zone": settings.TIME_ZONE})
    counted = int(cursor.fetchone()[0])
    Activity.objects.record("support.count_again", None, by=None, count=counted)
    return counted
