"""The verbs of booking."""

from contextlib import nullcontext
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from booking.actions.caps import require_few
from booking.actions.entering import enter
from booking.actions.places import again_if_slot_vanishes, give_back, locked, made, move_places, place
from booking.actions.telling import set_reminder, tell
from booking.models import Booking, Service, Slot, Tally
from booking.policies import (
    cap_of,
    clean_instant,
    clean_name,
    clean_phone,
    end_of,
    require_in_time,
    require_list,
    require_party,
)
from ticketing import rights
from ticketing.actions import NoOffer, use_offer
from ticketing.errors import Invalid
from ticketing.models import Activity, User, Waiter
from ticketing.querysets import digest
from ticketing.rights import Actor, Scope
from ticketing.texts import clean_email

MOVED = ("slot", "ends_at", "resource", "busy", "next_reminder_at")  # what a new time brings with it


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
    the service; TooManyBookings with this number or address. Whoever has proven to read at `email`, or proves it later
    (`welcome`), finds it in their account.
    """
    rights.require(by, "booking.book")
    starts_at = clean_instant(starts_at)
    booking = _expected(firstname=firstname, lastname=lastname, phone=phone, email=email, by=by)
    service = service or Service.objects.default()
    booking.party = require_party(service, party)
    with transaction.atomic() if _takes_steps(booking, service, by=by) else nullcontext():
        require_few(booking, phone=booking.phone, email=booking.email, by=by)
        place(booking, service, starts_at, by=by)
        enter(booking, by=by)
    return booking


def _takes_steps(booking: Booking, service: Service, *, by: Actor) -> bool:
    """Whether more is locked or written than the statement of `enter` does, which is a transaction by itself."""
    return bool(booking.email) or service.needs_resource or cap_of("phone", by=by) is not None


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


@transaction.atomic
def book_offer(
    waiter: Waiter, *, firstname: str, lastname: str, phone: str, by: Actor, party: int | None = None
) -> Booking:
    """Make a booking of the places that are held for somebody, or of fewer of them; the rest goes to the next.

    NoOffer when nothing is held for them any more; TooManyBookings. Lead time and horizon were asked when they joined:
    what is held for somebody is theirs until the offer ends.
    """
    slot = Slot.objects.select_related("service").filter(pk=waiter.stock).first()
    if slot is None:
        raise NoOffer
    require_list(slot.service)
    booking = _expected(firstname=firstname, lastname=lastname, phone=phone, email=waiter.email, by=by)
    booking.account = booking.account or waiter.account
    booking.slot, booking.starts_at, booking.ends_at = slot, slot.starts_at, end_of(slot.service, slot.starts_at)
    booking.party = _party_of_offer(waiter, party)
    require_few(booking, phone=booking.phone, email=booking.email, by=by)
    enter(booking, by=by, held=True, waiter=str(waiter.pk))
    if rest := use_offer(waiter, by=by) - booking.party:
        give_back(slot, rest)
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


@again_if_slot_vanishes
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
    return _change(_changeable(booking, by=by), changes, by=by)


def _changeable(booking: Booking, *, by: Actor) -> Booking:
    """The booking, locked, for whoever changes or ends it; NotFound, DeadlinePassed."""
    booking = locked(booking)
    require_in_time(booking, by=by)
    return booking


def _change(booking: Booking, changes: dict[str, Any], *, by: Actor) -> Booking:
    changes = {field: value for field, value in changes.items() if getattr(booking, field) != value}
    if not changes:
        return booking
    fields = sorted(changes)
    left, places = booking.slot, booking.party
    if "party" in changes:
        require_party(left.service, changes["party"])
    if {"phone", "starts_at"} & changes.keys():
        require_few(booking, phone=changes.get("phone", booking.phone), email=booking.email, by=by)
    if "starts_at" in changes:
        place(booking, left.service, changes["starts_at"], by=by)
        booking.slot = made(booking.slot)
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
    move_places(left, places, target, booking.party)
    return booking


@transaction.atomic
def renew_link(booking: Booking, *, by: Actor) -> Booking:
    """Make the manage token, and every link that has it, void, and mail a new link to the booking's address."""
    rights.require(by, "booking.change")
    booking = locked(booking)
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
    booking = _changeable(booking, by=by)
    Booking.objects.filter(pk=booking.pk).delete()
    booking.sequence += 1
    tell(booking, "booking_cancelled", by=by)
    Activity.objects.record("booking.cancel", booking, by=by)
    Tally.objects.count_cancelled(booking)
    give_back(Slot(pk=booking.slot_id), booking.party)
