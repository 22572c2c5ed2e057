"""What must be true of bookings at any moment, as SQL that returns the rows of which it is not."""

from ticketing.audit import held_by_offers

CHECKS: list[tuple[str, str, str]] = [
    (
        "B1",
        "a slot's taken places are those of its bookings and offers, and never more than its capacity",
        f"""
        SELECT slot.id, slot.capacity, slot.taken, coalesce(sum(booking.party), 0) AS places
        FROM booking_slot slot LEFT JOIN booking_booking booking ON booking.slot_id = slot.id
        GROUP BY slot.id
        HAVING slot.taken <> coalesce(sum(booking.party), 0) + {held_by_offers("booking.slot", "slot.id")}
            OR coalesce(sum(booking.party), 0) > slot.capacity
        """,
    ),
    (
        "B1",
        "a minute of a service is one slot, and starts on the minute",
        """
        SELECT service_id, starts_at FROM booking_slot
        GROUP BY service_id, starts_at
        HAVING count(*) > 1 OR starts_at <> date_bin('1 minute', starts_at, 'epoch')
        """,
    ),
    (
        "B2",
        "a booking's time lies in the minute of its slot",
        """
        SELECT booking.id, booking.slot_id, booking.starts_at
        FROM booking_booking booking LEFT JOIN booking_slot slot ON slot.id = booking.slot_id
        WHERE date_bin('1 minute', booking.starts_at, 'epoch') IS DISTINCT FROM slot.starts_at
        """,
    ),
    (
        "B4",
        "no resource receives two visits at once, buffers included",
        """
        SELECT one.id, other.id AS other, one.resource_id
        FROM booking_booking one JOIN booking_booking other
            ON other.resource_id = one.resource_id AND other.busy && one.busy AND other.id > one.id
        WHERE one.resource_id IS NOT NULL AND other.resource_id IS NOT NULL
        """,
    ),
    (
        "B4",
        "a resource is occupied for the whole visit",
        """
        SELECT id FROM booking_booking
        WHERE resource_id IS NOT NULL AND NOT busy @> tstzrange(starts_at, ends_at)
        """,
    ),
    (
        "B3",
        "no booking is more than 8 hours and 2 minutes past",
        """
        SELECT id, starts_at FROM booking_booking
        WHERE starts_at < statement_timestamp() - interval '8 hours 2 minutes'
        """,
    ),
    (
        "X6",
        "a manage token's digest is whole and belongs to one booking",
        """
        SELECT id FROM booking_booking WHERE manage_digest !~ '^[0-9a-f]{64}$'
        UNION ALL
        SELECT id FROM booking_booking JOIN (
            SELECT manage_digest FROM booking_booking GROUP BY manage_digest HAVING count(*) > 1
        ) shared USING (manage_digest)
        """,
    ),
    (
        "B1",
        "a booking says whom to expect and how to reach them",
        r"""
        SELECT id FROM booking_booking WHERE firstname !~ '\S' OR lastname !~ '\S'
            OR phone !~ '^[0-9]{10}$' AND NOT (walked_in AND phone = '')
        """,
    ),
    (
        "X2",
        "every booking has its line in the audit trail",
        """
        SELECT id FROM booking_booking
        EXCEPT SELECT object_id FROM ticketing_activity WHERE operation = 'booking.book'
        EXCEPT SELECT jsonb_array_elements_text(details -> 'ids')::uuid
        FROM ticketing_activity WHERE operation = 'booking.move_in'
        """,  # EXCEPT, because whatever PostgreSQL believes of the tables, it never goes through one for each row
    ),
]
