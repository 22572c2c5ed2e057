"""Tickets of events that were over long ago are nobody's any more, by age alone (RETENTION_DAYS).

One statement does it for a chunk of purchases, by the database's clock: those of which every ticket was for such an
event. Sold, admitted and cancelled stay what they were; who bought it is an id that leads nowhere. A
count that is wrong in the books is lowered as far as it goes (`manage.py audit` tells of it): one bad row must not keep
all others.
"""

from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from ticketing.people import GONE

_OLD = """
    SELECT purchase.id, purchase.buyer, gen_random_uuid() AS nobody FROM allocation_purchase AS purchase
    WHERE purchase.account_id IS NOT NULL AND purchase.created_at < statement_timestamp() - %(age)s
    AND NOT EXISTS (
        SELECT FROM allocation_ticket AS ticket JOIN allocation_ticketoption AS option ON option.id = ticket.option_id
        LEFT JOIN allocation_event AS event ON event.id = option.event_id
        WHERE ticket.purchase_id = purchase.id
        AND (event.id IS NULL OR event.ends_at >= statement_timestamp() - %(age)s)
    )
"""

_FORGET = f"""
WITH old AS MATERIALIZED (
    {_OLD} ORDER BY purchase.created_at LIMIT %(limit)s FOR NO KEY UPDATE OF purchase SKIP LOCKED
), theirs AS MATERIALIZED (
    SELECT ticket.id, ticket.option_id, old.buyer, old.nobody, ticket.cancelled_at
    FROM allocation_ticket AS ticket JOIN old ON old.id = ticket.purchase_id
    ORDER BY ticket.id FOR NO KEY UPDATE OF ticket
), tickets AS (
    UPDATE allocation_ticket AS ticket SET holder_id = NULL, updated_at = statement_timestamp()
    FROM theirs WHERE ticket.id = theirs.id
), transfers AS (
    UPDATE allocation_transfer AS transfer SET by_id = NULL, to_id = NULL, updated_at = statement_timestamp(),
        state = CASE state WHEN 'offered' THEN 'lapsed' ELSE state END
    FROM theirs WHERE transfer.ticket_id = theirs.id
), scans AS (
    UPDATE allocation_scan AS scan SET undone_reason = %(gone)s, updated_at = statement_timestamp()
    FROM theirs WHERE scan.ticket_id = theirs.id AND undone_reason <> ''
), holds AS (
    UPDATE allocation_hold AS hold SET account_id = NULL, buyer = old.nobody, updated_at = statement_timestamp()
    FROM old WHERE hold.purchase_id = old.id
), counted AS (
    SELECT option_id, buyer, nobody, count(*) AS tickets FROM theirs WHERE cancelled_at IS NULL GROUP BY 1, 2, 3
), lowered AS (
    UPDATE allocation_buyercount AS known SET taken = greatest(0, known.taken - fewer.tickets)
    FROM (SELECT option_id, buyer, sum(tickets) AS tickets FROM counted GROUP BY 1, 2) AS fewer
    WHERE known.option_id = fewer.option_id AND known.buyer = fewer.buyer
), moved AS (
    INSERT INTO allocation_buyercount (option_id, buyer, taken) SELECT option_id, nobody, tickets FROM counted
), purchases AS (
    UPDATE allocation_purchase AS purchase
    SET account_id = NULL, buyer = old.nobody, updated_at = statement_timestamp()
    FROM old WHERE purchase.id = old.id
    RETURNING purchase.id
), recorded AS (
    INSERT INTO ticketing_activity (at, role, operation, kind, details)
    SELECT statement_timestamp(), 'system', 'account.retain', 'allocation.purchase',
        jsonb_build_object('count', count(*), 'ids', jsonb_agg(id))
    FROM purchases HAVING count(*) > 0
)
SELECT count(*) FROM purchases
"""


def outlived(age: timedelta) -> int:
    """How many purchases are only of events that were over before, and still somebody's."""
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"age": age}
        cursor.execute(f"SELECT count(*) FROM ({_OLD}) AS old", asked)
        return int(cursor.fetchone()[0])


@transaction.atomic
def forget(age: timedelta, *, limit: int) -> int:
    """Let at most so many of them be nobody's; returns how many."""
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"age": age, "limit": limit, "gone": GONE}
        cursor.execute(_FORGET, asked)
        return int(cursor.fetchone()[0])
