import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from booking.actions import change_service
from booking.models import Booking
from booking.tests.factories import BookingFactory, past
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

PAGE = "/panel/book/"
DONE = "/panel/book/done/"
TYPED = {
    "firstname": "Ishan",
    "lastname": "Dixit",
    "phone_number": "9927898022",
    "date": "2031-09-12",
    "time": "21:00",
}
PAST = {**TYPED, "date": "2020-01-01"}


def page(response):
    assert response.status_code == 200
    return response.content.decode()


def field(html, name):
    """The input of that name, as its tag."""
    return re.search(rf'<input[^>]* name="{name}"[^>]*>|<input[^>]*name="{name}"[^>]*>', html)[0]


def test_it_is_a_whole_page_with_a_labelled_form_and_no_script(client):
    html = page(client.get(PAGE))
    assert html.startswith("<!doctype html>")
    assert not re.search(r"<script(?![^>]* src=)", html)
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
    assert (response.status_code, response["Location"]) == (302, DONE)
    shown, again = client.get(DONE), client.get(DONE)
    assert all("no-store" in answer["Cache-Control"] for answer in (response, shown, again))
    first, second = page(shown), page(again)
    for secret in (str(booking.pk), booking.manage_token):
        assert secret in first
        assert secret not in second
    assert "9927898022" not in first
    assert booking.starts_at == datetime(2031, 9, 12, 21, tzinfo=UTC)


def test_the_form_is_empty_again_after_a_booking(client):
    assert "Ishan" not in page(client.post(PAGE, TYPED, follow=True))


def test_a_phone_number_may_be_typed_in_groups(client):
    client.post(PAGE, {**TYPED, "phone_number": "(555) 010-0021"})
    assert Booking.objects.get().phone == "5550100021"


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
    assert not re.search(r"<script(?![^>]* src=)", html)


@pytest.mark.parametrize("verb", ["put", "patch", "delete"])
def test_other_verbs_are_not_answered(client, verb):
    assert getattr(client, verb)(PAGE).status_code == 405


BOOKINGS = "/panel/bookings/"
LATER = datetime(2031, 5, 6, 12, tzinfo=UTC)


@pytest.fixture
def customer(client, production):
    person = UserFactory()
    client.force_login(person)
    return person


def sent(html, **typed):
    """What a browser sends of the form that the page shows, as changed."""
    shown = {name: re.search(r' value="([^"]*)"', tag) for name, tag in inputs(html).items()}
    return {**{name: value[1] if value else "" for name, value in shown.items()}, **typed}


def inputs(html):
    tags = re.findall(r"<input[^>]*>", html.partition("<main")[2])
    return {re.search(r'name="([^"]+)"', tag)[1]: tag for tag in tags}


def test_a_form_that_is_sent_twice_is_one_booking(client):
    typed = sent(page(client.get(PAGE)), **TYPED)
    for _ in range(2):
        assert client.post(PAGE, typed)["Location"] == DONE
    booking = Booking.objects.get()
    assert page(client.get(DONE)).count(f"<code>{booking.pk}</code>") == 1
    client.post(PAGE, TYPED)
    assert Booking.objects.count() == 2


def test_a_customer_books_finds_moves_and_cancels(client, customer):
    client.post(PAGE, TYPED)
    booking = Booking.objects.get()
    one = f"{BOOKINGS}{booking.pk}/"
    html = page(client.get(BOOKINGS))
    assert f'href="{one}"' in html
    assert "Friday 12 September 2031, 21:00" in html
    html = page(client.get(one))
    assert 'value="2031-09-12"' in field(html, "date")
    answer = client.post(one, sent(html, date="2031-09-13", lastname="Rao"))
    assert (answer.status_code, answer["Location"]) == (302, one)
    booking.refresh_from_db()
    assert (booking.starts_at.day, booking.firstname, booking.lastname) == (13, "Ishan", "Rao")
    assert booking.phone == TYPED["phone_number"]
    with nothing_changes():
        assert "Cancel this booking?" in page(client.get(f"{one}cancel/"))
    assert client.post(f"{one}cancel/")["Location"] == BOOKINGS
    assert not Booking.objects.exists()
    html = page(client.get(BOOKINGS))
    assert "The booking for Saturday 13 September 2031, 21:00 is cancelled, and its place is given back." in html
    assert "You have no bookings yet" in html


def test_cancelling_twice_says_where_to_look(client, customer):
    one = f"{BOOKINGS}{BookingFactory(by=customer).pk}/"
    client.post(f"{one}cancel/")
    with nothing_changes():
        for answer in (client.post(f"{one}cancel/"), client.get(f"{one}cancel/"), client.get(one)):
            assert answer.status_code == 404
            html = answer.content.decode()
            assert "It may be cancelled already" in html
            assert f'href="{BOOKINGS}"' in html
            assert f'href="{BOOKINGS}find/"' in html


def test_what_is_not_touched_stays_to_the_second(client, customer, settings):
    """Half past two is on the clocks twice that night; the form says which one, and no seconds."""
    settings.TIME_ZONE = "Europe/Berlin"
    second = datetime(2031, 10, 26, 1, 30, 7, tzinfo=UTC)
    one = f"{BOOKINGS}{BookingFactory(by=customer, starts_at=second).pk}/"
    html = page(client.get(one))
    assert 'value="02:30"' in field(html, "time")
    client.post(one, sent(html, lastname="Rao"))
    booking = Booking.objects.get()
    assert (booking.lastname, booking.starts_at) == ("Rao", second)


def marked(html, name):
    """The value of the radio button of that name that is marked."""
    [tag] = [tag for tag in re.findall(r"<input[^>]*>", html) if f'name="{name}"' in tag and " checked" in tag]
    return re.search('value="([^"]+)"', tag)[1]


@pytest.mark.parametrize("hour", [0, 1])
def test_of_two_times_that_look_alike_a_change_keeps_the_one_it_is_and_takes_the_other_on_request(
    client, customer, settings, hour
):
    settings.TIME_ZONE = "Europe/Berlin"
    was, other = (datetime(2031, 10, 26, one, 30, tzinfo=UTC) for one in (hour, 1 - hour))
    one = f"{BOOKINGS}{BookingFactory(by=customer, starts_at=was).pk}/"
    html = page(client.get(one))
    names = ["first", "second"]
    assert marked(html, "which") == names[hour]
    client.post(one, sent(html, lastname="Rao", which=names[hour]))
    assert Booking.objects.get().starts_at == was
    typed = {name: value for name, value in sent(html).items() if name != "which"}
    client.post(one, typed)  # without the mark it stays as well
    assert Booking.objects.get().starts_at == was
    client.post(one, sent(html, which=names[1 - hour]))
    assert Booking.objects.get().starts_at == other
    client.post(one, sent(html, date="2031-10-27", which="second"))
    assert Booking.objects.get().starts_at == datetime(2031, 10, 27, 1, 30, tzinfo=UTC)
    assert "which" not in inputs(page(client.get(one)))


@pytest.mark.parametrize(
    ("name", "value"),
    [("firstname", ""), ("lastname", "a\x07b"), ("phone_number", "12"), ("date", "2031-02-31"), ("time", "25:00")],
)
def test_a_change_that_breaks_a_rule_is_refused_at_its_field(client, customer, name, value):
    one = f"{BOOKINGS}{BookingFactory(by=customer).pk}/"
    typed = sent(page(client.get(one)), **{name: value})
    with nothing_changes():
        html = page(client.post(one, typed))
    assert 'aria-invalid="true"' in field(html, name)
    assert html.count("aria-invalid") == 1


def test_a_move_into_a_full_minute_is_refused_on_the_form(client, customer):
    BookingFactory.create_batch(20, starts_at=datetime(2031, 9, 12, 21, tzinfo=UTC))
    one = f"{BOOKINGS}{BookingFactory(by=customer).pk}/"
    typed = sent(page(client.get(one)), date="2031-09-12", time="21:00")
    with nothing_changes():
        assert "This time is fully booked." in page(client.post(one, typed))


def test_a_foreign_booking_is_as_missing_as_one_that_is_not_there(client, customer):
    foreign = BookingFactory(by=UserFactory())
    with nothing_changes():
        for pk in (foreign.pk, uuid4()):
            for path in (f"{BOOKINGS}{pk}/", f"{BOOKINGS}{pk}/cancel/"):
                assert client.get(path).status_code == client.post(path, TYPED).status_code == 404
    assert str(foreign.pk) not in page(client.get(BOOKINGS))


def test_a_stranger_finds_a_booking_by_its_id_and_token_alone(client, production):
    booking = BookingFactory()
    one, find = f"{BOOKINGS}{booking.pk}/", f"{BOOKINGS}find/"
    assert client.get(one).status_code == 404
    for typed in ({"booking": booking.pk, "token": "x"}, {"booking": uuid4(), "token": booking.manage_token}):
        assert "There is no booking with this id and token." in page(client.post(find, typed))
    assert 'aria-invalid="true"' in field(page(client.post(find, {"booking": "x", "token": "x"})), "booking")
    assert client.post(find, {"booking": booking.pk, "token": booking.manage_token})["Location"] == one
    html = page(client.get(one))
    assert booking.manage_token not in html
    client.post(one, sent(html, firstname="Asha"))
    assert Booking.objects.get().firstname == "Asha"
    assert client.get(f"{BOOKINGS}{BookingFactory().pk}/").status_code == 404
    assert client.post(f"{one}cancel/")["Location"] == PAGE
    assert not Booking.objects.filter(pk=booking.pk).exists()


@pytest.mark.parametrize("mode", ["production", "demo"])
def test_a_stranger_logs_in_to_see_the_list(client, settings, mode):
    settings.SITE_MODE = mode
    assert client.get(BOOKINGS)["Location"] == f"/account/log-in/?next={BOOKINGS}"


def test_an_agent_sees_three_digits_and_changes_without_knowing_the_number(client, production):
    client.force_login(UserFactory(role="agent"))
    one = f"{BOOKINGS}{BookingFactory(email='ada@example.org').pk}/"
    html = page(client.get(one))
    assert "•••••••022" in html
    assert "9927898022" not in html
    assert "ada@example.org" not in html
    client.post(one, sent(html, lastname="Rao"))
    booking = Booking.objects.get()
    assert (booking.lastname, booking.phone) == ("Rao", "9927898022")


def test_whoever_may_see_all_bookings_is_shown_their_own(client, production):
    client.force_login(UserFactory(role="supervisor"))
    BookingFactory(by=UserFactory())
    html = page(client.get(BOOKINGS))
    assert "You have no bookings yet" in html
    assert f'href="{PAGE}"' in html


def test_what_is_over_stands_apart_and_says_when_it_expired(client, customer):
    BookingFactory(by=customer, starts_at=LATER)
    for age, lastname in ((timedelta(hours=1), "Hourold"), (timedelta(hours=9), "Dayold")):
        past(age, by=customer, lastname=lastname)
    coming, over = page(client.get(BOOKINGS)).split('id="over"')
    assert "Hourold" in over
    assert "Dayold" in over
    assert "Hourold" not in coming
    words = ("Booked", "Over", "Expired")
    assert [coming.count(f">{word}</span>") for word in words] == [1, 0, 0]
    assert [over.count(f">{word}</span>") for word in words] == [0, 1, 1]


def test_nothing_of_a_person_is_kept_by_browsers(client, customer):
    booking = BookingFactory(by=customer)
    for path in ("", f"{booking.pk}/", f"{booking.pk}/cancel/", "find/"):
        assert "no-store" in client.get(BOOKINGS + path)["Cache-Control"]


def test_the_list_costs_the_same_for_one_row_and_for_twenty(client, customer):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            page(client.get(BOOKINGS))
        return len(queries)

    for hours in range(1, 3):
        past(timedelta(hours=hours), by=customer)
    BookingFactory(by=customer)
    one = cost()
    for hours in range(19):
        BookingFactory(by=customer, starts_at=LATER + timedelta(hours=hours))
        past(timedelta(hours=hours), by=customer)
    assert cost() == one <= 7


def test_no_page_books_or_moves_into_the_past(client):
    typed = {**PAST, "form_key": str(uuid4())}
    with nothing_changes():
        refused = client.post("/panel/book/", typed)
    assert "This time has passed." in refused.content.decode()
    booking = BookingFactory()
    refused = client.post(f"/panel/bookings/{booking.pk}/", {**PAST, "firstname": "Moved"})
    assert "This time has passed." in refused.content.decode()
    assert Booking.objects.get().starts_at == booking.starts_at


def test_a_cancellation_that_comes_too_late_is_refused_in_one_sentence(client, customer):
    booking = BookingFactory(by=customer)
    change_service(booking.slot.service, deadline_minutes=366 * 1440, by=None)
    Booking.objects.update(starts_at=datetime.now(UTC) + timedelta(hours=9))
    path = f"{BOOKINGS}{booking.pk}/cancel/"
    with nothing_changes():
        refused = client.post(path, headers={"referer": f"http://testserver{path}"}, follow=True)
    assert refused.content.decode().count("It is too late to change or cancel this booking yourself.") == 1
