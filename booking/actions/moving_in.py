"""The verb that moves the bookings of another system in; see ticketing/actions/moving_in.py."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from booking.errors import SlotFull
from booking.models import Booking, Service, Slot
from booking.querysets import EXPIRES_AFTER, minute_of
from ticketing.actions.moving_in import (
    Outcome,
    again_if_others_interfere,
    begin,
    newcomers,
    refuse,
    settle,
)
from ticketing.querysets import digest
from ticketing.rights import Actor


@again_if_others_interfere
@transaction.atomic
def move_in_bookings(bookings: Sequence[Booking], *, source: str, by: Actor) -> Outcome:
    """Give each booking the place it had, in the order given; SlotFull where its minute has none left.

    What expired is left behind: the purge would delete it within two minutes.
    """
    now = begin(by)
    outcome = Outcome()
    new = newcomers(bookings, compared=("starts_at", "firstname", "lastname", "phone"), outcome=outcome)
    _leave_expired(new, now, outcome)
    slots = _locked_slots({minute_of(booking.starts_at) for booking in new.values()})
    for position, booking in list(new.items()):
        _place(new, position, slots.get(minute_of(booking.starts_at)), outcome)
    Booking.objects.bulk_create(new.values())
    settle("booking.move_in", new, outcome, source=source, by=by)
    for taken, group in _by_number_taken(new).items():
        Slot.objects.filter(pk__in=group).update(taken=F("taken") + taken)
    return outcome


def _leave_expired(new: dict[int, Booking], now: datetime, outcome: Outcome) -> None:
    for position, booking in list(new.items()):
        if booking.starts_at < now - EXPIRES_AFTER:
            del new[position]
            outcome.counts["expired, left behind"] += 1


def _locked_slots(minutes: set[datetime]) -> dict[datetime, Slot]:
    """The slots of these minutes, made where nobody has booked yet, locked in ascending key like everywhere."""
    service = Service.objects.default()
    wanted = [Slot(service=service, starts_at=minute, capacity=service.slot_capacity) for minute in sorted(minutes)]
    Slot.objects.bulk_create(wanted, ignore_conflicts=True)
    slots = Slot.objects.filter(service=service, starts_at__in=minutes)
    return {slot.starts_at: slot for slot in slots.select_for_update(no_key=True).order_by("pk")}


def _place(new: dict[int, Booking], position: int, slot: Slot | None, outcome: Outcome) -> None:
    if slot is None or not slot.left:  # the purge removes empty slots of minutes that have just expired
        refuse(new, position, SlotFull(_("This time is fully booked."), field="date"), outcome)
        return
    slot.taken += 1
    booking = new[position]
    booking.slot = slot
    booking.manage_digest = digest(booking.manage_token)


def _by_number_taken(new: dict[int, Booking]) -> dict[int, list[UUID]]:
    """The slots by how many of their places were taken now: as many statements as there are such numbers."""
    groups: dict[int, list[UUID]] = {}
    for slot, taken in Counter(booking.slot_id for booking in new.values()).items():
        groups.setdefault(taken, []).append(slot)
    return groups
