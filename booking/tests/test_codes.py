"""A booking's QR code: what the front desk checks in by."""

import re

import pytest

from booking.actions import check_in
from booking.models import Booking
from booking.tests.factories import NOON, BookingFactory
from booking.tests.test_day import today
from ticketing.tests.factories import UserFactory
from ticketing.toolkit.codes import qr

pytestmark = pytest.mark.django_db

CODE = re.compile(r'<div class="qr" role="img" aria-label="([^"]+)">(.+?)</div>', re.DOTALL)


def code_on(response):
    """The one code of a page."""
    [(label, code)] = CODE.findall(response.content.decode())
    assert "front desk" in label
    return code


def test_what_the_page_of_a_booking_shows_checks_it_in_at_the_front_desk(client):
    customer, desk = UserFactory(), UserFactory(role="agent")
    booking, other = today(by=customer), today()
    client.force_login(customer)
    code = code_on(client.get(f"/panel/bookings/{booking.pk}/"))
    # A picture is made of its text alone: equal pictures say the same.
    [said] = [one for one in (booking.pk, booking.manage_token, other.pk) if qr(str(one)) == code]
    client.force_login(desk)
    [found] = client.get("/panel/day/", {"code": str(said)}).context["page"]
    assert client.post(f"/panel/day/{found.pk}/check-in/").status_code == 302
    booking.refresh_from_db()
    assert booking.arrived_at is not None


def test_the_receipt_shows_the_same_code_and_not_the_manage_token(client):
    typed = {"firstname": "Ishan", "lastname": "Dixit", "phone_number": "9927898022", "date": "2031-05-06"}
    receipt = client.post("/panel/book/", {**typed, "time": "12:00"}, follow=True)
    booking = Booking.objects.get()
    assert code_on(receipt) == qr(str(booking.pk)) != qr(booking.manage_token)


def test_whoever_came_has_nothing_more_to_show(client):
    customer = UserFactory()
    booking, coming = today(by=customer), BookingFactory(starts_at=NOON, by=customer)
    check_in(booking, by=None)
    client.force_login(customer)
    assert "qr" not in client.get(f"/panel/bookings/{booking.pk}/").content.decode()
    assert code_on(client.get(f"/panel/bookings/{coming.pk}/"))
