"""What a request costs does not grow with the rows it shows."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.actions import cancel_booking, change_booking, purge_expired
from booking.availability import days_between
from booking.errors import SlotFull
from booking.models import Booking
from booking.tests.factories import NOON, BookingFactory, ServiceFactory, past
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


def cost(call):
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


def post(client, path, **body):
    response = client.post(path, body, content_type="application/json")
    assert response.status_code == 200
    return response.getvalue()


@pytest.mark.parametrize("query", [{"query": "all"}, {"query": "datetime", "date": "6-5-2031", "time": "12"}])
def test_a_list_costs_one_query_for_one_row_and_for_twenty(client, query):
    BookingFactory()
    assert cost(lambda: post(client, "/view/", **query)) == 1
    BookingFactory.create_batch(19)
    assert cost(lambda: post(client, "/view/", **query)) == 1


@pytest.mark.parametrize("model", ["booking", "slot", "service"])
def test_each_admin_list_costs_the_same_for_one_row_and_for_twenty(client, model):
    client.force_login(UserFactory(role="supervisor"))
    BookingFactory()
    path = f"/admin/booking/{model}/"
    client.get(path)
    one = cost(lambda: client.get(path))
    for minutes in range(1, 20):
        BookingFactory(starts_at=NOON + timedelta(minutes=minutes), by=UserFactory())
    assert cost(lambda: client.get(path)) == one <= 10


def test_a_purge_costs_the_same_for_one_booking_and_for_twenty():
    past(timedelta(hours=9))
    one = cost(purge_expired)
    for minutes in range(20):
        past(timedelta(hours=9, minutes=minutes))
    assert cost(purge_expired) == one
    assert Booking.objects.count() == 0


def test_verbs_cost_the_same_in_an_empty_minute_and_in_a_busy_one():
    """Booking: the service, and one statement for the slot's place, the booking and the trail.

    Whoever gives a place back asks whether somebody waits for it, and whoever cancels is counted.
    """
    first, second = BookingFactory(), BookingFactory()
    prices = {cost(BookingFactory) for _ in range(17)}
    assert prices == {2}
    move = cost(lambda: change_booking(first, starts_at=NOON + timedelta(hours=1), by=None))
    assert cost(lambda: change_booking(second, starts_at=NOON + timedelta(hours=1), by=None)) < move
    assert cost(lambda: cancel_booking(first, by=None)) == 8


def test_nobody_waits_for_a_slot_while_somebody_else_is_answered(client):
    BookingFactory()
    whom = {"firstname": "Ada", "lastname": "Lovelace", "phone": "5550100009", "starts_at": NOON.isoformat()}
    with CaptureQueriesContext(connection) as queries:
        response = client.post("/api/v1/booking/bookings/", whom, content_type="application/json")
    said = [query["sql"].split()[0] for query in queries]
    assert response.status_code == 201
    assert said == ["SELECT", "WITH"]


def test_whoever_finds_a_time_full_has_written_and_locked_nothing():
    BookingFactory.create_batch(20)
    with nothing_changes(), pytest.raises(SlotFull):
        BookingFactory()
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmax::text::bigint FROM booking_slot")  # who locked the row last
        assert cursor.fetchall() == [(0,)]


def test_the_free_times_of_a_month_take_one_look_at_each_slot():
    service = ServiceFactory(slot_capacity=2)
    BookingFactory.create_batch(2, service=service)
    BookingFactory(service=service, starts_at=NOON + timedelta(minutes=1))
    first, last = NOON.date().replace(day=1), NOON.date().replace(day=31)
    with CaptureQueriesContext(connection) as queries:
        found = days_between(first, last, service, by=AnonymousUser(), at=NOON - timedelta(days=40))
    assert sum(day.free for day in found) == sum(day.slots for day in found) - 1
    assert "".join(query["sql"] for query in queries).count('FROM "booking_slot"') == 1
