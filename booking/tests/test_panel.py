import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from booking.models import Booking
from booking.tests.factories import BookingFactory
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

PAGE = "/panel/book/"
TYPED = {
    "firstname": "Ishan",
    "lastname": "Dixit",
    "phone_number": "9927898022",
    "date": "2031-09-12",
    "time": "21:00",
}


def page(response):
    assert response.status_code == 200
    return response.content.decode()


def field(html, name):
    """The input of that name, as its tag."""
    return re.search(rf'<input[^>]* name="{name}"[^>]*>|<input[^>]*name="{name}"[^>]*>', html)[0]


def test_it_is_a_whole_page_with_a_labelled_form_and_no_script(client):
    html = page(client.get(PAGE))
    assert html.startswith("<!doctype html>")
    assert "<script" not in html
    assert 'method="post"' in html
    assert "csrfmiddlewaretoken" in html
    for name in TYPED:
        assert f'<label for="id_{name}">' in html
        assert "autocomplete=" in field(html, name)
    assert 'type="date"' in field(html, "date")
    assert 'type="time"' in field(html, "time")


@pytest.mark.parametrize(("zone", "words"), [("UTC", "UTC"), ("America/New_York", "America/New York")])
def test_it_says_on_whose_clocks_times_are_read(client, settings, zone, words):
    settings.TIME_ZONE = zone
    assert f"time zone {words}." in page(client.get(PAGE))


def test_a_booking_shows_its_id_and_token_once_on_the_page_and_never_in_an_address(client):
    response = client.post(PAGE, TYPED)
    booking = Booking.objects.get()
    assert (response.status_code, response["Location"]) == (302, PAGE)
    assert "no-store" in response["Cache-Control"]
    first, second = page(client.get(PAGE)), page(client.get(PAGE))
    for secret in (str(booking.pk), booking.manage_token):
        assert secret in first
        assert secret not in second
    assert "9927898022" not in first
    assert booking.starts_at == datetime(2031, 9, 12, 21, tzinfo=UTC)


def test_the_form_is_empty_again_after_a_booking(client):
    assert "Ishan" not in page(client.post(PAGE, TYPED, follow=True))


def test_a_time_may_have_seconds(client):
    client.post(PAGE, {**TYPED, "time": "21:00:07"})
    assert Booking.objects.get().starts_at.second == 7


def test_a_customer_who_is_logged_in_holds_what_they_book(client):
    customer = UserFactory()
    client.force_login(customer)
    client.post(PAGE, TYPED)
    assert Booking.objects.get().account == customer


def test_a_form_from_elsewhere_is_refused():
    with nothing_changes():
        assert Client(enforce_csrf_checks=True).post(PAGE, TYPED).status_code == 403


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, value) for name in ("firstname", "lastname") for value in ("", "  ", "x" * 101, "a\x07b")],
        *[("phone_number", value) for value in ["", "12", "123456789012", "12345 7890", "٠١٢٣٤٥٦٧٨٩"]],
        *[("date", value) for value in ["", "2031-02-31", "12-09-2031", "1969-12-31", "nonsense", "10000-01-01"]],
        *[("time", value) for value in ["", "25:00", "9", "21:00:60", "nonsense"]],
    ],
)
def test_an_error_stands_at_its_field_and_what_was_typed_is_kept(client, name, value):
    with nothing_changes():
        html = page(client.post(PAGE, {**TYPED, name: value}))
    assert 'aria-invalid="true"' in field(html, name)
    described_by = re.search('aria-describedby="([^"]+)"', field(html, name))[1].split()
    assert f"id_{name}_error" in described_by
    assert all(f'id="{target}"' in html for target in described_by)
    assert html.count("aria-invalid") == 1
    for other in TYPED.keys() - {name}:
        assert f'value="{TYPED[other]}"' in field(html, other)


def test_all_errors_are_shown_at_once(client):
    assert page(client.post(PAGE, {**TYPED, "firstname": "a\x07b", "phone_number": "1"})).count("aria-invalid") == 2
    assert page(client.post(PAGE, {})).count("aria-invalid") == 5


def test_a_full_minute_is_said_on_the_form_and_what_was_typed_is_kept(client):
    BookingFactory.create_batch(20, starts_at=datetime(2031, 9, 12, 21, tzinfo=UTC))
    with nothing_changes():
        html = page(client.post(PAGE, TYPED))
    alert = re.search('<div role="alert">(.*?)</div>', html, re.DOTALL)[1]
    assert "This time is fully booked. Choose another one." in alert
    assert 'value="9927898022"' in field(html, "phone_number")


def test_a_time_that_the_clocks_skip_is_said_at_the_time(client, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    with nothing_changes():
        html = page(client.post(PAGE, {**TYPED, "date": "2031-03-30", "time": "02:30"}))
    assert "There is no such time on that day." in html
    assert 'aria-invalid="true"' in field(html, "time")


def test_gate_staff_are_told_that_they_may_not(client):
    client.force_login(UserFactory(role="gate"))
    with nothing_changes():
        answers = [client.get(PAGE), client.post(PAGE, TYPED)]
    for answer in answers:
        assert answer.status_code == 403
        assert "Your role may not do this." in answer.content.decode()


def test_an_address_is_kept_with_the_booking_and_a_wrong_one_is_said_at_its_field(client):
    with nothing_changes():
        html = page(client.post(PAGE, {**TYPED, "email": "ada@"}))
    assert 'aria-invalid="true"' in field(html, "email")
    client.post(PAGE, {**TYPED, "email": " Ada@Example.org "})
    assert Booking.objects.get().email == "ada@example.org"


def test_strangers_may_book_in_production(client, production):
    assert client.post(PAGE, TYPED).status_code == 302
    assert Booking.objects.get().account is None


def test_what_was_typed_is_escaped(client):
    html = page(client.post(PAGE, {**TYPED, "firstname": '"><script>alert(1)</script>', "phone_number": "1"}))
    assert "<script" not in html


@pytest.mark.parametrize("verb", ["put", "patch", "delete"])
def test_other_verbs_are_not_answered(client, verb):
    assert getattr(client, verb)(PAGE).status_code == 405
