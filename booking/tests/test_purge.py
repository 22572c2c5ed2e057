from datetime import timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from booking.actions import cancel_booking, change_booking, purge_expired
from booking.models import Booking, Slot, Tally
from booking.tasks import purge_expired_bookings
from booking.tests.factories import NOON, BookingFactory, ServiceFactory, past
from ticketing.errors import NotAllowed
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

EXPIRED = timedelta(hours=8, seconds=1)
YOUNG = timedelta(hours=7, minutes=59)


def test_it_deletes_what_is_more_than_eight_hours_past_and_nothing_younger():
    past(EXPIRED)
    kept = {past(YOUNG), past(timedelta(0)), BookingFactory()}
    assert purge_expired() == 1
    assert set(Booking.objects.all()) == kept


def test_it_reads_as_expired_from_the_same_moment():
    old, young, future = past(EXPIRED), past(YOUNG), BookingFactory()
    shown = dict(Booking.objects.with_expired().values_list("pk", "expired"))
    assert shown == {old.pk: True, young.pk: False, future.pk: False}
    assert list(Booking.objects.expired()) == [old]


@pytest.mark.parametrize("hours", [9, -9])
def test_a_wrong_clock_of_the_application_changes_nothing(hours):
    old, young = past(EXPIRED), past(YOUNG)
    with time_machine.travel(timezone.now() + timedelta(hours=hours)):
        assert dict(Booking.objects.with_expired().values_list("pk", "expired")) == {old.pk: True, young.pk: False}
        assert purge_expired() == 1
    assert list(Booking.objects.all()) == [young]


def test_the_places_of_deleted_bookings_are_given_back():
    older, old, _young = BookingFactory.create_batch(3)
    Booking.objects.filter(pk__in=[older.pk, old.pk]).update(starts_at=past(EXPIRED).starts_at)
    assert purge_expired() == 3
    assert Slot.objects.get().taken == 1


def test_empty_slots_go_once_they_are_past_and_others_stay():
    past(EXPIRED)
    cancel_booking(BookingFactory(starts_at=NOON), by=None)
    cancel_booking(past(timedelta(hours=10)), by=None)
    kept = past(YOUNG)
    purge_expired()
    assert set(Slot.objects.values_list("starts_at", flat=True)) == {NOON, kept.slot.starts_at}


def test_a_past_slot_stays_while_a_younger_booking_is_in_it():
    young = past(YOUNG)
    Slot.objects.filter(pk=young.slot_id).update(starts_at=young.slot.starts_at - timedelta(hours=1))
    assert purge_expired() == 0
    assert Slot.objects.get(pk=young.slot_id).taken == 1


def test_a_past_slot_stays_while_something_else_is_held_in_it():
    old = past(EXPIRED)
    Slot.objects.filter(pk=old.slot_id).update(taken=3)
    assert purge_expired() == 1
    assert Slot.objects.get(pk=old.slot_id).taken == 2


def test_a_slot_that_is_not_past_stays_when_it_empties():
    old = BookingFactory()
    Booking.objects.filter(pk=old.pk).update(starts_at=past(EXPIRED).starts_at)
    assert purge_expired() == 2
    assert (Slot.objects.get().pk, Slot.objects.get().taken) == (old.slot_id, 0)


def test_it_works_in_chunks_and_zero_means_done():
    for minutes in range(5):
        past(timedelta(hours=9, minutes=minutes))
    assert [purge_expired(limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert not Slot.objects.exclude(starts_at=NOON).exists()


def test_a_second_run_changes_nothing():
    past(EXPIRED)
    purge_expired()
    with nothing_changes():
        assert purge_expired() == 0


def test_each_chunk_has_one_entry_in_the_trail_that_names_ids_only():
    gone = {str(past(EXPIRED, firstname="Zebulon").pk) for _ in range(3)}
    purge_expired()
    entry = Activity.objects.get(operation="booking.purge")
    assert entry.role == "system"
    assert entry.details.keys() == {"count", "bookings"}
    assert (entry.details["count"], set(entry.details["bookings"])) == (3, gone)


@pytest.mark.parametrize("role", ["customer", "agent", "gate"])
def test_only_supervisors_and_the_site_itself_may_purge(role):
    past(EXPIRED)
    user = UserFactory(role=role)
    with nothing_changes(), pytest.raises(NotAllowed):
        purge_expired(by=user)
    assert purge_expired(by=UserFactory(role="supervisor")) == 1


def test_the_task_goes_on_until_nothing_is_left(monkeypatch):
    monkeypatch.setattr(purge_expired.__wrapped__, "__kwdefaults__", {"by": None, "limit": 2})
    for minutes in range(5):
        past(timedelta(hours=9, minutes=minutes))
    assert purge_expired_bookings() == 5
    assert purge_expired_bookings() == 0
    assert Activity.objects.filter(operation="booking.purge").count() == 3


def test_the_task_stops_in_time_and_leaves_the_rest_to_the_next_run(monkeypatch):
    past(EXPIRED)
    monkeypatch.setattr("booking.tasks.PATIENCE", -1)
    assert purge_expired_bookings() == 0
    assert Booking.objects.count() == 1


def test_the_command_says_how_many_it_deleted():
    past(EXPIRED)
    past(EXPIRED)
    BookingFactory()
    out = StringIO()
    call_command("purge_expired_bookings", stdout=out)
    assert out.getvalue() == "Expired bookings deleted: 2\n"
    assert Booking.objects.count() == 1


# What is kept of it: numbers


def tallies():
    return list(Tally.objects.order_by("day", "hour").values_list("visits", "people", "cancelled"))


def test_the_purge_keeps_count_by_service_day_and_hour(settings):
    settings.TIME_ZONE = "Asia/Kolkata"
    old = past(timedelta(hours=30), service=ServiceFactory(largest_party=5), party=3)
    Booking.objects.filter(pk=old.pk).update(created_at=old.starts_at - timedelta(minutes=90))
    shown = old.starts_at.astimezone(ZoneInfo("Asia/Kolkata"))
    purge_expired()
    tally = Tally.objects.get()
    assert (tally.service, tally.day, tally.hour) == (old.slot.service, shown.date(), shown.hour)
    assert (tally.visits, tally.people, tally.cancelled, tally.lead_minutes) == (1, 3, 0, 90)


def test_a_second_run_adds_to_what_was_counted():
    at = past(timedelta(hours=30)).starts_at
    purge_expired()
    for _ in range(2):
        change_booking(BookingFactory(), starts_at=at, by=None)
    purge_expired()
    assert tallies() == [(3, 3, 0)]


def test_a_cancelled_booking_is_counted_apart():
    for booking in BookingFactory.create_batch(2):
        cancel_booking(booking, by=None)
    assert tallies() == [(0, 0, 2)]


def test_what_was_booked_after_its_time_counts_as_booked_no_time_ahead():
    past(timedelta(hours=30))
    purge_expired()
    assert Tally.objects.get().lead_minutes == 0


def test_one_slot_whose_books_are_wrong_stops_nothing():
    wrong, right = past(timedelta(hours=30)), past(timedelta(hours=31))
    Slot.objects.filter(pk=wrong.slot_id).update(taken=0)
    assert purge_expired() == 2
    assert not Booking.objects.filter(pk__in=[wrong.pk, right.pk]).exists()
    assert not Slot.objects.exclude(taken=0).exists()


def test_a_booking_that_stays_in_a_slot_of_too_few_places_stops_nothing():
    minute = past(timedelta(hours=30)).starts_at.replace(second=0, microsecond=0)
    crowd = [BookingFactory(starts_at=minute) for _ in range(2)]
    slots = Slot.objects.filter(pk=crowd[0].slot_id)
    slots.update(taken=1)
    seen = [(purge_expired(limit=1), slots.exists()) for _ in range(4)]
    assert seen == [(1, True), (1, True), (1, False), (0, False)]


def test_a_past_slot_without_places_in_the_books_stays_while_a_booking_is_in_it():
    young = past(YOUNG)
    gone = past(timedelta(hours=10))
    cancel_booking(gone, by=None)
    Slot.objects.filter(pk=young.slot_id).update(starts_at=young.slot.starts_at - timedelta(hours=1), taken=0)
    assert purge_expired() == 0
    assert Slot.objects.filter(pk=young.slot_id).exists()
    assert not Slot.objects.filter(pk=gone.slot_id).exists()


def test_bookings_outside_of_their_slots_minute_are_counted_in_their_own_hours_and_given_back_together():
    later, earlier, stays = past(timedelta(hours=30)), past(timedelta(hours=33)), past(YOUNG)
    Booking.objects.filter(pk__in=[earlier.pk, stays.pk]).update(slot=later.slot_id)
    Slot.objects.filter(pk=later.slot_id).update(taken=3)
    assert purge_expired() == 2
    assert list(Tally.objects.order_by("day", "hour").values_list("hour", "visits")) == [
        (earlier.starts_at.hour, 1),
        (later.starts_at.hour, 1),
    ]
    assert Slot.objects.get(pk=later.slot_id).taken == 1
