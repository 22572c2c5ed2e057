"""One effect per caller, route and idempotency key (invariant E3), and no more effects per time than are allowed."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from ticketing.errors import KeyReused, TooManyRequests
from ticketing.models import Allowance, IdempotencyKey


def claim_key(*, caller: str, route: str, key: str, fingerprint: str) -> IdempotencyKey | None:
    """None when the key is new and now ours; the row of the first request when it came before, or KeyReused.

    It belongs into the transaction of the effect: a twin waits here for the first, and a refused request leaves no key.
    """
    same = IdempotencyKey.objects.filter(caller=caller, route=route, key=key)
    same.outlived().delete()
    mine = IdempotencyKey(caller=caller, route=route, key=key, fingerprint=fingerprint)
    with connection.cursor() as cursor:
        # Not bulk_create(ignore_conflicts): it does not say whether the row is ours.
        cursor.execute(
            "INSERT INTO ticketing_idempotencykey (caller, route, key, fingerprint) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT ON CONSTRAINT ticketing_idempotency_key_once DO NOTHING",
            [mine.caller, mine.route, mine.key, mine.fingerprint],
        )
        if cursor.rowcount:
            return None
    first = same.get()
    if first.fingerprint != fingerprint:
        raise KeyReused
    return first


def settle_key(*, caller: str, route: str, key: str, made: UUID | None, status: int) -> None:
    """Remember what the request with this key made or changed, and what it was answered with."""
    IdempotencyKey.objects.filter(caller=caller, route=route, key=key).update(made=made, status=status)


class Rate(NamedTuple):
    """So many in a time; all of them at once, or spread over it."""

    count: int
    period: timedelta

    @property
    def step(self) -> timedelta:
        """How long one of them uses up."""
        return self.period / self.count


_SPEND = """
INSERT INTO ticketing_allowance AS known (key, spent_until) VALUES (%(key)s, statement_timestamp() + %(step)s)
ON CONFLICT (key) DO UPDATE SET spent_until = greatest(known.spent_until, statement_timestamp()) + %(step)s
WHERE known.spent_until <= statement_timestamp() + %(rest)s
"""


def spend(key: str, rate: Rate) -> None:
    """Use up one of what `rate` allows to `key`, or TooManyRequests; exact across processes."""
    rest = rate.period - rate.step
    with connection.cursor() as cursor:
        cursor.execute(_SPEND, {"key": key, "step": rate.step, "rest": rest})
        if cursor.rowcount:
            return
    wait = Allowance.objects.filter(key=key).values_list(F("spent_until") - Now() - rest, flat=True).first()
    refusal = TooManyRequests()
    refusal.retry_after = max(1, int((wait or rate.step).total_seconds()) + 1)
    raise refusal
