from datetime import timedelta

import pytest

from booking.actions import cancel_booking, change_booking
from booking.errors import BadPhone, SlotFull
from booking.models import Booking, Slot
from booking.tests.factories import NOON, BookingFactory, ServiceFactory
from ticketing.errors import Invalid, NotAllowed, NotFound
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(hours=1, seconds=5)


def taken():
    return dict(Slot.objects.values_list("starts_at", "taken"))


def test_a_move_gives_the_old_place_back_and_takes_a_new_one():
    booking = BookingFactory()
    changed = change_booking(booking, starts_at=LATER, by=None)
    assert changed.starts_at == Booking.objects.get().starts_at == LATER
    assert changed.slot.starts_at == NOON + timedelta(hours=1)
    assert taken() == {NOON: 0, NOON + timedelta(hours=1): 1}


def test_many_moves_in_either_order_of_keys_keep_the_books():
    bookings = BookingFactory.create_batch(8)
    for hours, booking in enumerate(bookings, start=1):
        change_booking(booking, starts_at=NOON + timedelta(hours=hours), by=None)
        change_booking(booking, starts_at=NOON, by=None)
    assert taken()[NOON] == 8
    assert sum(taken().values()) == 8


def test_a_full_target_refuses_and_changes_nothing():
    BookingFactory.create_batch(20, starts_at=LATER)
    booking = BookingFactory()
    with nothing_changes(), pytest.raises(SlotFull):
        change_booking(booking, starts_at=LATER, firstname="Other", by=None)


def test_other_seconds_of_the_same_full_minute_are_free_to_take():
    booking, *_ = BookingFactory.create_batch(20)
    change_booking(booking, starts_at=NOON + timedelta(seconds=59), by=None)
    assert Booking.objects.get(pk=booking.pk).starts_at == NOON + timedelta(seconds=59)
    assert taken() == {NOON: 20}


def test_a_move_stays_with_the_service():
    service = ServiceFactory(slot_capacity=1)
    booking = change_booking(BookingFactory(service=service), starts_at=LATER, by=None)
    assert booking.slot.service == service
    assert booking.slot.capacity == 1


def test_only_what_is_given_changes():
    booking = BookingFactory(firstname="Ada", lastname="Byron", phone="0123456789")
    before = Booking.objects.values().get()
    change_booking(booking, lastname=" King ", by=None)
    after = Booking.objects.values().get()
    assert {name for name in after if after[name] != before[name]} == {"lastname", "updated_at"}
    assert after["lastname"] == "King"


def test_asking_for_nothing_is_harmless():
    booking = BookingFactory()
    with nothing_changes():
        assert change_booking(booking, by=None) == booking


@pytest.mark.parametrize(("field", "value"), [("firstname", " "), ("lastname", "a\x00"), ("phone", "12")])
def test_one_bad_value_changes_nothing(field, value):
    booking = BookingFactory()
    asked = {"firstname": "New", "lastname": "New", "phone": "1111111111", "starts_at": LATER, field: value}
    with nothing_changes(), pytest.raises(BadPhone if field == "phone" else Invalid):
        change_booking(booking, **asked, by=None)


def test_what_was_cancelled_meanwhile_is_not_found():
    booking = BookingFactory()
    cancel_booking(Booking.objects.get(), by=None)
    with nothing_changes(), pytest.raises(NotFound):
        change_booking(booking, starts_at=LATER, by=None)


def test_it_goes_by_the_row_and_not_by_the_copy_in_hand():
    stale = BookingFactory()
    change_booking(Booking.objects.get(), starts_at=LATER, by=None)
    change_booking(stale, starts_at=NOON + timedelta(hours=2), by=None)
    assert taken() == {NOON: 0, NOON + timedelta(hours=1): 0, NOON + timedelta(hours=2): 1}


def test_the_trail_names_the_changed_fields_without_their_values():
    booking = BookingFactory()
    agent = UserFactory(role="agent")
    change_booking(booking, firstname="Zebulon", phone="5558789022", by=agent)
    entry = Activity.objects.about(booking).last()
    assert (entry.operation, entry.actor_id) == ("booking.change", agent.pk)
    assert entry.details == {"fields": ["firstname", "phone"]}


def test_gate_staff_do_not_change_bookings(production):
    booking, gate = BookingFactory(), UserFactory(role="gate")
    with nothing_changes(), pytest.raises(NotAllowed):
        change_booking(booking, firstname="Other", by=gate)
