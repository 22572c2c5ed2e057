"""What is always true of the site as a whole, as SQL that finds the rows for which it is not (see manage.py audit)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connection, transaction

from ticketing.models import Stock, Verdict
from ticketing.querysets import MOST_NAMED

Check = tuple[str, str, str]  # the invariant's id, what it promises, the query of the rows that break it


class Finding(NamedTuple):
    """What a check found: the ids of the rows that break the promise, the first of them."""

    identity: str
    promise: str
    damaged: list[str]


@contextmanager
def one_moment() -> Iterator[datetime]:
    """Read the database as it is at one moment, which is told, whatever the site does meanwhile; nothing is locked."""
    outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SELECT statement_timestamp()")
        yield cursor.fetchone()[0]


def findings(checks: Iterable[Check]) -> Iterator[Finding]:
    """What each check finds. Within `one_moment` they do not contradict each other."""
    with connection.cursor() as cursor:
        for identity, promise, sql in checks:
            cursor.execute(f"SELECT * FROM ({sql}) damaged LIMIT {MOST_NAMED}")
            yield Finding(identity, promise, [str(row[0]) for row in cursor.fetchall()])


@transaction.atomic
def note(found: Iterable[Finding], *, at: datetime) -> None:
    """Write down the verdict on each promise; of several checks of one promise, what any of them found."""
    damaged: dict[str, list[str]] = {}
    for finding in found:
        damaged.setdefault(finding.identity, []).extend(finding.damaged)
    for identity, rows in sorted(damaged.items()):
        Verdict.objects.note(identity, at=at, damaged=rows[:MOST_NAMED])


def held_by_offers(kind: str, stock: str) -> str:
    """SQL for how many places of a stock the offers of its waiting list hold: of a kind, by the column with its id."""
    return f"""(SELECT coalesce(sum(waiter.offered), 0) FROM ticketing_waiter AS waiter
        WHERE waiter.kind = '{kind}' AND waiter.stock = {stock} AND waiter.state = 'offered')"""


def _stocks() -> str:
    """SQL for every stock of every app: its kind, id, capacity and what is taken, and whether one can wait for it."""
    return " UNION ALL ".join(_rows(model) for model in apps.get_models() if issubclass(model, Stock))


def _rows(model: Any) -> str:
    lasts = f"coalesce(({model.waiting_ends}) > statement_timestamp(), true)" if model.waiting_ends else "true"
    return f"""SELECT '{model._meta.label_lower}' AS kind, id, capacity, taken, {lasts} AS lasts
        FROM {model._meta.db_table}"""


CHECKS = [
    (
        "W1",
        "what waiting lists offer is part of what is taken of it",
        f"""SELECT waiter.stock, sum(waiter.offered) FROM ticketing_waiter AS waiter
            LEFT JOIN ({_stocks()}) AS stock ON stock.kind = waiter.kind AND stock.id = waiter.stock
            WHERE waiter.state = 'offered' GROUP BY waiter.kind, waiter.stock, stock.taken
            HAVING sum(waiter.offered) > coalesce(stock.taken, 0)""",
    ),
    (
        "W1",
        "nobody stands twice on a list, and an offer is between the least and the most that was wanted",
        """SELECT id FROM ticketing_waiter WHERE offered NOT BETWEEN least AND quantity
           UNION ALL
           SELECT min(id::text)::uuid FROM ticketing_waiter WHERE state IN ('waiting', 'offered')
           GROUP BY kind, stock, lower(email) HAVING count(*) > 1""",
    ),
    (
        "W2",
        "what is free fits nobody who waits for it",
        f"""SELECT waiter.id FROM ticketing_waiter AS waiter
            JOIN ({_stocks()}) AS stock ON stock.kind = waiter.kind AND stock.id = waiter.stock AND stock.lasts
            WHERE waiter.state = 'waiting' AND waiter.least <= stock.capacity - stock.taken""",
    ),
    (
        "W2",
        "no offer is two minutes past its time",
        """SELECT id FROM ticketing_waiter
           WHERE state = 'offered' AND offered_until < statement_timestamp() - interval '2 minutes'""",
    ),
    (
        "H1",
        "no two openings of one calendar overlap, and each closes after it opens",
        """SELECT one.id FROM ticketing_opening AS one
           JOIN ticketing_opening AS other ON other.calendar_id = one.calendar_id AND other.weekday = one.weekday
               AND other.id < one.id AND other.opens < one.closes AND other.closes > one.opens
               AND daterange(other.valid_from, other.valid_until, '[]')
                   && daterange(one.valid_from, one.valid_until, '[]')
           UNION ALL
           SELECT one.id FROM ticketing_specialopening AS one
           JOIN ticketing_specialopening AS other ON other.calendar_id = one.calendar_id AND other.day = one.day
               AND other.id < one.id AND other.opens < one.closes AND other.closes > one.opens
           UNION ALL
           SELECT id FROM ticketing_opening WHERE closes <= opens OR closes > 1440
           UNION ALL
           SELECT id FROM ticketing_specialopening WHERE closes <= opens OR closes > 1440""",
    ),
    (
        "X2",
        "every line of the audit trail names a role and an operation, and holds no text longer than a code",
        """SELECT id FROM ticketing_activity
           WHERE operation = ''
           OR role NOT IN ('anonymous', 'customer', 'agent', 'gate', 'supervisor', 'superuser', 'system')
           OR EXISTS (SELECT 1 FROM jsonb_each(details) WHERE jsonb_typeof(value) = 'string'
                      AND length(value #>> '{}') > 40)""",
    ),
    (
        "X4",
        "no queued task has waited for a worker longer than ten minutes",
        "SELECT id FROM django_q_ormq WHERE lock < now() - interval '10 minutes'",
    ),
    (
        "X6",
        "every token is stored as a digest, and every password as a hash",
        """SELECT id FROM ticketing_apitoken WHERE digest !~ '^[0-9a-f]{64}$'
           UNION ALL
           SELECT id FROM ticketing_user WHERE password !~ '^(!|[a-z0-9_]+\\$)' AND password <> ''""",
    ),
    (
        "X7",
        "what is to leave the site leaves it: nothing waits an hour past its time, unless what was tried there fails",
        """SELECT id FROM ticketing_mail AS waiting
           WHERE sent_at IS NULL AND dead_at IS NULL AND next_at < now() - interval '1 hour'
           AND NOT EXISTS (SELECT 1 FROM ticketing_mail AS tried
                           WHERE tried.sent_at IS NULL AND tried.dead_at IS NULL AND tried.attempts > 0
                           AND tried.next_at > now() - interval '1 hour')
           UNION ALL
           SELECT id FROM ticketing_delivery AS waiting
           WHERE sent_at IS NULL AND dead_at IS NULL AND next_at < now() - interval '1 hour'
           AND NOT EXISTS (SELECT 1 FROM ticketing_delivery AS tried
                           WHERE tried.sent_at IS NULL AND tried.dead_at IS NULL AND tried.attempts > 0
                           AND tried.next_at > now() - interval '1 hour' AND tried.webhook_id = waiting.webhook_id)""",
    ),
]
