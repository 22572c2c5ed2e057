"""What ticket-management-system keeps: bookings, in the site's zone."""

import re
from datetime import date, datetime, time, timedelta
from typing import Any

from booking.actions.moving_in import move_in_bookings
from booking.errors import NoSuchDay, NoSuchTime
from booking.models import Booking
from booking.policies import clean_name, clean_phone, day_of, instant_of
from ticketing.toolkit.tables import Row, Table

NAME = "ticket-management-system"
A_MINUTE = timedelta(minutes=1)
_DAY = re.compile(r"(?P<day>[0-9]{1,2})-(?P<month>[0-9]{1,2})-(?P<year>[0-9]{4})")
_ISO_DAY = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})")
_CLOCK = re.compile(r"([0-9]{1,2})(?::([0-9]{1,2})(?::([0-9]{1,2})(?:\.[0-9]+)?)?)?")
_OFFSET = re.compile(r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)\Z")


def tables() -> list[Table]:
    """The one table, in either of its shapes."""
    person = "ticketId/id firstname lastname phone_number"
    return [
        Table("bookings", f"{person} date time_hours/time", _booking, move_in_bookings),
        Table("bookings", f"{person} datetime/date_time/ticket_time", _booking, move_in_bookings),
    ]


def _booking(row: Row) -> Booking:
    starts_at = _starts_at(row)
    return Booking(
        pk=row.uuid("ticketId" if row.raw("ticketId") is not None else "id"),
        starts_at=starts_at,
        ends_at=starts_at + A_MINUTE,
        firstname=clean_name(row.text("firstname", 1000), field=row.column("firstname")),
        lastname=clean_name(row.text("lastname", 1000), field=row.column("lastname")),
        phone=clean_phone(row.text("phone_number", 100), field=row.column("phone_number")),
    )


def _starts_at(row: Row) -> datetime:
    for name in ("datetime", "date_time", "ticket_time"):
        if row.raw(name) is not None:
            return _instant(row, name)
    return instant_of(_day(row, row.required("date"), "date"), _time(row))


def _instant(row: Row, name: str) -> datetime:
    """With an offset as it says; without, on the site's clocks."""
    text = row.text(name, 40)
    if _OFFSET.search(text):
        return row.instant(name).replace(microsecond=0)
    day, _, clock = text.replace("T", " ").partition(" ")
    return instant_of(_day(row, day, name), _clock(row, clock, name))


def _day(row: Row, value: Any, name: str) -> date:
    text = value.strip() if isinstance(value, str) else ""
    if match := _DAY.fullmatch(text) or _ISO_DAY.fullmatch(text):
        return day_of(int(match["year"]), int(match["month"]), int(match["day"]))
    raise NoSuchDay(field=row.column(name))


def _time(row: Row) -> time:
    if row.raw("time_hours") is None:
        return _clock(row, row.text("time", 40), "time")
    parts = {name: row.integer(name, least=0, most=59) for name in _PARTS if row.raw(name) is not None}
    return _time_of(row, "time_hours", *(parts.get(name, 0) for name in _PARTS))


_PARTS = ("time_hours", "time_minutes", "time_seconds")


def _clock(row: Row, text: str, name: str) -> time:
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise NoSuchTime(field=row.column(name))
    return _time_of(row, name, *(int(part or 0) for part in match.groups()))


def _time_of(row: Row, name: str, hour: int, minute: int, second: int) -> time:
    try:
        return time(hour, minute, second)
    except ValueError as error:
        raise NoSuchTime(field=row.column(name)) from error
