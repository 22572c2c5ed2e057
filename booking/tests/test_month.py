"""A whole month to choose a day from: what each day is, in words, and in few queries."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from booking.actions import create_resource, create_service
from booking.policies import local
from booking.tests.factories import BookingFactory, ServiceFactory
from booking.tests.test_terms_pages import ALWAYS, in_days, office
from booking.tests.walking import visit
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

PAGE = "/panel/book/"
SEPTEMBER = f"{PAGE}?month=2031-09"
NINE = datetime(2031, 9, 12, 9, tzinfo=UTC)


def days(page):
    """What is said of each day of the table."""
    cells = re.findall(r'datetime="([^"]+)"[^/]*?</span> \d+</time> <small>([^<]+)', page.html)
    return {day: words for day, words in cells if day.startswith("2")}


def test_a_month_says_of_each_day_how_many_times_are_free_or_that_it_is_full_or_closed(client):
    service = office(slot_capacity=1)
    for quarter in range(10):
        BookingFactory(service=service, starts_at=NINE + timedelta(minutes=15 * quarter))
    BookingFactory(service=service, starts_at=NINE - timedelta(days=1))
    month = visit(client, SEPTEMBER)
    assert month.here == ["Day"]
    assert "Choose a day in September 2031" in month.words
    found = days(month)
    assert len(found) == 30
    told = [found[f"2031-09-{day}"] for day in (10, 11, 12, 13)]
    assert told == ["10 free times", "9 free times", "full", "closed"]
    assert not [href for href in month.links.values() if href.endswith(("-12", "-13"))]


def test_one_goes_from_the_days_to_the_month_and_on_to_a_time_by_links(client):
    office()
    month = visit(client, PAGE).follow("See the whole month")
    assert month.address == f"{PAGE}?month={in_days(0):%Y-%m}"
    months = [visit(client, SEPTEMBER)]
    months.append(months[-1].follow("October 2031"))
    months.append(months[-1].follow("September 2031"))
    assert [one.address[-7:] for one in months] == ["2031-09", "2031-10", "2031-09"]
    [address] = {href for href in months[0].links.values() if href.endswith("2031-09-12")}
    assert visit(client, address).form("time").send(time="09:00").here == ["Details"]
    assert visit(client, f"{PAGE}?date=2031-09-12").follow("See the whole month").address == SEPTEMBER


def test_this_month_begins_with_this_week_and_there_is_no_month_before(client):
    office(week=ALWAYS)
    today = in_days(0)
    month = visit(client, f"{PAGE}?month={today:%Y-%m}")
    assert 'rel="prev"' not in month.html
    past = [day for day, words in days(month).items() if words == "past"]
    assert len(past) == min(today.weekday(), today.day - 1)
    assert month.html.count('<td class="past"') == len(past)  # which phones do not show
    assert f'<td aria-current="date"><a href="{PAGE}?date={today}">' in month.html or in_days(1).day == 1


@pytest.mark.parametrize(
    ("terms", "word"), [({"lead_minutes": 366 * 1440}, "too late"), ({"horizon_days": 1}, "not yet")]
)
def test_what_the_terms_keep_from_customers_is_open_to_staff(client, production, terms, word):
    office(week=ALWAYS, **terms)
    later = local(timezone.now()).date().replace(day=1) + timedelta(days=62)
    address = f"{PAGE}?month={later:%Y-%m}"
    assert set(days(visit(client, address)).values()) == {word}
    client.force_login(UserFactory(role="agent"))
    assert word not in days(visit(client, address)).values()


def test_a_party_finds_the_days_with_room_for_all_of_them(client):
    service = office(slot_capacity=3, largest_party=3, week={4: [(9 * 60, 9 * 60 + 45)]})
    BookingFactory(service=service, starts_at=NINE)
    month = visit(client, f"{SEPTEMBER}&party=3")
    found = days(month)
    assert (found["2031-09-05"], found["2031-09-12"]) == ("1 free time", "full")
    assert [href for href in month.links.values() if href and "party=3" not in href] == []
    assert days(visit(client, SEPTEMBER))["2031-09-12"] == "1 free time"


def test_with_several_services_the_month_is_that_of_the_chosen_one(client):
    office()
    ServiceFactory(slug="default")
    assert visit(client, SEPTEMBER).here == ["What for"]
    month = visit(client, f"{SEPTEMBER}&service=advice")
    assert days(month)["2031-09-13"] == "closed"
    assert "service=advice" in month.follow("October 2031").address
    assert days(visit(client, f"{SEPTEMBER}&service=default"))["2031-09-13"] == "many free times"


@pytest.mark.parametrize(
    ("month", "sentence"),
    [
        ("", "Choose a month."),
        ("nonsense", "There is no such month."),
        ("2031-13", "There is no such month."),
        ("2031-09-12", "There is no such month."),
        ("10000-01", "There is no such month."),
        ("%00", "There is no such month."),
        ("2020-01", "This month is over."),
        ("0001-01", "This month is over."),
    ],
)
def test_a_month_that_makes_no_sense_is_said_and_shows_the_next_days(client, month, sentence):
    office()
    with nothing_changes():
        shown = visit(client, f"{PAGE}?month={month}")
    assert shown.response.status_code == 200
    assert sentence in shown.words
    assert "See the whole month" in shown.links


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/New_York"])
@pytest.mark.parametrize("month", ["9999-12", "8999-12", "9000-01", "9990-12"])
def test_the_last_months_of_the_calendar_are_shown_too(client, settings, month, zone):
    settings.TIME_ZONE = zone
    service = office()
    shown = visit(client, f"{PAGE}?month={month}")
    assert shown.here == ["Day"]
    assert ('rel="next"' in shown.html) == (month != "9999-12")
    assert service.pk


@pytest.mark.parametrize("needs", [False, True])
def test_a_month_costs_the_same_empty_and_busy(client, needs):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(SEPTEMBER).status_code == 200
        return len(queries)

    rooms = [create_resource(name=f"Room {number}", by=None) for number in range(3)]
    service = office(week=ALWAYS, needs_resource=needs, resources=rooms)
    client.get(SEPTEMBER)
    empty = cost()
    for number in range(40):
        BookingFactory(service=service, starts_at=NINE + timedelta(hours=number))
    assert cost() == empty <= 20


def test_strangers_see_nothing_of_those_who_booked(client, production):
    BookingFactory(service=create_service(slug="s", name="S", by=None), starts_at=NINE, firstname="Secretina")
    month = visit(client, SEPTEMBER)
    assert "Secretina" not in month.html
    assert "no-store" in month.response["Cache-Control"]
    client.force_login(UserFactory(role="gate"))
    assert client.get(SEPTEMBER).status_code == 403
