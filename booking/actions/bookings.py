"""The verbs of booking.

Locks are taken in one order everywhere: first a booking, then slots in ascending primary key, the purge alike. A slot's
row comes last, because everybody who books that minute waits for it.
"""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import connection, transaction

from booking.errors import SlotFull, SlotVanished
from booking.models import Booking, Service, Slot
from booking.policies import clean_instant, clean_name, clean_phone
from booking.querysets import EXPIRES_AFTER, minute_of
from ticketing import rights
from ticketing.errors import NotFound
from ticketing.models import Activity, User
from ticketing.querysets import digest
from ticketing.rights import Actor, Scope
from ticketing.texts import clean_email

CHUNK = 5_000
TRIES = 5

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _again_if_slot_vanishes(verb: Callable[_P, _T]) -> Callable[_P, _T]:
    """Repeat the transaction when the purge removed a past minute's empty slot under it, a few times at most."""

    @wraps(verb)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        for _ in range(TRIES - 1):
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
) -> Booking:
    """Take one place in the minute of `starts_at`, or refuse with SlotFull.

    Whoever has proven to read at `email`, or proves it later (see `welcome`), finds the booking in their account.
    """
    reached = rights.require(by, "booking.book")
    booking = Booking(
        starts_at=clean_instant(starts_at),
        firstname=clean_name(firstname, field="firstname"),
        lastname=clean_name(lastname, field="lastname"),
        phone=clean_phone(phone),
        email=clean_email(email, empty=True),
        account=by if reached == Scope.OWN and isinstance(by, User) else User.objects.proven(email),
    )
    booking.manage_digest = digest(booking.manage_token)
    booking.slot = _slot_at(service or Service.objects.default(), starts_at)
    booking.save(force_insert=True)
    Activity.objects.record("booking.book", booking, by=by)
    _take_place(booking.slot)
    return booking


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
) -> Booking:
    """Change what is given, wholly or not at all; SlotFull when another minute is wanted and has no place left."""
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
    return _change(_locked(booking), changes, by=by)


def _change(booking: Booking, changes: dict[str, Any], *, by: Actor) -> Booking:
    if not changes:
        return booking
    left = target = booking.slot
    if "starts_at" in changes:
        changes["slot"] = target = _slot_at(left.service, changes["starts_at"])
    Booking.objects.filter(pk=booking.pk).change(**changes)
    Activity.objects.record("booking.change", booking, by=by, fields=sorted(changes))
    booking.refresh_from_db()
    booking.slot = target
    if target != left:
        _move_place(left, target)
    return booking


@transaction.atomic
def cancel_booking(booking: Booking, *, by: Actor) -> None:
    """Delete the booking for good and give its place back; NotFound when it is gone already."""
    rights.require(by, "booking.cancel")
    booking = _locked(booking)
    Booking.objects.filter(pk=booking.pk).delete()
    Activity.objects.record("booking.cancel", booking, by=by)
    Slot.objects.give_back(booking.slot_id)


def _locked(booking: Booking) -> Booking:
    # Without a join: joined to its slot, a booking that somebody moved while we waited would seem to be gone.
    if current := Booking.objects.select_for_update().filter(pk=booking.pk).first():
        return current
    raise NotFound


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


def _take_place(slot: Slot) -> None:
    if Slot.objects.take(slot.pk):
        return
    raise SlotFull(field="starts_at") if Slot.objects.filter(pk=slot.pk).exists() else SlotVanished


def _move_place(left: Slot, target: Slot) -> None:
    """Give one place back and take another, in ascending primary key, so that crossing moves do not deadlock."""
    if left.pk < target.pk:
        Slot.objects.give_back(left.pk)
        _take_place(target)
    else:
        _take_place(target)
        Slot.objects.give_back(left.pk)


# A booking that somebody is changing is left to the next run. Slots are awaited, in ascending order like everywhere.
_PURGE = """
WITH expired AS MATERIALIZED (
    SELECT ctid FROM booking_booking
    WHERE starts_at < statement_timestamp() - %(age)s
    ORDER BY starts_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), purged AS (
    DELETE FROM booking_booking WHERE ctid = ANY (ARRAY(SELECT ctid FROM expired)) RETURNING id, slot_id
), counted AS (
    SELECT slot_id, count(*) AS places FROM purged GROUP BY slot_id
), locked AS MATERIALIZED (
    SELECT id FROM booking_slot WHERE id = ANY (ARRAY(SELECT slot_id FROM counted)) ORDER BY id FOR NO KEY UPDATE
), given_back AS (
    UPDATE booking_slot SET taken = taken - places FROM counted
    WHERE slot_id = booking_slot.id AND booking_slot.id = ANY (ARRAY(SELECT id FROM locked))
), recorded AS (
    INSERT INTO ticketing_activity (at, actor_id, role, operation, kind, details)
    SELECT statement_timestamp(), %(actor)s::uuid, %(role)s, 'booking.purge', 'booking.booking',
        jsonb_build_object('count', count(*), 'bookings', jsonb_agg(id))
    FROM purged HAVING count(*) > 0
)
SELECT count(*) FROM purged
"""

# A slot that somebody is taking a place in is skipped; the condition is asked again under the lock.
_PURGE_EMPTY_SLOTS = """
WITH empty AS MATERIALIZED (
    SELECT id FROM booking_slot
    WHERE taken = 0 AND starts_at < statement_timestamp() - %(age)s
    LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
DELETE FROM booking_slot WHERE id IN (SELECT id FROM empty)
"""


@transaction.atomic
def purge_expired(*, by: Actor = None, limit: int = CHUNK) -> int:
    """Delete at most `limit` expired bookings and as many empty past slots; returns how many bookings.

    It goes by the database's clock only. Zero means that nothing is left but what somebody else is working on.
    """
    rights.require(by, "booking.purge")
    parameters: dict[str, Any] = {
        "age": EXPIRES_AFTER,
        "limit": limit,
        "actor": by.pk if by else None,
        "role": rights.role_of(by),
    }
    with connection.cursor() as cursor:
        cursor.execute(_PURGE, parameters)
        purged = cursor.fetchone()[0]
        cursor.execute(_PURGE_EMPTY_SLOTS, parameters)
    return int(purged)
