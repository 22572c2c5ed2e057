"""Which times can be booked, and how many places each of them has."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime, time
from typing import NamedTuple

from booking.errors import NoSuchDay, NoSuchTime, SlotFull
from booking.models import Service, Slot
from booking.policies import instant_of, local
from booking.querysets import minute_of
from ticketing.rights import Actor

FEW = 3
STEP = 15  # minutes


class Offer(NamedTuple):
    """A time, and the places that nobody has in it yet."""

    instant: datetime
    capacity: int
    free: int

    @property
    def shown(self) -> datetime:
        """As the site's clocks show it."""
        return local(self.instant)

    @property
    def is_scarce(self) -> bool:
        """Whether the last places are going; where there were few from the start, none of them is gone."""
        return self.free <= FEW and self.free < self.capacity


def offers(instants: Iterable[datetime], service: Service, *, by: Actor) -> list[Offer]:
    """These times with their free places: one query, however many bookings there are."""
    wanted = list(instants)
    slots = Slot.objects.visible_to(by, "booking.see_free").of_minutes(service, wanted)
    booked = {slot.starts_at: (slot.capacity, slot.left) for slot in slots}
    empty = (service.slot_capacity, service.slot_capacity)
    return [Offer(instant, *booked.get(minute_of(instant), empty)) for instant in wanted]


def offers_of_day(day: date, service: Service, *, by: Actor, at: datetime) -> list[Offer]:
    """The quarter hours of that day on the site's clocks that are not over at the instant `at`."""
    return offers((instant for instant in quarter_hours(day) if instant >= minute_of(at)), service, by=by)


def quarter_hours(day: date) -> Iterator[datetime]:
    """Every quarter hour that the site's clocks show on that day, and of those that come twice the first."""
    for minutes in range(0, 24 * 60, STEP):
        with suppress(NoSuchTime, NoSuchDay):  # skipped by the clocks, or at the ends of the calendar
            yield instant_of(day, time(*divmod(minutes, 60)))


def comes_twice(instant: datetime) -> bool:
    """Whether the site's clocks, being put back, show this time once more."""
    shown = local(instant)
    return shown.replace(fold=0).utcoffset() != shown.replace(fold=1).utcoffset()


def nearest(found: list[Offer], instant: datetime, number: int = 3) -> list[Offer]:
    """Of those with a free place the ones nearest to an instant, in the order of time."""
    free = (offer for offer in found if offer.free)
    return sorted(sorted(free, key=lambda offer: abs(offer.instant - instant))[:number])


def is_full(instant: datetime, service: Service, *, by: Actor) -> bool:
    """Whether nobody more can book this minute, as things are now."""
    return not offers([instant], service, by=by)[0].free


def require_place(instant: datetime, service: Service, *, by: Actor) -> None:
    """Refuse with SlotFull at the time when the minute has no place left, before anybody types more."""
    if is_full(instant, service, by=by):
        raise SlotFull(field="time")
