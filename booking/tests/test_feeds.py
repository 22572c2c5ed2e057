"""Private calendars: of one's own bookings, and of a room or a person."""

import re
from datetime import timedelta

import icalendar
import pytest
from django.conf import settings as site
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from booking.actions import change_booking, create_resource, make_feed, remove_feed
from booking.actions.telling import visit_of
from booking.models import Booking, Feed
from booking.tests.factories import BookingFactory, ServiceFactory, database_now, past
from booking.tests.test_races import outcomes
from ticketing.errors import LogInFirst, NotAllowed, NotFound
from ticketing.models import Activity
from ticketing.sending.calendar_files import calendar_file
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes
from ticketing.tests.test_logs import log, requests

__all__ = ["log"]

pytestmark = pytest.mark.django_db

SOON = timedelta(days=2)


def path_of(token):
    return f"/panel/calendar/{token}.ics"


def soon(**more):
    at = (database_now() + SOON).replace(second=0, microsecond=0)
    return BookingFactory(starts_at=at + more.pop("later", timedelta(0)), **more)


def events(response):
    assert response.status_code == 200, response.content
    return icalendar.Calendar.from_ical(response.content).walk("VEVENT")


@pytest.fixture
def room():
    return create_resource(name="Room 7", by=None)


@pytest.fixture
def service(room):
    service = ServiceFactory(name="Passports", needs_resource=True, duration_minutes=30, largest_party=4)
    service.resources.set([room])
    return service


# What a calendar program reads


def test_a_person_reads_their_own_bookings_as_their_mails_have_them(client, customer):
    own, _others = soon(by=customer), [soon(), soon(by=UserFactory())]
    moved = change_booking(soon(by=customer), starts_at=own.starts_at + timedelta(hours=1), by=customer)
    _feed, token = make_feed(by=customer)
    found = events(client.get(path_of(token)))
    mailed = icalendar.Calendar.from_ical(calendar_file([visit_of(own), visit_of(moved)])).walk("VEVENT")
    names = ("uid", "sequence", "dtstamp", "last-modified", "dtstart", "dtend", "summary", "location")
    assert [[one.get(name) for name in names] for one in found] == [[one.get(name) for name in names] for one in mailed]
    assert [one["sequence"] for one in found] == [0, 1]
    assert f"DTSTART:{own.starts_at:%Y%m%dT%H%M%SZ}".encode() in client.get(path_of(token)).content
    assert own.lastname.encode() not in client.get(path_of(token)).content


def test_staff_read_who_comes_to_a_room_and_nobody_elses_visits(client, room, service):
    visit, _other = soon(service=service, party=3, lastname="Dixit"), soon()
    _feed, token = make_feed(resource=room, by=UserFactory(role="supervisor"))
    [event] = events(client.get(path_of(token)))
    assert event["summary"] == "Ishan Dixit (3), Passports"
    assert event["location"] == "Room 7"
    assert visit.phone.encode() not in client.get(path_of(token)).content


def test_it_says_what_it_is_called_and_when_to_look_again(client, room):
    _feed, token = make_feed(resource=room, by=None)
    answer = client.get(path_of(token))
    lines = answer.content.decode().split("\r\n")
    assert {"NAME:Room 7", "X-WR-CALNAME:Room 7", "X-PUBLISHED-TTL:PT1H"} <= set(lines)
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT1H" in lines
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"


def test_it_is_in_the_language_of_its_owner(client):
    german = UserFactory(language="de")
    answer = client.get(path_of(make_feed(by=german)[1]), headers={"Accept-Language": "en"})
    assert "NAME:Meine Buchungen" in answer.content.decode()


def test_it_shows_a_month_that_is_past_and_a_year_to_come(client, customer):
    here = [soon(by=customer), past(timedelta(hours=1), by=customer)]
    far = BookingFactory(starts_at=database_now() + timedelta(days=400), by=customer)
    gone = past(timedelta(hours=1), by=customer)
    Booking.objects.filter(pk=gone.pk).update(starts_at=Now() - timedelta(days=31))
    found = {str(one["uid"]).partition("@")[0] for one in events(client.get(path_of(make_feed(by=customer)[1])))}
    assert found == {f"booking-{one.pk}" for one in here}
    assert f"booking-{far.pk}" not in found


def test_it_is_bounded_and_costs_the_same_for_one_visit_and_for_twenty(client, customer, monkeypatch):
    _feed, token = make_feed(by=customer)

    def cost():
        with CaptureQueriesContext(connection) as queries:
            events(client.get(path_of(token)))
        return len(queries)

    soon(by=customer)
    client.get(path_of(token))  # which notes the hour
    one = cost()
    for hour in range(20):
        soon(by=customer, later=timedelta(hours=hour))
    assert cost() == one <= 3
    monkeypatch.setattr("booking.actions.feeds.MOST_VISITS", 5)
    assert len(events(client.get(path_of(token)))) == 5


def test_whoever_has_it_as_it_is_is_told_so_and_a_change_is_told(client, customer):
    booking = soon(by=customer)
    _feed, token = make_feed(by=customer)
    first = client.get(path_of(token))
    again = client.get(path_of(token), headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    change_booking(booking, party=1, starts_at=booking.starts_at + timedelta(hours=1), by=None)
    changed = client.get(path_of(token), headers={"If-None-Match": first["ETag"]})
    assert (changed.status_code, changed["ETag"] != first["ETag"]) == (200, True)
    assert client.head(path_of(token)).status_code == 200
    assert client.post(path_of(token)).status_code == 405


def test_the_address_goes_nowhere_and_nothing_is_kept_for_others(client, customer):
    answer = client.get(path_of(make_feed(by=customer)[1]))
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "private, no-cache"
    assert not answer.cookies


def test_a_read_is_noted_once_an_hour(client, customer):
    feed, token = make_feed(by=customer)
    client.get(path_of(token))
    feed.refresh_from_db()
    assert (feed.read_at.minute, feed.read_at <= database_now() < feed.read_at + timedelta(hours=1)) == (0, True)
    written = where_it_lies(feed)
    client.get(path_of(token))
    assert where_it_lies(feed) == written
    Feed.objects.update(read_at=feed.read_at - timedelta(hours=1))
    client.get(path_of(token))
    assert Feed.objects.get().read_at >= feed.read_at


def where_it_lies(row):
    """Moves with every write, also of what stood there before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ctid::text FROM booking_feed WHERE id = %s", [row.pk])
        return cursor.fetchone()


# Whose links open nothing


def test_unknown_void_garbled_and_deactivated_links_answer_alike(client, customer):
    inactive, demo, removed = UserFactory(), UserFactory(is_demo=True), UserFactory()
    tokens = [make_feed(by=person)[1] for person in (customer, inactive, demo, removed)]
    make_feed(by=customer)  # which makes the first void
    type(inactive).objects.filter(pk=inactive.pk).update(is_active=False)
    remove_feed(Feed.objects.get(account=removed), by=removed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "SITE_MODE", "production")
        answers = [client.get(path_of(token)) for token in (*tokens, "x", "%00", "é", "x" * 500)]
    assert {(one.status_code, one.content) for one in answers} == {(404, answers[0].content)}
    assert not any(one.cookies for one in answers)


def test_an_address_asks_so_often_only(client, settings):
    settings.THROTTLES = {"anonymous": "2/hour"}
    assert [client.get(path_of("x")).status_code for _ in range(3)] == [404, 404, 429]


def test_only_the_digest_is_stored_and_nothing_is_logged_or_said_in_the_trail(log, customer):
    feed, token = make_feed(by=customer)
    Client().get(path_of(token))
    Client().get(path_of(token) + "?x=1")
    assert token not in str(log())
    assert requests(log)[-1]["route"].endswith("calendar/<str:token>.ics")
    assert token not in str(list(Feed.objects.values()))
    remove_feed(feed, by=customer)
    told = Activity.objects.filter(operation__endswith="_feed").values_list("operation", "object_id", "details")
    assert list(told) == [("booking.make_feed", feed.pk, {}), ("booking.remove_feed", feed.pk, {})]


# Who makes one


def test_only_staff_who_set_up_resources_make_a_rooms_calendar(room, customer):
    for person in [UserFactory(role=role) for role in ("customer", "agent", "gate")]:
        with nothing_changes(), pytest.raises(NotAllowed):
            make_feed(resource=room, by=person)
    with nothing_changes(), pytest.raises((LogInFirst, NotAllowed)):
        make_feed(by=None)
    feed, stranger = make_feed(by=customer)[0], UserFactory()
    with nothing_changes(), pytest.raises(NotAllowed):
        remove_feed(feed, by=stranger)
    remove_feed(feed, by=UserFactory(role="supervisor"))
    with nothing_changes(), pytest.raises(NotFound):
        remove_feed(feed, by=customer)


def test_the_database_wants_one_owner(customer, room):
    for owners in ({}, {"account": customer, "resource": room}):
        with pytest.raises(IntegrityError, match="of_one"), transaction.atomic():
            Feed.objects.create(**owners, digest="0" * 64)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_leave_one_link():
    customer = UserFactory()
    got = outcomes(*[lambda: make_feed(by=customer)[1]] * 8)
    assert Feed.objects.count() == 1
    assert sum(Feed.objects.opened_by(token) is not None for token in got) == 1


# Where


def test_on_the_panel_a_link_is_shown_once_and_a_new_one_makes_it_void(client, customer):
    client.force_login(customer)

    def made():
        page = client.post("/panel/bookings/calendar-link/").content.decode()
        [address] = re.findall(r'<input type="url"[^>]* value="([^"]+)"', page)
        assert address.startswith(site.SITE_URL)
        return address.removeprefix(site.SITE_URL)

    assert "Make a calendar link" in client.get("/panel/bookings/").content.decode()
    first, second = made(), made()
    page = client.get("/panel/bookings/").content.decode()
    assert "You have a private calendar link" in page
    assert second not in page
    assert [Client().get(address).status_code for address in (first, second)] == [404, 200]
    client.post("/panel/bookings/calendar-link/remove/")
    assert Client().get(second).status_code == 404
    assert client.post("/panel/bookings/calendar-link/remove/").status_code == 404


@pytest.mark.parametrize("role", [None, "agent", "gate"])
def test_whoever_has_no_list_of_bookings_has_no_link(client, role):
    if role:
        client.force_login(UserFactory(role=role))
    assert client.post("/panel/bookings/calendar-link/").status_code in (302, 403)
    assert "calendar-link" not in client.get("/panel/bookings/").content.decode()
    assert not Feed.objects.exists()


def test_programs_make_list_and_remove_links_and_see_the_address_once(calls, client, boss, room):
    api = calls(boss)
    made = api.post("/api/v1/booking/feeds/", {"resource": str(room.pk)}, Idempotency_Key="0123456789abcdefghijkl")
    assert made.status_code == 201
    address = made.json()["address"].removeprefix(site.SITE_URL)
    assert client.get(address).status_code == 200
    again = api.post("/api/v1/booking/feeds/", {"resource": str(room.pk)}, Idempotency_Key="0123456789abcdefghijkl")
    assert (again.status_code, again.json()["address"]) == (201, None)
    [listed] = api.get("/api/v1/booking/feeds/").json()["results"]
    assert listed["resource"] == str(room.pk)
    assert "address" not in listed
    assert api.delete(f"/api/v1/booking/feeds/{listed['id']}/").status_code == 204
    assert client.get(address).status_code == 404
    nowhere = {"resource": "00000000-0000-4000-8000-000000000005"}
    assert api.post("/api/v1/booking/feeds/", nowhere).status_code == 404


def test_a_customer_sees_their_own_link_only_and_makes_none_for_a_room(calls, customer, room):
    make_feed(resource=room, by=None), make_feed(by=UserFactory())
    own, _token = make_feed(by=customer)
    api = calls(customer)
    assert [one["id"] for one in api.get("/api/v1/booking/feeds/").json()["results"]] == [str(own.pk)]
    assert api.post("/api/v1/booking/feeds/", {"resource": str(room.pk)}).status_code == 403


def test_the_admin_shows_the_link_of_a_room_once_and_removes_it(client, room):
    owner = UserFactory(role="supervisor", is_staff=True)
    client.force_login(owner)
    chosen = {"action": "make_links", "_selected_action": [str(room.pk)]}
    page = client.post("/admin/booking/resource/", chosen, follow=True).content.decode()
    [address] = re.findall(r"/panel/calendar/\S+\.ics", page)
    assert Client().get(address).status_code == 200
    assert address not in client.get("/admin/booking/resource/").content.decode()
    client.post("/admin/booking/resource/", chosen | {"action": "end_feed_of"})
    assert Client().get(address).status_code == 404
    feed, _token = make_feed(resource=room, by=None)
    assert feed.digest not in client.get(f"/admin/booking/feed/{feed.pk}/change/").content.decode()
    client.post("/admin/booking/feed/", {"action": "remove_feed", "_selected_action": [str(feed.pk)]})
    assert not Feed.objects.exists()
