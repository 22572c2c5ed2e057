"""Business hours over /api/v1/hours/."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ticketing import actions
from ticketing.models import Calendar, Closure, SpecialOpening
from ticketing.tests.factories import CalendarFactory, UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

CALENDARS, CLOSURES, SPECIAL = (f"/api/v1/hours/{noun}/" for noun in ("calendars", "closures", "special-openings"))
NOWHERE = "00000000-0000-4000-8000-000000000000"
MONDAY = date(2031, 5, 5)
OFFICE = {weekday: [(540, 720), (780, 1020)] for weekday in range(5)}
WEEK = [{"weekday": 5, "opens": "22:00", "closes": "24:00"}, {"weekday": 6, "opens": "00:00", "closes": "06:00"}]


@pytest.fixture
def boss():
    return bearer(UserFactory(role="supervisor"))


@pytest.fixture
def office():
    return CalendarFactory(slug="office", week=OFFICE)


def send(client, path, body=None, headers=None, method="post"):
    return getattr(client, method)(path, body or {}, content_type="application/json", headers=headers)


def shown(response, status=200):
    assert response.status_code == status, response.content
    return response.json()


def refused(response, status, code):
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json"), response.content
    assert response.json()["code"] == code
    return response.json()


def one(calendar):
    return f"{CALENDARS}{calendar.pk}/"


# Who may


CALLS = [
    ("get", CALENDARS, {}),
    ("get", CALENDARS + "{calendar}/", {}),
    ("get", CALENDARS + "{calendar}/open/", {}),
    ("get", CALENDARS + "{calendar}/openings/?from=2031-05-05T00:00:00Z&until=2031-05-06T00:00:00Z", {}),
    ("get", CLOSURES, {}),
    ("get", CLOSURES + "{closure}/", {}),
    ("get", SPECIAL, {}),
    ("get", SPECIAL + "{special}/", {}),
    ("post", CALENDARS, {"slug": "desk", "name": "Desk"}),
    ("patch", CALENDARS + "{calendar}/", {"name": "Desk"}),
    ("post", CALENDARS + "{calendar}/week/", {"week": []}),
    ("post", CLOSURES, {"calendar": "{calendar}", "first_day": "2031-12-24"}),
    ("post", SPECIAL, {"calendar": "{calendar}", "day": "2031-12-24", "opens": "09:00", "closes": "12:00"}),
    ("delete", CLOSURES + "{closure}/", {}),
    ("delete", SPECIAL + "{special}/", {}),
]
ANSWERS = {
    "anonymous": [200] * 8 + [401] * 7,
    "customer": [200] * 8 + [403] * 7,
    "agent": [200] * 8 + [403] * 7,
    "gate": [200] * 8 + [403] * 7,
    "supervisor": [200] * 8 + [201, 200, 200, 201, 201, 204, 204],
}


@pytest.mark.parametrize("role", ANSWERS)
def test_in_production_each_role_reaches_what_the_table_of_rights_says(client, production, office, role):
    headers = {} if role == "anonymous" else bearer(UserFactory(role=role))
    closure = actions.add_closure(office, first_day=MONDAY, by=None)
    special = actions.add_special_opening(office, day=MONDAY, opens=0, closes=60, by=None)
    names = {"calendar": office.pk, "closure": closure.pk, "special": special.pk}
    answers = []
    for method, path, body in CALLS:
        filled = {key: value.format(**names) if isinstance(value, str) else value for key, value in body.items()}
        answers.append(send(client, path.format(**names), filled, headers, method).status_code)
    assert answers == ANSWERS[role]


@pytest.mark.parametrize("path", [CALENDARS, CLOSURES, SPECIAL])
def test_what_is_not_there_is_missing_whatever_it_is_called(client, boss, path):
    answers = [client.get(f"{path}{name}/", headers=boss) for name in ("x", "0", "%00", NOWHERE)]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    refused(answers[0], 404, "not_found")


@pytest.mark.parametrize("path", [CALENDARS, CLOSURES, SPECIAL])
def test_a_list_costs_the_same_for_one_row_and_for_twenty(client, path):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            shown(client.get(path))
        return len(queries)

    def one_more():
        calendar = CalendarFactory(week=OFFICE)
        actions.add_closure(calendar, first_day=MONDAY, by=None)
        actions.add_special_opening(calendar, day=MONDAY, opens=0, closes=60, by=None)

    one_more()
    first = cost()
    for _ in range(19):
        one_more()
    assert cost() == first == (2 if path == CALENDARS else 1)  # the rows, and the weeks of all calendars


# Calendars


def test_a_calendar_is_made_once_per_key_and_shown_at_its_address(client, boss):
    body = {"slug": "desk", "name": "Desk", "time_zone": "Europe/Berlin", "country": "DE", "week": WEEK}
    once = {**boss, "Idempotency-Key": uuid.uuid4().hex}
    made, again = (send(client, CALENDARS, body, once) for _ in range(2))
    row = shown(made, 201)
    assert row == {
        "id": str(Calendar.objects.get().pk),
        "slug": "desk",
        "name": "Desk",
        "time_zone": "Europe/Berlin",
        "country": "DE",
        "subdivision": "",
        "openings": [{**opening, "valid_from": None, "valid_until": None} for opening in WEEK],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
    assert (shown(again, 201), again["Idempotent-Replayed"]) == (row, "true")
    read = client.get(made["Location"])
    assert (shown(read), read["ETag"]) == (row, made["ETag"])


def test_what_is_left_out_of_a_new_calendar_is_the_sites(client, boss, settings):
    settings.TIME_ZONE = "Asia/Kathmandu"
    row = shown(send(client, CALENDARS, {"slug": "desk", "name": "Desk"}, boss), 201)
    assert (row["time_zone"], row["country"], row["openings"]) == ("Asia/Kathmandu", "", [])


def test_what_is_left_out_of_a_change_stays_and_what_is_read_only_too(client, boss, office):
    before = shown(client.get(one(office)))
    body = {"name": "Desk", "slug": "x", "id": NOWHERE, "openings": [], "created_at": "2030-01-01T00:00:00Z"}
    after = shown(send(client, one(office), body, boss, "patch"))
    assert after == {**before, "name": "Desk", "updated_at": after["updated_at"]}


def test_a_week_takes_the_place_of_the_one_before_on_the_days_that_are_said(client, boss, office):
    path = f"{one(office)}week/"
    body = {"week": WEEK, "valid_from": "2031-06-01", "valid_until": "2031-08-31"}
    summer = shown(send(client, path, body, boss))["openings"]
    assert len(summer) == 10 + 2 + 10
    assert summer[10] == {**WEEK[0], "valid_from": "2031-06-01", "valid_until": "2031-08-31"}
    whole = shown(send(client, path, {"week": WEEK, "valid_from": None}, boss))["openings"]
    assert whole == [{**opening, "valid_from": None, "valid_until": None} for opening in WEEK]
    assert shown(send(client, path, {"week": []}, boss))["openings"] == []


def test_a_week_that_was_changed_in_between_is_left_as_it_is(client, boss, office):
    Calendar.objects.update(updated_at="2020-01-01T00:00:00Z")
    mine = {**boss, "If-Match": client.get(one(office))["ETag"]}
    shown(send(client, CLOSURES, {"calendar": str(office.pk), "first_day": "2031-12-24"}, boss), 201)
    with nothing_changes():
        refused(send(client, f"{one(office)}week/", {"week": []}, mine), 412, "precondition_failed")
    mine["If-Match"] = client.get(one(office))["ETag"]
    shown(send(client, f"{one(office)}week/", {"week": []}, mine))


def test_a_short_name_is_taken_once(client, boss, office):
    with nothing_changes():
        answer = send(client, CALENDARS, {"slug": "office", "name": "Another"}, boss)
    assert list(refused(answer, 409, "slug_taken")["errors"]) == ["slug"]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", "", "invalid"),
        ("name", 5, "invalid"),
        ("time_zone", "Europe/Atlantis", "unknown_zone"),
        ("time_zone", None, "invalid"),
        ("country", "XX", "unknown_country"),
        ("country", "DEU", "invalid"),
        ("subdivision", "BY", "unknown_country"),
    ],
)
def test_a_calendar_is_checked(client, boss, office, field, value, code):
    with nothing_changes():
        for path, method, body in ((CALENDARS, "post", {"slug": "desk", "name": "Desk"}), (one(office), "patch", {})):
            problem = refused(send(client, path, {**body, field: value}, boss, method), 400, code)
            assert len(problem["errors"]) == 1


@pytest.mark.parametrize(
    ("week", "code"),
    [
        ([{"weekday": 7, "opens": "09:00", "closes": "10:00"}], "invalid"),
        ([{"weekday": True, "opens": "09:00", "closes": "10:00"}], "invalid"),
        ([{"weekday": 0, "opens": "24:00", "closes": "24:00"}], "invalid"),
        ([{"weekday": 0, "opens": "9:00", "closes": "10:00"}], "invalid"),
        ([{"weekday": 0, "opens": "٠٩:00", "closes": "10:00"}], "invalid"),
        ([{"weekday": 0, "opens": 540, "closes": "10:00"}], "invalid"),
        ([{"weekday": 0, "opens": "09:00"}], "invalid"),
        ([{"weekday": 0, "opens": "09:00", "closes": "09:00"}], "closes_first"),
        ([{"weekday": 0, "opens": "09:00", "closes": "12:00"}] * 2, "hours_overlap"),
        ([{"weekday": 0, "opens": "09:00", "closes": "12:00"}] * 85, "invalid"),
        ("monday", "invalid"),
        (None, "invalid"),
    ],
)
def test_a_week_is_checked(client, boss, office, week, code):
    with nothing_changes():
        for path, more in ((f"{one(office)}week/", {}), (CALENDARS, {"slug": "desk", "name": "Desk"})):
            assert list(refused(send(client, path, {**more, "week": week}, boss), 400, code)["errors"]) == ["week"]


@pytest.mark.parametrize(
    "day", ["2031-02-30", "2031-2-3", "31.12.2031", "2031-12-24T00:00:00Z", "9999-01-01", 5, "", "٢031-12-24"]
)
def test_a_day_is_checked(client, boss, office, day):
    with nothing_changes():
        for path, field, more in (
            (f"{one(office)}week/", "valid_from", {"week": []}),
            (CLOSURES, "first_day", {"calendar": str(office.pk)}),
            (SPECIAL, "day", {"calendar": str(office.pk), "opens": "09:00", "closes": "10:00"}),
        ):
            assert list(refused(send(client, path, {**more, field: day}, boss), 400, "invalid")["errors"]) == [field]


# Days that are otherwise


def test_closures_are_added_found_and_removed(client, boss, office):
    other = CalendarFactory()
    actions.add_closure(other, first_day=MONDAY, by=None)
    body = {"calendar": str(office.pk), "first_day": "2031-12-24", "last_day": "2031-12-31", "reason": "Holidays"}
    made = send(client, CLOSURES, body, boss)
    row = shown(made, 201)
    assert {name: row[name] for name in body} == body
    assert shown(client.get(f"{CLOSURES}?calendar={office.pk}"))["results"] == [row]
    assert [found["first_day"] for found in shown(client.get(CLOSURES))["results"]] == ["2031-05-05", "2031-12-24"]
    assert send(client, made["Location"], headers=boss, method="delete").status_code == 204
    refused(send(client, made["Location"], headers=boss, method="delete"), 404, "not_found")
    assert Closure.objects.get().calendar == other


def test_special_openings_are_added_found_and_removed(client, boss, office):
    body = {"calendar": str(office.pk), "day": "2031-12-24", "opens": "09:00", "closes": "24:00", "reason": ""}
    made = send(client, SPECIAL, body, boss)
    row = shown(made, 201)
    assert {name: row[name] for name in body} == body
    assert shown(client.get(f"{SPECIAL}?calendar={office.pk}"))["results"] == [row]
    assert shown(client.get(f"{SPECIAL}?calendar={NOWHERE}"))["results"] == []
    with nothing_changes():
        assert list(refused(send(client, SPECIAL, body, boss), 409, "already_open_then")["errors"]) == ["opens"]
    assert send(client, made["Location"], headers=boss, method="delete").status_code == 204
    assert not SpecialOpening.objects.exists()


def test_days_of_no_calendar_and_spans_that_end_first_are_refused(client, boss, office):
    opening = {"day": "2031-12-24", "opens": "09:00", "closes": "08:00"}
    with nothing_changes():
        for path, more in ((CLOSURES, {"first_day": "2031-12-24"}), (SPECIAL, {**opening, "closes": "10:00"})):
            refused(send(client, path, {"calendar": NOWHERE, **more}, boss), 404, "not_found")
        body = {"calendar": str(office.pk), "first_day": "2031-12-24", "last_day": "2031-12-23"}
        assert list(refused(send(client, CLOSURES, body, boss), 400, "ends_first")["errors"]) == ["last_day"]
        body = {"calendar": str(office.pk), **opening}
        assert list(refused(send(client, SPECIAL, body, boss), 400, "closes_first")["errors"]) == ["closes"]


# When it is open


def test_it_says_whether_it_is_open_and_when_that_changes(client, office):
    path = f"{one(office)}open/"
    at = shown(client.get(f"{path}?at=2031-05-05T12:30:00%2B02:00"))
    assert at == {
        "at": "2031-05-05T10:30:00.000000Z",
        "is_open": False,
        "next_opening": "2031-05-05T11:00:00.000000Z",
        "next_closing": "2031-05-05T15:00:00.000000Z",
    }
    assert shown(client.get(f"{path}?at=2031-05-05T09:59:59Z"))["is_open"] is True


def test_without_an_instant_it_is_now_by_the_databases_clock(client, office):
    with time_machine.travel(datetime(2060, 1, 1, tzinfo=UTC)):
        asked = datetime.fromisoformat(shown(client.get(f"{one(office)}open/"))["at"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        assert abs(cursor.fetchone()[0] - asked) < timedelta(minutes=5)


def test_what_never_opens_or_never_closes_says_so(client):
    for calendar, is_open in ((CalendarFactory(), False), (Calendar.objects.default(), True)):
        answer = shown(client.get(f"{one(calendar)}open/"))
        assert (answer["is_open"], answer["next_opening"], answer["next_closing"]) == (is_open, None, None)


def test_it_says_when_it_is_open_between_two_instants(client):
    night = CalendarFactory(week={5: [(1320, 1440)], 6: [(0, 360)]})
    asked = "from=2031-10-25T00:00:00%2B02:00&until=2031-10-28T00:00:00Z"
    assert shown(client.get(f"{one(night)}openings/?{asked}")) == {
        "openings": [{"starts_at": "2031-10-25T20:00:00.000000Z", "ends_at": "2031-10-26T05:00:00.000000Z"}]
    }


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ("openings/", "from"),
        ("openings/?from=2031-05-05T00:00:00Z", "until"),
        ("openings/?from=2031-05-05T00:00:00Z&until=2031-08-05T00:00:01Z", "until"),
        ("openings/?from=2031-05-05T00:00:00Z&until=2031-05-04T00:00:00Z", "until"),
        ("openings/?from=2031-05-05&until=2031-05-06", "from"),
        ("openings/?from=2031-05-05T00:00:00Z&until=2031-05-06T00:00:00Z&to=x", "to"),
        ("open/?at=now", "at"),
        ("open/?at=", "at"),
        ("open/?at=2031-05-05T00:00:00Z&at=2031-05-05T00:00:00Z", "at"),
        ("open/?when=2031-05-05T00:00:00Z", "when"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(client, office, question, field):
    problem = refused(client.get(one(office) + question), 400, "invalid")
    assert list(problem["errors"]) == [field]


def test_the_ends_of_the_calendar_are_refused(client, office):
    refused(client.get(f"{one(office)}open/?at=9999-12-31T23:59:59Z"), 400, "too_far")
    asked = "from=9999-12-31T00:00:00Z&until=9999-12-31T23:59:59Z"
    refused(client.get(f"{one(office)}openings/?{asked}"), 400, "too_far")


def test_questions_cost_the_same_whatever_the_calendar_holds(client, office):
    def cost(question):
        with CaptureQueriesContext(connection) as queries:
            shown(client.get(one(office) + question))
        return len(queries)

    questions = ["open/", "openings/?from=2031-05-05T00:00:00Z&until=2031-08-05T00:00:00Z"]
    before = [cost(question) for question in questions]
    for days in range(20):
        actions.add_closure(office, first_day=MONDAY + timedelta(days=days), by=None)
        actions.add_special_opening(office, day=MONDAY + timedelta(days=days), opens=0, closes=60, by=None)
    assert [cost(question) for question in questions] == before == [4, 4]  # the calendar and its three parts


def test_a_closure_is_changed_as_far_as_is_said(client, boss, office):
    closure = actions.add_closure(office, first_day=MONDAY, reason="Hollidays", by=None)
    one = f"{CLOSURES}{closure.pk}/"
    later = (MONDAY + timedelta(days=2)).isoformat()
    changed = shown(send(client, one, {"last_day": later, "reason": "Holidays"}, boss, "patch"))
    assert (changed["first_day"], changed["last_day"], changed["reason"]) == (MONDAY.isoformat(), later, "Holidays")
    with nothing_changes():
        assert shown(send(client, one, {"reason": "Holidays"}, boss, "patch")) == changed
        refused(send(client, one, {"first_day": "2031-12-31"}, boss, "patch"), 400, "ends_first")
    actions.remove_closure(closure, by=None)
    assert send(client, one, {"reason": ""}, boss, "patch").status_code == 404
