"""Which times can be booked, and how many places each of them has; in a number of queries that nothing changes."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from booking.errors import SlotFull, TooFewPlaces
from booking.models import A_DAY, TERMS, Booking, Resource, Service, Slot
from booking.policies import local, window_of
from booking.querysets import SlotQuerySet
from booking.timetable import (
    EPOCH,
    MINUTE,
    Slots,
    Span,
    calendar_spans,
    days_span,
    number_of,
    opened,
    slots_within,
    starts_at,
)
from ticketing.hours import Hours
from ticketing.rights import Actor

FEW = 3
FINE = 5  # minutes; a finer grid is shown in wider steps
WIDER = (15, 20)
# How far from a visit another one begins at most whose buffers reach it.
FARTHEST = timedelta(minutes=TERMS["duration_minutes"].most + 2 * A_DAY)


class Offer(NamedTuple):
    """A time, and the places that nobody has in it yet; of a service with resources, how many of them are free."""

    instant: datetime
    capacity: int
    free: int
    places: int | None = None  # of a service with resources, what a party needs beside one of them

    @property
    def largest(self) -> int:
        """How many can come together."""
        return self.free if self.places is None or not self.free else self.places

    @property
    def shown(self) -> datetime:
        """As the site's clocks show it."""
        return local(self.instant)

    @property
    def is_scarce(self) -> bool:
        """Whether the last places are going; where there were few from the start, none of them is gone."""
        return self.free <= FEW and self.free < self.capacity


class DayOffer(NamedTuple):
    """A day on the site's clocks, how many slots begin in it, and in how many of them there is room."""

    day: date
    slots: int
    free: int


class Crew(NamedTuple):
    """The resources of a service, and for each when it cannot receive anybody: in order, in numbers of minutes."""

    service: Service
    resources: list[Resource]
    occupied: list[list[Span]]
    hours: list[list[Span] | None]  # None is always

    @classmethod
    def of(cls, service: Service, span: Span, *, but: Booking | None = None) -> "Crew":
        """As it is for visits that begin in a span, `but` for one booking: five queries, however many there are."""
        resources = list(Resource.objects.of(service).with_hours())
        begin, end = (starts_at(number) for number in span)
        near = Booking.objects.filter(
            resource__in=resources, starts_at__gt=begin - FARTHEST, starts_at__lt=end + FARTHEST
        ).exclude(pk=but and but.pk)
        occupied: dict[object, list[Span]] = {resource.pk: [] for resource in resources}
        for resource, busy in near.order_by("starts_at").values_list("resource_id", "busy"):
            occupied[resource].append((number_of(busy.lower), -((EPOCH - busy.upper) // MINUTE)))
        longer = (span[0], span[1] + service.duration_minutes)
        hours = [calendar_spans(Hours.load(one.calendar), longer) if one.calendar else None for one in resources]
        return cls(service, resources, [occupied[resource.pk] for resource in resources], hours)

    def free_at(self, slot: int) -> list[Resource]:
        """Who can receive somebody then, whoever has least to do around that time first."""
        free = [at for at in range(len(self.resources)) if self._is_free(at, slot)]
        return [self.resources[at] for at in sorted(free, key=lambda at: len(self.occupied[at]))]

    def _is_free(self, at: int, slot: int) -> bool:
        service, end = self.service, slot + self.service.duration_minutes
        begins, ends = slot - service.buffer_before_minutes, end + service.buffer_after_minutes
        hours = self.hours[at]
        return not _meets(self.occupied[at], begins, ends) and (hours is None or _covers(hours, slot, end))


def _meets(spans: list[Span], begins: int, ends: int) -> bool:
    """Whether any of some spans, which are in order and do not overlap, has a minute of this one."""
    after = bisect_right(spans, begins, key=itemgetter(1))
    return after < len(spans) and spans[after][0] < ends


def _covers(spans: list[Span], begins: int, ends: int) -> bool:
    """Whether one of some spans, which are in order and do not overlap, has all minutes of this one."""
    before = bisect_right(spans, begins, key=itemgetter(0)) - 1
    return before >= 0 and ends <= spans[before][1]


def offers(slots: Iterable[int], service: Service, *, by: Actor, but: Booking | None = None) -> list[Offer]:
    """These slots with their places, whether the service is open then or not, `but` for what one booking has."""
    wanted = list(slots)
    if not wanted:
        return []
    span = (min(wanted), max(wanted) + 1)
    booked = {number_of(slot.starts_at): (slot.capacity, slot.left) for slot in _slots(service, span, by)}
    empty = (service.slot_capacity, service.slot_capacity)
    if but and (own := number_of(but.starts_at)) in booked:
        booked[own] = (booked[own][0], booked[own][1] + but.party)
    found = [Offer(starts_at(slot), *booked.get(slot, empty)) for slot in wanted]
    return _with_crew(found, Crew.of(service, span, but=but)) if service.needs_resource else found


def _slots(service: Service, span: Span, by: Actor) -> SlotQuerySet:
    begin, end = (starts_at(number) for number in span)
    return Slot.objects.visible_to(by, "booking.see_free").of_span(service, begin, end)


def _with_crew(found: list[Offer], crew: Crew) -> list[Offer]:
    """The same where each visit needs one of the resources: as many visits as are free of them, if there is a place."""
    everybody = len(crew.resources)
    free = (len(crew.free_at(number_of(offer.instant))) for offer in found)
    return [
        Offer(offer.instant, min(offer.capacity, everybody), min(offer.free, number), offer.free)
        for offer, number in zip(found, free, strict=True)
    ]


def offers_of_day(day: date, service: Service, *, by: Actor, at: datetime, but: Booking | None = None) -> list[Offer]:
    """The times of a day on the site's clocks that this actor can book at the instant `at`, full ones included.

    A grid finer than five minutes is shown in wider steps.
    """
    return slots_of_day(day, service, by=by, at=at, step=_shown_step(service), but=but)


def slots_of_day(
    day: date, service: Service, *, by: Actor, at: datetime, step: int | None = None, but: Booking | None = None
) -> list[Offer]:
    """The same on the service's own grid, however fine, or every so many minutes."""
    span = days_span(day, day)
    slots = slots_within(service, _still(span, service, by, at), opened(service, span), step)
    return offers(chain.from_iterable(slots), service, by=by, but=but)


def days_between(
    first: date, last: date, service: Service, *, by: Actor, at: datetime, party: int = 1, but: Booking | None = None
) -> list[DayOffer]:
    """For each day on the site's clocks how many slots this actor can book at an instant, and how many have room."""
    span = days_span(first, last)
    spans = opened(service, span)
    still = _still(span, service, by, at)
    has_room = _room(service, span, spans, party, by, but)
    return [
        DayOffer(day, sum(map(len, slots)), has_room(slots))
        for day in _days(first, last)
        for slots in [slots_within(service, _both(days_span(day, day), still), spans)]
    ]


def days_with_slots(first: date, last: date, service: Service) -> set[date]:
    """The days on the site's clocks on which any slot begins, whoever can book it and when."""
    spans = opened(service, days_span(first, last))
    return {day for day in _days(first, last) if slots_within(service, days_span(day, day), spans)}


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


class _Room(NamedTuple):
    """In how many of some slots a party finds places."""

    party: int
    empty: bool  # whether it does in a slot that nobody has booked
    otherwise: list[int]  # the slots that somebody has booked, in which it is the other way round; in order
    crew: Crew | None

    def __call__(self, pieces: Sequence[Slots]) -> int:
        others = [set(self._others(slots)) for slots in pieces]
        if self.crew is None:
            other = sum(map(len, others))
            return sum(map(len, pieces)) - other if self.empty else other
        fitting = (
            slot for slots, other in zip(pieces, others, strict=True) for slot in slots if (slot in other) != self.empty
        )
        return sum(1 for slot in fitting if self.crew.free_at(slot))

    def _others(self, slots: Slots) -> Iterator[int]:
        """Those of them in which it is the other way round."""
        near = self.otherwise[bisect_left(self.otherwise, slots[0]) : bisect_right(self.otherwise, slots[-1])]
        known = slots if isinstance(slots, range) else set(slots)
        return (slot for slot in near if slot in known)


def _room(service: Service, span: Span, spans: Sequence[Span], party: int, by: Actor, but: Booking | None) -> _Room:
    slots = _slots(service, span, by)
    empty = party <= min(service.slot_capacity, service.largest_party)
    if party > service.largest_party:
        return _Room(party, empty, [], None)
    otherwise = slots.without_room(party) if empty else slots.with_room(party)
    numbers = sorted(number_of(starts) for starts in otherwise.values_list("starts_at", flat=True))
    crew = Crew.of(service, span, but=but) if service.needs_resource and spans else None
    return _Room(party, empty, numbers, crew)


def _still(span: Span, service: Service, by: Actor, at: datetime) -> Span:
    """What of a span this actor can book at an instant, and has not passed."""
    opens, closes = window_of(service, by=by, at=at)
    return _both(span, (number_of(opens + MINUTE - timedelta(microseconds=1)), closes))


def _both(one: Span, other: Span) -> Span:
    return max(one[0], other[0]), min(one[1], other[1])


def _shown_step(service: Service) -> int:
    if service.grid_minutes >= FINE:
        return service.grid_minutes
    return next(step for step in WIDER if step % service.grid_minutes == 0)


def nearest(found: list[Offer], instant: datetime, number: int = 3, *, party: int = 1) -> list[Offer]:
    """Of those with room for a party the ones nearest to an instant, in the order of time."""
    free = (offer for offer in found if offer.largest >= party)
    return sorted(sorted(free, key=lambda offer: abs(offer.instant - instant))[:number])


def is_full(instant: datetime, service: Service, *, by: Actor, party: int = 1, but: Booking | None = None) -> bool:
    """Whether no such party can book this slot any more, as things are now."""
    return offers([number_of(instant)], service, by=by, but=but)[0].largest < party


def require_place(
    instant: datetime, service: Service, *, by: Actor, party: int = 1, but: Booking | None = None
) -> None:
    """Refuse with SlotFull at the time, or TooFewPlaces at the party, what has no room, before anybody types more."""
    asked: dict[str, Any] = {"by": by, "but": but}
    if is_full(instant, service, party=party, **asked):
        raise SlotFull(field="time") if is_full(instant, service, **asked) else TooFewPlaces(field="party")
