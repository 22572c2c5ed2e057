"""The statement that books: places of a slot taken, the visit written down, and the trail, all of it or nothing.

Where there is no room it says so, and nothing was locked or written. On its own the statement is the
transaction; inside one it comes when all other locks are held (places.py).
"""

import json
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from booking.actions.places import TRIES, new_slot
from booking.actions.telling import language_of, set_reminder, tell
from booking.errors import SlotFull, SlotVanished, TooFewPlaces
from booking.models import Booking, Slot
from booking.querysets import EXPIRES_AFTER
from ticketing import rights
from ticketing.actions import release_overdue
from ticketing.rights import Actor
from ticketing.toolkit.database import planned_once

# What the verbs say of a new booking; the rest is the database's default.
COLUMNS = (
    "id",
    "starts_at",
    "ends_at",
    "party",
    "resource_id",
    "busy",
    "firstname",
    "lastname",
    "phone",
    "email",
    "account_id",
    "language",
    "arrived_at",
    "walked_in",
    "next_reminder_at",
    "manage_version",
    "manage_digest",
)
_ENTER = f"""
WITH seen AS (
    SELECT id, capacity - taken AS room FROM booking_slot WHERE service_id = %(service)s AND starts_at = %(minute)s
), took AS (
    UPDATE booking_slot SET taken = taken + %(places)s
    WHERE service_id = %(service)s AND starts_at = %(minute)s AND taken <= capacity - %(places)s
    RETURNING id
), entered AS (
    INSERT INTO booking_booking ({", ".join(COLUMNS)}, slot_id, created_at, updated_at)
    SELECT {", ".join(f"%({name})s" for name in COLUMNS)}, took.id, statement_timestamp(), statement_timestamp()
    FROM took
    RETURNING id, slot_id, starts_at, created_at
), recorded AS (
    INSERT INTO ticketing_activity (at, actor_id, role, operation, kind, object_id, details)
    SELECT created_at, %(actor)s, %(role)s, 'booking.book', 'booking.booking', id, %(details)s FROM entered
)
SELECT entered.slot_id, entered.created_at, entered.starts_at < entered.created_at - %(age)s, seen.room,
    entered.slot_id IS NULL AND EXISTS (
        SELECT FROM ticketing_waiter WHERE kind = 'booking.slot' AND stock = seen.id AND state = 'offered'
    )
FROM (VALUES (1)) AS always LEFT JOIN seen ON true LEFT JOIN entered ON true
"""


class Answer(NamedTuple):
    """Of the statement."""

    slot: UUID | None  # None when nothing was entered
    at: datetime
    expired: bool
    room: int | None  # that the slot had before; None when nobody has booked it yet
    is_offered: bool  # whether some of what is taken is held for somebody, so that it may be overdue


def enter(booking: Booking, *, by: Actor, held: bool = False, **details: Any) -> None:
    """Write a booking down that has its time, take its places, and tell whoever made it.

    Places that are `held` for it are taken already. SlotFull, TooFewPlaces, or SlotVanished.
    """
    booking.language = language_of(by)
    set_reminder(booking)
    said = {
        **{name: getattr(booking, name) for name in COLUMNS},
        "service": booking.slot.service_id,
        "minute": booking.slot.starts_at,
        "places": 0 if held else booking.party,
        "actor": by.pk if by is not None else None,
        "role": rights.role_of(by),
        "details": json.dumps(details),
        "age": EXPIRES_AFTER,
    }
    answer, slot = _entered(booking, said), booking.slot
    slot.pk, booking.created_at, booking.expired = answer.slot, answer.at, answer.expired
    booking.slot, booking.updated_at = slot, answer.at  # it notes the slot's key only now
    tell(booking, "booking_booked", by=by)


def _entered(booking: Booking, said: dict[str, Any]) -> Answer:
    """What the statement answers that has entered it."""
    answer = _said(said)
    if answer.slot:
        return answer
    if answer.room is not None and answer.room < said["places"] and not answer.is_offered:
        raise _no_room(answer.room)
    return _entered_after_all(booking, said)


def _said(said: dict[str, Any]) -> Answer:
    return Answer(*(planned_once(_ENTER, said) or ()))


@transaction.atomic
def _entered_after_all(booking: Booking, said: dict[str, Any]) -> Answer:
    """The same once there is a slot, and room that an overdue offer held; or it is refused and nothing was written."""
    for _try in range(TRIES):
        _make_room(booking.slot, said["places"])
        if (answer := _said(said)).slot:
            return answer
    raise SlotVanished


def _no_room(left: int) -> SlotFull:
    return TooFewPlaces(field="party") if left > 0 else SlotFull(field="starts_at")


def _make_room(wanted: Slot, places: int) -> None:
    """See to it that the slot is there and has room, or refuse."""
    service, minute = wanted.service, wanted.starts_at
    slot = Slot.objects.of_minute(service, minute).first()
    there = slot or new_slot(service, minute)
    # What holds the places may be an offer that is overdue. Only here: who finds room pays nothing for waiting lists.
    if there.left < places and not release_overdue(there):
        raise _no_room(there.left)
    if slot is None:
        Slot.objects.bulk_create([there], ignore_conflicts=True)  # ours or a twin's
