"""The verbs of the day: who came, who did not, and who came without a booking."""

from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from booking.actions.entering import enter
from booking.actions.places import give_back, locked, move_places, place
from booking.errors import AlreadyArrived, Closed, NotArrived, NotToday, NotWalkedIn, SlotFull, TooEarly
from booking.models import Booking, Service
from booking.policies import clean_name, clean_phone, require_party, require_somebody
from booking.timetable import number_of, opened, slots_within, starts_at
from ticketing import rights
from ticketing.clocks import database_now
from ticketing.models import Activity
from ticketing.querysets import digest
from ticketing.rights import Actor


@transaction.atomic
def check_in(booking: Booking, *, by: Actor, came: int | None = None) -> Booking:
    """Note that they came, `came` of them: places are given back or taken as they are fewer or more than expected.

    AlreadyArrived; NotToday for another day's booking; TooFewPlaces when there is no room for more.
    """
    rights.require(by, "booking.check_in")
    booking = locked(booking)
    if booking.arrived_at:
        raise AlreadyArrived
    if not Booking.objects.today().filter(pk=booking.pk).exists():
        raise NotToday
    came = booking.party if came is None else came
    require_somebody(came, field="came")
    Activity.objects.record("booking.check_in", booking, by=by, came=came)
    others = booking.party if came != booking.party else None
    changed = _change(booking, arrived_at=Now(), missed_at=None, party=came, expected=others)
    if came != booking.party:
        move_places(booking.slot, booking.party, booking.slot, came)
    return changed


@transaction.atomic
def undo_check_in(booking: Booking, *, by: Actor) -> Booking:
    """Take back that they came, or refuse with NotArrived; as many are expected as before, if their places are free."""
    rights.require(by, "booking.check_in")
    booking = locked(booking)
    if not booking.arrived_at:
        raise NotArrived
    Activity.objects.record("booking.undo_check_in", booking, by=by)
    return _change(booking, arrived_at=None, party=_expected_again(booking), expected=None)


def _expected_again(booking: Booking) -> int:
    """How many are, with their places: as many as before, or those who came where others have got the places."""
    expected: int = booking.expected or booking.party
    try:
        with transaction.atomic():
            move_places(booking.slot, booking.party, booking.slot, expected)
    except SlotFull:  # or TooFewPlaces
        return booking.party
    return expected


@transaction.atomic
def mark_missed(booking: Booking, *, by: Actor) -> Booking:
    """Note that nobody came, once; AlreadyArrived, or TooEarly before the grace time of the service is over."""
    rights.require(by, "booking.check_in")
    booking = locked(booking)
    if booking.arrived_at:
        raise AlreadyArrived
    if booking.missed_at:
        return booking
    if not Booking.objects.filter(pk=booking.pk).past_grace().exists():
        raise TooEarly
    Activity.objects.record("booking.mark_missed", booking, by=by)
    return _change(booking, missed_at=Now())


@transaction.atomic
def walk_in(
    *, firstname: str, lastname: str, by: Actor, service: Service | None = None, party: int = 1, phone: str = ""
) -> Booking:
    """Let somebody in who has no booking, into the slot that is running now; Closed when none is, SlotFull."""
    rights.require(by, "booking.check_in")
    service = service or Service.objects.default()
    booking = Booking(
        firstname=clean_name(firstname, field="firstname"),
        lastname=clean_name(lastname, field="lastname"),
        phone=clean_phone(phone) if phone else "",
        email="",
        party=require_party(service, party),
        walked_in=True,
    )
    booking.manage_digest = digest(booking.manage_token)
    now = database_now()
    place(booking, service, starts_at(_running(service, number_of(now))), by=by)
    booking.arrived_at = now
    enter(booking, by=by, walked_in=True)
    return booking


@transaction.atomic
def undo_walk_in(booking: Booking, *, by: Actor) -> None:
    """Remove who was let in by mistake, places given back; NotWalkedIn, and nothing when it is done already."""
    rights.require(by, "booking.check_in")
    if not Booking.objects.select_for_update().filter(pk=booking.pk).exists() and _is_undone(booking):
        return
    booking = locked(booking)
    if not booking.walked_in:
        raise NotWalkedIn
    Booking.objects.filter(pk=booking.pk).delete()
    Activity.objects.record("booking.undo_walk_in", booking, by=by)
    give_back(booking.slot, booking.party)


def _is_undone(booking: Booking) -> bool:
    return Activity.objects.about(booking).filter(operation="booking.undo_walk_in").exists()


def _running(service: Service, minute: int) -> int:
    """The latest slot that has begun and is not over."""
    span = (minute - service.duration_minutes + 1, minute + 1)
    begun = [slots[-1] for slots in slots_within(service, span, opened(service, span))]
    if not begun:
        raise Closed
    return max(begun)


def _change(booking: Booking, **fields: Any) -> Booking:
    Booking.objects.filter(pk=booking.pk).change(**fields)
    return Booking.objects.get(pk=booking.pk)
