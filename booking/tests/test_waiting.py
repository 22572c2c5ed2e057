"""Waiting for a time that is full: who has the place that somebody gives back."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.actions import cancel_booking, change_booking, change_slot
from booking.errors import SlotFull, TooFewPlaces
from booking.models import Booking
from booking.tests.factories import NOON, BookingFactory
from booking.tests.waiting import broken, comes_due, full, join, left, states
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(hours=1)


@pytest.fixture(autouse=True)
def lists(settings):
    settings.WHEN_OFFER_IS_ACCEPTED = {"booking.slot": ""}


@pytest.fixture
def slot():
    return full()


def booking_in(slot):
    return slot.bookings.first()


# What becomes free


def test_a_cancelled_place_is_held_for_whoever_waits_first(slot):
    first, second = join(slot), join(slot)
    cancel_booking(booking_in(slot), by=None)
    assert states(first, second) == [("offered", 1), ("waiting", None)]
    with nothing_changes(), pytest.raises(SlotFull):
        BookingFactory(service=slot.service)
    assert broken() == set()


def test_the_place_that_somebody_moves_out_of_is_held_too(slot):
    waiter = join(slot)
    change_booking(booking_in(slot), starts_at=LATER, by=None)
    assert (states(waiter), left(slot)) == ([("offered", 1)], 0)
    assert broken() == set()


def test_whoever_comes_with_fewer_leaves_the_rest_to_the_list():
    slot = full(capacity=1, largest_party=4)
    change_slot(slot, capacity=4, by=None)
    change_booking(booking_in(slot), party=4, by=None)
    waiter = join(slot, 3, least=2)
    change_booking(booking_in(slot), party=2, by=None)
    assert (states(waiter), left(slot)) == ([("offered", 2)], 0)
    assert broken() == set()


def test_added_places_are_held_for_whom_they_fit_and_the_rest_is_free(slot):
    big, small = join(slot, 2), join(slot)
    change_slot(slot, capacity=3, by=None)
    assert states(big, small) == [("waiting", None), ("offered", 1)]
    change_slot(slot, capacity=4, by=None)
    assert (states(big), left(slot)) == ([("waiting", None)], 1)
    BookingFactory(service=slot.service)
    with nothing_changes(), pytest.raises(SlotFull):
        BookingFactory(service=slot.service)
    assert broken() == set()


@pytest.mark.parametrize("turn", [0, 1])
def test_a_move_between_two_times_with_lists_goes_through_in_either_direction(turn):
    here = full()
    there = full(starts_at=LATER, service=here.service)
    slots = sorted([here, there], key=lambda slot: slot.pk)
    left_behind, target = slots if turn else slots[::-1]
    waiter, lapsing = join(left_behind), join(target)
    cancel_booking(booking_in(target), by=None)
    comes_due(lapsing)
    change_booking(booking_in(left_behind), starts_at=target.starts_at, by=None)
    assert states(waiter, lapsing) == [("offered", 1), ("lapsed", 1)]
    assert (left(left_behind), left(target)) == (0, 0)
    assert broken() == set()


# What is overdue


def test_an_offer_whose_time_is_over_stands_in_nobodys_way(slot):
    waiter = join(slot)
    cancel_booking(booking_in(slot), by=None)
    comes_due(waiter)
    BookingFactory(service=slot.service)
    assert (states(waiter), left(slot)) == ([("lapsed", 1)], 0)
    assert broken() == set()


def test_what_is_overdue_goes_to_the_next_on_the_list_before_anybody_else(slot):
    first, second = join(slot), join(slot)
    cancel_booking(booking_in(slot), by=None)
    comes_due(first)
    with nothing_changes(), pytest.raises(SlotFull):
        BookingFactory(service=slot.service)
    assert states(first, second) == [("offered", 1), ("waiting", None)]


def test_a_party_for_which_too_little_is_overdue_is_refused_with_nothing_changed():
    slot = full(largest_party=2)
    waiter = join(slot)
    cancel_booking(booking_in(slot), by=None)
    comes_due(waiter)
    with nothing_changes(), pytest.raises(TooFewPlaces):
        BookingFactory(service=slot.service, party=2)


# What it costs


def cost(call):
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


def test_a_booking_costs_the_same_where_people_wait_for_more_than_is_free(slot):
    service = change_slot(slot, capacity=5, by=None).service
    usual = cost(lambda: BookingFactory(service=service))
    for _ in range(20):
        join(slot, 4)
    assert cost(lambda: BookingFactory(service=service)) == usual == 6


def test_a_cancellation_costs_one_query_more_for_the_list_that_nobody_is_on(slot):
    with CaptureQueriesContext(connection) as queries:
        cancel_booking(booking_in(slot), by=None)
    assert len([one for one in queries if "ticketing_waiter" in one["sql"]]) == 1
    assert Booking.objects.count() == 1
