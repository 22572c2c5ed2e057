"""Service levels: what is promised, and the clocks of each ticket, which run while the desk is open.

Due times are reckoned whenever something happens to a ticket and are stored, so that lists and sweeps compare a column
with the time. The clock of the first response runs until staff have said something. That of the resolution rests while
the customer has the next word: `clock_spent` is what it has run, `clock_since` when it went on. What is promised to a
ticket already does not change with the level or the hours; what happens to it next is reckoned by the new ones.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from support.actions.milestones import note_milestone
from support.errors import LevelExists, LevelMisfit
from support.models import MOST_MINUTES, Priority, Promise, ServiceLevel, Ticket, place_by_priority
from support.policies import DeskHours
from ticketing import rights
from ticketing.errors import Invalid, NotFound
from ticketing.models import Activity
from ticketing.rights import Actor

AT_ONCE = 100  # tickets whose breach one sweep notes
HIGHER = {Priority.LOW: Priority.MEDIUM, Priority.MEDIUM: Priority.HIGH}


@transaction.atomic
def create_level(
    *, department: str, priority: str, first_response: int | None = None, resolution: int | None = None, by: Actor
) -> ServiceLevel:
    """Promise something for a priority, in a department or in all that promise nothing of their own."""
    rights.require(by, "support.manage_levels")
    level = ServiceLevel(department=department, priority=priority, first_response=first_response, resolution=resolution)
    _require_promise(level)
    promised = {"first_response": first_response, "resolution": resolution}
    level, is_new = ServiceLevel.objects.get_or_create(department=department, priority=priority, defaults=promised)
    if not is_new:
        raise LevelExists
    Activity.objects.record("support.create_level", level, by=by, **_told(level))
    return level


@transaction.atomic
def change_level(level: ServiceLevel, *, by: Actor, **minutes: int | None) -> ServiceLevel:
    """Promise other times (`first_response`, `resolution`, in minutes) from now on; what is left out stays."""
    rights.require(by, "support.manage_levels")
    current = _locked(level)
    for name, value in minutes.items():
        setattr(current, name, value)
    _require_promise(current)
    if minutes:
        ServiceLevel.objects.filter(pk=level.pk).change(**minutes)
        Activity.objects.record("support.change_level", level, by=by, **_told(current))
    return current


@transaction.atomic
def remove_level(level: ServiceLevel, *, by: Actor) -> None:
    """Promise nothing any more; due times that stand already stay."""
    rights.require(by, "support.manage_levels")
    current = _locked(level)
    Activity.objects.record("support.remove_level", current, by=by, **_told(current))
    current.delete()


def _locked(level: ServiceLevel) -> ServiceLevel:
    if current := ServiceLevel.objects.select_for_update().filter(pk=level.pk).first():
        return current
    raise NotFound


def _require_promise(level: ServiceLevel) -> None:
    promised = {name: getattr(level, name) for name in ("first_response", "resolution")}
    for name, minutes in promised.items():
        if minutes is not None and not 1 <= minutes <= MOST_MINUTES:
            sentence = _("“%(field)s” must be a whole number of minutes from 1 to %(limit)d.")
            raise Invalid(sentence % {"field": name, "limit": MOST_MINUTES}, field=name)
    if not any(promised.values()):
        raise LevelMisfit(field="first_response")
    if all(promised.values()) and promised["first_response"] > promised["resolution"]:
        raise LevelMisfit(_("A question is not resolved before it is answered."), field="resolution")


def _told(level: ServiceLevel) -> dict[str, Any]:
    return {name: getattr(level, name) for name in ("department", "priority", "first_response", "resolution")}


# The clocks of a ticket that the caller has locked, or just made


def start_clocks(ticket: Ticket) -> None:
    """A ticket joins the queue, as a new one or again: what is due, and when."""
    now = _now()
    Promise.objects.filter(ticket=ticket).delete()
    _reckon(Promise(ticket=ticket, asked_at=now, clock_since=now))


def resume_clock(ticket: Ticket) -> None:
    """The customer has spoken: it is the desk's turn again."""
    promise = _of(ticket)
    if promise and promise.clock_since is None:
        promise.clock_since = _now()
        _reckon(promise)


def rest_clock(ticket: Ticket) -> None:
    """Staff have spoken: the first response is given, and the clock of the resolution rests. Late remains late."""
    if Ticket.objects.filter(pk=ticket.pk, first_answered_at=None).update(first_answered_at=Now()):
        note_milestone("answered", ticket.pk)
    promise, now = _of(ticket), _now()
    if promise and promise.clock_since and not (promise.resolve_by and promise.resolve_by < now):
        promise.clock_spent += DeskHours().between(promise.clock_since, now)
        promise.clock_since = promise.resolve_by = None
        promise.save()


def end_clocks(ticket: Ticket) -> None:
    """It is closed: whatever was late is owed no more."""
    Promise.objects.filter(ticket=ticket).update(ended_at=Now())


def reckon_anew(ticket: Ticket) -> None:
    """Priority or department have changed, and with them what is promised."""
    made = Promise(ticket=ticket, asked_at=ticket.created_at, clock_since=_now(), ended_at=ticket.closed_at)
    _reckon(_of(ticket) or made)


def _of(ticket: Ticket) -> Promise | None:
    return Promise.objects.select_related("ticket").filter(ticket=ticket).first()


def _reckon(promise: Promise) -> None:
    """Write down what is due by the level that there is now, nothing where there is none."""
    level = ServiceLevel.objects.for_ticket(promise.ticket)
    if level is None:
        Promise.objects.filter(pk=promise.pk).delete()
        return
    hours = DeskHours()
    if promise.ticket.first_answered_at is None:
        promise.respond_by = _due(hours, promise.asked_at, level.first_response)
    promise.resolve_by = _due(hours, promise.clock_since, level.resolution, promise.clock_spent)
    promise.save()


def _due(
    hours: DeskHours, since: datetime | None, minutes: int | None, spent: timedelta = timedelta()
) -> datetime | None:
    return hours.after(since, timedelta(minutes=minutes) - spent) if since and minutes else None


def _now() -> datetime:
    """By the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


# What is late


def escalate_late_tickets() -> int:
    """Note each promise that is broken, once, and raise the priority of its ticket; returns how many."""
    return _escalate("response", "response_missed_at") + _escalate("resolution", "resolution_missed_at")


@transaction.atomic
def _escalate(what: str, noted: str) -> int:
    late = Promise.objects.newly_late(what).select_related("ticket")
    promises = late.select_for_update(skip_locked=True, no_key=True, of=("self", "ticket"))[:AT_ONCE]
    for promise in promises:
        Promise.objects.filter(pk=promise.pk).update(**{noted: Now()})
        _raise_priority(promise.ticket)
        Activity.objects.record("support.escalate", promise.ticket, by=None, missed=what)
    return len(promises)


def _raise_priority(ticket: Ticket) -> None:
    """By one step, and so before others in the queue; what is promised stays. The highest is as high as it gets."""
    if higher := HIGHER.get(Priority(ticket.priority)):
        moved = place_by_priority(ticket.priority, higher)
        Ticket.objects.filter(pk=ticket.pk).change(priority=higher, queue_at=moved)
