import pytest

from booking.actions import welcome
from booking.models import Booking
from booking.tests.factories import BookingFactory
from ticketing.errors import Invalid
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


def test_bookings_made_with_the_address_join_the_account_that_proves_it_and_no_others_do():
    holder = UserFactory()
    mine = BookingFactory(email="Ada@Example.org")
    others = [
        BookingFactory(email="eve@example.org"),
        BookingFactory(),
        BookingFactory(email="ada@example.org", by=holder),
    ]
    user = UserFactory(email="ADA@example.org")
    welcome(user, {})
    assert set(Booking.objects.filter(account=user)) == {mine}
    assert Booking.objects.filter(account=holder).get() == others[2]
    [line] = Activity.objects.filter(operation="booking.join_account")
    assert (line.object_id, line.details) == (user.pk, {"count": 1})


def test_an_account_without_an_address_gets_nothing():
    BookingFactory()
    user = UserFactory(email="")
    with nothing_changes():
        welcome(user, {})


def test_a_booking_with_an_address_that_is_none_is_refused():
    with nothing_changes(), pytest.raises(Invalid) as refusal:
        BookingFactory(email="ada@")
    assert refusal.value.field == "email"


def test_a_booking_with_an_address_that_is_proven_already_joins_at_once():
    user = UserFactory(email="ada@example.org", email_confirmed_at="2026-01-01T00:00:00Z")
    UserFactory(email="eve@example.org")
    assert BookingFactory(email="ADA@example.org").account == user
    assert BookingFactory(email="eve@example.org").account is None
    assert BookingFactory().account is None
