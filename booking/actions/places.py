"""Where a visit is received: its slot and its resource, and the places that are taken and given back.

Locks are taken in one order everywhere: first a booking, then the phone number and the e-mail address whose bookings
are counted (caps.py), the resources of its service, the tally of its hour and slots, each in ascending key, each slot
with those who wait for it before the next; the purge alike. A slot's row comes last, because everybody who books it
waits for it. Whatever becomes free is offered to its waiting list in the same transaction
(ticketing/actions/waiting.py), so that nobody outside the list sees it before.
"""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange as Range
from django.db.models import F

from booking.availability import Crew
from booking.errors import SlotFull, SlotVanished, TooFewPlaces
from booking.models import Booking, Resource, Service, Slot
from booking.policies import end_of, require_slot, require_window
from booking.querysets import minute_of
from booking.timetable import number_of
from ticketing.actions import offer_what_is_free, release_overdue
from ticketing.clocks import database_now
from ticketing.errors import NotFound
from ticketing.rights import Actor

TRIES = 5

_P = ParamSpec("_P")
_T = TypeVar("_T")


def again_if_slot_vanishes(verb: Callable[_P, _T]) -> Callable[_P, _T]:
    """Repeat the transaction when the purge removed a past minute's empty slot under it, a few times at most."""

    @wraps(verb)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        for _try in range(TRIES - 1):
            try:
                return verb(*args, **kwargs)
            except SlotVanished:
                continue
        return verb(*args, **kwargs)

    return run


def locked(booking: Booking) -> Booking:
    """The booking as it is now, with `is_settled`, until the transaction ends; NotFound when it is gone."""
    # Without a join: joined to its slot, a booking that somebody moved while we waited would seem to be gone.
    current = Booking.objects.select_for_update().with_deadline().filter(pk=booking.pk).first()
    if current is None:
        raise NotFound
    return current


def place(booking: Booking, service: Service, starts_at: datetime, *, by: Actor) -> None:
    """Set slot, end and resource of a visit that begins then, by the service's terms; nothing is taken yet.

    The slot is one that may still have to be made: whoever books or moves there finds it, or makes it.
    """
    require_slot(service, starts_at)
    if service.lead_minutes is not None or service.horizon_days is not None:
        require_window(service, starts_at, by=by, at=database_now())
    booking.starts_at, booking.ends_at = starts_at, end_of(service, starts_at)
    booking.resource = booking.busy = None
    if service.needs_resource:
        booking.resource = _free_resource(service, booking)
        booking.busy = Range(booking.starts_at - service.before, booking.ends_at + service.after)
    booking.slot = new_slot(service, starts_at)


def _free_resource(service: Service, booking: Booking) -> Resource:
    """One that can receive this visit, locked with all others of the service, or SlotFull.

    The locks are taken in one order before anybody looks who is free: so nobody sees another's half-made booking, and
    the exclusion constraint, which would find the same later and may deadlock, has nothing to refuse.
    """
    list(Resource.objects.of(service).select_for_update(no_key=True))
    slot = number_of(booking.starts_at)
    free = Crew.of(service, (slot, slot + 1), but=booking).free_at(slot)
    if not free:
        raise SlotFull(field="starts_at")
    return next((resource for resource in free if resource.pk == booking.resource_id), free[0])


def new_slot(service: Service, starts_at: datetime) -> Slot:
    """The slot of that minute as it begins; it is not written yet."""
    return Slot(service=service, starts_at=minute_of(starts_at), capacity=service.slot_capacity)


def made(new: Slot) -> Slot:
    """The slot of that service and minute, made if nobody has booked it yet."""
    slots = Slot.objects.of_minute(new.service, new.starts_at)
    if slot := slots.first():
        return slot
    Slot.objects.bulk_create([new], ignore_conflicts=True)  # ours or a twin's
    if slot := slots.first():
        return slot
    raise SlotVanished


def take_places(slot: Slot, places: int) -> None:
    """Take places, those of overdue offers too; SlotFull, TooFewPlaces, or SlotVanished when the slot is gone."""
    if Slot.objects.take(slot.pk, places):
        return
    # What holds them may be an offer whose time is over. Only here: who finds room pays nothing for waiting lists.
    if release_overdue(slot) and Slot.objects.take(slot.pk, places):
        return
    left = Slot.objects.filter(pk=slot.pk).annotate(free=F("capacity") - F("taken")).values_list("free", flat=True)
    if not left:
        raise SlotVanished
    # When enough are left now, somebody has just given places back, and there were none for this party.
    raise TooFewPlaces(field="party") if 0 < left[0] < places else SlotFull(field="starts_at")


def give_back(slot: Slot, places: int) -> None:
    """Return places, first to whoever waits for them."""
    Slot.objects.give_back(slot.pk, places)
    offer_what_is_free(slot)


def move_places(left: Slot, had: int, target: Slot, wants: int) -> None:
    """Give places back and take others, in ascending primary key, so that crossing moves do not deadlock."""
    if left == target:
        _take_or_give_back(target, wants - had)
    elif left.pk < target.pk:
        give_back(left, had)
        take_places(target, wants)
    else:
        take_places(target, wants)
        give_back(left, had)


def _take_or_give_back(slot: Slot, more: int) -> None:
    if more > 0:
        take_places(slot, more)
    elif more < 0:
        give_back(slot, -more)
