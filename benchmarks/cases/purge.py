"""Expired bookings deleted by the site's own verb, chunk by chunk; and samples of them one by one, in two ways.

A bare `.delete()` leaves the slots, the tallies and the trail wrong. What they cost one by one the verb itself tells.
"""

from dataclasses import dataclass, field
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
EACH = """
import json, time
from booking.actions import purge_expired
began = time.perf_counter()
purged = sum(purge_expired(limit=1) for _ in range({sample}))
print(json.dumps([purged, time.perf_counter() - began]))
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
    times = Times(expired, sample)
    for number in range(place.rounds):
        say(f"purge, round {number + 1} of {place.rounds}")
        expire(database, expired)
        times.singly.append(expired * delete_singly(database, sample))
        times.each.append(expired * purge_singly(database, sample))
        times.add(purge_rest(database, expired - 2 * sample))
        place.check("nothing younger is gone", database.sql(LEFT, since) == [(0, kept)])
    database.audit()
    return rows(place, times)


@dataclass
class Times:
    """For how many seconds all of them are deleted, in each round; extrapolated where it is a sample."""

    expired: int
    sample: int
    singly: list[float] = field(default_factory=list)
    each: list[float] = field(default_factory=list)
    at_once: list[float] = field(default_factory=list)
    longest: float = 0.0

    def add(self, chunks: list[tuple[int, float]]) -> None:
        """A round of chunks: of each how many it purged, and how long it took."""
        seconds = [seconds for _purged, seconds in chunks]
        self.at_once.append(self.expired / (self.expired - 2 * self.sample) * sum(seconds))
        self.longest = max(self.longest, *seconds)


def rows(place: Place, times: Times) -> list[Row]:
    """What it came to."""
    title = f"purge {times.expired:,} beside {bookings(place):,} bookings".replace(",", " ")
    told = f"{median(times.at_once):.2f} s; the longest transaction {times.longest:.2f} s"
    deleted, purged = (
        f"{how}: {median(seconds):.0f} s, extrapolated from {times.sample}"
        for how, seconds in (("one `.delete()` each", times.singly), ("one `purge_expired(limit=1)` each", times.each))
    )
    figures = {"singly": times.singly, "each": times.each, "at_once": times.at_once}
    target = Row(title, told, deleted, ratios(times.singly, times.at_once), at_least=1000, figures=figures)
    return [target, Row(f"{title}, books kept", told, purged, ratios(times.each, times.at_once))]


def ratios(ones: list[float], others: list[float]) -> list[float]:
    """How much longer the first took, round by round."""
    return [one / other for one, other in zip(ones, others, strict=True)]


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


def purge_singly(database: Database, sample: int) -> float:
    """For how many seconds the verb deletes one row, when that is all it may."""
    purged, seconds = database.shell(EACH.format(sample=sample))
    database.place.check(f"a sample of {sample} is purged one by one", purged == sample)
    return float(seconds / purged)


def purge_rest(database: Database, expected: int) -> list[tuple[int, float]]:
    """Purge all others; of each chunk how many it deleted, and for how many seconds."""
    chunks: list[tuple[int, float]] = database.shell(CHUNKS)
    purged = sum(purged for purged, _seconds in chunks)
    database.place.check(f"as many are purged as were expired: {purged} of {expected}", purged == expected)
    return chunks
