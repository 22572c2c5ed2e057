"""The verbs of business hours.

Each takes the calendar's row first, so that changes of one calendar happen one after the other, and its version moves
with whatever belongs to it.
"""

from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from ticketing import rights
from ticketing.errors import Conflict, NotFound
from ticketing.hours.rules import REASON_LENGTH, Week, clean_place, clean_shifts, clean_span, clean_week, clean_zone
from ticketing.models import Activity, Calendar, Closure, Opening, SpecialOpening
from ticketing.models.hours import NAME_LENGTH
from ticketing.querysets import taken_means
from ticketing.rights import Actor
from ticketing.texts import clean_slug, clean_text

DAY = timedelta(days=1)


class CalendarSlugTaken(Conflict):
    """Calendars are told apart by their short names."""

    code = "slug_taken"
    message = _("Another calendar has this short name. Choose another one.")


class AlreadyOpenThen(Conflict):
    """Two special openings of one day overlap."""

    code = "already_open_then"
    message = _("A special opening of that day has some of these hours. Remove it first, or choose other hours.")


@transaction.atomic
def create_calendar(
    *,
    slug: str,
    name: str,
    by: Actor,
    time_zone: str | None = None,
    country: str = "",
    subdivision: str = "",
    week: Week | None = None,
) -> Calendar:
    """Make business hours, or refuse with CalendarSlugTaken; in the site's zone unless said, closed without a week."""
    rights.require(by, "hours.manage")
    zone = settings.TIME_ZONE if time_zone is None else clean_zone(time_zone, field="time_zone")
    calendar = Calendar(slug=clean_slug(slug), name=clean_text(name, field="name", limit=NAME_LENGTH), time_zone=zone)
    calendar.country, calendar.subdivision = clean_place(country, subdivision)
    with taken_means(CalendarSlugTaken(field="slug")):
        calendar.save(force_insert=True)
    Activity.objects.record("hours.create_calendar", calendar, by=by, time_zone=zone)
    if week is not None:
        set_week(calendar, week=week, by=by)
    return calendar


@transaction.atomic
def change_calendar(
    calendar: Calendar,
    *,
    by: Actor,
    name: str | None = None,
    time_zone: str | None = None,
    country: str | None = None,
    subdivision: str | None = None,
) -> Calendar:
    """Change what is given; the hours stay as the clocks show them, and the short name stays."""
    rights.require(by, "hours.manage")
    current = _locked(calendar)
    changes: dict[str, Any] = {}
    if name is not None:
        changes["name"] = clean_text(name, field="name", limit=NAME_LENGTH)
    if time_zone is not None:
        changes["time_zone"] = clean_zone(time_zone, field="time_zone")
    if country is not None or subdivision is not None:
        country = current.country if country is None else country
        subdivision = current.subdivision if subdivision is None else subdivision
        changes["country"], changes["subdivision"] = clean_place(country, subdivision)
    if changes:
        Calendar.objects.filter(pk=calendar.pk).change(**changes)
        Activity.objects.record("hours.change_calendar", calendar, by=by, fields=sorted(changes))
        current.refresh_from_db()
    return current


@transaction.atomic
def set_week(
    calendar: Calendar, *, week: Week, by: Actor, valid_from: date | None = None, valid_until: date | None = None
) -> Calendar:
    """Open at these hours and no others in those days, which are all days unless said; the days around keep theirs."""
    rights.require(by, "hours.manage")
    shifts = clean_week(week, field="week")
    clean_span(valid_from, valid_until, fields=("valid_from", "valid_until"))
    current = _locked(calendar)
    _clear(current, valid_from, valid_until)
    span = {"valid_from": valid_from, "valid_until": valid_until}
    rows = [
        Opening(calendar=current, weekday=weekday, opens=opens, closes=closes, **span)
        for weekday, day in shifts.items()
        for opens, closes in day
    ]
    Opening.objects.bulk_create(rows)
    _note("hours.set_week", current, by=by, openings=len(rows), **_dates(**span))
    return current


def _clear(calendar: Calendar, first: date | None, last: date | None) -> None:
    """Take the openings out of a span of days; what reaches beyond it goes on there."""
    met = list(calendar.openings.meeting(first, last))
    kept = []
    for row in met:
        hours = {"calendar": calendar, "weekday": row.weekday, "opens": row.opens, "closes": row.closes}
        if first and (row.valid_from is None or row.valid_from < first):
            kept.append(Opening(**hours, valid_from=row.valid_from, valid_until=first - DAY))
        if last and (row.valid_until is None or row.valid_until > last):
            kept.append(Opening(**hours, valid_from=last + DAY, valid_until=row.valid_until))
    Opening.objects.filter(pk__in=[row.pk for row in met]).delete()
    Opening.objects.bulk_create(kept)


@transaction.atomic
def add_closure(
    calendar: Calendar, *, first_day: date, by: Actor, last_day: date | None = None, reason: str = ""
) -> Closure:
    """Close on one day or from the first to the last, whatever the week says; special openings still open."""
    rights.require(by, "hours.manage")
    last_day = first_day if last_day is None else last_day
    clean_span(first_day, last_day, fields=("first_day", "last_day"))
    reason = clean_text(reason, field="reason", limit=REASON_LENGTH, empty=True)
    current = _locked(calendar)
    closure = Closure.objects.create(calendar=current, first_day=first_day, last_day=last_day, reason=reason)
    _note("hours.add_closure", current, by=by, closure=str(closure.pk), **_dates(first=first_day, last=last_day))
    return closure


@transaction.atomic
def change_closure(
    closure: Closure,
    *,
    by: Actor,
    first_day: date | None = None,
    last_day: date | None = None,
    reason: str | None = None,
) -> Closure:
    """Close on other days, or for another reason, as far as either is given; NotFound when it was taken back."""
    rights.require(by, "hours.manage")
    calendar = _locked(closure.calendar)
    current = Closure.objects.filter(pk=closure.pk).first()
    if current is None:
        raise NotFound
    given: dict[str, Any] = {"first_day": first_day, "last_day": last_day}
    if reason is not None:
        given["reason"] = clean_text(reason, field="reason", limit=REASON_LENGTH, empty=True)
    changes = {name: value for name, value in given.items() if value not in (None, getattr(current, name))}
    if not changes:
        return current
    current.first_day, current.last_day = first_day or current.first_day, last_day or current.last_day
    clean_span(current.first_day, current.last_day, fields=("first_day", "last_day"))
    Closure.objects.filter(pk=closure.pk).change(**changes)
    _note("hours.change_closure", calendar, by=by, closure=str(closure.pk), fields=sorted(changes))
    current.refresh_from_db()
    return current


@transaction.atomic
def remove_closure(closure: Closure, *, by: Actor) -> None:
    """Open again as the week says; twice is harmless."""
    rights.require(by, "hours.manage")
    calendar = _locked(closure.calendar)
    if Closure.objects.filter(pk=closure.pk).delete()[0]:
        _note("hours.remove_closure", calendar, by=by, closure=str(closure.pk))


@transaction.atomic
def add_special_opening(
    calendar: Calendar, *, day: date, opens: int, closes: int, by: Actor, reason: str = ""
) -> SpecialOpening:
    """Open on that day at these hours, whatever else is said of it; AlreadyOpenThen if another one overlaps."""
    rights.require(by, "hours.manage")
    clean_shifts([(opens, closes)], field="closes")
    clean_span(day, day, fields=("day", "day"))
    reason = clean_text(reason, field="reason", limit=REASON_LENGTH, empty=True)
    current = _locked(calendar)
    with taken_means(AlreadyOpenThen(field="opens")):
        special = SpecialOpening.objects.create(calendar=current, day=day, opens=opens, closes=closes, reason=reason)
    _note("hours.add_special_opening", current, by=by, special=str(special.pk), **_dates(day=day))
    return special


@transaction.atomic
def remove_special_opening(special: SpecialOpening, *, by: Actor) -> None:
    """Let the day be as any other; twice is harmless."""
    rights.require(by, "hours.manage")
    calendar = _locked(special.calendar)
    if SpecialOpening.objects.filter(pk=special.pk).delete()[0]:
        _note("hours.remove_special_opening", calendar, by=by, special=str(special.pk))


def _locked(calendar: Calendar) -> Calendar:
    if current := Calendar.objects.select_for_update(no_key=True).filter(pk=calendar.pk).first():
        return current
    raise NotFound


def _note(operation: str, calendar: Calendar, *, by: Actor, **details: Any) -> None:
    """Move the calendar's version, and write the line about the calendar, whose trail tells all of its hours."""
    Calendar.objects.filter(pk=calendar.pk).change()
    Activity.objects.record(operation, calendar, by=by, **details)


def _dates(**days: date | None) -> dict[str, str]:
    return {name: day.isoformat() for name, day in days.items() if day}
