"""The rules of a booking, each in this one place; verbs keep them, forms and contracts ask them early."""

import re
from datetime import UTC, date, datetime, time

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.errors import BadPhone, DayIsOver, NoSuchDay, NoSuchTime, TimeIsOver
from booking.models import NAME_LENGTH, PHONE, SLUG
from booking.querysets import minute_of
from ticketing.errors import Invalid
from ticketing.rights import Scope
from ticketing.texts import clean_text

FIRST_YEAR = 1970


def clean_name(value: object, *, field: str) -> str:
    """A first or last name, trimmed; Invalid names `field`."""
    return clean_text(value, field=field, limit=NAME_LENGTH)


def clean_phone(value: object, *, field: str = "phone") -> str:
    """Ten ASCII digits, or BadPhone naming `field`."""
    if isinstance(value, str) and re.fullmatch(PHONE, value):
        return value
    raise BadPhone(field=field)


def clean_slug(value: object, *, field: str = "slug") -> str:
    """A short name for programs, or Invalid naming `field`."""
    if isinstance(value, str) and re.fullmatch(SLUG, value):
        return value
    raise Invalid(_("A short name has up to 50 letters, digits, hyphens and underscores."), field=field)


def clean_instant(instant: datetime, *, field: str = "starts_at") -> datetime:
    """An instant that the site's clocks can show, or NoSuchDay naming `field`."""
    try:
        local(instant)
    except OverflowError as error:  # the last hours of the year 9999, east of Greenwich
        raise NoSuchDay(field=field) from error
    return instant


def email_as_seen(email: str, scope: Scope) -> str:
    """The address, or its first letter where the scope is masked."""
    return f"{email[:1]}•••" if email and scope == Scope.MASKED else email


def phone_as_seen(phone: str, scope: Scope) -> str:
    """The number, or its last three digits where the scope is masked."""
    return f"•••••••{phone[-3:]}" if scope == Scope.MASKED else phone


def day_of(year: int, month: int, day: int) -> date:
    """A day that can be booked, from 1970 on, or NoSuchDay."""
    try:
        found = date(year, month, day)
    except ValueError as error:
        raise NoSuchDay(field="date") from error
    if found.year < FIRST_YEAR:
        raise NoSuchDay(field="date")
    return found


def instant_of(day: date, clock: time) -> datetime:
    """The first instant at which the site's clocks show this; NoSuchTime when they skip it."""
    zone = timezone.get_default_timezone()
    shown = datetime.combine(day_of(day.year, day.month, day.day), clock, tzinfo=zone)
    try:
        instant = shown.astimezone(UTC)
    except OverflowError as error:  # the last hours of the year 9999, west of Greenwich
        raise NoSuchDay(field="date") from error
    if instant.astimezone(zone).replace(tzinfo=None) != shown.replace(tzinfo=None):
        raise NoSuchTime(field="time")
    return instant


def require_future_day(day: date, *, at: datetime) -> None:
    """Refuse with DayIsOver what lies before the day of the instant `at`."""
    if day < local(at).date():
        raise DayIsOver(field="date")


def require_future(instant: datetime, *, at: datetime) -> None:
    """Refuse with TimeIsOver what lies before the minute of `at`."""
    if instant < minute_of(at):
        raise TimeIsOver(field="time")


def local(instant: datetime) -> datetime:
    """The instant as the site's clocks show it."""
    return instant.astimezone(timezone.get_default_timezone())
