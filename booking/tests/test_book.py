import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser

from booking.errors import BadPhone, SlotFull
from booking.models import Booking, Service, Slot
from booking.tests.factories import NOON, BookingFactory, ServiceFactory
from ticketing.errors import Invalid, NotAllowed
from ticketing.models import Activity
from ticketing.querysets import digest
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


def test_a_booking_takes_one_place_of_its_minute():
    booking = BookingFactory(starts_at=NOON + timedelta(seconds=7))
    slot = Slot.objects.get()
    assert (slot.starts_at, slot.capacity, slot.taken) == (NOON, 20, 1)
    assert Booking.objects.get() == booking
    assert Booking.objects.get().starts_at == NOON + timedelta(seconds=7)


def test_it_refuses_the_twenty_first_booking_and_changes_nothing():
    BookingFactory.create_batch(20)
    with nothing_changes(), pytest.raises(SlotFull):
        BookingFactory()
    assert Slot.objects.get().taken == Booking.objects.count() == 20


def test_whoever_comes_alone_is_told_that_it_is_full_also_when_a_place_is_given_back_at_that_moment(monkeypatch):
    BookingFactory.create_batch(20)

    def release_overdue(slot):  # which is asked after no place was found, and before it is said how many are left
        Slot.objects.give_back(slot.pk)
        return False

    monkeypatch.setattr("booking.actions.places.release_overdue", release_overdue)
    with pytest.raises(SlotFull) as refusal:
        BookingFactory()
    assert type(refusal.value) is SlotFull


def test_seconds_do_not_make_another_slot():
    for second in range(20):
        BookingFactory(starts_at=NOON + timedelta(seconds=second))
    with pytest.raises(SlotFull):
        BookingFactory(starts_at=NOON + timedelta(seconds=59, microseconds=999_999))
    BookingFactory(starts_at=NOON + timedelta(minutes=1))
    assert list(Slot.objects.order_by("starts_at").values_list("taken", flat=True)) == [20, 1]


def test_each_service_has_places_of_its_own():
    small = ServiceFactory(slot_capacity=1)
    BookingFactory(service=small)
    with pytest.raises(SlotFull):
        BookingFactory(service=small)
    BookingFactory()
    assert Service.objects.default().slots.get().taken == 1


def test_a_slot_keeps_the_capacity_it_was_made_with():
    service = ServiceFactory(slot_capacity=2)
    BookingFactory(service=service)
    Service.objects.filter(pk=service.pk).change(slot_capacity=1)
    BookingFactory(service=Service.objects.get(pk=service.pk))
    assert service.slots.get().taken == 2


@pytest.mark.parametrize("role", ["customer", "agent", "supervisor"])
def test_only_a_customer_becomes_the_holder_of_what_they_book(role):
    user = UserFactory(role=role)
    assert BookingFactory(by=user).account == (user if role == "customer" else None)


def test_nobody_in_particular_may_book():
    assert BookingFactory(by=AnonymousUser()).account is None


def test_gate_staff_do_not_book():
    gate = UserFactory(role="gate")
    with nothing_changes(), pytest.raises(NotAllowed):
        BookingFactory(by=gate)


def test_the_trail_says_who_booked_and_nothing_about_the_person():
    user = UserFactory()
    booking = BookingFactory(by=user, firstname="Zebulon", phone="5558789022")
    (entry,) = Activity.objects.about(booking)
    assert (entry.operation, entry.actor_id, entry.role) == ("booking.book", user.pk, "customer")
    assert "Zebulon" not in str(entry.details)
    assert "5558789022" not in str(entry.details)


@pytest.mark.parametrize("name", ["", " \t", "x" * 101, "a\x07b", "a\x00b", "a\nb", "a\u2028b", 7, None, ["a"]])
@pytest.mark.parametrize("field", ["firstname", "lastname"])
def test_it_refuses_bad_names(field, name):
    with nothing_changes(), pytest.raises(Invalid) as refused:
        BookingFactory(**{field: name})
    assert refused.value.field == field


def test_names_are_trimmed_and_may_have_a_hundred_characters():
    booking = BookingFactory(firstname=f"  {'é' * 100} ", lastname="O’Neill-山田")
    booking.refresh_from_db()
    assert (booking.firstname, booking.lastname) == ("é" * 100, "O’Neill-山田")


BAD_PHONES = ["", "123456789", "12345678901", "123456789\n", "1234567890\n", "+123456789", " 1234567890", "٠١٢٣٤٥٦٧٨٩"]


@pytest.mark.parametrize("phone", [*BAD_PHONES, 1234567890, None])
def test_it_refuses_what_is_not_ten_digits(phone):
    with nothing_changes(), pytest.raises(BadPhone):
        BookingFactory(phone=phone)


def test_of_the_manage_token_only_the_digest_is_stored():
    booking, other = BookingFactory(), BookingFactory()
    assert re.fullmatch("[0-9a-f]{64}", booking.manage_token)
    assert booking.manage_token != other.manage_token
    stored = Booking.objects.filter(pk=booking.pk).values().get()
    assert stored["manage_digest"] == digest(booking.manage_token)
    assert booking.manage_token not in map(str, stored.values())


def test_the_token_can_be_shown_again_and_a_new_version_has_another():
    booking = BookingFactory()
    again = Booking.objects.get()
    assert again.manage_token == booking.manage_token
    again.manage_version += 1
    assert again.manage_token != booking.manage_token


def test_the_default_service_is_made_once():
    assert Service.objects.default() == Service.objects.default()
    assert (Service.objects.get().slug, Service.objects.get().slot_capacity) == ("default", 20)
