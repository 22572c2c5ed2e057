"""What bookings came to: held against a count by hand, before and after the purge."""

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.actions import cancel_booking, check_in, mark_missed, purge_expired
from booking.models import Booking, Tally
from booking.policies import local
from booking.reports import Sums, hours_between, sums_of, week_of
from booking.tests.factories import BookingFactory, ServiceFactory, past
from ticketing.clocks import database_now
from ticketing.errors import LogInFirst, NotAllowed
from ticketing.tests.factories import UserFactory
from ticketing.toolkit.csv_files import csv_lines

pytestmark = pytest.mark.django_db

LAST_WEEK = timedelta(days=7)


@pytest.fixture
def boss(client):
    user = UserFactory(role="supervisor")
    client.force_login(user)
    return user


def these_days():
    today = local(database_now()).date()
    return today - timedelta(days=10), today + timedelta(days=1)


def everything(by):
    return list(hours_between(*these_days(), by=by))


def test_the_same_is_told_before_the_purge_and_after_it(boss):
    service = ServiceFactory(largest_party=5, grace_minutes=0)
    for age, party in ((LAST_WEEK, 3), (timedelta(hours=30), 2), (timedelta(hours=1), 4)):
        past(age, service=service, party=party)
    Booking.objects.update(created_at=database_now() - timedelta(days=20))
    before = everything(boss)
    purge_expired()
    assert Booking.objects.count() == 1
    assert everything(boss) == before
    [sums] = sums_of(before)
    assert (sums.visits, sums.people, sums.service) == (3, 9, service.name)
    assert 12 <= sums.lead <= 20


def test_an_hour_that_is_partly_purged_is_told_once(boss):
    first, second = past(timedelta(hours=30)), past(timedelta(hours=30))
    Tally.objects.count_cancelled(first)
    Booking.objects.filter(pk=second.pk).update(starts_at=first.starts_at)
    [hour] = everything(boss)
    assert (hour.visits, hour.cancelled) == (2, 1)


def test_who_came_who_did_not_and_what_was_cancelled(boss):
    here, missed, _unknown, gone = (past(timedelta(minutes=20)) for _ in range(4))
    if local(here.starts_at).date() == local(database_now()).date():
        check_in(here, by=boss)
    else:
        Booking.objects.filter(pk=here.pk).update(arrived_at=database_now())
    mark_missed(missed, by=boss)
    cancel_booking(gone, by=boss)
    [sums] = sums_of(everything(boss))
    assert (sums.visits, sums.came, sums.missed, sums.cancelled) == (3, 1, 1, 1)
    assert (sums.missed_share, sums.cancelled_share) == (50, 25)


def test_there_is_no_share_of_nothing():
    nothing = Sums("Desk", *[0] * 6)
    assert (nothing.lead, nothing.missed_share, nothing.cancelled_share) == (None, None, None)


def test_the_week_shows_people_at_their_weekday_and_hour(boss):
    booking = past(LAST_WEEK, service=ServiceFactory(largest_party=5), party=4)
    shown = local(booking.starts_at)
    chart = week_of(everything(boss), "week", "Week")
    cells = {(row, int(hour)): number for row, cells in enumerate(c for _l, c in chart.cells) for hour, number in cells}
    assert {place: number for place, number in cells.items() if number} == {(shown.weekday(), shown.hour): 4}


def test_what_is_to_come_is_not_counted_yet(boss):
    BookingFactory(starts_at=database_now() + timedelta(hours=2))
    assert everything(boss) == []


def test_the_page_and_the_table_tell_the_same(client, boss):
    past(timedelta(hours=30), service=ServiceFactory(name="=1+1"))
    first, last = these_days()
    page = client.get(f"/panel/reports/bookings/?first={first}&last={last}").content.decode()
    assert "=1+1" in page
    answer = client.get(f"/panel/reports/bookings.csv?first={first}&last={last}")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    [row] = csv.DictReader(io.StringIO(answer.getvalue().decode()))
    assert (row["service"], row["visits"], row["people"]) == ("'=1+1", "1", "1")


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1"])
def test_no_text_is_a_formula(text):
    *_, line = csv_lines(["a"], [[text]])
    [cell] = next(csv.reader(io.StringIO(line, newline="")))
    assert cell == f"'{text}"


def test_numbers_stay_numbers():
    assert list(csv_lines(["a", "b"], [[-5, "x"]])) == ["a,b\r\n", "-5,x\r\n"]


@pytest.mark.parametrize(
    "query", ["?first=x", "?first=2031-01-02&last=2031-01-01", "?first=1970-01-01&last=2031-01-01", "?last=0001-01-01"]
)
def test_days_that_make_no_sense_are_said_and_the_usual_ones_shown(client, boss, query):
    answer = client.get(f"/panel/reports/bookings/{query}")
    assert answer.status_code == 200
    assert bool(answer.context["form"].errors) == ("0001" not in query)
    assert client.get(f"/panel/reports/bookings.csv{query}").status_code == 200


def test_a_report_costs_the_same_for_one_hour_and_for_many(client, boss):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/panel/reports/bookings/").status_code == 200
        return len(queries)

    past(timedelta(hours=1))
    one = cost()
    for number in range(20):
        past(timedelta(hours=number), service=ServiceFactory())
    assert cost() == one <= 10


def test_only_supervisors_read_it(client):
    for person in (AnonymousUser(), *(UserFactory(role=role) for role in ("customer", "agent", "gate"))):
        with pytest.raises((NotAllowed, LogInFirst)):
            everything(person)


def test_tallies_over_the_api_are_narrowed_by_day_and_service(client, boss):
    past(timedelta(hours=30), service=ServiceFactory(slug="desk"))
    past(timedelta(hours=30))
    purge_expired()
    first, last = these_days()
    found = client.get(f"/api/v1/booking/tallies/?service=desk&first={first}&last={last}").json()["results"]
    assert [(row["service"]["slug"], row["visits"]) for row in found] == [("desk", 1)]
    assert client.get("/api/v1/booking/tallies/?last=1990-01-01").json()["results"] == []
    assert client.get("/api/v1/booking/tallies/?first=x").status_code == 400


def test_the_front_page_of_the_admin_leads_to_the_report(client, production):
    client.force_login(UserFactory(role="supervisor"))
    assert 'href="/panel/reports/bookings/"' in client.get("/admin/").content.decode()
