"""Services on terms, resources and free places over /api/v1/booking/."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.actions import create_resource, create_service
from booking.models import Booking, Resource, Service
from booking.tests.factories import NOON, BookingFactory, ServiceFactory
from booking.tests.test_api import BOOKINGS, NEW, ROOT, SERVICES
from ticketing.actions import create_calendar, set_week
from ticketing.models import Activity
from ticketing.tests.snapshots import nothing_changes
from ticketing.toolkit.fields import parse_instant

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]

RESOURCES = f"{ROOT}resources/"
MISSING = "00000000-0000-4000-8000-000000000000"
MAY = "2031-05-06"


def path_of(service):
    return f"{SERVICES}{service.pk}/"


@pytest.fixture
def mornings():
    calendar = create_calendar(slug="mornings", name="Mornings", time_zone="UTC", by=None)
    return set_week(calendar, week={weekday: [(540, 660)] for weekday in range(7)}, by=None)


# Terms


def test_a_service_is_opened_on_all_its_terms(calls, boss, mornings):
    room = create_resource(name="Room", by=None)
    terms = {
        "slot_capacity": 4,
        "duration_minutes": 20,
        "grid_minutes": 10,
        "largest_party": 3,
        "buffer_before_minutes": 5,
        "buffer_after_minutes": 10,
        "lead_minutes": 60,
        "horizon_days": 30,
        "deadline_minutes": 120,
        "calendar": str(mornings.pk),
        "needs_resource": True,
        "resources": [str(room.pk)],
    }
    made = calls(boss).post(SERVICES, {"slug": "desk", "name": "Desk", **terms})
    assert made.status_code == 201
    assert {name: made.json()[name] for name in terms} == terms
    assert calls().get(made["Location"]).json() == made.json()


def test_terms_that_are_left_out_are_those_of_the_contract_and_null_lifts_a_limit(calls, boss):
    made = calls(boss).post(SERVICES, {"slug": "desk", "name": "Desk"}).json()
    usual = {"slot_capacity": 20, "duration_minutes": 1, "grid_minutes": 1, "largest_party": 1, "lead_minutes": None}
    assert {name: made[name] for name in usual} == usual
    path = f"{SERVICES}{made['id']}/"
    assert calls(boss).patch(path, {"lead_minutes": 5}).json()["lead_minutes"] == 5
    assert calls(boss).patch(path, {"lead_minutes": None}).json()["lead_minutes"] is None


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("duration_minutes", 0, 400),
        ("duration_minutes", 481, 400),
        ("duration_minutes", None, 400),
        ("grid_minutes", 7, 400),
        ("grid_minutes", "5", 400),
        ("largest_party", 1001, 400),
        ("lead_minutes", -1, 400),
        ("needs_resource", 1, 400),
        ("calendar", "x", 400),
        ("calendar", MISSING, 404),
        ("resources", [MISSING], 404),
        ("resources", "x", 400),
        ("resources", [1], 400),
    ],
)
def test_terms_that_no_service_has_are_refused_at_their_field(calls, boss, field, value, status):
    service = ServiceFactory()
    caller = calls(boss)
    caller.get(SERVICES)
    with nothing_changes():
        for refused in (
            caller.patch(path_of(service), {field: value}),
            caller.post(SERVICES, {"slug": "desk", "name": "Desk", field: value}),
        ):
            assert refused.status_code == status
            assert next(iter(refused.json()["errors"])).partition(".")[0] == field


def test_an_etag_of_a_service_moves_with_its_resources(calls, boss):
    service, room = ServiceFactory(), create_resource(name="Room", by=None)
    before = calls(boss).get(path_of(service))["ETag"]
    changed = calls(boss).patch(path_of(service), {"resources": [str(room.pk)]}, If_Match=before)
    assert (changed.status_code, changed["ETag"] == before) == (200, False)
    assert calls(boss).patch(path_of(service), {"resources": []}, If_Match=before).status_code == 412


# Resources


def test_a_supervisor_keeps_resources_and_nobody_else_sees_them(calls, boss, agent, customer):
    made = calls(boss).post(RESOURCES, {"name": "Room 2"})
    assert (made.status_code, made.json()["is_active"]) == (201, True)
    changed = calls(boss).patch(made["Location"], {"is_active": False, "name": "Room 3"}).json()
    assert (changed["name"], changed["is_active"]) == ("Room 3", False)
    trail = Activity.objects.about(Resource.objects.get()).values_list("operation", flat=True)
    assert list(trail) == ["booking.create_resource", "booking.change_resource"]
    for person, status in ((None, 401), (customer, 403), (agent, 403)):
        assert calls(person).get(RESOURCES).status_code == status
        assert calls(person).get(made["Location"]).status_code == status
        assert calls(person).post(RESOURCES, {"name": "Mine"}).status_code == status


@pytest.mark.parametrize("body", [{"name": " "}, {"name": 5}, {"calendar": MISSING}, {"is_active": "yes"}])
def test_a_resource_that_cannot_be_is_refused(calls, boss, body):
    caller = calls(boss)
    caller.get(RESOURCES)
    with nothing_changes():
        assert caller.post(RESOURCES, {"name": "Room", **body}).status_code in (400, 404)


def test_a_booking_names_the_room_that_is_kept_for_it(calls, boss):
    room = create_resource(name="Room 2", by=None)
    create_service(
        slug="advice",
        name="Advice",
        duration_minutes=30,
        grid_minutes=15,
        needs_resource=True,
        resources=[room],
        by=None,
    )
    body = {**NEW, "starts_at": NOON.isoformat(), "service": "advice"}
    made = calls().post(BOOKINGS, body).json()
    assert made["resource"] == {"id": str(room.pk), "name": "Room 2"}
    assert made["ends_at"] == "2031-05-06T12:30:00.000000Z"
    full = calls().post(BOOKINGS, {**body, "starts_at": (NOON + timedelta(minutes=15)).isoformat()})
    assert (full.status_code, full.json()["code"]) == (409, "slot_full")


# Parties, and what the terms refuse


def test_a_party_is_booked_changed_and_refused(calls, boss):
    service = create_service(slug="tour", name="Tour", slot_capacity=5, largest_party=4, by=None)
    body = {**NEW, "service": "tour"}
    made = calls().post(BOOKINGS, {**body, "party": 4}).json()
    assert made["party"] == 4
    refused = calls().post(BOOKINGS, {**body, "party": 2})
    assert (refused.status_code, refused.json()["code"], list(refused.json()["errors"])) == (
        409,
        "slot_full",
        ["party"],
    )
    refused = calls().post(BOOKINGS, {**body, "party": 5})
    assert (refused.status_code, refused.json()["code"]) == (409, "party_too_large")
    token = made["manage_token"]
    assert calls(token=token).patch(f"{BOOKINGS}{made['id']}/", {"party": 3}).json()["party"] == 3
    assert service.slots.get().taken == 3


def test_what_the_terms_refuse_has_a_code_and_a_sentence(calls, mornings):
    create_service(
        slug="desk", name="Desk", grid_minutes=30, duration_minutes=30, calendar=mornings, horizon_days=1, by=None
    )
    refusals = {
        "not_a_slot": "2031-05-06T09:10:00Z",
        "closed": "2031-05-06T12:00:00Z",
        "too_far_ahead": "2031-05-06T09:30:00Z",
    }
    for code, starts_at in refusals.items():
        refused = calls().post(BOOKINGS, {**NEW, "service": "desk", "starts_at": starts_at}).json()
        assert (refused["code"], list(refused["errors"])) == (code, ["starts_at"])


def test_after_the_deadline_customers_are_refused_and_staff_are_not(calls, agent):
    service = create_service(slug="desk", name="Desk", deadline_minutes=366 * 24 * 60, by=None)
    soon = datetime.now(UTC) + timedelta(days=2)
    booking = BookingFactory(service=service, starts_at=soon)
    path = f"{BOOKINGS}{booking.pk}/"
    for refused in (
        calls(token=booking.manage_token).patch(path, {"firstname": "Eve"}),
        calls(token=booking.manage_token).delete(path),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "deadline_passed")
    assert calls(agent).delete(path).status_code == 204


# Free places


def test_the_times_of_a_day_with_their_places(calls, mornings):
    service = create_service(
        slug="d", name="D", grid_minutes=30, duration_minutes=60, slot_capacity=2, calendar=mornings, by=None
    )
    BookingFactory(service=service, starts_at=NOON - timedelta(hours=2))
    times = calls().get(f"{path_of(service)}times/?day={MAY}").json()["times"]
    assert {(parse_instant(time["ends_at"]) - parse_instant(time["starts_at"])).seconds for time in times} == {3600}
    told = [(time["starts_at"][11:16], time["capacity"], time["free"]) for time in times]
    assert told == [("09:00", 2, 2), ("09:30", 2, 2), ("10:00", 2, 1)]


def test_a_month_in_numbers(calls):
    service = create_service(slug="d", name="D", grid_minutes=360, slot_capacity=2, largest_party=2, by=None)
    BookingFactory(service=service, starts_at=NOON)
    path = f"{path_of(service)}days/?first=2031-05-01&last=2031-05-31"
    days = calls().get(path).json()["days"]
    assert len(days) == 31
    assert {(day["slots"], day["free"]) for day in days} == {(4, 4)}
    assert [day["free"] for day in calls().get(f"{path}&party=2").json()["days"] if day["day"] == MAY] == [3]


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ("times/", "day"),
        ("times/?day=2031-02-30", "day"),
        ("times/?day=x", "day"),
        (f"times/?day={MAY}&day={MAY}", "day"),
        (f"times/?day={MAY}&party=1", "party"),
        (f"days/?first={MAY}", "last"),
        (f"days/?first={MAY}&last={MAY}&party=0", "party"),
        (f"days/?first={MAY}&last={MAY}&party=٣", "party"),
        (f"days/?first={MAY}&last={MAY}&party=99999999999999999999", "party"),
    ],
)
def test_a_bad_question_is_refused_at_its_parameter(calls, question, field):
    refused = calls().get(f"{path_of(ServiceFactory())}{question}")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [field])


def test_free_places_cost_the_same_for_one_booking_and_for_many(calls, mornings):
    service = create_service(slug="d", name="D", slot_capacity=2, calendar=mornings, by=None)

    def cost(question):
        with CaptureQueriesContext(connection) as queries:
            assert calls().get(f"{path_of(service)}{question}").status_code == 200
        return len(queries)

    questions = [f"times/?day={MAY}", "days/?first=2031-05-01&last=2031-05-31"]
    costs = [cost(question) for question in questions]
    for number in range(30):
        BookingFactory(service=service, starts_at=datetime(2031, 5, 6, 9, number, tzinfo=UTC))
    assert [cost(question) for question in questions] == costs == [5, 5]


def test_the_last_days_of_the_calendar_answer_too(calls):
    service = ServiceFactory()
    assert len(calls().get(f"{path_of(service)}times/?day=8999-12-31").json()["times"]) == 24 * 60
    days = calls().get(f"{path_of(service)}days/?first=8999-12-01&last=8999-12-31").json()["days"]
    assert {day["free"] for day in days} == {24 * 60}
    assert calls().get(f"{path_of(service)}days/?first=1970-01-01&last=1970-01-02").status_code == 200


def test_of_a_long_span_the_first_days_are_answered_and_of_none_nothing(calls):
    path = f"{path_of(ServiceFactory())}days/?first={MAY}"
    assert len(calls().get(f"{path}&last=2035-01-01").json()["days"]) == 62
    assert calls().get(f"{path}&last=2031-05-05").json()["days"] == []


def test_nobody_is_seen_among_the_free_places(calls):
    BookingFactory(firstname="Secretive")
    service = Service.objects.default()
    answers = [
        calls().get(f"{path_of(service)}times/?day={MAY}"),
        calls().get(f"{path_of(service)}days/?first={MAY}&last={MAY}"),
    ]
    assert not any("Secretive" in answer.content.decode() for answer in answers)
    assert Booking.objects.get().starts_at.date() == date(2031, 5, 6)


def test_the_description_names_the_grids_that_divide_the_day(calls):
    described = calls().get("/api/v1/schema/?format=json").json()["components"]["schemas"]
    assert 7 not in described["GridMinutesEnum"]["enum"]
    assert {1, 90, 1440} <= set(described["GridMinutesEnum"]["enum"])
    for body in ("NewService", "PatchedServiceChange"):
        assert "GridMinutesEnum" in str(described[body]["properties"]["grid_minutes"])
