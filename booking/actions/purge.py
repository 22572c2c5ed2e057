"""The verb that deletes what expired, and keeps count of it.

One statement does it for a chunk, by the database's clock only. A booking that somebody is changing is left to the next
run. Tallies, then slots are awaited, in ascending order like everywhere. A slot that is past and empties goes with its
bookings; one whose places are wrong in the books is given back as many as it has, and slots stay for once where that
makes one of them seem empty (`manage.py audit` tells of it): one bad row must not keep all others from being purged.
"""

from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from booking.querysets import EXPIRES_AFTER, IN_TALLY
from ticketing import rights
from ticketing.rights import Actor

CHUNK = 5_000  # more at once are little cheaper, and whoever wants a place in one of their slots waits longer

# Bookings are added up by slot and minute before anything is looked up for them; whatever the books say, each is told
# in its own hour. Slots that nobody has booked any more are looked for as far as the bookings of this chunk reach, and
# last of all: so nothing is awaited while they are locked, and one that somebody is taking a place in is skipped.
# Where it is not to `tidy`, no slot is deleted.
_PURGE = f"""
WITH purged AS (
    DELETE FROM booking_booking WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM booking_booking WHERE starts_at < statement_timestamp() - %(age)s
        ORDER BY starts_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ))
    RETURNING id, slot_id, party, starts_at, created_at, arrived_at, missed_at
), counted AS MATERIALIZED (
    SELECT slot_id, date_bin('1 minute', starts_at, 'epoch') AS minute, count(*) AS visits, sum(party) AS people,
        count(arrived_at) AS came, count(missed_at) AS missed,
        sum(greatest(interval '0', starts_at - created_at)) AS lead
    FROM purged GROUP BY 1, 2
), tallied AS (
    INSERT INTO booking_tally (service_id, day, hour, visits, people, came, missed, lead_minutes)
    SELECT slot.service_id, shown.day, shown.hour, sum(visits), sum(people), sum(came), sum(missed),
        extract(epoch FROM sum(lead)) / 60
    FROM counted JOIN booking_slot slot ON slot.id = counted.slot_id
        CROSS JOIN LATERAL ({IN_TALLY.format(at="counted.minute")}) shown
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (service_id, day, hour) DO UPDATE SET
        visits = booking_tally.visits + excluded.visits,
        people = booking_tally.people + excluded.people,
        came = booking_tally.came + excluded.came,
        missed = booking_tally.missed + excluded.missed,
        lead_minutes = booking_tally.lead_minutes + excluded.lead_minutes
    RETURNING 1
), locked AS MATERIALIZED (
    SELECT slot.id, places, %(tidy)s AND taken <= places AND starts_at < statement_timestamp() - %(age)s AS is_empty
    FROM booking_slot slot JOIN (SELECT slot_id, sum(people) AS places FROM counted GROUP BY 1) given
        ON slot_id = slot.id
    WHERE (SELECT count(*) FROM tallied) >= 0
    ORDER BY slot.id FOR UPDATE OF slot
), given_back AS (
    UPDATE booking_slot SET taken = greatest(0, taken - places) FROM locked
    WHERE NOT is_empty AND booking_slot.id = locked.id
), emptied AS (
    DELETE FROM booking_slot USING locked WHERE is_empty AND booking_slot.id = locked.id
), unused AS MATERIALIZED (
    SELECT ctid FROM booking_slot
    WHERE %(tidy)s AND taken = 0 AND starts_at < statement_timestamp() - %(age)s
        AND starts_at <= coalesce((SELECT max(minute) FROM counted), 'infinity')
        AND NOT EXISTS (SELECT FROM booking_booking WHERE slot_id = booking_slot.id)
        AND (SELECT count(*) FROM locked) >= 0
    ORDER BY starts_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), tidied AS (
    DELETE FROM booking_slot WHERE ctid = ANY (ARRAY(SELECT ctid FROM unused))
), recorded AS (
    INSERT INTO ticketing_activity (at, actor_id, role, operation, kind, details)
    SELECT statement_timestamp(), %(actor)s::uuid, %(role)s, 'booking.purge', 'booking.booking',
        jsonb_build_object('count', count(*), 'bookings', jsonb_agg(id))
    FROM purged HAVING count(*) > 0
)
SELECT count(*) FROM purged
"""


@transaction.atomic
def purge_expired(*, by: Actor = None, limit: int = CHUNK) -> int:
    """Delete at most `limit` expired bookings with past slots that they leave empty; returns how many bookings.

    At most as many past slots go in which nobody had booked. It goes by the database's clock only. Zero means that
    nothing is left but what somebody else is working on.
    """
    rights.require(by, "booking.purge")
    parameters: dict[str, Any] = {
        "age": EXPIRES_AFTER,
        "limit": limit,
        "actor": by.pk if by else None,
        "role": rights.role_of(by),
        "zone": settings.TIME_ZONE,
    }
    try:
        return _purge(parameters | {"tidy": True})
    except IntegrityError:  # a booking that stays is in a slot that seems empty
        return _purge(parameters | {"tidy": False})


def _purge(parameters: dict[str, Any]) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_PURGE, parameters)
        purged = cursor.fetchone()[0]
        connection.check_constraints()
    return int(purged)
