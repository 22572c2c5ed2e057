import pytest

from booking.actions import cancel_booking, change_booking
from booking.models import Booking, Slot
from booking.tests.factories import NOON, BookingFactory
from ticketing.errors import NotAllowed, NotFound
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


def test_the_row_is_gone_and_its_place_is_free():
    booking, *_ = BookingFactory.create_batch(20)
    cancel_booking(booking, by=None)
    assert not Booking.objects.filter(pk=booking.pk).exists()
    assert Slot.objects.get().taken == 19
    BookingFactory()


def test_a_second_time_it_is_not_found_and_gives_nothing_back():
    booking, _ = BookingFactory.create_batch(2)
    cancel_booking(Booking.objects.get(pk=booking.pk), by=None)
    with nothing_changes(), pytest.raises(NotFound):
        cancel_booking(booking, by=None)


def test_the_place_that_is_given_back_is_the_one_it_has_now():
    stale = BookingFactory()
    change_booking(Booking.objects.get(), starts_at=NOON.replace(hour=15), by=None)
    cancel_booking(stale, by=None)
    assert list(Slot.objects.values_list("taken", flat=True)) == [0, 0]


def test_the_trail_outlives_the_booking():
    booking = BookingFactory()
    supervisor = UserFactory(role="supervisor")
    cancel_booking(booking, by=supervisor)
    entry = Activity.objects.about(booking).last()
    assert (entry.operation, entry.actor_id, entry.details) == ("booking.cancel", supervisor.pk, {})


def test_gate_staff_do_not_cancel(production):
    booking, gate = BookingFactory(), UserFactory(role="gate")
    with nothing_changes(), pytest.raises(NotAllowed):
        cancel_booking(booking, by=gate)
