"""Calendar files (RFC 5545): one visit to take into a calendar or out of it again, or all of somebody's as a feed."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple, Self

import icalendar
from django.conf import settings
from django.utils.translation import get_language

PRODUCT = "-//ticketing//calendar//EN"


class Visit(NamedTuple):
    """What a calendar shows. `uid` stays for good, and `sequence` grows with every change that moves it."""

    uid: str
    sequence: int
    starts_at: datetime
    ends_at: datetime
    changed_at: datetime
    summary: str
    location: str = ""

    def told(self) -> dict[str, str | int]:
        """As a mail keeps it until it is sent."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in self._asdict().items()
        }

    @classmethod
    def heard(cls, told: dict[str, str | int]) -> Self:
        """The same again."""
        times = {name: datetime.fromisoformat(str(told[name])) for name in ("starts_at", "ends_at", "changed_at")}
        return cls(**{**told, **times})  # type: ignore[arg-type]


def calendar_file(
    visits: Iterable[Visit], *, method: str = "PUBLISH", name: str = "", again: timedelta | None = None
) -> bytes:
    """A file with these visits; the method CANCEL takes them out of the calendars that have them.

    A calendar that programs read again and again has a `name`, and says how long they may wait for that.
    """
    calendar = icalendar.Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    if name:
        calendar.add("name", name)
        calendar.add("x-wr-calname", name)
    if again:
        calendar.add("refresh-interval", again, parameters={"value": "DURATION"})
        calendar.add("x-published-ttl", icalendar.vDuration(again))
    for visit in visits:
        calendar.add_component(_event(visit, "CANCELLED" if method == "CANCEL" else "CONFIRMED"))
    written: bytes = calendar.to_ical()
    return written


def _event(visit: Visit, status: str) -> icalendar.Event:
    event = icalendar.Event()
    event.add("uid", f"{visit.uid}@{settings.SITE_HOST}")
    event.add("sequence", visit.sequence)
    event.add("dtstamp", visit.changed_at)
    event.add("last-modified", visit.changed_at)
    event.add("dtstart", visit.starts_at)
    event.add("dtend", visit.ends_at)
    event.add("summary", visit.summary, parameters={"language": get_language() or settings.LANGUAGE_CODE})
    event.add("status", status)
    if visit.location:
        event.add("location", visit.location)
    return event
