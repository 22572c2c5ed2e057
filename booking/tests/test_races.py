"""Many at once, on real connections. Each race was seen to go wrong on a version without what prevents it."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event

import pytest
from django.db import connection, transaction
from django.test import Client

from booking.actions import cancel_booking, change_booking, purge_expired
from booking.errors import SlotFull
from booking.models import Booking, Service, Slot
from booking.tests.books import broken
from booking.tests.factories import NOON, BookingFactory, database_now, past
from ticketing.errors import NotFound, Refused
from ticketing.models import Activity

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 60  # seconds until a race that hangs counts as lost


def outcomes(*calls):
    """Make the calls at once, each on a connection of its own; what each returned, or the refusal's class."""
    barrier = Barrier(len(calls))

    def run(call):
        try:
            connection.ensure_connection()
            barrier.wait(PATIENCE)
            return call()
        except Refused as refusal:
            return type(refusal)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(PATIENCE) for future in [pool.submit(run, call) for call in calls]]


def await_locks(number):
    """Return once that many others wait for a lock."""
    deadline = time.monotonic() + PATIENCE
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0] >= number:
                return
            time.sleep(0.01)
    raise TimeoutError


@pytest.mark.parametrize("exists", ["nothing", "the service", "the slot"])
def test_thirty_at_once_get_twenty_places(exists):
    if exists != "nothing":
        Service.objects.default()
    if exists == "the slot":
        cancel_booking(BookingFactory(), by=None)
    got = outcomes(*[BookingFactory] * 30)
    assert got.count(SlotFull) == 10
    assert Slot.objects.get().taken == Booking.objects.count() == 20
    assert broken() == {}


def test_many_at_once_move_into_a_minute_with_five_places_left():
    BookingFactory.create_batch(15)
    movers = [BookingFactory(starts_at=NOON + timedelta(hours=hours)) for hours in range(1, 21)]
    got = outcomes(*[lambda mover=mover: change_booking(mover, starts_at=NOON, by=None) for mover in movers])
    assert got.count(SlotFull) == 15
    assert Booking.objects.filter(starts_at=NOON).count() == 20
    for mover, outcome in zip(movers, got, strict=True):
        where_it_was = Booking.objects.filter(pk=mover.pk, starts_at=mover.starts_at, slot=mover.slot)
        assert where_it_was.exists() == (outcome is SlotFull)
    assert broken() == {}


def test_crossing_moves_do_not_deadlock():
    def back_and_forth(booking, hours):
        for _ in range(25):
            for hour in hours:
                change_booking(booking, starts_at=NOON + timedelta(hours=hour), by=None)

    bookings = BookingFactory.create_batch(6)
    BookingFactory(starts_at=NOON + timedelta(hours=1))
    turns = [(1, 0), (0, 1)] * 3
    outcomes(*[lambda booking=b, turn=t: back_and_forth(booking, turn) for b, t in zip(bookings, turns, strict=True)])
    assert broken() == {}


def test_one_booking_is_cancelled_once():
    booking, *_ = BookingFactory.create_batch(3)
    got = outcomes(*[lambda: cancel_booking(Booking(pk=booking.pk), by=None)] * 5)
    assert got.count(NotFound) == 4
    assert broken() == {}


def test_a_move_and_a_cancellation_of_one_booking_leave_no_place_behind():
    for hour in range(1, 11):
        booking = BookingFactory()
        outcomes(
            lambda booking=booking, hour=hour: change_booking(booking, starts_at=NOON + timedelta(hours=hour), by=None),
            lambda booking=booking: cancel_booking(booking, by=None),
        )
    assert not Booking.objects.exists()
    assert not Slot.objects.filter(taken__gt=0).exists()


def test_of_two_callers_one_may_change_the_day_and_the_other_the_time():
    booking = BookingFactory()

    held = Event()

    def edit(**fields):
        body = {"id": str(booking.pk), **fields}
        assert held.wait(PATIENCE)
        return Client().post("/update/edit/", body, content_type="application/json").status_code

    def let_both_wait():
        with transaction.atomic():
            Booking.objects.select_for_update().get(pk=booking.pk)
            held.set()
            await_locks(2)

    got = outcomes(let_both_wait, lambda: edit(date="7-6-2032"), lambda: edit(time="18:30"))
    assert got[1:] == [200, 200]
    assert Booking.objects.get().starts_at == NOON.replace(year=2032, month=6, day=7, hour=18, minute=30)


@pytest.mark.parametrize("emptied_by", ["a cancellation", "the purge"])
@pytest.mark.parametrize("verb", ["book", "change"])
def test_a_minute_whose_empty_slot_is_purged_meanwhile_can_be_taken(verb, emptied_by):
    old = past(timedelta(hours=9))
    if emptied_by == "a cancellation":
        cancel_booking(old, by=None)
    minute = Slot.objects.get(pk=old.slot_id).starts_at
    booking = BookingFactory() if verb == "change" else None
    deleted = Event()

    def purge():
        with transaction.atomic():
            purge_expired()
            assert not Slot.objects.filter(pk=old.slot_id).exists()
            deleted.set()
            await_locks(1)

    def take():
        assert deleted.wait(PATIENCE)
        assert Slot.objects.filter(pk=old.slot_id).exists()  # not committed yet
        return change_booking(booking, starts_at=minute, by=None) if booking else BookingFactory(starts_at=minute)

    _, taken = outcomes(purge, take)
    slot = Booking.objects.get(pk=taken.pk).slot
    assert slot.pk != old.slot_id
    assert (slot.starts_at, slot.taken) == (minute, 1)
    purge_expired()
    assert broken() == {}


def test_twin_purges_share_the_work_and_delete_everything_once():
    gone = {str(past(timedelta(hours=9, minutes=number // 10)).pk) for number in range(60)}
    kept = BookingFactory()

    def purge_all():
        return sum(iter(lambda: purge_expired(limit=7), 0))

    assert sum(outcomes(*[purge_all] * 4)) + purge_all() == 60
    entries = Activity.objects.filter(operation="booking.purge").values_list("details__bookings", flat=True)
    named = [one for ids in entries for one in ids]
    assert len(named) == 60
    assert set(named) == gone
    assert list(Booking.objects.all()) == [kept]
    assert broken() == {}


def test_a_booking_that_is_being_moved_out_of_the_past_is_not_purged():
    booking = past(timedelta(hours=9))
    moved, purged = Event(), Event()

    def move():
        with transaction.atomic():
            change_booking(booking, starts_at=NOON, by=None)
            moved.set()
            assert purged.wait(PATIENCE)

    def purge():
        assert moved.wait(PATIENCE)
        try:
            return purge_expired()
        finally:
            purged.set()

    assert outcomes(move, purge) == [None, 0]
    assert Booking.objects.get().starts_at == NOON
    purge_expired()
    assert broken() == {}


def test_a_place_that_is_taken_while_the_purge_waits_for_the_slot_is_counted():
    old = past(timedelta(hours=9))
    booked = Event()

    def take():
        with transaction.atomic():
            BookingFactory(starts_at=old.starts_at)
            booked.set()
            await_locks(1)

    def purge():
        assert booked.wait(PATIENCE)
        return purge_expired()

    assert outcomes(take, purge) == [None, 1]
    assert Slot.objects.get(pk=old.slot_id).taken == 1
    assert purge_expired() == 1
    assert broken() == {}


def test_a_slot_that_somebody_leaves_while_the_purge_waits_for_it_goes_with_the_rest():
    old = past(timedelta(hours=9))
    other = BookingFactory(starts_at=old.starts_at)
    left = Event()

    def leave():
        with transaction.atomic():
            cancel_booking(other, by=None)
            left.set()
            await_locks(1)

    def purge():
        assert left.wait(PATIENCE)
        return purge_expired()

    assert outcomes(leave, purge) == [None, 1]
    assert not Slot.objects.filter(pk=old.slot_id).exists()
    assert broken() == {}


def test_the_purge_locks_slots_in_ascending_order():
    for minutes in range(5):
        past(timedelta(hours=9, minutes=minutes))
    first, *others = Slot.objects.filter(taken=1).order_by("pk").values_list("pk", flat=True)
    held = Event()

    def hold_the_first():
        with transaction.atomic():
            Slot.objects.select_for_update().get(pk=first)
            held.set()
            await_locks(1)
            # The purge waits for the first, and has none of the others yet.
            return len(Slot.objects.select_for_update(nowait=True).filter(pk__in=others))

    def purge():
        assert held.wait(PATIENCE)
        return purge_expired()

    assert outcomes(hold_the_first, purge) == [4, 5]


def test_everything_at_once_keeps_the_books():
    now = database_now()
    minutes = [now - timedelta(hours=8, minutes=1), now - timedelta(hours=9), now - timedelta(hours=8), NOON]
    end = time.monotonic() + 4
    done = []

    def anything(seed):
        dice = random.Random(seed)
        while time.monotonic() < end:
            verb = dice.choice([BookingFactory, BookingFactory, change_booking, cancel_booking, purge_expired])
            try:
                if verb is purge_expired:
                    purge_expired(limit=dice.choice([1, 5, 5000]))
                elif verb is BookingFactory:
                    BookingFactory(starts_at=dice.choice(minutes))
                elif booking := Booking.objects.order_by("?").first():
                    kwargs = {"starts_at": dice.choice(minutes)} if verb is change_booking else {}
                    verb(booking, by=None, **kwargs)
            except (SlotFull, NotFound):
                continue
            done.append(verb)

    outcomes(*[lambda seed=seed: anything(seed) for seed in range(8)])
    assert {BookingFactory, change_booking, cancel_booking, purge_expired} <= set(done)
    while purge_expired():
        pass
    assert broken() == {}
