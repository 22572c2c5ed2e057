"""Many bookings at once, as rows that keep every promise: counted in their slots, each with its line in the trail."""

from benchmarks.place import Database

DEFAULT = """
    INSERT INTO booking_service (id, slug, name, slot_capacity) VALUES (gen_random_uuid(), 'default', 'Default', 20)
    ON CONFLICT (slug) DO NOTHING
"""
# From each minute of the span to the next one so much later; a slot is made where there is none.
SLOTS = """
    INSERT INTO booking_slot (id, service_id, starts_at, capacity, taken)
    SELECT gen_random_uuid(), service.id, date_bin('1 minute', begin, 'epoch') + number * %(step)s::interval, 20, 0
    FROM booking_service service, generate_series(0, %(slots)s - 1) number,
        (SELECT statement_timestamp() + %(begin)s::interval AS begin) span
    WHERE slug = 'default' ON CONFLICT (service_id, starts_at) DO NOTHING
"""
# How many places are taken differs from slot to slot: from none to all of them, `mean` on average.
MADE = """
    CREATE TEMP TABLE made ON COMMIT DROP AS
    SELECT gen_random_uuid() AS id, slot.id AS slot_id, starts_at
    FROM (
        SELECT id, starts_at, row_number() OVER (ORDER BY starts_at) AS number FROM booking_slot
        WHERE taken = 0 AND starts_at >= date_bin('1 minute', statement_timestamp() + %(begin)s::interval, 'epoch')
            AND starts_at <= statement_timestamp() + %(begin)s::interval + (%(slots)s - 1) * %(step)s::interval
    ) slot,
        generate_series(1, %(mean)s + (number * 31 %% (2 * %(spread)s + 1) - %(spread)s)::int) place
    ORDER BY random() LIMIT %(bookings)s
"""
BOOKINGS = """
    INSERT INTO booking_booking
        (id, slot_id, starts_at, ends_at, firstname, lastname, phone, language, manage_version, manage_digest)
    SELECT id, slot_id, starts_at, starts_at + interval '1 minute', 'Ada', 'Lovelace', '5550100009', 'en', 1,
        encode(sha256(id::text::bytea), 'hex')
    FROM made
"""
TRAIL = """
    INSERT INTO ticketing_activity (role, operation, kind, object_id, details)
    SELECT 'system', 'booking.book', 'booking.booking', id, '{}' FROM made
"""
COUNTED = """
    UPDATE booking_slot SET taken = places
    FROM (SELECT slot_id, count(*) AS places FROM made GROUP BY 1) counted WHERE slot_id = booking_slot.id
"""


def fill(database: Database, bookings: int, *, slots: int, begin: str, step: str) -> None:
    """So many bookings in so many slots, the first of which begins that long from now, each a step after another."""
    mean = -(-bookings // slots)
    words = {"slots": slots, "begin": begin, "step": step, "bookings": bookings}
    words |= {"mean": mean, "spread": min(mean, 20 - mean)}
    with database.connect() as connection:
        with connection.transaction():
            connection.execute(DEFAULT)
            for statement in (SLOTS, MADE):
                connection.execute(statement, words)
            written = connection.execute(BOOKINGS).rowcount
            assert written == bookings, f"There was room for {written} bookings only."
            connection.execute(TRAIL)
            connection.execute(COUNTED)
        connection.execute("VACUUM (ANALYZE) booking_slot, booking_booking, ticketing_activity")
