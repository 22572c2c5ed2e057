"""Rooms and people: one visit at a time, buffers included, whoever books and whatever the code believes is free."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.actions import (
    cancel_booking,
    change_booking,
    change_resource,
    change_service,
    create_resource,
    create_service,
    purge_expired,
)
from booking.availability import Crew, days_between, offers_of_day
from booking.errors import Closed, NotASlot, SlotFull
from booking.models import Booking, Resource
from booking.tests.books import broken
from booking.tests.factories import BookingFactory, past
from booking.tests.test_races import outcomes
from booking.tests.test_timetable import undone
from booking.timetable import number_of
from ticketing.actions import create_calendar, set_week

pytestmark = pytest.mark.django_db

DAY = date(2031, 9, 12)
NINE = datetime(2031, 9, 12, 9, tzinfo=UTC)
BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
STRANGER = AnonymousUser()


def minutes(number):
    return timedelta(minutes=number)


def open_service(rooms=1, **terms):
    resources = [create_resource(name=f"Room {number}", by=None) for number in range(rooms)]
    usual = {"name": "Advice", "duration_minutes": 30, "grid_minutes": 15, "needs_resource": True}
    slug = terms.pop("slug", "advice")
    return create_service(slug=slug, resources=resources, by=None, **{**usual, **terms})


def free(service, day=DAY):
    return {offer.instant: offer.free for offer in offers_of_day(day, service, by=STRANGER, at=BEFORE)}


def test_a_visit_occupies_one_room_for_its_time_and_the_others_stay_free():
    service = open_service(rooms=2)
    booking = BookingFactory(service=service, starts_at=NINE)
    assert booking.ends_at == NINE + minutes(30)
    assert booking.resource in service.resources.all()
    found = free(service)
    overlapping = [NINE + minutes(number) for number in (-15, 0, 15)]
    assert {instant for instant, left in found.items() if left == 1} == set(overlapping)
    assert BookingFactory(service=service, starts_at=NINE + minutes(15)).resource != booking.resource
    with pytest.raises(SlotFull):
        BookingFactory(service=service, starts_at=NINE + minutes(15))
    assert broken() == {}


def test_buffers_keep_visits_apart_and_the_next_grid_time_is_free():
    service = open_service(buffer_before_minutes=10, buffer_after_minutes=5)
    BookingFactory(service=service, starts_at=NINE)
    assert {instant - NINE for instant, left in free(service).items() if not left} == {
        minutes(number) for number in (-30, -15, 0, 15, 30)
    }
    with pytest.raises(SlotFull):
        BookingFactory(service=service, starts_at=NINE + minutes(30))
    BookingFactory(service=service, starts_at=NINE + minutes(45))


def test_services_share_a_room_and_see_each_others_visits():
    one = open_service()
    other = create_service(
        slug="other", name="Other", needs_resource=True, resources=one.resources.all(), grid_minutes=60, by=None
    )
    BookingFactory(service=one, starts_at=NINE)
    with pytest.raises(SlotFull):
        BookingFactory(service=other, starts_at=NINE)
    assert free(other)[NINE] == 0


def test_cancelling_moving_and_purging_free_the_room():
    service = open_service()
    booking = BookingFactory(service=service, starts_at=NINE)
    change_booking(booking, starts_at=NINE + minutes(15), by=None)
    assert free(service)[NINE - minutes(15)] == 1
    cancel_booking(booking, by=None)
    assert set(free(service).values()) == {1}
    old = past(timedelta(hours=9))
    everyday = create_service(slug="e", name="E", needs_resource=True, resources=service.resources.all(), by=None)
    occupied = BookingFactory(service=everyday, starts_at=old.starts_at.replace(second=0, microsecond=0))
    assert purge_expired() == 2
    assert not Booking.objects.filter(pk=occupied.pk).exists()
    assert broken() == {}


def test_a_moved_visit_keeps_its_room_where_it_can():
    service = open_service(rooms=3)
    booking = BookingFactory(service=service, starts_at=NINE)
    moved = change_booking(booking, starts_at=NINE + minutes(60), by=None)
    assert moved.resource == booking.resource


def test_whoever_has_least_to_do_is_next():
    service = open_service(rooms=3)
    used = [BookingFactory(service=service, starts_at=NINE + minutes(60 * number)).resource for number in range(3)]
    assert len(set(used)) == 3


def test_a_resource_in_use_no_more_keeps_its_visits_and_gets_no_new_ones():
    service = open_service()
    booking = BookingFactory(service=service, starts_at=NINE)
    change_resource(booking.resource, is_active=False, by=None)
    with pytest.raises(SlotFull):
        BookingFactory(service=service, starts_at=NINE + minutes(60))
    assert Booking.objects.get(pk=booking.pk).resource == booking.resource
    assert set(free(service).values()) == {0}


def test_a_person_is_there_in_their_own_hours_alone():
    service = open_service(rooms=0)
    mornings = create_calendar(slug="m", name="Mornings", time_zone="UTC", by=None)
    set_week(mornings, week={DAY.weekday(): [(9 * 60, 10 * 60)]}, by=None)
    change_service(service, resources=[create_resource(name="Ines", calendar=mornings, by=None)], by=None)
    assert [instant - NINE for instant, left in free(service).items() if left] == [
        minutes(0),
        minutes(15),
        minutes(30),
    ]
    with pytest.raises(SlotFull):
        BookingFactory(service=service, starts_at=NINE + minutes(45))


@pytest.mark.parametrize(("off", "refusal"), [(minutes(5), NotASlot), (timedelta(seconds=1), NotASlot)])
def test_what_lies_beside_the_grid_is_refused(off, refusal):
    service = open_service()
    with pytest.raises(refusal):
        BookingFactory(service=service, starts_at=NINE + off)


def test_what_lies_outside_the_hours_is_refused():
    calendar = create_calendar(slug="c", name="C", time_zone="UTC", by=None)
    set_week(calendar, week={DAY.weekday(): [(9 * 60, 10 * 60)]}, by=None)
    service = open_service(calendar=calendar)
    BookingFactory(service=service, starts_at=NINE + minutes(30))
    for off in (-15, 45, 24 * 60):
        with pytest.raises(Closed):
            BookingFactory(service=service, starts_at=NINE + minutes(off))


def test_changing_the_hours_or_the_zone_moves_no_booking():
    calendar = create_calendar(slug="c", name="C", time_zone="UTC", by=None)
    set_week(calendar, week={DAY.weekday(): [(9 * 60, 10 * 60)]}, by=None)
    service = open_service(calendar=calendar)
    booking = BookingFactory(service=service, starts_at=NINE)
    before = Booking.objects.values().get()
    set_week(calendar, week={}, by=None)
    change_service(service, duration_minutes=60, grid_minutes=60, buffer_after_minutes=30, by=None)
    assert Booking.objects.values().get() == before
    change_booking(booking, firstname="Renamed", by=None)
    assert Booking.objects.get().starts_at == NINE
    assert broken() == {}


STARTS = st.integers(0, 20).map(lambda number: NINE + minutes(15 * number))


@settings(max_examples=40, deadline=None)
@given(
    rooms=st.integers(1, 3),
    duration=st.sampled_from([15, 30, 50]),
    before=st.sampled_from([0, 10, 20]),
    after=st.sampled_from([0, 5, 30]),
    tried=st.lists(STARTS, max_size=14),
)
def test_rooms_are_given_out_as_a_plain_model_does(rooms, duration, before, after, tried):
    with undone():
        terms = {"duration_minutes": duration, "buffer_before_minutes": before, "buffer_after_minutes": after}
        service = open_service(rooms, **terms)
        got = []
        for starts_at in tried:
            try:
                with transaction.atomic():
                    got.append(BookingFactory(service=service, starts_at=starts_at))
            except SlotFull:
                assert taken_at(got, starts_at, duration, before, after) == rooms
        for booking in got:
            others = [other for other in got if other != booking and other.resource == booking.resource]
            assert not taken_at(others, booking.starts_at, duration, before, after)
        found = free(service)
        for number in range(-8, 30):
            instant = NINE + minutes(15 * number)
            assert found[instant] == rooms - taken_at(got, instant, duration, before, after)
        [day] = days_between(DAY, DAY, service, by=STRANGER, at=BEFORE)
        assert (day.slots, day.free) == (len(found), sum(1 for left in found.values() if left))


def taken_at(bookings, starts_at, duration, before, after):
    """How many rooms have a visit that comes in the way of one that begins then."""
    begins, ends = starts_at - minutes(before), starts_at + minutes(duration + after)
    in_the_way = [
        booking.resource_id
        for booking in bookings
        if booking.starts_at - minutes(before) < ends and begins < booking.starts_at + minutes(duration + after)
    ]
    return len(set(in_the_way))


def test_the_database_alone_refuses_every_overlap(monkeypatch):
    service = open_service()
    BookingFactory(service=service, starts_at=NINE)
    [room] = Resource.objects.all()
    monkeypatch.setattr(Crew, "free_at", lambda crew, slot: [room])
    for off in (-15, 0, 15):
        with pytest.raises(IntegrityError, match="one_at_a_time"), transaction.atomic():
            BookingFactory(service=service, starts_at=NINE + minutes(off))
    BookingFactory(service=service, starts_at=NINE + minutes(30))


def test_the_database_refuses_a_room_without_its_time():
    booking = BookingFactory(service=open_service(), starts_at=NINE)
    for busy in (None, DateTimeTZRange(NINE, NINE)):
        with pytest.raises(IntegrityError, match=r"resource_is_occupied|received_throughout"), transaction.atomic():
            Booking.objects.filter(pk=booking.pk).update(busy=busy)


def test_the_database_refuses_a_room_for_a_part_of_the_visit():
    booking = BookingFactory(service=open_service(), starts_at=NINE)
    parts = [(NINE + minutes(1), booking.ends_at), (NINE, booking.ends_at - minutes(1))]
    for begins, ends in parts:
        with pytest.raises(IntegrityError, match="received_throughout"), transaction.atomic():
            Booking.objects.filter(pk=booking.pk).update(busy=DateTimeTZRange(begins, ends))


def test_a_day_costs_the_same_for_one_room_and_for_ten_and_for_many_visits():
    def cost(service):
        with CaptureQueriesContext(connection) as queries:
            offers_of_day(DAY, service, by=STRANGER, at=BEFORE)
            days_between(DAY, DAY + timedelta(days=30), service, by=STRANGER, at=BEFORE)
        return len(queries)

    one, ten = open_service(), open_service(10, slug="ten")
    calendar = create_calendar(slug="c", name="C", time_zone="UTC", by=None)
    set_week(calendar, week={weekday: [(0, 1440)] for weekday in range(7)}, by=None)
    for resource in Resource.objects.all():
        change_resource(resource, calendar=calendar, by=None)
    few = cost(one)
    for number in range(20):
        BookingFactory(service=ten, starts_at=NINE + minutes(30 * number))
    assert cost(ten) == few


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_over_two_services_get_three_rooms():
    one = open_service(rooms=3)
    other = create_service(
        slug="other", name="Other", needs_resource=True, resources=one.resources.all(), grid_minutes=5, by=None
    )
    calls = [
        lambda at=at: BookingFactory(service=[one, other][at % 2], starts_at=NINE + minutes(5 * (at % 2)))
        for at in range(20)
    ]
    got = outcomes(*calls)
    assert got.count(SlotFull) == 17
    assert broken() == {}


@pytest.mark.django_db(transaction=True)
def test_crossing_moves_between_rooms_do_not_deadlock():
    service = open_service(rooms=2, grid_minutes=30)
    bookings = [BookingFactory(service=service, starts_at=NINE + minutes(30 * (at % 2))) for at in range(3)]

    def back_and_forth(booking):
        for turn in range(15):
            with transaction.atomic():
                try:
                    change_booking(booking, starts_at=NINE + minutes(30 * (turn % 2)), by=None)
                except SlotFull:
                    transaction.set_rollback(True)

    assert outcomes(*[lambda booking=booking: back_and_forth(booking) for booking in bookings]) == [None] * 3
    assert broken() == {}


def test_number_of_an_instant_and_back():
    assert number_of(datetime.combine(DAY, time(), UTC)) * 60 == datetime.combine(DAY, time(), UTC).timestamp()


def test_the_api_says_in_one_way_what_a_resource_without_a_calendar_is(client):
    schemas = client.get("/api/v1/schema/", headers={"accept": "application/json"}).json()["components"]["schemas"]
    told = [schemas[name]["properties"]["calendar"]["description"] for name in ("Resource", "NewResource")]
    assert [words.partition("null for ")[2] for words in told] == ["whenever its services are open."] * 2
