"""Every promise of the audit is broken once, past the constraint that keeps it, and noticed."""

import pytest
from django.db import connection

from booking.audit import CHECKS
from booking.tests.books import broken
from booking.tests.factories import NOON, BookingFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def twenty():
    bookings = BookingFactory.create_batch(20)
    BookingFactory(starts_at=NOON.replace(minute=1, second=59))
    assert broken() == {}
    return bookings


def damage(sql, *, without=()):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table, constraint in without:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
        cursor.execute(sql)


PLACES = "a slot's taken places are those of its bookings and offers, and never more than its capacity"
MINUTES = "a minute of a service is one slot, and starts on the minute"
WITHIN = "a booking's time lies in the minute of its slot"
GONE = "no booking is more than 8 hours and 2 minutes past"
TOKENS = "a manage token's digest is whole and belongs to one booking"
PEOPLE = "a booking says whom to expect and how to reach them"
ONE_AT_A_TIME = "no resource receives two visits at once, buffers included"
OCCUPIED = "a resource is occupied for the whole visit"
TRAIL = "every booking has its line in the audit trail"


@pytest.mark.parametrize(
    ("sql", "without", "promise"),
    [
        ("UPDATE booking_slot SET taken = 19 WHERE taken = 20", [], PLACES),
        ("UPDATE booking_slot SET taken = 2 WHERE taken = 1", [], PLACES),
        ("DELETE FROM booking_booking WHERE ctid IN (SELECT ctid FROM booking_booking LIMIT 1)", [], PLACES),
        (
            "UPDATE booking_slot SET capacity = 19 WHERE taken = 20",
            [("booking_slot", "booking_slot_taken_within_capacity")],
            PLACES,
        ),
        (
            "UPDATE booking_slot SET starts_at = starts_at + interval '1 second' WHERE taken = 1",
            [("booking_slot", "booking_slot_starts_on_the_minute")],
            MINUTES,
        ),
        (
            "INSERT INTO booking_slot (id, capacity, taken, starts_at, service_id)"
            " SELECT gen_random_uuid(), 20, 0, starts_at, service_id FROM booking_slot WHERE taken = 1",
            [("booking_slot", "booking_slot_once_per_minute")],
            MINUTES,
        ),
        (
            "UPDATE booking_booking SET starts_at = starts_at - interval '1 minute' WHERE firstname = 'Other'",
            [],
            WITHIN,
        ),
        (
            "UPDATE booking_booking SET starts_at = starts_at + interval '1 second' WHERE firstname = 'Other'",
            [],
            WITHIN,
        ),
        (
            "UPDATE booking_booking SET starts_at = now() - interval '8 hours 2 minutes 5 seconds'"
            " WHERE firstname = 'Other'",
            [],
            GONE,
        ),
        (
            "UPDATE booking_booking SET manage_digest = 'short' WHERE firstname = 'Other'",
            [("booking_booking", "booking_booking_manage_digest_whole")],
            TOKENS,
        ),
        (
            "UPDATE booking_booking SET manage_digest = repeat('a', 64)",
            [("booking_booking", "booking_booking_manage_digest_once")],
            TOKENS,
        ),
        (
            "UPDATE booking_booking SET lastname = ' ' WHERE firstname = 'Other'",
            [("booking_booking", "booking_booking_lastname_not_blank")],
            PEOPLE,
        ),
        (
            "UPDATE booking_booking SET firstname = '' WHERE firstname = 'Other'",
            [("booking_booking", "booking_booking_firstname_not_blank")],
            PEOPLE,
        ),
        (
            "UPDATE booking_booking SET phone = '123456789' WHERE firstname = 'Other'",
            [("booking_booking", "booking_booking_phone_ten_digits")],
            PEOPLE,
        ),
        ("DELETE FROM ticketing_activity WHERE id = (SELECT min(id) FROM ticketing_activity)", [], TRAIL),
    ],
)
def test_planted_damage_is_found(twenty, sql, without, promise):
    BookingFactory(firstname="Other", starts_at=NOON.replace(minute=5, second=59))
    damage(sql, without=without)
    assert promise in broken()


def test_a_booking_whose_slot_is_gone_is_found(twenty):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = 'booking_booking'::regclass"
        )
        foreign_keys = [("booking_booking", name) for (name,) in cursor.fetchall()]
    damage("DELETE FROM booking_slot", without=foreign_keys)
    assert broken()[WITHIN] == 21


@pytest.mark.parametrize("age", ["8 hours 1 minute", "1 second"])
def test_what_the_purge_has_two_minutes_for_is_not_yet_damage(age):
    booking = BookingFactory()
    damage(f"UPDATE booking_booking SET starts_at = now() - interval '{age}' WHERE id = '{booking.pk}'")
    assert GONE not in broken()


def test_every_check_names_its_promise_once():
    promises = [promise for _, promise, _ in CHECKS]
    assert set(promises) == {PLACES, MINUTES, WITHIN, GONE, TOKENS, PEOPLE, TRAIL, ONE_AT_A_TIME, OCCUPIED}
    assert len(promises) == len(set(promises))
