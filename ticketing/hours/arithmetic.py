"""When it is open: pure functions over the hours of one calendar, which are loaded once and never change.

It is open whenever the clocks of the calendar's zone show a time within the day's hours. So an hour that the clocks
skip is no hour, one that they show twice is two, and every answer is in instants.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cached_property, lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from ticketing.errors import Conflict, Invalid
from ticketing.hours.public_holidays import public_holidays
from ticketing.hours.rules import Shift

if TYPE_CHECKING:
    from ticketing.models import Calendar

HORIZON = timedelta(days=5 * 366)  # how far ahead anything is looked for
FIRST_YEAR, LAST_YEAR = 1900, 9990
DAY = timedelta(days=1)

Span: TypeAlias = tuple[datetime, datetime]  # two instants, in UTC
_Ends = TypeVar("_Ends", date, datetime)


class NoHours(Conflict):
    """There is not that much open time ahead."""

    code = "no_hours"
    message = _("There are not enough opening hours in the next five years. Set the opening hours first.")


class TooFar(Invalid):
    """An instant at the ends of the calendar."""

    code = "too_far"
    message = _("Choose a time from the year 1900 to 9990.")


class WeeklyOpening(NamedTuple):
    """Open every week on this day (0 is Monday), from the day `first` to the day `last`; None is no end."""

    weekday: int
    opens: int
    closes: int
    first: date | None = None
    last: date | None = None

    def counts_on(self, day: date) -> bool:
        """Whether it is in force on a day of its weekday."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


@dataclass(frozen=True)
class Hours:
    """The hours of one calendar. A special day's own hours come first, then closures, public holidays, the week."""

    zone: ZoneInfo
    week: tuple[WeeklyOpening, ...] = ()
    closures: tuple[tuple[date, date], ...] = ()  # first and last day
    special: Mapping[date, tuple[Shift, ...]] = field(default_factory=dict, hash=False)
    country: str = ""
    subdivision: str = ""

    @classmethod
    def load(cls, calendar: Calendar) -> Hours:
        """The hours of this calendar: three queries, or none when it came by `with_hours`."""
        special = sorted((row.day, (row.opens, row.closes)) for row in calendar.special.all())
        return cls(
            zone=ZoneInfo(calendar.time_zone),
            week=tuple(opening.weekly for opening in calendar.openings.all()),
            closures=tuple((closure.first_day, closure.last_day) for closure in calendar.closures.all()),
            special=MappingProxyType(_by_key(special)),
            country=calendar.country,
            subdivision=calendar.subdivision,
        )

    # Days, as the clocks of the zone show them

    def shifts_on(self, day: date) -> tuple[Shift, ...]:
        """The hours of a day in minutes after its midnight, in their order."""
        if day in self.special:
            return self.special[day]
        usual = [opening for opening in self._by_weekday.get(day.weekday(), ()) if opening.counts_on(day)]
        if not usual or self.is_closed_on(day) or self.holiday_on(day):
            return ()
        return tuple((opening.opens, opening.closes) for opening in usual)

    def is_closed_on(self, day: date) -> bool:
        """Whether the day lies in a closure."""
        at = bisect_right(self._closed, day, key=itemgetter(0)) - 1
        return at >= 0 and day < self._closed[at][1]

    def holiday_on(self, day: date) -> str:
        """The name of the public holiday in the country's own language; empty on other days."""
        return public_holidays(self.country, self.subdivision, day.year).get(day, "") if self.country else ""

    @cached_property
    def _by_weekday(self) -> dict[int, tuple[WeeklyOpening, ...]]:
        return _by_key((opening.weekday, opening) for opening in sorted(self.week, key=itemgetter(0, 1)))

    @cached_property
    def _closed(self) -> list[tuple[date, date]]:
        """The closures in their order, each up to the day after it; those that touch are one."""
        return list(_joined(sorted((first, last + DAY) for first, last in self.closures)))

    # Instants

    def is_open(self, at: datetime) -> bool:
        """Whether it is open at that instant: from the moment it opens until just before it closes."""
        local = _placed(at).astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        return any(opens <= minute < closes for opens, closes in self.shifts_on(local.date()))

    def next_opening(self, at: datetime) -> datetime | None:
        """When it opens the next time after that instant; None if it does not within the horizon."""
        return next((begins for begins, _ in self._open(at, _horizon(at)) if begins > at), None)

    def next_closing(self, at: datetime) -> datetime | None:
        """When it closes the next time after that instant; None if it does not within the horizon."""
        horizon = _horizon(at)
        return next((ends for _, ends in self._open(at, horizon) if ends < horizon), None)

    def openings_between(self, start: datetime, end: datetime) -> list[Span]:
        """Every stretch of open time between two instants, in UTC and in order; stretches that touch are one."""
        return list(self._open(start, end))

    def working_between(self, start: datetime, end: datetime) -> timedelta:
        """How much open time lies between two instants; none if the second is not after the first."""
        return sum((ends - begins for begins, ends in self._pieces(start, end)), timedelta())

    def add_working(self, at: datetime, amount: timedelta) -> datetime:
        """The earliest instant by which so much open time has passed since `at`, or NoHours."""
        if amount < timedelta():
            raise Invalid(_("The time to add must not be negative."))
        if not amount:
            return _placed(at)
        for begins, ends in self._pieces(at, _horizon(at)):
            if amount <= ends - begins:
                return begins + amount
            amount -= ends - begins
        raise NoHours

    def _open(self, start: datetime, end: datetime) -> Iterator[Span]:
        return _joined(self._pieces(start, end))

    def _pieces(self, start: datetime, end: datetime) -> Iterator[Span]:
        """The open time between two instants, in order, shift by shift."""
        for begin, finish, offset in _stretches(self.zone, _placed(start), _placed(end)):
            day, last = (begin + offset).date(), (finish + offset).date()
            while day <= last:
                midnight = datetime.combine(day, time(), UTC) - offset
                for opens, closes in self.shifts_on(day):
                    opened = max(midnight + timedelta(minutes=opens), begin)
                    closed = min(midnight + timedelta(minutes=closes), finish)
                    if opened < closed:
                        yield opened, closed
                day += DAY


def _placed(at: datetime) -> datetime:
    """The instant in UTC, or TooFar where days before or after it might be in no year."""
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise TooFar
    return at.astimezone(UTC)


def _horizon(at: datetime) -> datetime:
    return min(_placed(at) + HORIZON, datetime(LAST_YEAR, 12, 31, tzinfo=UTC))


def _joined(spans: Iterable[tuple[_Ends, _Ends]]) -> Iterator[tuple[_Ends, _Ends]]:
    """Spans in the order of their beginnings, with those that touch or overlap made one."""
    current: tuple[_Ends, _Ends] | None = None
    for begins, ends in spans:
        if current and begins <= current[1]:
            current = current[0], max(current[1], ends)
            continue
        if current:
            yield current
        current = begins, ends
    if current:
        yield current


def _by_key(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, tuple[Any, ...]]:
    """The second halves of pairs by their first ones, in the order in which they come."""
    grouped: dict[Any, list[Any]] = {}
    for key, value in pairs:
        grouped.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in grouped.items()}


def _stretches(zone: tzinfo, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """The time between two instants, cut where the clocks are changed, with what they are ahead of UTC."""
    begin = start
    for year in range(start.year, end.year + 1):
        for change in _changes(zone, year):
            if begin < change < end:
                yield begin, change, _offset(zone, begin)
                begin = change
    if begin < end:
        yield begin, end, _offset(zone, begin)


@lru_cache(maxsize=1024)
def _changes(zone: tzinfo, year: int) -> tuple[datetime, ...]:
    """The instants of a year at which the clocks of a zone are changed, which happens once a day at most."""
    days = [datetime(year, 1, 1, tzinfo=UTC) + DAY * number for number in range(366)]
    days = [day for day in days if day.year == year]
    return tuple(_change(zone, day) for day in days if _offset(zone, day) != _offset(zone, day + DAY))


def _change(zone: tzinfo, day: datetime) -> datetime:
    """When the clocks are changed in the 24 hours from an instant on."""
    before = _offset(zone, day)
    seconds = range(24 * 60 * 60)
    changed = bisect_left(seconds, True, key=lambda second: _offset(zone, day + timedelta(seconds=second)) != before)
    return day + timedelta(seconds=changed)


def _offset(zone: tzinfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()
