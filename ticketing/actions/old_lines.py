"""Old lines of the audit trail say no more which account did something, by age alone (RETENTION_DAYS).

The line stays, with what was done, as what and to what: `manage.py audit` counts by it.
"""

from datetime import timedelta

from django.db import connection, transaction
from django.db.models.functions import Now

from ticketing.models import Activity

_FORGET = """
WITH old AS MATERIALIZED (
    SELECT id FROM ticketing_activity
    WHERE at < statement_timestamp() - %(age)s AND actor_id IS NOT NULL
    ORDER BY at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
), unnamed AS (
    UPDATE ticketing_activity SET actor_id = NULL, details = details - 'on_behalf_of'
    WHERE id = ANY (ARRAY(SELECT id FROM old)) RETURNING id
), recorded AS (
    INSERT INTO ticketing_activity (at, role, operation, kind, details)
    SELECT statement_timestamp(), 'system', 'account.retain', 'ticketing.activity',
        jsonb_build_object('count', count(*), 'first', min(id), 'last', max(id))
    FROM unnamed HAVING count(*) > 0
)
SELECT count(*) FROM unnamed
"""


def outlived(age: timedelta) -> int:
    """How many lines are older than that and name an account."""
    return Activity.objects.filter(at__lt=Now() - age, actor__isnull=False).count()


@transaction.atomic
def forget(age: timedelta, *, limit: int) -> int:
    """Let at most so many of them name nobody; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, {"age": age, "limit": limit})
        return int(cursor.fetchone()[0])
