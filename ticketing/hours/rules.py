"""What business hours may be. Times of day are minutes after midnight, and 1440 is the midnight that ends the day."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from itertools import pairwise
from typing import TypeAlias
from zoneinfo import available_timezones

from django.utils.translation import gettext_lazy as _

from ticketing.errors import Invalid
from ticketing.hours.public_holidays import regions_of

MIDNIGHT = 24 * 60
CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
MOST_SHIFTS = 12  # on one day
REASON_LENGTH = 200
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(8999, 12, 31)
DAY = "(19[7-9][0-9]|[2-8][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"

Shift: TypeAlias = tuple[int, int]  # when it opens, and when it closes
Week: TypeAlias = Mapping[int, Sequence[Shift]]  # by weekday, where 0 is Monday; a day that is left out is closed

_TIME = re.compile("([0-9]{1,2})(?::([0-9]{2}))?")
_BOTH_ENDS = re.compile("[-–]")
_BETWEEN_SHIFTS = re.compile("[,;]")


class BadTime(Invalid):
    """Not a time of day."""

    code = "bad_time"
    message = _("Write times of day like 09:00, and the midnight that ends the day as 24:00.")


class BadHours(Invalid):
    """Not the hours of a day."""

    code = "bad_hours"
    message = _("Write hours like 09:00-12:00, 13:00-17:00.")


class ClosesFirst(Invalid):
    """Hours that end before they begin."""

    code = "closes_first"
    message = _(
        "Closing must come after opening. Hours that go past midnight end at 24:00 and go on at 00:00 of the next day."
    )


class HoursOverlap(Invalid):
    """Two openings at once."""

    code = "hours_overlap"
    message = _("Two of these openings overlap. Make them one, or let one end before the next begins.")


class UnknownZone(Invalid):
    """Not a time zone that the site knows."""

    code = "unknown_zone"
    message = _("There is no such time zone. Name it like Europe/Berlin.")


class UnknownCountry(Invalid):
    """Not a country whose public holidays the site knows."""

    code = "unknown_country"
    message = _("No public holidays are known of this country. Write its two letters, such as DE, or leave it empty.")


class UnknownRegion(Invalid):
    """Not a part of that country with holidays of its own."""

    code = "unknown_region"
    message = _("This country has the same holidays everywhere. Leave its part empty.")


class BadDay(Invalid):
    """Not a day in the years that hours are kept for."""

    code = "no_such_day"
    message = _("Choose a day from 1970 to 8999.")


class EndsFirst(Invalid):
    """A span of days whose end comes first."""

    code = "ends_first"
    message = _("The last day must not come before the first.")


def minutes_of(text: str, *, field: str) -> int:
    """The minutes after midnight of a time of day such as 9:00, 9 or 24:00, or BadTime."""
    written = _TIME.fullmatch(text.strip())
    minutes = int(written[1]) * 60 + int(written[2] or 0) if written else MIDNIGHT + 1
    if minutes > MIDNIGHT or (written and int(written[2] or 0) > 59):
        raise BadTime(field=field)
    return minutes


def clock(minutes: int) -> str:
    """A time of day as it is written: 09:00."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def parse_shifts(text: str, *, field: str) -> list[Shift]:
    """The hours of a day as people write them: 09:00-12:00, 13:00-17:00. Nothing at all is a closed day."""
    shifts = [_shift(part, field) for part in _BETWEEN_SHIFTS.split(text)] if text.strip() else []
    return clean_shifts(shifts, field=field)


def _shift(text: str, field: str) -> Shift:
    ends = _BOTH_ENDS.split(text)
    if len(ends) != 2:
        raise BadHours(field=field)
    return minutes_of(ends[0], field=field), minutes_of(ends[1], field=field)


def written(shifts: Iterable[Shift]) -> str:
    """The hours of a day for people, in the form in which they are read."""
    return ", ".join(f"{clock(opens)}-{clock(closes)}" for opens, closes in shifts)


def clean_shifts(shifts: Iterable[Shift], *, field: str) -> list[Shift]:
    """The openings of one day in their order, or a refusal: each closes after it opens, and none overlap."""
    in_order = sorted(shifts)
    if any(closes <= opens for opens, closes in in_order):
        raise ClosesFirst(field=field)
    if any(later[0] < earlier[1] for earlier, later in pairwise(in_order)):
        raise HoursOverlap(field=field)
    if len(in_order) > MOST_SHIFTS:
        raise BadHours(_("A day can have at most %d openings. Make some of them one.") % MOST_SHIFTS, field=field)
    return in_order


def clean_week(week: Week, *, field: str) -> dict[int, list[Shift]]:
    """The openings of each weekday that has any."""
    return {weekday: shifts for weekday in sorted(week) if (shifts := clean_shifts(week[weekday], field=field))}


def clean_span(first: date | None, last: date | None, *, fields: tuple[str, str]) -> None:
    """Refuse a span of days that ends before it begins; None is no end on that side."""
    for day, field in zip((first, last), fields, strict=True):
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            raise BadDay(field=field)
    if first is not None and last is not None and last < first:
        raise EndsFirst(field=fields[1])


def parse_day(text: str) -> date | None:
    """A day as programs write it, 2031-12-24; None for anything else, and for days that no hours are kept for."""
    try:
        return date.fromisoformat(text) if re.fullmatch(DAY, text) else None
    except ValueError:  # the thirtieth of February
        return None


@cache
def zones() -> frozenset[str]:
    """The time zones of the world; not the machine's own, which another machine would take for another one."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def clean_zone(name: str, *, field: str) -> str:
    """The name of a time zone, or UnknownZone."""
    if name not in zones():
        raise UnknownZone(field=field)
    return name


def clean_place(country: str, subdivision: str) -> tuple[str, str]:
    """Whose public holidays are kept: a country and perhaps a part of it; an empty country keeps none."""
    regions = regions_of(country)
    if regions is None or (subdivision and not country):
        raise UnknownCountry(field="country")
    if subdivision and not regions:
        raise UnknownRegion(field="subdivision")
    if subdivision and subdivision not in regions:
        sentence = _("No part of this country has this name. Leave it empty, or choose one of %(regions)s.")
        raise UnknownRegion(sentence % {"regions": ", ".join(regions)}, field="subdivision")
    return country, subdivision
