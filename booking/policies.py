"""The rules of a booking, each in this one place; verbs keep them, forms and contracts ask them early."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.errors import (
    BadPhone,
    Closed,
    DayIsOver,
    DeadlinePassed,
    NobodyComes,
    NoSuchDay,
    NoSuchTime,
    NotASlot,
    NotWaitedFor,
    PartyTooLarge,
    TermsMisfit,
    TimeIsOver,
    TooFarAhead,
    TooManyBookings,
    TooManyForAddress,
    TooManyForPhone,
    TooSoon,
)
from booking.models import A_DAY, NAME_LENGTH, PHONE, TERMS, Booking, Service
from booking.querysets import minute_of
from booking.timetable import END, begins_slot, days_span, is_open, number_of
from ticketing import rights
from ticketing.errors import Invalid
from ticketing.rights import Actor, Role, Scope
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
    """The instant at which the site's clocks show this; NoSuchTime when they skip it.

    Of a time that they show twice it is the first, or the second where `clock` has the fold.
    """
    zone = timezone.get_default_timezone()
    shown = datetime.combine(day_of(day.year, day.month, day.day), clock, tzinfo=zone)
    try:
        instant = shown.astimezone(UTC)
    except OverflowError as error:  # the last hours of the year 9999, west of Greenwich
        raise NoSuchDay(field="date") from error
    if instant.astimezone(zone).replace(tzinfo=None) != shown.replace(tzinfo=None):
        raise NoSuchTime(field="time")
    return instant


# The terms of a service


def clean_terms(terms: dict[str, Any]) -> dict[str, Any]:
    """Numbers within their limits, or Invalid naming the first that is not."""
    for field, (least, most) in TERMS.items():
        said = terms.get(field)
        if said is not None and not least <= said <= most:
            sentence = _("“%(field)s” must be a whole number from %(least)d to %(most)d.")
            raise Invalid(sentence % {"field": field, "least": least, "most": most}, field=field)
    if A_DAY % terms.get("grid_minutes", 1):
        raise TermsMisfit(field="grid_minutes")
    return terms


def is_bound(actor: Actor) -> bool:
    """Whether lead time, horizon and deadline hold for this actor: they do for customers, known or not."""
    return rights.role_of(actor) in (Role.ANONYMOUS, Role.CUSTOMER)


def window_of(service: Service, *, by: Actor, at: datetime) -> tuple[datetime, int]:
    """From which instant, and until before which minute since 1970, this actor can book at `at`."""
    opens, closes = minute_of(at), days_span(date.max, date.max)[1]
    if is_bound(by) and service.lead_minutes is not None:
        opens = at + timedelta(minutes=service.lead_minutes)
    if is_bound(by) and service.horizon_days is not None:
        last = local(at).date() + timedelta(days=service.horizon_days)
        closes = days_span(last, last)[1]
    return opens, closes


def end_of(service: Service, starts_at: datetime) -> datetime:
    """When a visit that begins then is over; in the last minutes of the year 9999 with the calendar."""
    return starts_at + min(service.duration, END - starts_at)


def require_slot(service: Service, instant: datetime, *, field: str = "starts_at") -> None:
    """Refuse with NotASlot or Closed what is no slot of the service."""
    if not is_open(service, instant):
        raise Closed(field=field)
    if not begins_slot(service, instant):
        raise NotASlot(field=field)


def require_window(service: Service, instant: datetime, *, by: Actor, at: datetime, field: str = "starts_at") -> None:
    """Refuse with TooSoon or TooFarAhead what a customer cannot book at `at`; without a lead the past is no matter."""
    if not is_bound(by):
        return
    opens, closes = window_of(service, by=by, at=at)
    if service.lead_minutes is not None and instant < opens:
        raise TooSoon(field=field)
    if number_of(instant) >= closes:
        raise TooFarAhead(field=field)


def require_somebody(people: int, *, field: str) -> int:
    """Refuse with Invalid a party of nobody."""
    if people < 1:
        raise NobodyComes(field=field)
    return people


def require_party(service: Service, party: int, *, field: str = "party") -> int:
    """Refuse with Invalid or PartyTooLarge what cannot come together."""
    require_somebody(party, field=field)
    if party > service.largest_party:
        raise PartyTooLarge(field=field)
    return party


TOO_MANY: dict[str, type[TooManyBookings]] = {"phone": TooManyForPhone, "email": TooManyForAddress}


def cap_of(field: str, *, by: Actor) -> int | None:
    """How many bookings this actor lets one phone number, or one e-mail address, have at once; None for any number."""
    caps = {"phone": settings.BOOKINGS_PER_PHONE, "email": settings.BOOKINGS_PER_ADDRESS}
    return caps[field] if is_bound(by) else None


def require_under(field: str, count: int, *, by: Actor) -> None:
    """Refuse with TooManyBookings one more than so many."""
    cap = cap_of(field, by=by)
    if cap is not None and count >= cap:
        raise TOO_MANY[field](field=field)


def require_list(service: Service) -> None:
    """Refuse with NotWaitedFor where a place that is given back need not be one that somebody else can have."""
    if service.needs_resource:
        raise NotWaitedFor


def is_settled(booking: Booking, *, by: Actor) -> bool:
    """Whether this actor cannot change or cancel the booking any more; it came by `with_deadline`."""
    return booking.is_settled and is_bound(by)


def require_in_time(booking: Booking, *, by: Actor) -> None:
    """Refuse with DeadlinePassed what is settled for this actor."""
    if is_settled(booking, by=by):
        raise DeadlinePassed


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
