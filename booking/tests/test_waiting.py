"""Waiting for a time that is full: who has the place that somebody gives back."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from booking.actions import book_offer, cancel_booking, change_booking, change_service, change_slot
from booking.errors import BadPhone, NotWaitedFor, PartyTooLarge, SlotFull, TooFarAhead, TooFewPlaces, TooSoon
from booking.models import Booking, Slot
from booking.tests.factories import NOON, BookingFactory
from booking.tests.waiting import broken, comes_due, full, join, left, states
from ticketing.actions import NoOffer, TooLate, lapse_offers
from ticketing.errors import Invalid
from ticketing.models import Activity, Waiter
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(hours=1)
SOON = (timezone.now() + timedelta(days=2)).replace(second=0, microsecond=0)
PERSON = {"firstname": "Ada", "lastname": "Lovelace", "phone": "5550100009"}


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


def test_added_places_are_held_for_whom_they_fit_and_the_rest_is_free():
    slot = full(largest_party=2)
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


# An offer ends before what it offers begins, and when that can no longer be booked


def ends_in(slot, **span):
    """Let the time of the slot be so far ahead."""
    at = (timezone.now() + timedelta(**span)).replace(second=0, microsecond=0)
    Slot.objects.filter(pk=slot.pk).update(starts_at=at)
    slot.bookings.update(starts_at=at, ends_at=at + timedelta(minutes=1))
    return at


@pytest.mark.parametrize(("ahead", "lead", "lasts"), [(5, 0, 5), (5, 3 * 60, 2), (30, 3 * 60, 24), (30, 10 * 60, 20)])
def test_an_offer_ends_when_its_time_can_no_longer_be_booked(slot, ahead, lead, lasts):
    waiter = join(slot)
    change_service(slot.service, lead_minutes=lead, by=None)
    ends_in(slot, hours=ahead)
    cancel_booking(booking_in(slot), by=None)
    waiter.refresh_from_db()
    told = waiter.offered_until - timezone.now()
    assert timedelta(hours=lasts, minutes=-2) < told <= timedelta(hours=lasts)
    assert broken() == set()


def test_what_can_no_longer_be_booked_is_offered_to_nobody_and_nobody_waits_for_it(slot):
    waiter = join(slot)
    change_service(slot.service, lead_minutes=6 * 60, by=None)
    ends_in(slot, hours=5)
    cancel_booking(booking_in(slot), by=None)
    assert (states(waiter), left(slot), broken()) == ([("waiting", None)], 1, set())
    lapse_offers()
    assert states(waiter) == [("lapsed", None)]
    BookingFactory(service=slot.service, starts_at=Slot.objects.get().starts_at)
    with nothing_changes(), pytest.raises(TooLate):
        join(slot)


def test_who_has_to_confirm_a_place_has_no_longer_for_it_than_there_is_something_to_wait_for(slot):
    waiter = join(slot)
    Waiter.objects.filter(pk=waiter.pk).update(state="unconfirmed")
    waiter.refresh_from_db()
    assert waiter.confirmed_by == waiter.created_at + timedelta(hours=24)
    at = ends_in(slot, hours=5)
    change_service(slot.service, lead_minutes=60, by=None)
    assert waiter.confirmed_by == at - timedelta(hours=1)
    slot.bookings.all().delete()
    Slot.objects.all().delete()
    assert waiter.confirmed_by == waiter.created_at + timedelta(hours=24)


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


# A wish


@pytest.mark.parametrize(
    ("terms", "wish", "refusal"),
    [
        ({"largest_party": 2}, {"quantity": 3, "least": 1}, PartyTooLarge),
        ({"lead_minutes": 366 * 24 * 60, "starts_at": SOON}, {}, TooSoon),
        ({"horizon_days": 1}, {}, TooFarAhead),
    ],
)
def test_what_could_not_be_booked_is_not_waited_for(customer, terms, wish, refusal):
    slot = full(capacity=4, starts_at=terms.pop("starts_at", NOON))
    change_service(slot.service, **terms, by=None)
    with nothing_changes(), pytest.raises(refusal):
        join(slot, **wish, by=customer)
    if refusal is TooFarAhead:
        assert join(slot, by=None)


def test_there_is_no_list_where_each_visit_needs_a_resource(slot):
    change_service(slot.service, needs_resource=True, by=None)
    with nothing_changes(), pytest.raises(NotWaitedFor):
        join(slot)


# An offer becomes a booking


def offered(slot, quantity=1, **more):
    """Somebody for whom so many places are held."""
    waiter = join(slot, quantity, **more)
    for booking in slot.bookings.all()[:quantity]:
        cancel_booking(booking, by=None)
    assert states(waiter) == [("offered", quantity)]
    return waiter


def test_what_is_held_becomes_a_booking_of_the_same_places(slot):
    owner = UserFactory(email="ada@example.org", email_confirmed_at=timezone.now())
    waiter = offered(slot, email="ada@example.org")
    booking = book_offer(waiter, **PERSON, by=AnonymousUser())
    assert (booking.slot, booking.starts_at, booking.ends_at) == (slot, NOON, NOON + timedelta(minutes=1))
    assert (booking.party, booking.email, booking.account) == (1, "ada@example.org", owner)
    assert (states(waiter), left(slot)) == ([("accepted", 1)], 0)
    assert Activity.objects.about(booking).get().details == {"waiter": str(waiter.pk)}
    with nothing_changes(), pytest.raises(NoOffer):
        book_offer(waiter, **PERSON, by=None)
    assert broken() == set()


def test_whoever_comes_with_fewer_than_are_held_leaves_the_rest_to_the_next():
    slot = full(capacity=3, largest_party=3)
    waiter, other = offered(slot, 3), join(slot, 2)
    assert book_offer(waiter, **PERSON, party=1, by=None).party == 1
    assert (states(waiter, other), left(slot)) == ([("accepted", 3), ("offered", 2)], 0)
    assert broken() == set()


@pytest.mark.parametrize(
    ("change", "refusal", "field"),
    [
        ({"party": 2}, Invalid, "party"),
        ({"party": 0}, Invalid, "party"),
        ({"phone": "1"}, BadPhone, "phone"),
        ({"firstname": " "}, Invalid, "firstname"),
    ],
)
def test_what_cannot_be_booked_leaves_the_offer_as_it_is(slot, change, refusal, field):
    waiter = offered(slot)
    with nothing_changes(), pytest.raises(refusal) as refused:
        book_offer(waiter, **{**PERSON, **change}, by=None)
    assert set(refused.value.errors) == {field}


def test_an_offer_whose_time_is_over_is_no_booking_any_more(slot):
    waiter = offered(slot)
    comes_due(waiter)
    with nothing_changes(), pytest.raises(NoOffer):
        book_offer(waiter, **PERSON, by=None)


def test_nobody_waits_and_nothing_is_booked_at_a_time_that_is_gone(slot):
    waiter = offered(slot)
    Waiter.objects.filter(pk=waiter.pk).update(stock=waiter.pk)
    waiter.refresh_from_db()
    with nothing_changes(), pytest.raises(NoOffer):
        book_offer(waiter, **PERSON, by=None)


# Over the API


TAKE_UP = "/api/v1/booking/bookings/take-up/"


def test_a_stranger_books_what_is_held_with_the_secret_of_the_link(calls, production, slot):
    waiter = offered(slot)
    body = {**PERSON, "waiter": str(waiter.pk)}
    for token in ("", "x" * 64, join(slot).secret):
        with nothing_changes():
            answer = calls(token=token).post(TAKE_UP, body)
            assert (answer.status_code, list(answer.json()["errors"])) == (404, ["waiter"])
    with nothing_changes():
        assert calls(token=waiter.secret).post(TAKE_UP, {**body, "party": 2}).status_code == 400
    key = uuid.uuid4().hex
    first, again = (calls(token=waiter.secret).post(TAKE_UP, body, Idempotency_Key=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201), first.content
    assert first.json() == again.json()
    booking = Booking.objects.get(pk=first.json()["id"])
    assert first.json()["manage_token"] == booking.manage_token
    assert first["Location"] == f"/api/v1/booking/bookings/{booking.pk}"
    with nothing_changes():
        late = calls(token=waiter.secret).post(TAKE_UP, body)
        assert (late.status_code, late.json()["code"]) == (409, "no_offer")
    assert broken() == set()


def test_staff_book_what_is_held_for_somebody_and_other_customers_do_not(calls, production, slot, customer, agent):
    waiter = offered(slot)
    body, other = {**PERSON, "waiter": str(waiter.pk)}, calls(customer)
    other.get("/api/v1/booking/services/")  # the first use of a token is written down
    with nothing_changes():
        assert other.post(TAKE_UP, body).status_code == 404
    assert calls(agent).post(TAKE_UP, body).status_code == 201


# What it costs


def cost(call):
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


def test_a_booking_costs_the_same_where_people_wait_for_more_than_is_free():
    slot = full(largest_party=4)
    service = change_slot(slot, capacity=5, by=None).service
    usual = cost(lambda: BookingFactory(service=service))
    for _ in range(20):
        join(slot, 4)
    assert cost(lambda: BookingFactory(service=service)) == usual == 1


def test_a_cancellation_costs_one_query_more_for_the_list_that_nobody_is_on(slot):
    with CaptureQueriesContext(connection) as queries:
        cancel_booking(booking_in(slot), by=None)
    assert len([one for one in queries if "ticketing_waiter" in one["sql"]]) == 1
    assert Booking.objects.count() == 1
