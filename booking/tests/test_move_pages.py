"""A booking is moved in steps: a day, one of its free times, and whether it is meant."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from booking.actions import change_service, create_resource, create_service
from booking.models import Booking
from booking.tests.factories import BookingFactory, ServiceFactory
from booking.tests.test_party_pages import NINE, QUARTER, radio, tours
from booking.tests.walking import visit
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

DAY = "2031-09-12"


@pytest.fixture
def customer(client, production):
    person = UserFactory()
    client.force_login(person)
    return person


@pytest.fixture
def booking(customer):
    return BookingFactory(service=tours(), starts_at=NINE, party=3, by=customer)


def at(booking):
    return f"/panel/bookings/{booking.pk}/"


def move(booking):
    return f"{at(booking)}move/"


def test_a_booking_is_moved_by_links_and_forms_alone_and_each_address_says_how_far_one_is(client, booking):
    BookingFactory(service=booking.slot.service, starts_at=NINE + QUARTER, party=3)
    detail = visit(client, at(booking))
    assert [form for form in detail.forms if form.values("date")] == []  # nobody types a time to try whether it is free
    days = detail.follow("Choose another time")
    assert (days.address, days.here) == (f"{move(booking)}?", ["Day"])
    times = days.form("date").send(date=DAY)
    assert (times.address, times.here) == (f"{move(booking)}?date={DAY}", ["Time"])
    assert "<fieldset><legend>Morning" in times.html
    form = times.form("time")
    assert {"09:00", "09:30"} < set(form.values("time"))
    assert "09:15" not in form.values("time")
    assert "only 2 left" in radio(times, "09:15")
    assert "as it is" in radio(times, "09:00")
    with nothing_changes():
        asked = form.send(time="09:30")
    assert (asked.address, asked.here) == (f"{move(booking)}?date={DAY}&time=09%3A30", ["Confirm"])
    assert "Friday 12 September 2031, 09:30" in asked.words
    done = asked.forms[-1].send()
    assert "The booking is moved to Friday 12 September 2031, 09:30." in done.html
    assert done.address.startswith(at(booking))
    booking.refresh_from_db()
    assert (booking.starts_at, booking.party) == (NINE + 2 * QUARTER, 3)


def test_the_month_leads_to_a_day_of_the_same_move(client, booking):
    month = visit(client, f"{move(booking)}?month=2031-09")
    assert "Choose a day in September 2031" in month.words
    days = [href for href in month.links.values() if "date=" in href]
    assert days
    assert all(href.startswith(f"{move(booking)}?date=") for href in days)
    assert month.follow("October 2031").address == f"{move(booking)}?month=2031-10"


def test_nobody_else_is_in_the_way_but_oneself_is_not(client, customer):
    room = create_resource(name="Blue room", by=None)
    service = tours(needs_resource=True, resources=[room], duration_minutes=60)
    booking = BookingFactory(service=service, starts_at=NINE, by=customer)
    BookingFactory(service=service, starts_at=NINE + timedelta(hours=2))
    times = visit(client, f"{move(booking)}?date={DAY}").form("time").values("time")
    assert {"08:30", "09:15", "10:00", "12:00"} <= set(times)
    assert not {"10:15", "11:00", "11:45"} & set(times)
    asked = visit(client, f"{move(booking)}?date={DAY}").form("time").send(time="09:15")
    asked.forms[-1].send()
    booking.refresh_from_db()
    assert booking.starts_at == NINE + QUARTER


def test_a_time_that_is_full_meanwhile_is_refused_beside_what_is_free(client, booking):
    asked = visit(client, f"{move(booking)}?date={DAY}&time=09:30")
    BookingFactory(service=booking.slot.service, starts_at=NINE + 2 * QUARTER, party=3)
    with nothing_changes():
        refused = asked.forms[-1].send()
    assert "There are not that many places left at this time." in refused.words
    assert refused.here == ["Time"]
    assert "09:45" in refused.form("time").values("time")
    with nothing_changes():
        again = visit(client, f"{move(booking)}?date={DAY}&time=09:30")
    assert again.here == ["Time"]


@pytest.mark.parametrize(
    ("query", "step", "sentence"),
    [
        ("date=nonsense", "Day", "There is no such day."),
        ("date=2020-01-01", "Day", "This day is over."),
        ("month=2020-01", "Day", "This month is over."),
        (f"date={DAY}&time=25:00", "Time", "There is no such time."),
        (f"date={DAY}&time=09:07", "Time", "No visit begins at this time."),
        (f"date={DAY}&party=5", "Time", ""),
        ("time=09:30", "Day", ""),
        (f"date={DAY}&time=%00&service=nowhere", "Time", "There is no such time."),
    ],
)
def test_what_makes_no_sense_in_an_address_chooses_nothing(client, booking, query, step, sentence):
    with nothing_changes():
        shown = visit(client, f"{move(booking)}?{query}")
    assert (shown.response.status_code, shown.here) == (200, [step])
    assert sentence in shown.words


@pytest.mark.parametrize("typed", [{}, {"date": DAY}, {"date": DAY, "time": "25:00"}, {"time": "09:30"}])
def test_what_is_sent_without_a_time_moves_nothing(client, booking, typed):
    with nothing_changes():
        assert visit(client, move(booking), typed).response.status_code == 200


def test_who_may_not_move_it_any_more_is_told_so(client, booking):
    change_service(booking.slot.service, deadline_minutes=366 * 1440, by=None)
    Booking.objects.filter(pk=booking.pk).update(starts_at=datetime.now(UTC) + timedelta(hours=9))
    with nothing_changes():
        assert "too late" in visit(client, move(booking)).html
        assert "too late" in visit(client, move(booking), {"date": DAY, "time": "09:30"}).html


def test_a_strangers_booking_is_not_there_to_be_moved(client, production):
    foreign = BookingFactory(service=tours(), starts_at=NINE)
    client.force_login(UserFactory())
    with nothing_changes():
        assert client.get(move(foreign)).status_code == 404
        assert client.post(move(foreign), {"date": DAY, "time": "09:30"}).status_code == 404


def test_a_stranger_with_the_link_moves_it(client, production):
    booking = BookingFactory(service=tours(), starts_at=NINE)
    visit(client, reverse("booking:link", args=[booking.pk, booking.manage_token]))
    visit(client, f"{move(booking)}?date={DAY}&time=10:00").forms[-1].send()
    booking.refresh_from_db()
    assert booking.starts_at == NINE + 4 * QUARTER


def test_a_service_that_is_free_at_every_minute_keeps_its_fields_and_takes_any_minute_in_the_steps_too(
    client, customer
):
    booking = BookingFactory(service=ServiceFactory(), starts_at=NINE, by=customer)
    assert visit(client, at(booking)).form("date").values("time") == ["09:00"]
    times = visit(client, f"{move(booking)}?date={DAY}")
    assert times.forms[-1].send(time="10:07").here == ["Confirm"]


def test_of_two_times_that_look_alike_each_is_moved_to_as_itself(client, customer, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    booking = BookingFactory(service=tours(slot_capacity=5), starts_at=NINE, by=customer)
    asked = visit(client, f"{move(booking)}?date=2031-10-26").form("time").send(time="02:30+01:00")
    assert "after the clocks are put back" in asked.words
    asked.forms[-1].send()
    booking.refresh_from_db()
    assert booking.starts_at == datetime(2031, 10, 26, 1, 30, tzinfo=UTC)
    shown = visit(client, at(booking))
    shown.form("lastname").send(lastname="Rao")
    booking.refresh_from_db()
    assert (booking.lastname, booking.starts_at) == ("Rao", datetime(2031, 10, 26, 1, 30, tzinfo=UTC))


def test_the_free_places_of_a_move_refresh_themselves(client, booking):
    headers = {"HX-Request": "true", "HX-Target": "free"}
    html = client.get(f"{move(booking)}?date={DAY}&time=09:30", headers=headers).content.decode()
    assert html.startswith('<div id="free"')
    assert html.count(" checked") == 1
    assert f'hx-get="{move(booking)}"' in html


@pytest.mark.parametrize("query", ["", f"?date={DAY}", f"?date={DAY}&time=09:30"])
def test_a_step_of_a_move_costs_the_same_for_one_booking_and_for_forty(client, booking, query):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"{move(booking)}{query}").status_code == 200
        return len(queries)

    one = cost()
    for quarter in range(40):
        BookingFactory(service=booking.slot.service, starts_at=NINE + QUARTER * (quarter + 3))
    assert cost() == one <= 10


def test_nothing_of_a_move_is_kept_by_browsers(client, booking):
    assert "no-store" in client.get(move(booking))["Cache-Control"]
    assert re.search(r"<title>[^<]*Move your booking", client.get(move(booking)).content.decode())


def test_where_it_can_be_moved_nowhere_the_next_days_say_so(client, customer):
    booking = BookingFactory(
        service=create_service(slug="one", name="One", grid_minutes=15, horizon_days=0, by=None), starts_at=NINE
    )
    Booking.objects.filter(pk=booking.pk).update(account=customer)
    assert "Times on this day cannot be booked yet." in visit(client, f"{move(booking)}?date=2031-09-13").words
