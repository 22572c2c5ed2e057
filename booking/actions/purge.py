"""The verb that deletes what expired, and keeps count of it.

One statement does it for a chunk, by the database's clock only. A booking that somebody is changing is left to the next
run. Tallies, then slots are awaited, in ascending order like everywhere. A slot whose places are wrong in the books is
given back as many as it has (`manage.py audit` tells of it): one bad row must not keep all others from being purged.
"""

from typing import Any

from django.conf import settings
from django.db import connection, transaction

from booking.querysets import EXPIRES_AFTER, IN_TALLY
from ticketing import rights
from ticketing.rights import Actor

CHUNK = 5_000

_PURGE = f"""
WITH expired AS MATERIALIZED (
    SELECT ctid FROM booking_booking
    WHERE starts_at < statement_timestamp() - %(age)s
    ORDER BY starts_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), purged AS (
    DELETE FROM booking_booking WHERE ctid = ANY (ARRAY(SELECT ctid FROM expired))
    RETURNING id, slot_id, party, starts_at, created_at, arrived_at, missed_at
), tallied AS (
    INSERT INTO booking_tally (service_id, day, hour, visits, people, came, missed, lead_minutes)
    SELECT slot.service_id, shown.day, shown.hour, count(*), sum(party),
        count(purged.arrived_at), count(purged.missed_at),
        sum(greatest(0, extract(epoch FROM purged.starts_at - purged.created_at) / 60))::bigint
    FROM purged JOIN booking_slot slot ON slot.id = purged.slot_id
        CROSS JOIN LATERAL ({IN_TALLY.format(at="purged.starts_at")}) shown
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (service_id, day, hour) DO UPDATE SET
        visits = booking_tally.visits + excluded.visits,
        people = booking_tally.people + excluded.people,
        came = booking_tally.came + excluded.came,
        missed = booking_tally.missed + excluded.missed,
        lead_minutes = booking_tally.lead_minutes + excluded.lead_minutes
    RETURNING 1
), counted AS (
    SELECT slot_id, sum(party) AS places FROM purged GROUP BY slot_id
), locked AS MATERIALIZED (
    SELECT id FROM booking_slot
    WHERE id = ANY (ARRAY(SELECT slot_id FROM counted)) AND (SELECT count(*) FROM tallied) >= 0
    ORDER BY id FOR NO KEY UPDATE
), given_back AS (
    UPDATE booking_slot SET taken = greatest(0, taken - places) FROM counted
    WHERE slot_id = booking_slot.id AND booking_slot.id = ANY (ARRAY(SELECT id FROM locked))
), recorded AS (
    INSERT INTO ticketing_activity (at, actor_id, role, operation, kind, details)
    SELECT statement_timestamp(), %(actor)s::uuid, %(role)s, 'booking.purge', 'booking.booking',
        jsonb_build_object('count', count(*), 'bookings', jsonb_agg(id))
    FROM purged HAVING count(*) > 0
)
SELECT count(*) FROM purged
"""

# A slot that somebody is taking a place in is skipped; the condition is asked again under the lock.
_PURGE_EMPTY_SLOTS = """
WITH empty AS MATERIALIZED (
    SELECT id FROM booking_slot
    WHERE taken = 0 AND starts_at < statement_timestamp() - %(age)s
    LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
DELETE FROM booking_slot WHERE id IN (SELECT id FROM empty)
"""


@transaction.atomic
def purge_expired(*, by: Actor = None, limit: int = CHUNK) -> int:
    """Delete at most `limit` expired bookings and as many empty past slots; returns how many bookings.

    It goes by the database's clock only. Zero means that nothing is left but what somebody else is working on.
    """
    rights.require(by, "booking.purge")
    parameters: dict[str, Any] = {
        "age": EXPIRES_AFTER,
        "limit": limit,
        "actor": by.pk if by else None,
        "role": rights.role_of(by),
        "zone": settings.TIME_ZONE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PURGE, parameters)
        purged = cursor.fetchone()[0]
        cursor.execute(_PURGE_EMPTY_SLOTS, parameters)
    return int(purged)
