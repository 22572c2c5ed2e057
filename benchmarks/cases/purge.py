"""Expired bookings deleted by the site's own verb, chunk by chunk, and one by one, on a sample of them."""

from datetime import UTC, datetime, timedelta

from benchmarks.cases.month import bookings, many
from benchmarks.data import fill
from benchmarks.place import Database, Place, say
from benchmarks.report import Row, median

CHUNKS = """
import json, time
from booking.actions import purge_expired
chunks, purged = [], 1
while purged:
    began = time.perf_counter()
    purged = purge_expired()
    chunks.append([purged, time.perf_counter() - began])
print(json.dumps(chunks))
"""
SINGLY = """
import json, time
from booking.models import Booking
rows = list(Booking.objects.expired()[:{sample}])
began = time.perf_counter()
for row in rows:
    row.delete()
print(json.dumps([len(rows), time.perf_counter() - began]))
"""
COUNTED = """
    UPDATE booking_slot SET taken = (SELECT count(*) FROM booking_booking WHERE slot_id = booking_slot.id)
    WHERE starts_at < now()
"""
LEFT = """
    SELECT count(*) FILTER (WHERE starts_at < now() - interval '8 hours'), count(*) FILTER (WHERE starts_at > %s)
    FROM booking_booking
"""


def run(place: Place) -> list[Row]:
    """One by one and all at once in turns, each time among the same many that are not expired."""
    many(place)
    place.quiet()
    database = place.database("purge", of="many")
    since = nearly_expired()
    [(_expired, kept)] = database.sql(LEFT, since)
    expired, sample = place.size(100_000, 1000), place.size(400, 50)
    singly, at_once, longest = [], [], 0.0
    for number in range(place.rounds):
        say(f"purge, round {number + 1} of {place.rounds}")
        expire(database, expired)
        singly.append(expired * delete_singly(database, sample))
        chunks = database.shell(CHUNKS)
        purged = sum(purged for purged, _seconds in chunks)
        place.check(f"as many are purged as were expired: {purged} of {expired - sample}", purged == expired - sample)
        place.check("nothing younger is gone", database.sql(LEFT, since) == [(0, kept)])
        at_once.append(expired / (expired - sample) * sum(seconds for _purged, seconds in chunks))
        longest = max(longest, *(seconds for _purged, seconds in chunks))
    database.audit()
    return [row(place, expired, sample, singly, at_once, longest)]


def row(place: Place, expired: int, sample: int, singly: list[float], at_once: list[float], longest: float) -> Row:
    """What it came to."""
    title = f"purge {expired:,} beside {bookings(place):,} bookings".replace(",", " ")
    told = f"{median(at_once):.2f} s; the longest transaction {longest:.2f} s"
    reference = f"one `.delete()` each: {median(singly):.0f} s, extrapolated from {sample}"
    ratios = [one / other for one, other in zip(singly, at_once, strict=True)]
    return Row(title, told, reference, ratios, at_least=1000, figures={"singly": singly, "at_once": at_once})


def nearly_expired() -> datetime:
    """What begins after this does not expire while this runs."""
    return datetime.now(UTC) - timedelta(hours=7, minutes=15)


def expire(database: Database, bookings: int) -> None:
    """Bookings of the week before, ten to a minute."""
    fill(database, bookings, slots=bookings // 10 + bookings // 20, begin="-12 days", step="1 minute")


def delete_singly(database: Database, sample: int) -> float:
    """For how many seconds one row is deleted; what that leaves wrong in the slots is set right afterwards."""
    deleted, seconds = database.shell(SINGLY.format(sample=sample))
    database.place.check(f"a sample of {sample} is deleted one by one", deleted == sample)
    database.sql(COUNTED)
    return float(seconds / deleted)
