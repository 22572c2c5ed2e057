"""On which terms a service is booked: what customers can, and what staff can beyond it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DataError, IntegrityError, transaction

from booking.actions import book, cancel_booking, change_booking, change_service, create_service
from booking.availability import days_between, offers_of_day
from booking.errors import (
    DeadlinePassed,
    NotASlot,
    PartyTooLarge,
    SlotFull,
    TermsMisfit,
    TooFarAhead,
    TooFewPlaces,
    TooSoon,
)
from booking.models import Booking, Service, Slot
from booking.policies import local
from booking.tests.books import broken
from booking.tests.factories import NOON, BookingFactory
from ticketing.clocks import database_now
from ticketing.errors import Invalid
from ticketing.rights import Role
from ticketing.tests.factories import UserFactory

pytestmark = pytest.mark.django_db

STRANGER = AnonymousUser()
HOUR = timedelta(hours=1)


def service_with(**terms):
    return create_service(slug="s", name="S", by=None, **terms)


def minute(offset):
    return database_now().replace(second=0, microsecond=0) + offset


# Lead time, horizon and deadline


def test_customers_book_no_sooner_than_the_lead_time_and_staff_do():
    service = service_with(lead_minutes=120)
    for person in (STRANGER, UserFactory(role=Role.CUSTOMER)):
        with pytest.raises(TooSoon):
            BookingFactory(service=service, starts_at=minute(HOUR), by=person)
        BookingFactory(service=service, starts_at=minute(3 * HOUR), by=person)
    BookingFactory(service=service, starts_at=minute(HOUR), by=UserFactory(role=Role.AGENT))


def test_a_lead_time_of_none_leaves_the_past_open_and_one_of_zero_does_not():
    with pytest.raises(TooSoon):
        BookingFactory(service=service_with(lead_minutes=0), starts_at=minute(-HOUR), by=STRANGER)
    BookingFactory(starts_at=minute(-HOUR), by=STRANGER)


def test_customers_book_no_later_than_the_last_day_of_the_horizon():
    service = service_with(horizon_days=3)
    last = local(database_now()).replace(hour=23, minute=59, second=0, microsecond=0) + timedelta(days=3)
    BookingFactory(service=service, starts_at=last, by=STRANGER)
    with pytest.raises(TooFarAhead):
        BookingFactory(service=service, starts_at=last + timedelta(minutes=1), by=STRANGER)
    BookingFactory(service=service, starts_at=last + timedelta(minutes=1), by=UserFactory(role=Role.SUPERVISOR))


def test_what_is_too_soon_or_too_far_ahead_is_not_offered_either():
    service = service_with(lead_minutes=26 * 60, horizon_days=2, grid_minutes=30)
    now = database_now()
    today = local(now).date()

    def shown(by):
        return [
            offer.instant
            for number in range(5)
            for offer in offers_of_day(today + timedelta(days=number), service, by=by, at=now)
        ]

    offered = shown(STRANGER)
    assert offered
    assert min(offered) >= now + 26 * HOUR
    assert local(max(offered)).date() == today + timedelta(days=2)
    assert local(max(shown(UserFactory(role=Role.AGENT)))).date() == today + timedelta(days=4)
    days = days_between(today, today + timedelta(days=4), service, by=STRANGER, at=now)
    assert sum(day.slots for day in days) == len(offered)


def test_customers_change_and_cancel_until_the_deadline_and_staff_after_it():
    service = service_with(deadline_minutes=60)
    soon = BookingFactory(service=service, starts_at=minute(HOUR / 2))
    later = BookingFactory(service=service, starts_at=minute(2 * HOUR))
    for person in (STRANGER, UserFactory(role=Role.CUSTOMER)):
        with pytest.raises(DeadlinePassed):
            cancel_booking(soon, by=person)
        with pytest.raises(DeadlinePassed):
            change_booking(soon, firstname="Late", by=person)
        change_booking(later, firstname="Early", by=person)
    cancel_booking(later, by=STRANGER)
    cancel_booking(soon, by=UserFactory(role=Role.AGENT))
    assert broken() == {}


# Parties


def test_a_party_takes_a_place_each_and_gives_all_of_them_back():
    service = service_with(slot_capacity=5, largest_party=4)
    booking = BookingFactory(service=service, party=3)
    assert Slot.objects.get().taken == 3
    with pytest.raises(TooFewPlaces):
        BookingFactory(service=service, party=3)
    BookingFactory(service=service, party=2)
    with pytest.raises(SlotFull):
        BookingFactory(service=service)
    assert broken() == {}
    cancel_booking(booking, by=None)
    assert Slot.objects.get().taken == 2


def test_a_party_grows_shrinks_and_moves_whole():
    service = service_with(slot_capacity=5, largest_party=5)
    booking = BookingFactory(service=service, party=2)
    change_booking(booking, party=5, by=None)
    change_booking(booking, party=4, starts_at=NOON + HOUR, by=None)
    assert list(Slot.objects.order_by("starts_at").values_list("taken", flat=True)) == [0, 4]
    BookingFactory(service=service, party=2, starts_at=NOON)
    with pytest.raises(TooFewPlaces):
        change_booking(booking, starts_at=NOON, by=None)
    assert Booking.objects.get(pk=booking.pk).starts_at == NOON + HOUR
    change_booking(booking, party=1, starts_at=NOON, by=None)
    assert broken() == {}


@pytest.mark.parametrize(("party", "refusal"), [(0, Invalid), (-1, Invalid), (3, PartyTooLarge)])
def test_who_cannot_come_together_is_refused(party, refusal):
    service = service_with(largest_party=2)
    with pytest.raises(refusal) as refused:
        BookingFactory(service=service, party=party)
    assert refused.value.field == "party"
    booking = BookingFactory(service=service)
    with pytest.raises(refusal):
        change_booking(booking, party=party, by=None)


def test_days_count_the_slots_in_which_a_party_finds_room():
    service = service_with(slot_capacity=3, largest_party=3, grid_minutes=360)
    BookingFactory(service=service, party=2, starts_at=NOON)
    day = local(NOON).date()
    early = NOON - timedelta(days=400)
    free = [days_between(day, day, service, by=STRANGER, at=early, party=party)[0].free for party in (1, 2, 3, 4)]
    assert free == [4, 3, 3, 0]


# Terms that no service can have


@pytest.mark.parametrize(
    "terms",
    [
        {"duration_minutes": 0},
        {"duration_minutes": 481},
        {"grid_minutes": 0},
        {"grid_minutes": 1441},
        {"largest_party": 0},
        {"buffer_after_minutes": -1},
        {"lead_minutes": -1},
        {"horizon_days": 3661},
        {"slot_capacity": 0},
    ],
)
def test_impossible_terms_are_refused_and_change_nothing(terms):
    [field] = terms
    with pytest.raises(Invalid) as refused:
        service_with(**terms)
    assert refused.value.field == field
    service = service_with()
    with pytest.raises(Invalid):
        change_service(service, **terms, by=None)
    assert Service.objects.filter(pk=service.pk).values(field).get() == {field: getattr(service, field)}
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        Service.objects.filter(pk=service.pk).update(**terms)


@pytest.mark.parametrize("grid", [7, 50, 1000])
def test_a_grid_that_does_not_divide_the_day_is_refused(grid):
    with pytest.raises(TermsMisfit):
        service_with(grid_minutes=grid)
    with pytest.raises(IntegrityError, match="grid_divides_the_day"), transaction.atomic():
        Service.objects.filter(pk=service_with().pk).update(grid_minutes=grid)


def test_new_terms_hold_for_new_bookings_and_what_is_left_out_stays():
    service = service_with(grid_minutes=30, lead_minutes=5)
    old = BookingFactory(service=service)
    service = change_service(service, grid_minutes=60, lead_minutes=None, by=None)
    assert (service.grid_minutes, service.lead_minutes, service.slot_capacity) == (60, None, 20)
    with pytest.raises(NotASlot):
        BookingFactory(service=service, starts_at=NOON + HOUR / 2)
    assert Booking.objects.filter(pk=old.pk).exists()


def test_without_terms_any_second_of_any_minute_can_be_booked():
    booked = book(firstname="A", lastname="B", phone="5550100001", starts_at=NOON + timedelta(seconds=7), by=STRANGER)
    assert booked.starts_at == NOON + timedelta(seconds=7)
    assert booked.ends_at == booked.starts_at + timedelta(minutes=1)
