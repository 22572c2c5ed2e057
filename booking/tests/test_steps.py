"""The steps of a booking on the panel: a day, a time, whom to expect, done."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from booking.models import Booking, Service
from booking.policies import local
from booking.tests.factories import BookingFactory, ServiceFactory
from booking.tests.walking import visit
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

PAGE, DONE = "/panel/book/", "/panel/book/done/"
DAY, AT = "2031-09-12", datetime(2031, 9, 12, 10, 15, tzinfo=UTC)
THE_DAY = f"{PAGE}?date={DAY}"
THE_TIME = f"{THE_DAY}&time=10:15"
PERSON = {"firstname": "Ishan", "lastname": "Dixit", "phone_number": "9927898022"}
TYPED = {**PERSON, "email": "ishan@example.org", "date": DAY, "time": "10:15"}


def page(response, status=200):
    assert response.status_code == status
    return response.content.decode()


def part(client, address, target):
    """What htmx gets, which asks for the same address."""
    return page(client.get(address, headers={"HX-Request": "true", "HX-Target": target}))


def tag(html, name, value=""):
    """The input of that name, or the one with that value."""
    return re.search(rf'<input[^>]* name="{name}"[^>]*value="{value}[^>]*>', html)[0]


@pytest.fixture
def noon(settings):
    """A zone in which it is between twelve and one, so that today has both past times and times to come."""
    behind = timezone.now().hour - 12
    settings.TIME_ZONE = f"Etc/GMT{behind:+d}"
    return timezone.now()


def test_one_goes_through_all_steps_without_scripts(client, production):
    choosing = visit(client, PAGE)
    assert choosing.here == ["Day"]
    times = choosing.forms[0].send(date=DAY)
    assert times.here == ["Time"]
    assert times.address.endswith(f"?date={DAY}")
    details = next(form for form in times.forms if "10:15" in form.values("time")).send(time="10:15")
    assert details.here == ["Details"]
    assert "Friday 12 September 2031" in details.words
    assert details.follow("Change the day").here == ["Day"]
    assert details.follow("Change the time").address == times.address
    refused = details.form("firstname").send(**{**PERSON, "phone_number": "12"})
    assert refused.here == ["Details"]
    assert not Booking.objects.exists()
    done = refused.form("firstname").send(phone_number="9927898022", firstname="Ishan", lastname="Dixit")
    assert done.here == ["Done"]
    booking = Booking.objects.get()
    assert (booking.starts_at, booking.firstname, booking.slot.service.slug) == (AT, "Ishan", "default")
    assert str(booking.pk) in done.words
    one = done.forms[0].send()
    assert "Your booking" in one.words
    assert booking.manage_token not in one.address
    assert "Friday 12 September 2031, 10:15" in one.words


def test_the_days_to_come_lead_to_their_times(client, noon):
    today = local(noon).date()
    times = visit(client, PAGE).follow("Tomorrow")
    assert times.address == f"{PAGE}?date={today + timedelta(days=1)}"
    assert "aria-current" in re.search(r'<a id="day-2"[^>]*>', times.html)[0]
    assert visit(client, PAGE).follow("Today").here == ["Time"]


def test_any_minute_can_be_chosen(client):
    details = visit(client, THE_DAY).form("time").send(time="10:07")
    assert details.here == ["Details"]
    assert "10:07" in details.words


def test_of_today_only_what_is_to_come_is_offered(client, noon):
    times = visit(client, PAGE).follow("Today")
    offered = times.forms[1].values("time")
    assert "11:45" not in offered
    assert offered[-1] == "23:45"
    assert 40 <= len(offered) <= 48


def test_with_several_services_one_chooses_what_one_comes_for(client):
    Service.objects.default()
    passports = ServiceFactory(slug="passports", name="Passports")
    BookingFactory.create_batch(20, service=passports, starts_at=AT)
    choosing = visit(client, THE_DAY)
    assert choosing.here == ["What for"]
    times = choosing.follow("Passports")
    assert times.here == ["Time"]
    form = times.forms[1]
    assert "10:15" not in form.values("time")  # it is full there, and elsewhere free
    details = form.send(time="10:30")
    assert "Passports" in details.words
    assert details.follow("Choose something else").here == ["What for"]
    assert details.follow("Change the time").address == times.address
    done = details.form("firstname").send(**PERSON)
    assert done.here == ["Done"]
    assert Booking.objects.latest("created_at").slot.service == passports


def test_without_any_step_the_default_service_is_booked(client):
    for name in ("Passports", "Archive"):
        ServiceFactory(name=name)
    client.post(PAGE, TYPED)
    assert Booking.objects.get().slot.service.slug == "default"


def test_the_only_service_there_is_needs_no_choice(client):
    only = ServiceFactory(slot_capacity=2)
    details = visit(client, THE_DAY).forms[1].send(time="10:15")
    assert details.form("firstname").send(**PERSON).here == ["Done"]
    assert Booking.objects.get().slot.service == only


@pytest.mark.parametrize(
    ("query", "step", "sentence"),
    [
        ("date=nonsense", "Day", "There is no such day."),
        ("date=2031-02-31", "Day", "There is no such day."),
        ("date=10000-01-01", "Day", "There is no such day."),
        ("date=", "Day", "Choose a day."),
        ("date=2020-01-01", "Day", "This day is over. Choose today or a later one."),
        ("date=0001-01-01&time=10:15", "Day", "There is no such day"),
        ("time=10:15", "Day", ""),
        (f"date={DAY}&time=25:00", "Time", "There is no such time."),
        (f"date={DAY}&time=", "Time", "Choose a time."),
        (f"date={DAY}&time=%00", "Time", "There is no such time."),
        (f"date={DAY}&service=nowhere", "What for", "There is no such service. Choose one of these."),
        (f"date={DAY}&time=10:15&service=nowhere", "What for", "There is no such service. Choose one of these."),
    ],
)
@pytest.mark.parametrize("services", [0, 1, 2])
def test_what_makes_no_sense_in_an_address_is_said_at_its_step(client, query, step, sentence, services):
    for name in ["default", "passports"][:services]:
        ServiceFactory(slug=name)
    if services == 2 and step != "What for":
        query += "&service=passports"
    with nothing_changes():
        shown = visit(client, f"{PAGE}?{query}")
    assert shown.response.status_code == 200
    assert shown.here == [step]
    assert sentence in shown.words
    if field := {"Day": "step_date", "Time": "step_time"}.get(step) if sentence else None:
        assert 'aria-invalid="true"' in re.search(rf'<input[^>]*id="{field}"[^>]*>', shown.html)[0]
        assert f'id="{field}_error"' in shown.html


def test_a_time_of_today_that_has_passed_is_said(client, noon):
    with nothing_changes():
        shown = visit(client, f"{PAGE}?date={local(noon).date()}&time=11:59")
    assert shown.here == ["Time"]
    assert "This time has passed. Choose a later one." in shown.words


def test_a_time_that_the_clocks_skip_is_said_and_one_that_comes_twice_is_explained(client, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    skipped = visit(client, f"{PAGE}?date=2027-03-28&time=02:30")
    assert skipped.here == ["Time"]
    assert "There is no such time on that day." in skipped.words
    assert "02:30" not in skipped.forms[1].values("time")
    twice = visit(client, f"{PAGE}?date=2027-10-31")
    assert "show some times twice" in twice.words
    details = twice.forms[1].send(time="02:30")
    assert "The clocks show this time twice on that day." in details.words
    details.form("firstname").send(**PERSON)
    assert Booking.objects.get().starts_at == FIRST
    assert "twice" not in visit(client, THE_DAY).words


FIRST, SECOND = (datetime(2027, 10, 31, hour, 30, tzinfo=UTC) for hour in (0, 1))
BEFORE, AFTER = "02:30, before the clocks are put back", "02:30, after the clocks are put back"


@pytest.mark.parametrize(
    ("value", "instant", "words", "others"),
    [("02:30+02:00", FIRST, BEFORE, AFTER), ("02:30+01:00", SECOND, AFTER, BEFORE)],
)
def test_each_of_two_times_that_look_alike_is_booked_and_said_as_itself(
    client, settings, value, instant, words, others
):
    settings.TIME_ZONE = "Europe/Berlin"
    client.force_login(UserFactory())
    times = visit(client, f"{PAGE}?date=2027-10-31")
    assert words in times.words
    assert re.findall(r'id="at-0230[^"]*"', times.html) == ['id="at-0230"', 'id="at-0230-again"']
    details = times.forms[1].send(time=value)
    assert words in details.words.partition("What you chose")[2].partition("The clocks show")[0]
    assert details.follow(f"Take {others}").words.count(others) == 1
    refused = details.form("firstname").send(**{**PERSON, "phone_number": "12"})
    assert words in refused.words
    done = refused.form("firstname").send(**PERSON)
    assert words in done.words
    assert Booking.objects.get().starts_at == instant
    assert words in visit(client, "/panel/bookings/").words
    one = done.follow("See it, move it or cancel it")
    assert words in one.words
    assert words in one.follow("Cancel the booking").words


def test_one_of_two_times_that_look_alike_is_full_alone(client, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    BookingFactory.create_batch(20, starts_at=SECOND)
    times = visit(client, f"{PAGE}?date=2027-10-31")
    assert " disabled" in re.search(r'<input[^>]*id="at-0230-again"[^>]*>', times.html)[0]
    assert " disabled" not in re.search(r'<input[^>]*id="at-0230"[^>]*>', times.html)[0]
    refused = visit(client, f"{PAGE}?date=2027-10-31&time=02:30%2B01:00")
    assert refused.here == ["Time"]
    assert "This time is fully booked." in refused.words
    assert visit(client, f"{PAGE}?date=2027-10-31&time=02:30").here == ["Details"]


@pytest.mark.parametrize(
    "clock",
    ["02:30%2B03:00", "02:30%2B24:00", "02:30+01:00", "10:15%2B02:00", "02:30-01:00", "٠٢:٣٠%2B01:00", "02:30%2B"],
)
def test_an_offset_that_the_clocks_do_not_have_then_chooses_nothing(client, settings, clock):
    settings.TIME_ZONE = "Europe/Berlin"
    refused = visit(client, f"{PAGE}?date=2027-10-31&time={clock}")
    assert refused.here == ["Time"]
    assert "There is no such time" in refused.words


def test_a_full_minute_is_marked_and_refused_with_what_else_is_free(client):
    BookingFactory.create_batch(20, starts_at=AT)
    BookingFactory.create_batch(18, starts_at=AT + timedelta(minutes=15))
    html = page(client.get(THE_DAY))
    assert " disabled" in tag(html, "time", "10:15")
    assert "10:15<small>full</small>" in html
    assert '10:30<small class="scarce">2 left</small>' in html
    assert "10:45<small>20 free</small>" in html
    with nothing_changes():
        refused = visit(client, THE_TIME)
    assert refused.here == ["Time"]
    assert "This time is fully booked. Choose another one." in refused.words


def test_a_service_with_few_places_is_not_scarce_before_somebody_books(client):
    service = ServiceFactory(slot_capacity=2)
    BookingFactory(service=service, starts_at=AT)
    html = page(client.get(THE_DAY))
    assert '10:15<small class="scarce">1 left</small>' in html
    assert "10:30<small>2 free</small>" in html


def test_a_full_day_says_so_and_still_takes_another_minute(client):
    service = ServiceFactory(slug="default", slot_capacity=1)
    midnight = AT.replace(hour=0, minute=0)
    for quarter in range(96):
        BookingFactory(service=service, starts_at=midnight + timedelta(minutes=15 * quarter))
    times = visit(client, THE_DAY)
    assert "No quarter of an hour is free any more on this day." in times.words
    assert times.form("time").send(time="10:07").here == ["Details"]
    full = visit(client, PAGE, TYPED)
    assert "This time is fully booked." in full.words
    assert full.form("time").send(**{**TYPED, "time": "10:07"}).here == ["Done"]


def test_a_minute_that_is_full_meanwhile_keeps_what_was_typed_and_offers_the_nearest(client):
    details = visit(client, THE_TIME)
    BookingFactory.create_batch(20, starts_at=AT)
    BookingFactory.create_batch(20, starts_at=AT + timedelta(minutes=15))
    with nothing_changes():
        refused = details.form("firstname").send(**PERSON, email="ishan@example.org")
    assert refused.here == ["Details"]
    assert "This time is fully booked. Choose another one." in refused.words
    form = refused.form("time")
    assert form.values("time") == ["09:45", "10:00", "10:45"]
    kept = {field.get("name"): field.get("value") for field in form.shown()}
    assert kept | PERSON | {"email": "ishan@example.org"} == kept
    assert "Choose a time." in form.send().words  # none of them is chosen before somebody does
    assert form.send(time="10:45").here == ["Done"]
    assert Booking.objects.filter(firstname="Ishan", starts_at=AT + timedelta(minutes=30)).count() == 1


def test_a_full_minute_is_said_together_with_what_else_is_wrong(client):
    BookingFactory.create_batch(20, starts_at=AT)
    refused = visit(client, PAGE, {**TYPED, "phone_number": "12"})
    assert "This time is fully booked." in refused.words
    assert 'aria-invalid="true"' in tag(refused.html, "phone_number", "12")
    assert refused.form("time").values("time") == ["09:45", "10:00", "10:30"]


def test_an_unknown_service_is_refused_at_its_field(client):
    for slug in ("passports", "archive"):
        ServiceFactory(slug=slug)
    with nothing_changes():
        refused = visit(client, PAGE, {**TYPED, "service": "nowhere"})
    assert "There is no such service. Choose one of these." in refused.words
    assert re.search(r'<select[^>]*aria-invalid="true"', refused.html)


def test_whoever_books_for_themselves_finds_their_names_filled_in(client, production):
    customer = UserFactory(first_name="Zoë", last_name="Ødegård")
    client.force_login(customer)
    html = page(client.get(THE_TIME))
    assert 'value="Zoë"' in tag(html, "firstname")
    assert 'value="Ødegård"' in tag(html, "lastname")
    assert f'value="{customer.email}"' in tag(html, "email")
    client.force_login(UserFactory(role="agent", first_name="Mei"))  # who books for others
    assert "value=" not in re.search('<input[^>]*name="firstname"[^>]*>', page(client.get(THE_TIME)))[0]


def test_in_place_htmx_gets_the_steps_and_the_times_alone(client):
    html = part(client, THE_DAY, "times")
    assert html.lstrip().startswith('<div id="way"')
    assert 'aria-current="step">' in html
    assert 'data-says="The times on Friday 12 September 2031 are shown."' in html
    back = client.get(THE_DAY, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert page(back).startswith("<!doctype html>")


def test_the_free_places_refresh_themselves_and_keep_what_is_chosen(client):
    assert 'hx-trigger="every 20s' in page(client.get(THE_DAY))
    html = part(client, THE_TIME, "free")
    assert html.startswith('<div id="free"')
    assert html.count(" checked") == 1
    assert " checked" in tag(html, "time", "10:15")
    BookingFactory.create_batch(20, starts_at=AT)
    html = part(client, THE_TIME, "free")
    assert " checked" not in html
    assert "This time is fully booked. Choose another one." in html


def test_the_last_page_shows_a_booking_once_and_to_nobody_else(client):
    client.post(PAGE, TYPED)
    assert Booking.objects.get().manage_token not in page(Client().get(DONE))
    assert client.head(DONE).status_code == 405  # looking ahead uses nothing up
    shown = visit(client, DONE)
    assert Booking.objects.get().manage_token in shown.words
    assert "ishan@example.org" in shown.words
    again = visit(client, DONE)
    assert "Where to find your booking" in again.words
    assert {again.links["My bookings"], again.links["Find your booking"]} == {
        "/panel/bookings/",
        "/panel/bookings/find/",
    }


def test_the_last_page_does_not_tell_whether_an_address_has_an_account(client, production):
    taken = UserFactory(email_confirmed_at=timezone.now())
    words = []
    for address in (taken.email, "free@example.org"):
        booked = visit(client, PAGE, {**TYPED, "email": address})
        booking = Booking.objects.latest("created_at")
        said = booked.words
        for secret in (address, str(booking.pk), booking.manage_token):
            said = said.replace(secret, "…")
        words.append(said)
    assert words[0] == words[1]


def test_a_customer_is_led_to_the_booking_itself(client, production):
    client.force_login(UserFactory())
    done = visit(client, PAGE, TYPED)
    assert "It stands among your bookings." in done.words
    assert done.follow("See it, move it or cancel it").response.status_code == 200


def test_no_step_shows_anything_of_those_who_booked(client, production):
    booking = BookingFactory(starts_at=AT, firstname="Secretina", lastname="Hidden", email="hidden@example.org")
    secrets = ("Secretina", "Hidden", booking.phone, "hidden@example.org", str(booking.pk), booking.manage_token)
    for address in (PAGE, THE_DAY, THE_TIME, DONE):
        html = page(client.get(address))
        assert [secret for secret in secrets if secret in html] == []
        assert "no-store" in client.get(address)["Cache-Control"]


def test_gate_staff_may_take_no_step(client):
    client.force_login(UserFactory(role="gate"))
    for address in (PAGE, THE_DAY, THE_TIME, DONE):
        assert client.get(address).status_code == 403


@pytest.mark.parametrize("address", [PAGE, THE_DAY, THE_TIME])
def test_a_step_costs_the_same_for_one_booking_and_for_three_hundred(client, address):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            page(client.get(address))
        return len(queries)

    client.force_login(UserFactory())
    BookingFactory(starts_at=AT + timedelta(minutes=1))
    one = cost()
    for minutes in range(300):
        BookingFactory(starts_at=AT + timedelta(minutes=minutes))
    assert cost() == one <= 7


def test_a_day_that_makes_no_sense_is_named_also_before_the_service_is_chosen(client):
    ServiceFactory(slug="other")
    Service.objects.default()
    html = page(client.get(f"{PAGE}?date=99"))
    assert "Choose what you come for" in html
    assert "There is no such day." in html
    assert 'role="alert"' not in page(client.get(PAGE))


def test_a_day_with_very_many_free_times_does_not_count_them(client):
    Service.objects.default()
    assert "many free times" in page(client.get(f"{PAGE}?month=2031-09"))
    assert "1440" not in page(client.get(f"{PAGE}?month=2031-09"))


def test_a_time_refused_on_a_full_day_leads_to_the_next_free_one(client):
    service = ServiceFactory(slug="default", slot_capacity=1, grid_minutes=1440, duration_minutes=1)
    BookingFactory(service=service, starts_at=AT.replace(hour=0, minute=0))
    html = page(client.post(PAGE, {**TYPED, "time": "00:00"}))
    assert f'href="{PAGE}?date=2031-09-13"' in html
    html = page(client.post(PAGE, {**TYPED, "date": "2031-09-14", "time": "00:00", "phone_number": "1"}))
    assert "The next day with free times" not in html


def test_whoever_books_a_second_time_at_once_is_told_and_nobody_else_is(client, production):
    user, other = UserFactory(), UserFactory()
    notice = "You already have a booking at this time."
    BookingFactory(starts_at=AT, by=other)
    client.force_login(user)
    assert notice not in page(client.post(PAGE, TYPED, follow=True))
    assert notice in page(client.post(PAGE, TYPED, follow=True))
    assert notice not in page(client.post(PAGE, {**TYPED, "time": "10:16"}, follow=True))
    stranger = Client()
    assert notice not in page(stranger.post(PAGE, TYPED, follow=True))
    assert notice not in page(stranger.post(PAGE, TYPED, follow=True))


def test_a_link_that_opens_nothing_leads_on(client, production):
    booking = BookingFactory()
    html = page(client.get(reverse("booking:link", args=[booking.pk, "nothing"])), 404)
    for address in ("/panel/bookings/find/", "/panel/questions/new/", PAGE):
        assert f'href="{address}"' in html


def test_the_demo_does_not_say_that_older_links_are_void(client, production, settings):
    sentence = "Older links and the older manage token open this booking no more."
    booking = BookingFactory(by=(user := UserFactory()))
    client.force_login(user)
    assert sentence in page(client.post(f"/panel/bookings/{booking.pk}/renew/"))
    settings.SITE_MODE = "demo"
    assert sentence not in page(client.post(f"/panel/bookings/{booking.pk}/renew/"))


def test_the_times_of_a_day_stand_in_the_order_of_the_day(client):
    found = visit(client, THE_DAY)
    times = re.findall(r'id="at-(\d{4})"', found.html)
    assert (times[0], times) == ("0000", sorted(times))


@pytest.mark.parametrize(("hours", "words"), [([24, 1], "the confirmation and reminders"), ([], "the confirmation")])
def test_what_an_address_is_for_is_said_to_strangers_and_to_accounts(client, settings, hours, words):
    settings.BOOKING_REMINDERS = [timedelta(hours=hour) for hour in hours]
    account = "If you open an account with it, you find the booking there, too."
    for page_of in (lambda: visit(client, THE_TIME), lambda: visit(client, PAGE, {**TYPED, "phone_number": "1"})):
        told = page_of().words
        assert f"We send {words} there. {account}" in told
    client.force_login(UserFactory())
    for page_of in (lambda: visit(client, THE_TIME), lambda: visit(client, PAGE, {**TYPED, "phone_number": "1"})):
        told = page_of().words
        assert f"We send {words} there." in told
        assert account not in told
