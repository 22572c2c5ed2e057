"""Questions that were closed long ago lose their words, by age alone (RETENTION_DAYS).

One statement does it for a chunk, by the database's clock. A question that somebody is at work on is left to the next
run. What is left is what is counted, and whose account asked.
"""

from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now

from support.models import Ticket
from ticketing.people import GONE

_FORGET = """
WITH old AS MATERIALIZED (
    SELECT id FROM support_ticket
    WHERE closed_at < statement_timestamp() - %(age)s AND closed_at IS NOT NULL AND wordless_at IS NULL
    ORDER BY closed_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
), chosen AS (
    SELECT ARRAY(SELECT id FROM old) AS ids
), files AS (
    DELETE FROM support_attachment USING chosen WHERE ticket_id = ANY (ids)
), replies AS (
    UPDATE support_reply SET message = %(gone)s, updated_at = statement_timestamp()
    FROM chosen WHERE ticket_id = ANY (ids)
), ratings AS (
    UPDATE support_rating SET comment = '', updated_at = statement_timestamp()
    FROM chosen WHERE ticket_id = ANY (ids) AND comment <> ''
), wordless AS (
    UPDATE support_ticket SET subject = %(gone)s, message = %(gone)s, email = '', claimed_user_id = '',
        claimed_phone = '', handover_note = '', tags = '{}', updated_at = statement_timestamp(),
        rejection = CASE WHEN rejection = '' THEN '' ELSE %(gone)s END, wordless_at = statement_timestamp()
    FROM chosen WHERE id = ANY (ids)
    RETURNING id
), recorded AS (
    INSERT INTO ticketing_activity (at, role, operation, kind, details)
    SELECT statement_timestamp(), 'system', 'account.retain', 'support.ticket',
        jsonb_build_object('count', count(*), 'ids', jsonb_agg(id))
    FROM wordless HAVING count(*) > 0
)
SELECT count(*) FROM wordless
"""


def outlived(age: timedelta) -> int:
    """How many questions are older than that and still have words."""
    return Ticket.objects.filter(closed_at__lt=Now() - age, wordless_at=None).count()


@transaction.atomic
def forget(age: timedelta, *, limit: int) -> int:
    """Remove the words of at most so many of them; returns of how many."""
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"age": age, "limit": limit, "gone": GONE}
        cursor.execute(_FORGET, asked)
        return int(cursor.fetchone()[0])
