"""The verbs of booking.

Locks are taken in one order everywhere: first a booking, then the resources of its service, the tally of its hour and
slots, each in ascending key, each slot with those who wait for it before the next; the purge alike. A slot's row comes
last, because everybody who books it waits for it. Whatever becomes free is offered to its waiting list in the same
transaction (ticketing/actions/waiting.py), so that nobody outside the list sees it before.
"""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange as Range
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from booking.actions.telling import language_of, set_reminder, tell
from booking.availability import Crew
from booking.errors import SlotFull, SlotVanished, TooFewPlaces
from booking.models import Booking, Resource, Service, Slot, Tally
from booking.policies import (
    clean_instant,
    clean_name,
    clean_phone,
    end_of,
    require_in_time,
    require_list,
    require_party,
    require_slot,
    require_window,
)
from booking.querysets import minute_of
from booking.timetable import number_of
from ticketing import rights
from ticketing.actions import NoOffer, offer_what_is_free, release_overdue, use_offer
from ticketing.clocks import database_now
from ticketing.errors import Invalid, NotFound
from ticketing.models import Activity, User, Waiter
from ticketing.querysets import digest
from ticketing.rights import Actor, Scope
from ticketing.texts import clean_email

TRIES = 5
MOVED = ("slot", "ends_at", "resource", "busy", "next_reminder_at")  # what a new time brings with it

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _again_if_slot_vanishes(verb: Callable[_P, _T]) -> Callable[_P, _T]:
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


@_again_if_slot_vanishes
@transaction.atomic
def book(
    *,
    firstname: str,
    lastname: str,
    phone: str,
    starts_at: datetime,
    by: Actor,
    service: Service | None = None,
    email: str = "",
    party: int = 1,
) -> Booking:
    """Take a place for each of the party in the slot of `starts_at`, and a free resource where the service needs one.

    SlotFull when there are not that many left; NotASlot, Closed, TooSoon, TooFarAhead or PartyTooLarge by the terms of
    the service. Whoever has proven to read at `email`, or proves it later (`welcome`), finds it in their account.
    """
    rights.require(by, "booking.book")
    starts_at = clean_instant(starts_at)
    booking = _expected(firstname=firstname, lastname=lastname, phone=phone, email=email, by=by)
    service = service or Service.objects.default()
    booking.party = require_party(service, party)
    _place(booking, service, starts_at, by=by)
    _write(booking, by=by)
    _take_places(booking.slot, booking.party)
    return booking


def _expected(*, firstname: str, lastname: str, phone: str, email: str, by: Actor) -> Booking:
    """Whom to expect, and whose account has the booking; no time and no place yet."""
    reached = rights.require(by, "booking.book")
    booking = Booking(
        firstname=clean_name(firstname, field="firstname"),
        lastname=clean_name(lastname, field="lastname"),
        phone=clean_phone(phone),
        email=clean_email(email, empty=True),
        account=by if reached == Scope.OWN and isinstance(by, User) else User.objects.proven(email),
    )
    booking.manage_digest = digest(booking.manage_token)
    return booking


def _write(booking: Booking, *, by: Actor, **details: Any) -> None:
    booking.language = language_of(by)
    set_reminder(booking)
    booking.save(force_insert=True)
    Activity.objects.record("booking.book", booking, by=by, **details)
    tell(booking, "booking_booked", by=by)


@transaction.atomic
def book_offer(
    waiter: Waiter, *, firstname: str, lastname: str, phone: str, by: Actor, party: int | None = None
) -> Booking:
    """Make a booking of the places that are held for somebody, or of fewer of them; the rest goes to the next.

    NoOffer when nothing is held for them any more. Lead time and horizon were asked when they joined: what is held for
    somebody is theirs until the offer ends.
    """
    slot = Slot.objects.select_related("service").filter(pk=waiter.stock).first()
    if slot is None:
        raise NoOffer
    require_list(slot.service)
    booking = _expected(firstname=firstname, lastname=lastname, phone=phone, email=waiter.email, by=by)
    booking.account = booking.account or waiter.account
    booking.slot, booking.starts_at, booking.ends_at = slot, slot.starts_at, end_of(slot.service, slot.starts_at)
    booking.party = _party_of_offer(waiter, party)
    _write(booking, by=by, waiter=str(waiter.pk))
    if rest := use_offer(waiter, by=by) - booking.party:
        _give_back(slot, rest)
    return booking


def _party_of_offer(waiter: Waiter, party: int | None) -> int:
    """How many come of those for whom places are held."""
    held = Waiter.objects.offered().filter(pk=waiter.pk).values_list("offered", flat=True).first()
    if held is None:
        raise NoOffer
    if party is not None and not 1 <= party <= held:
        sentence = _("“%(field)s” must be a whole number from 1 to %(limit)d.")
        raise Invalid(sentence % {"field": "party", "limit": held}, field="party")
    return party or held


def _place(booking: Booking, service: Service, starts_at: datetime, *, by: Actor) -> None:
    """Set slot, end and resource of a visit that begins then, by the service's terms; nothing is taken yet."""
    require_slot(service, starts_at)
    if service.lead_minutes is not None or service.horizon_days is not None:
        require_window(service, starts_at, by=by, at=database_now())
    booking.starts_at, booking.ends_at = starts_at, end_of(service, starts_at)
    booking.resource = booking.busy = None
    if service.needs_resource:
        booking.resource = _free_resource(service, booking)
        booking.busy = Range(booking.starts_at - service.before, booking.ends_at + service.after)
    booking.slot = _slot_at(service, starts_at)


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


@_again_if_slot_vanishes
@transaction.atomic
def change_booking(
    booking: Booking,
    *,
    by: Actor,
    firstname: str | None = None,
    lastname: str | None = None,
    phone: str | None = None,
    starts_at: datetime | None = None,
    party: int | None = None,
) -> Booking:
    """Change what is given, wholly or not at all; refused like `book`, and with DeadlinePassed when it is too late."""
    rights.require(by, "booking.change")
    changes: dict[str, Any] = {}
    if firstname is not None:
        changes["firstname"] = clean_name(firstname, field="firstname")
    if lastname is not None:
        changes["lastname"] = clean_name(lastname, field="lastname")
    if phone is not None:
        changes["phone"] = clean_phone(phone)
    if starts_at is not None:
        changes["starts_at"] = clean_instant(starts_at)
    if party is not None:
        changes["party"] = party
    return _change(_locked(booking, by=by), changes, by=by)


def _change(booking: Booking, changes: dict[str, Any], *, by: Actor) -> Booking:
    if not changes:
        return booking
    fields = sorted(changes)
    left, places = booking.slot, booking.party
    if "party" in changes:
        require_party(left.service, changes["party"])
    if changes.get("starts_at", booking.starts_at) != booking.starts_at:
        _place(booking, left.service, changes["starts_at"], by=by)
        set_reminder(booking)
        changes |= {name: getattr(booking, name) for name in MOVED}
    if {"starts_at", "party"} & changes.keys():
        changes["sequence"] = F("sequence") + 1
    target = booking.slot
    Booking.objects.filter(pk=booking.pk).change(**changes)
    Activity.objects.record("booking.change", booking, by=by, fields=fields)
    booking.refresh_from_db()
    booking.slot = target
    if "sequence" in changes:
        tell(booking, "booking_changed", by=by)
    _move_places(left, places, target, booking.party)
    return booking


@transaction.atomic
def renew_link(booking: Booking, *, by: Actor) -> Booking:
    """Make the manage token, and every link that has it, void, and mail a new link to the booking's address."""
    rights.require(by, "booking.change")
    booking = _locked(booking, by=None)
    booking.manage_version += 1
    renewed = {"manage_version": booking.manage_version, "manage_digest": digest(booking.manage_token)}
    Booking.objects.filter(pk=booking.pk).change(**renewed)
    Activity.objects.record("booking.renew_link", booking, by=by)
    booking.refresh_from_db()
    tell(booking, "booking_link", by=by)
    return booking


@transaction.atomic
def cancel_booking(booking: Booking, *, by: Actor) -> None:
    """Delete the booking for good and give its places back; NotFound when it is gone already, DeadlinePassed."""
    rights.require(by, "booking.cancel")
    booking = _locked(booking, by=by)
    Booking.objects.filter(pk=booking.pk).delete()
    booking.sequence += 1
    tell(booking, "booking_cancelled", by=by)
    Activity.objects.record("booking.cancel", booking, by=by)
    Tally.objects.count_cancelled(booking)
    _give_back(Slot(pk=booking.slot_id), booking.party)


def _locked(booking: Booking, *, by: Actor) -> Booking:
    """The booking as it is now, for whoever changes or ends it; NotFound, DeadlinePassed."""
    # Without a join: joined to its slot, a booking that somebody moved while we waited would seem to be gone.
    current = Booking.objects.select_for_update().with_deadline().filter(pk=booking.pk).first()
    if current is None:
        raise NotFound
    require_in_time(current, by=by)
    return current


def _slot_at(service: Service, starts_at: datetime) -> Slot:
    """The slot of that minute, made if nobody has booked it yet."""
    slots = Slot.objects.of_minute(service, starts_at)
    if slot := slots.first():
        return slot
    new = Slot(service=service, starts_at=minute_of(starts_at), capacity=service.slot_capacity)
    Slot.objects.bulk_create([new], ignore_conflicts=True)  # ours or a twin's
    if slot := slots.first():
        return slot
    raise SlotVanished


def _take_places(slot: Slot, places: int) -> None:
    if Slot.objects.take(slot.pk, places):
        return
    # What holds them may be an offer whose time is over. Only here: who finds room pays nothing for waiting lists.
    if release_overdue(slot) and Slot.objects.take(slot.pk, places):
        return
    left = Slot.objects.filter(pk=slot.pk).annotate(free=F("capacity") - F("taken")).values_list("free", flat=True)
    if not left:
        raise SlotVanished
    raise TooFewPlaces(field="party") if left[0] else SlotFull(field="starts_at")


def _give_back(slot: Slot, places: int) -> None:
    """Return places, first to whoever waits for them."""
    Slot.objects.give_back(slot.pk, places)
    offer_what_is_free(slot)


def _move_places(left: Slot, had: int, target: Slot, wants: int) -> None:
    """Give places back and take others, in ascending primary key, so that crossing moves do not deadlock."""
    if left == target:
        _take_or_give_back(target, wants - had)
    elif left.pk < target.pk:
        _give_back(left, had)
        _take_places(target, wants)
    else:
        _take_places(target, wants)
        _give_back(left, had)


def _take_or_give_back(slot: Slot, more: int) -> None:
    if more > 0:
        _take_places(slot, more)
    elif more < 0:
        _give_back(slot, -more)
