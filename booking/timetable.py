"""When the slots of a service begin: its grid on the clocks of its zone, within its opening hours.

Functions of a service's terms and hours alone; who has booked what is no matter here. A slot is a number, the minutes
since 1970 in UTC: so the slots of a day on which no clock is changed are a plain range, however fine the grid is.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import chain
from zoneinfo import ZoneInfo

from django.utils import timezone

from booking.models import A_DAY, Service
from ticketing.hours import Hours

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime.max.replace(tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
KNOWN = range(1970, 9000)  # the years of which business hours are kept (ticketing/hours/rules.py)

Slots = Sequence[int]
Span = tuple[int, int]  # from one number until before another one


def number_of(instant: datetime) -> int:
    """The number of the minute in which an instant lies."""
    return (instant - EPOCH) // MINUTE


def starts_at(number: int) -> datetime:
    """When that minute begins; the end of the calendar for what would be after it."""
    try:
        return EPOCH + number * MINUTE
    except OverflowError:
        return END


def days_span(first: date, last: date) -> Span:
    """From the beginning of a day on the site's clocks to the end of the same or of a later one."""
    zone = timezone.get_default_timezone()
    try:
        return _midnight(first, zone), _midnight(last + DAY, zone)
    except OverflowError:  # after the last day of the calendar there is no midnight
        return _midnight(first, zone), number_of(END) + 1


def _midnight(day: date, zone: ZoneInfo | timezone.tzinfo) -> int:
    try:
        return number_of(datetime.combine(day, time(), zone))
    except OverflowError:
        return 0


def opened(service: Service, span: Span) -> list[Span]:
    """When the service is open for visits that begin in a span: at most four queries, none without a calendar."""
    longer = (span[0], span[1] + service.duration_minutes)
    if (service.calendar or service.needs_resource) and not _is_known(longer):
        return []
    return calendar_spans(Hours.load(service.calendar), longer) if service.calendar else [longer]


def calendar_spans(hours: Hours, span: Span) -> list[Span]:
    """The open time of a calendar in a span of years of which hours are kept."""
    begin, end = (starts_at(number) for number in span)
    return [(number_of(opens), number_of(closes)) for opens, closes in hours.openings_between(begin, end)]


def _is_known(span: Span) -> bool:
    return all(starts_at(number).year in KNOWN for number in span)


def slots_within(service: Service, span: Span, spans: Sequence[Span], step: int | None = None) -> list[Slots]:
    """The slots that begin in a span, in pieces and in order, each within one of the open spans until its end.

    `step` shows fewer of them: those on a wider grid, in minutes.
    """
    days = [_clipped(day, span) for day in _days(service.zone, span, step or service.grid_minutes)]
    fitting = [(opens, closes - service.duration_minutes + 1) for opens, closes in spans]
    return [slots for limits in fitting for day in days if (slots := _clipped(day, limits))]


def begins_slot(service: Service, instant: datetime) -> bool:
    """Whether the grid has a slot that begins then; where it has every minute, any second of it, but for resources."""
    if service.grid_minutes == 1 and not service.needs_resource:
        return True
    shown = instant.astimezone(service.zone)
    is_whole = not (shown.second or shown.microsecond)
    return is_whole and (shown.hour * 60 + shown.minute) % service.grid_minutes == 0


def is_open(service: Service, instant: datetime) -> bool:
    """Whether the service is open from then until the end of the visit, without a break."""
    slot = number_of(instant)
    visit = (slot, slot + service.duration_minutes)
    return opened(service, (slot, slot)) == [visit]


def _clipped(slots: Slots, span: Span) -> Slots:
    return slots[bisect_left(slots, span[0]) : bisect_left(slots, span[1])]


def _days(zone: ZoneInfo, span: Span, step: int) -> Iterator[Slots]:
    """The slots of every day of a zone that a span touches, in order."""
    day = EPOCH.date() + (span[0] // A_DAY - 1) * DAY
    while (day - EPOCH.date()).days <= span[1] // A_DAY + 1:
        yield slots_of_day(day, zone, step)
        try:
            day += DAY
        except OverflowError:
            return


@lru_cache(maxsize=4096)
def slots_of_day(day: date, zone: ZoneInfo, step: int) -> Slots:
    """Every `step` minutes that the clocks of a zone show on a day, counted from its midnight.

    A time that the clocks skip is not among them, and one that they show twice is there twice.
    """
    clocks = range(0, A_DAY, step)
    first, last = _instants(day, clocks[0], zone), _instants(day, clocks[-1], zone)
    if len(first) == len(last) == 1 and last[0] - first[0] == clocks[-1]:  # no clock is changed in between
        return range(first[0], last[0] + 1, step)
    return tuple(sorted(chain.from_iterable(_instants(day, minutes, zone) for minutes in clocks)))


def _instants(day: date, minutes: int, zone: ZoneInfo) -> list[int]:
    """When the clocks show so many minutes after midnight on a day: never, once or twice."""
    found = set()
    for fold in (0, 1):
        shown = datetime.combine(day, time(*divmod(minutes, 60), fold=fold))
        with suppress(OverflowError):  # at the ends of the calendar
            instant = shown.replace(tzinfo=zone).astimezone(UTC)
            if instant.astimezone(zone).replace(tzinfo=None) == shown:
                found.add(number_of(instant))
    return sorted(found)
