"""How many bookings one phone number and one e-mail address may have at once.

Both races were seen to exceed the limit on a version that counted without the lock.
"""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from booking.actions import book, book_offer, cancel_booking, change_booking
from booking.errors import TooManyBookings, TooManyForAddress, TooManyForPhone
from booking.models import Booking
from booking.tests.books import broken
from booking.tests.factories import NOON, BookingFactory, past
from booking.tests.test_races import outcomes
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes
from ticketing.tests.waiting import LISTS, full, give_back, join

PHONE, OTHER = "5550100001", "5550100002"
ADA = "ada@example.org"
NAMES = {"firstname": "Ada", "lastname": "Lovelace"}


def hours(number):
    return NOON + timedelta(hours=number)


def ask(hour, phone=PHONE, by=None, **more):
    return book(**NAMES, phone=phone, starts_at=hours(hour), by=by or AnonymousUser(), **more)


@pytest.fixture
def two(settings):
    """Two bookings for each number and each address."""
    settings.BOOKINGS_PER_PHONE = settings.BOOKINGS_PER_ADDRESS = 2
    settings.SITE_MODE = "production"


@pytest.mark.django_db
def test_without_the_settings_anybody_books_as_often_as_they_like():
    for hour in range(25):
        ask(hour, email=ADA)


@pytest.mark.django_db
def test_a_phone_number_has_so_many_and_can_book_again_once_one_is_cancelled(two):
    first, _second = ask(0), ask(1)
    with nothing_changes(), pytest.raises(TooManyForPhone) as refused:
        ask(2)
    assert (refused.value.status, refused.value.code, refused.value.field) == (409, "too_many_bookings", "phone")
    ask(2, phone=OTHER)
    cancel_booking(first, by=None)
    ask(3)


@pytest.mark.django_db
def test_an_address_has_so_many_however_it_is_written(two):
    ask(0, email=ADA)
    ask(1, phone=OTHER, email="ADA@Example.org")
    with nothing_changes(), pytest.raises(TooManyForAddress):
        ask(2, phone="5550100003", email="Ada@example.ORG")
    Booking.objects.update(email="ADA@EXAMPLE.ORG")  # as what was moved in may be
    over = past(timedelta(hours=1), phone="5550100004", email=ADA)
    Booking.objects.filter(pk=over.pk).update(email="ADA@EXAMPLE.ORG")
    with pytest.raises(TooManyForAddress):
        change_booking(over, starts_at=hours(2), by=AnonymousUser())
    for hour in range(3, 6):  # who gives none shares it with nobody
        ask(hour, phone=f"555010001{hour}")


@pytest.mark.django_db
def test_what_is_over_counts_no_more_and_what_runs_does(two):
    past(timedelta(hours=1), phone=PHONE)
    running = past(timedelta(minutes=1), phone=PHONE)
    Booking.objects.filter(pk=running.pk).update(ends_at=hours(0))
    ask(1)
    with pytest.raises(TooManyForPhone):
        ask(2)


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["agent", "supervisor"])
def test_staff_book_and_change_beyond_it(two, role):
    staff = UserFactory(role=role)
    for hour in range(3):
        ask(hour, by=staff)
    change_booking(ask(4, phone=OTHER, by=staff), phone=PHONE, by=staff)


@pytest.mark.django_db
def test_a_customer_cannot_go_around_it_by_another_phone_number_or_an_old_booking(two):
    customer = UserFactory()
    other, over = ask(0, phone=OTHER, by=customer), past(timedelta(hours=1), phone=PHONE, email=ADA)
    ask(1), ask(2, email=ADA)
    with nothing_changes(), pytest.raises(TooManyForPhone):
        change_booking(other, phone=PHONE, by=customer)
    with nothing_changes(), pytest.raises(TooManyForPhone):
        change_booking(over, starts_at=hours(3), by=AnonymousUser())


@pytest.mark.django_db
def test_whoever_has_as_many_as_may_be_or_more_still_changes_each(two, settings):
    booking, _second = ask(0), ask(1)
    settings.BOOKINGS_PER_PHONE = 1
    change_booking(booking, starts_at=hours(5), phone=PHONE, firstname="Augusta", by=AnonymousUser())


@pytest.mark.django_db
def test_what_a_waiting_list_holds_is_booked_within_it(two, settings):
    settings.WAITING_LISTS = LISTS
    slot = full()
    waiter = join(slot)
    give_back(slot)
    waiter.refresh_from_db()
    ask(1), ask(2)
    with nothing_changes(), pytest.raises(TooManyForPhone):
        book_offer(waiter, **NAMES, phone=PHONE, by=AnonymousUser())
    book_offer(waiter, **NAMES, phone=OTHER, by=AnonymousUser())


@pytest.mark.django_db
def test_the_page_and_the_programs_are_told_what_to_do(two, client):
    ask(0), ask(1)
    typed = {**NAMES, "phone_number": PHONE, "date": "2031-05-06", "time": "15:00"}
    page = client.post("/panel/book/", typed)
    assert "Cancel one first" in page.content.decode()
    answer = client.post(
        "/api/v1/booking/bookings/", {**NAMES, "phone": PHONE, "starts_at": hours(3)}, "application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_bookings")
    told = {**NAMES, "phone_number": PHONE, "date": "6-05-2031", "time": "15:00"}
    assert client.post("/book/", told, "application/json").status_code == 409
    assert Booking.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_many_at_once_with_one_number_get_as_many_as_may_be(two):
    got = outcomes(*[lambda hour=hour: ask(hour) for hour in range(12)])
    assert got.count(TooManyForPhone) == 10
    assert Booking.objects.count() == 2
    assert broken() == {}


@pytest.mark.django_db(transaction=True)
def test_many_bookings_at_once_take_the_number_as_often_as_may_be(two):
    others = [ask(hour, phone=f"55501001{hour:02}") for hour in range(12)]
    nobody = AnonymousUser()
    got = outcomes(*[lambda one=one: change_booking(one, phone=PHONE, by=nobody) for one in others])
    assert got.count(TooManyForPhone) == 10
    assert Booking.objects.filter(phone=PHONE).count() == 2


@pytest.mark.django_db(transaction=True)
def test_crossing_numbers_and_addresses_end_in_no_deadlock(two):
    asked = [(PHONE, "b@example.org"), (OTHER, "a@example.org"), (PHONE, "a@example.org"), (OTHER, "b@example.org")]
    for day in range(5):
        calls = [
            lambda hour=24 * day + hour, phone=phone, email=email: ask(hour, phone=phone, email=email)
            for hour, (phone, email) in enumerate(asked * 3)
        ]
        got = outcomes(*calls)
        assert all(isinstance(one, Booking) or issubclass(one, TooManyBookings) for one in got)
        assert all(Booking.objects.filter(phone=phone).count() <= 2 for phone in (PHONE, OTHER))
        Booking.objects.all().delete()


@pytest.mark.django_db
def test_the_counts_find_their_bookings_by_an_index():
    BookingFactory()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plans = [Booking.objects.to_come().reached_at(*said).explain() for said in (("phone", PHONE), ("email", ADA))]
    assert "booking_booking_by_phone" in plans[0]
    assert "booking_booking_by_email" in plans[1]
