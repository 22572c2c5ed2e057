"""Which times are offered: held against a naive count, also on the days when clocks change."""

from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.actions import change_slot
from booking.availability import Offer, days_between, nearest, offers_of_day, require_place, slots_of_day
from booking.errors import SlotFull
from booking.models import Booking, Service, Slot
from booking.policies import instant_of
from booking.querysets import minute_of
from booking.tests.factories import BookingFactory, ServiceFactory

pytestmark = pytest.mark.django_db

BERLIN = "Europe/Berlin"
FORWARD, BACK, PLAIN = date(2027, 3, 28), date(2027, 10, 31), date(2031, 9, 12)
BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
STRANGER = AnonymousUser()


def offered(day, service=None, at=BEFORE):
    return offers_of_day(day, service or Service.objects.default(), by=STRANGER, at=at)


def clocks(found):
    return [f"{offer.shown:%H:%M}" for offer in found]


def counted(day, zone, service):
    """The same by trying every minute around that day, and by going through all bookings for each."""
    midnight = datetime.combine(day, time(), UTC)
    shown_at = []
    for minutes in range(-15 * 60, 40 * 60):
        instant = midnight + timedelta(minutes=minutes)
        shown = instant.astimezone(ZoneInfo(zone))
        if shown.date() == day and shown.minute % 15 == 0:
            shown_at.append(instant)
    booked = [minute_of(starts_at) for starts_at in Booking.objects.values_list("starts_at", flat=True)]
    capacity = service.slot_capacity
    return [Offer(instant, capacity, capacity - booked.count(instant)) for instant in shown_at]


@contextmanager
def undone():
    """What happens inside is forgotten: each example begins with empty tables."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


# Quarter hours and what lies beside them, around the hours in which clocks change.
AROUND = st.integers(-8, 30).map(lambda quarter: timedelta(minutes=15 * quarter))
BESIDE = st.sampled_from([timedelta(), timedelta(seconds=59), timedelta(minutes=1), timedelta(seconds=-1)])


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
    st.sampled_from([FORWARD, BACK, PLAIN, date(2027, 11, 7), date(2027, 10, 3)]),
    st.integers(1, 3),
    st.lists(st.tuples(AROUND, BESIDE), max_size=12),
)
def test_the_places_of_a_day_are_what_a_naive_count_finds(zone, day, capacity, booked):
    with undone(), override_settings(TIME_ZONE=zone):
        service = ServiceFactory(slot_capacity=capacity)
        midnight = instant_of(day, time())
        for quarter, beside in booked:
            with transaction.atomic():
                try:
                    BookingFactory(service=service, starts_at=midnight + quarter + beside)
                except SlotFull:
                    transaction.set_rollback(True)
        assert offered(day, service) == counted(day, zone, service)


@settings(max_examples=30, deadline=None)
@given(
    zone=st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "UTC"]),
    day=st.sampled_from([FORWARD, BACK, PLAIN, date(2027, 11, 7), date(2027, 10, 3)]),
    grid=st.sampled_from([1, 15, 45]),
    party=st.integers(1, 3),
    booked=st.lists(st.tuples(st.sampled_from([-1, 0, 1, 3, 5, 9]), st.integers(1, 2)), max_size=9),
    kept=st.integers(1, 3),
)
def test_the_days_of_a_span_are_counted_as_their_times_are(zone, day, grid, party, booked, kept):
    with undone(), override_settings(TIME_ZONE=zone):
        service = ServiceFactory(slot_capacity=3, largest_party=3)
        for quarter, people in booked:
            with suppress(SlotFull), transaction.atomic():
                BookingFactory(
                    service=service, starts_at=instant_of(day, time()) + timedelta(minutes=15 * quarter), party=people
                )
        service.grid_minutes, service.slot_capacity = grid, kept  # beside which some are booked now
        span = day - timedelta(days=1), day + timedelta(days=1)
        for found in days_between(*span, service, by=STRANGER, at=BEFORE, party=party):
            times = slots_of_day(found.day, service, by=STRANGER, at=BEFORE)
            assert (found.slots, found.free) == (len(times), sum(offer.largest >= party for offer in times))


def test_times_that_the_clocks_skip_are_not_offered(settings):
    settings.TIME_ZONE = BERLIN
    shown = clocks(offered(FORWARD))
    assert len(shown) == 92
    assert not [clock for clock in shown if clock.startswith("02")]


def test_a_time_that_comes_twice_is_offered_twice_each_with_its_own_places(settings):
    settings.TIME_ZONE = BERLIN
    first, second = (datetime(2027, 10, 31, hour, 30, tzinfo=UTC) for hour in (0, 1))
    BookingFactory.create_batch(3, starts_at=second)
    BookingFactory(starts_at=first)
    found = offered(BACK)
    assert len(found) == 100
    twice = [offer for offer in found if f"{offer.shown:%H:%M}" == "02:30"]
    assert twice == [Offer(first, 20, 19), Offer(second, 20, 17)]
    assert [offer.shown.fold for offer in twice] == [0, 1]


@pytest.mark.parametrize("day", [FORWARD, BACK, PLAIN])
def test_what_is_offered_is_what_is_booked(settings, day):
    settings.TIME_ZONE = BERLIN
    for offer in offered(day):
        assert (offer.shown.date(), instant_of(day, offer.shown.time())) == (day, offer.instant)


def test_what_is_over_is_not_offered_but_for_the_minute_that_is_running():
    noon = datetime(2031, 9, 12, 12, tzinfo=UTC)
    assert clocks(offered(PLAIN, at=noon + timedelta(seconds=59)))[0] == "12:00"
    assert clocks(offered(PLAIN, at=noon + timedelta(seconds=60)))[0] == "12:15"
    assert offered(PLAIN, at=noon + timedelta(hours=12)) == []


def test_a_closed_minute_is_full_and_another_service_has_its_own_places():
    noon = datetime(2031, 9, 12, 12, tzinfo=UTC)
    BookingFactory(starts_at=noon, service=ServiceFactory())
    assert {offer.free for offer in offered(PLAIN)} == {20}
    closed = Slot.objects.create(service=Service.objects.default(), starts_at=noon, capacity=20)
    change_slot(closed, capacity=0, by=None)
    assert [offer for offer in offered(PLAIN) if offer.free != 20] == [Offer(noon, 0, 0)]
    with pytest.raises(SlotFull):
        require_place(noon + timedelta(seconds=30), Service.objects.default(), by=STRANGER)
    require_place(noon + timedelta(minutes=1), Service.objects.default(), by=STRANGER)


def test_a_day_costs_one_query_for_one_booking_and_for_three_hundred():
    service = Service.objects.default()

    def cost():
        with CaptureQueriesContext(connection) as queries:
            offered(PLAIN, service)
        return len(queries)

    BookingFactory(starts_at=instant_of(PLAIN, time(9)))
    assert cost() == 1
    for minutes in range(300):
        BookingFactory(starts_at=instant_of(PLAIN, time(9)) + timedelta(minutes=minutes))
    assert cost() == 1


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_last_day_of_the_calendar_has_times_too(settings, zone):
    settings.TIME_ZONE = zone
    found = offered(date(9999, 12, 31))
    assert 48 < len(found) <= 96
    assert {offer.shown.date() for offer in found} == {date(9999, 12, 31)}


MINUTES = st.integers(0, 95).map(lambda quarter: datetime(2031, 9, 12, tzinfo=UTC) + timedelta(minutes=15 * quarter))


@given(
    st.lists(
        st.builds(Offer, MINUTES, st.just(2), st.integers(0, 2), st.none()), unique_by=lambda offer: offer.instant
    ),
    MINUTES,
)
def test_the_nearest_are_free_in_order_and_nearer_than_all_others(found, instant):
    chosen = nearest(found, instant)
    free = [offer for offer in found if offer.free]
    assert len(chosen) == min(3, len(free))
    assert chosen == sorted(chosen)
    assert set(chosen) <= set(free)
    away = {offer: abs(offer.instant - instant) for offer in free}
    others = [away[offer] for offer in set(free) - set(chosen)]
    assert all(away[offer] <= other for offer in chosen for other in others)
