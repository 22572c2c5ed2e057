"""What is particular to /api/v1/booking/; what every noun does alike stands in ticketing/tests/test_api.py."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.models import Booking, Service, Slot, manage_token
from booking.tests.books import broken
from booking.tests.factories import NOON, BookingFactory, ServiceFactory, past
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]

ROOT = "/api/v1/booking/"
SERVICES, SLOTS, BOOKINGS = (f"{ROOT}{noun}/" for noun in ("services", "slots", "bookings"))
AT = "2031-05-06T12:00:30+00:00"
NEW = {"firstname": "Ada", "lastname": "Lovelace", "phone": "0550100009", "starts_at": AT, "email": "ada@example.org"}
STRANGER = uuid.UUID(int=4, version=4)
DAY = "starts_from=2031-05-06T00:00:00Z&starts_to=2031-05-07T00:00:00Z"


def path_of(booking):
    return f"{BOOKINGS}{booking.pk}/"


def ids(page, name="id"):
    return [row[name] for row in page.json()["results"]]


# Services


def test_a_supervisor_opens_and_changes_a_service_and_everybody_sees_it(calls, boss):
    made = calls(boss).post(SERVICES, {"slug": "desk", "name": "Front desk", "slot_capacity": 2})
    assert made.status_code == 201
    path = made["Location"]
    shown = calls(boss).patch(path, {"slot_capacity": 3}).json()
    assert (shown["slug"], shown["name"], shown["slot_capacity"]) == ("desk", "Front desk", 3)
    assert calls().get(path).json() == shown
    trail = Activity.objects.about(Service.objects.get(slug="desk")).values_list("operation", flat=True)
    assert list(trail) == ["booking.create_service", "booking.change_service"]


def test_two_services_do_not_share_a_short_name(calls, boss):
    ServiceFactory(slug="desk")
    caller = calls(boss)
    with nothing_changes():
        refused = caller.post(SERVICES, {"slug": "desk", "name": "Another"})
    assert (refused.status_code, refused.json()["code"], list(refused.json()["errors"])) == (
        409,
        "slug_taken",
        ["slug"],
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", ""),
        ("slug", "a b"),
        ("slug", "é"),
        ("slug", "x" * 51),
        ("slug", 5),
        ("name", " "),
        ("name", "x" * 101),
        ("slot_capacity", 0),
        ("slot_capacity", "5"),
        ("slot_capacity", 2**31),
    ],
)
def test_a_bad_value_of_a_service_is_refused_by_name(calls, boss, field, value):
    service, caller = ServiceFactory(), calls(boss)
    with nothing_changes():
        refused = [caller.post(SERVICES, {"slug": "desk", "name": "Desk", field: value})]
        if field != "slug":
            refused.append(caller.patch(f"{SERVICES}{service.pk}/", {field: value}))
    assert [(answer.status_code, list(answer.json()["errors"])) for answer in refused] == [(400, [field])] * len(
        refused
    )


def test_services_come_in_the_order_of_their_short_names(calls):
    for slug in ("b", "c", "a"):
        ServiceFactory(slug=slug)
    assert ids(calls().get(SERVICES), "slug") == ["a", "b", "c"]
    first = calls().get(f"{SERVICES}?limit=2&ordering=-slug").json()
    assert ids(calls().get(first["next"]), "slug") == ["a"]
    assert calls().get(f"{SERVICES}?name=a").status_code == 400


@pytest.mark.parametrize("role", ["anonymous", "customer", "agent", "gate"])
def test_only_supervisors_manage_services_and_slots(calls, role):
    slot = BookingFactory().slot
    caller = calls(None if role == "anonymous" else UserFactory(role=role))
    with nothing_changes():
        refused = {
            caller.post(SERVICES, {"slug": "desk", "name": "Desk"}).status_code,
            caller.patch(f"{SERVICES}{slot.service_id}/", {"name": "Mine"}).status_code,
            caller.patch(f"{SLOTS}{slot.pk}/", {"capacity": 50}).status_code,
        }
    assert refused == {401 if role == "anonymous" else 403}
    assert caller.get(SERVICES).status_code == caller.get(SLOTS).status_code == 200


# Slots


def test_a_slot_shows_numbers_and_nobody(calls):
    booking = BookingFactory()
    shown = calls().get(f"{SLOTS}{booking.slot_id}/").json()
    service = booking.slot.service
    assert shown == {
        "id": str(booking.slot_id),
        "service": {"id": str(service.pk), "slug": service.slug, "name": service.name},
        "starts_at": "2031-05-06T12:00:00.000000Z",
        "capacity": 20,
        "taken": 1,
        "left": 19,
    }


def test_a_slot_is_made_larger_and_never_smaller_than_what_is_taken(calls, boss):
    slot, caller = BookingFactory.create_batch(2)[0].slot, calls(boss)
    assert caller.patch(f"{SLOTS}{slot.pk}/", {"capacity": 2}).json()["left"] == 0
    assert Activity.objects.about(slot).get().details == {"capacity": 2}
    with nothing_changes():
        refused = caller.patch(f"{SLOTS}{slot.pk}/", {"capacity": 1})
    assert (refused.status_code, refused.json()["code"]) == (409, "places_taken")
    assert calls().post(BOOKINGS, {**NEW, "starts_at": NOON.isoformat()}).status_code == 409


@pytest.mark.parametrize("capacity", [-1, 2**31, "5", None, True])
def test_a_bad_capacity_of_a_slot_is_refused(calls, boss, capacity):
    slot, caller = BookingFactory().slot, calls(boss)
    with nothing_changes():
        refused = caller.patch(f"{SLOTS}{slot.pk}/", {"capacity": capacity})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["capacity"])


def test_each_filter_narrows_the_list_of_slots(calls):
    full = BookingFactory(starts_at=NOON).slot
    Slot.objects.filter(pk=full.pk).update(capacity=1)
    desk = ServiceFactory(slug="desk")
    later = BookingFactory(starts_at=NOON + timedelta(hours=1), service=desk).slot
    for query, expected in {
        "": [full, later],
        "ordering=-starts_at": [later, full],
        "service=desk": [later],
        f"service={desk.pk}": [later],
        "service=nothing": [],
        "with_room=true": [later],
        "with_room=false": [full],
        "starts_from=2031-05-06T12:01:00Z": [later],
        "starts_to=2031-05-06T12:01:00Z": [full],
    }.items():
        assert ids(calls().get(f"{SLOTS}?{query}")) == [str(slot.pk) for slot in expected], query
    for query in ("with_room=1", "starts_from=noon", "starts_to=2031-05-06", "taken=1", "service="):
        assert calls().get(f"{SLOTS}?{query}").status_code == 400


# Bookings: make


def test_a_caller_without_an_account_books_and_keeps_the_manage_token(calls):
    made = calls().post(BOOKINGS, NEW)
    assert made.status_code == 201
    shown = made.json()
    booking = Booking.objects.get()
    assert shown.pop("manage_token") == booking.manage_token
    assert shown.items() >= {**NEW, "starts_at": "2031-05-06T12:00:30.000000Z", "expired": False}.items()
    assert (shown["account"], shown["slot"], shown["service"]["slug"]) == (None, str(booking.slot_id), "default")
    again = calls(token=booking.manage_token).get(made["Location"])
    assert (again.json(), again["ETag"]) == (shown, made["ETag"])


def test_a_customers_booking_is_their_own_and_an_agents_is_nobodys(calls, customer, agent):
    assert calls(customer).post(BOOKINGS, NEW).json()["account"] == str(customer.pk)
    assert calls(agent).post(BOOKINGS, NEW).json()["account"] is None


@pytest.mark.parametrize("by", ["slug", "id"])
def test_a_service_is_booked_by_its_short_name_or_id(calls, by):
    service = ServiceFactory(slug="desk")
    name = service.slug if by == "slug" else str(service.pk)
    assert calls().post(BOOKINGS, {**NEW, "service": name}).json()["service"]["slug"] == "desk"


def test_a_service_that_does_not_exist_cannot_be_booked(calls):
    for name in ("nothing", str(STRANGER)):
        with nothing_changes():
            refused = calls().post(BOOKINGS, {**NEW, "service": name})
        assert (refused.status_code, list(refused.json()["errors"])) == (404, ["service"])


def test_the_twenty_first_booking_of_a_minute_is_refused(calls):
    BookingFactory.create_batch(20)
    with nothing_changes():
        refused = calls().post(BOOKINGS, NEW)
    assert (refused.status_code, refused.json()["code"]) == (409, "slot_full")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("firstname", ""),
        ("firstname", "x" * 101),
        ("lastname", "a\nb"),
        ("lastname", None),
        ("phone", 5550100009),
        ("phone", "555010000"),
        ("phone", "٥٥٥٠١٠٠٠٠٩"),
        ("starts_at", "2031-05-06T12:00:00"),
        ("starts_at", "2031-05-06"),
        ("starts_at", "2031-02-30T12:00:00Z"),
        ("starts_at", "1969-12-31T23:59:59Z"),
        ("starts_at", "9999-12-31T23:59:59-10:00"),
        ("starts_at", 1_935_000_000),
    ],
)
def test_a_bad_value_of_a_booking_is_refused_by_name(calls, boss, field, value):
    booking, caller = BookingFactory(), calls(boss)
    with nothing_changes():
        refused = [caller.post(BOOKINGS, {**NEW, field: value}), caller.patch(path_of(booking), {field: value})]
    assert [(answer.status_code, list(answer.json()["errors"])) for answer in refused] == [(400, [field])] * 2


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "nobody"), ("email", ""), ("email", 5), ("service", "a b"), ("service", 5), ("service", "")],
)
def test_a_bad_address_or_service_of_a_new_booking_is_refused_by_name(calls, field, value):
    with nothing_changes():
        refused = calls().post(BOOKINGS, {**NEW, field: value})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [field])


def test_an_instant_that_the_sites_clocks_cannot_show_is_refused(calls, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    with nothing_changes():
        refused = calls().post(BOOKINGS, {**NEW, "starts_at": "9999-12-31T23:30:00Z"})
    assert (refused.status_code, refused.json()["code"]) == (400, "no_such_day")


def test_every_field_that_is_wrong_is_named_at_once(calls):
    assert set(calls().post(BOOKINGS, {"phone": "1"}).json()["errors"]) == {
        "firstname",
        "lastname",
        "phone",
        "starts_at",
    }


def test_a_gate_books_nothing(calls):
    caller = calls(UserFactory(role="gate"))
    with nothing_changes():
        assert caller.post(BOOKINGS, NEW).status_code == 403
        assert caller.get(BOOKINGS).status_code == 403


def test_a_replayed_key_makes_one_booking_and_shows_its_token_again(calls):
    key = uuid.uuid4().hex
    first, second = (calls().post(BOOKINGS, NEW, Idempotency_Key=key) for _ in range(2))
    assert (second.status_code, second.json()) == (201, first.json())
    assert second["Idempotent-Replayed"] == "true"
    booking = Booking.objects.get()
    booking.manage_version = 2
    booking.save()
    assert calls().post(BOOKINGS, NEW, Idempotency_Key=key).json()["manage_token"] == manage_token(booking.pk, 1)
    assert broken() == {}


# Bookings: one


def test_the_manage_token_of_a_booking_opens_that_one_and_no_other(calls):
    own, other = BookingFactory.create_batch(2)
    caller = calls(token=own.manage_token)
    assert caller.get(path_of(own)).json()["phone"] == own.phone
    assert caller.patch(path_of(own), {"firstname": "Grace"}).json()["firstname"] == "Grace"
    for token in ("", "x", other.manage_token, "é"):
        stranger = calls(token=token)
        with nothing_changes():
            answers = [stranger.get(path_of(own)), stranger.patch(path_of(own), {}), stranger.delete(path_of(own))]
            missing = stranger.get(f"{BOOKINGS}{STRANGER}/")
        assert {(answer.status_code, answer.content) for answer in answers} == {(404, missing.content)}
    assert caller.get(f"{BOOKINGS}{own.manage_token}/").status_code == 404


def test_somebody_elses_booking_answers_like_a_missing_one(calls, customer):
    other, caller = BookingFactory(by=UserFactory()), calls(customer)
    missing = caller.get(f"{BOOKINGS}{STRANGER}/")
    with nothing_changes():
        answers = [
            caller.get(path_of(other)),
            caller.patch(path_of(other), {"firstname": "Eve"}),
            caller.delete(path_of(other)),
        ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, missing.content)}


def test_an_agent_sees_neither_number_nor_address_not_even_by_changing_the_booking(calls, agent, boss):
    booking = BookingFactory(email="ada@example.org")
    caller = calls(agent)
    for answer in (caller.get(path_of(booking)), caller.patch(path_of(booking), {}), caller.post(BOOKINGS, NEW)):
        shown = answer.json()
        assert shown["phone"].startswith("•••••••")
        assert shown["email"] == "a•••"
        assert booking.phone not in answer.content.decode()
    assert caller.get(f"{BOOKINGS}?{DAY}").json()["results"][0]["phone"] == "•••••••022"
    assert calls(boss).get(path_of(booking)).json()["phone"] == booking.phone


def test_a_booking_moves_and_its_place_with_it(calls, customer):
    booking, caller = BookingFactory(by=customer), calls(customer)
    body = {"firstname": "Grace", "lastname": "Hopper", "phone": "0000000001", "starts_at": "2031-05-06T15:30:00+02:00"}
    shown = caller.patch(path_of(booking), body).json()
    assert shown.items() >= {**body, "starts_at": "2031-05-06T13:30:00.000000Z"}.items()
    assert broken() == {}
    BookingFactory.create_batch(20)
    with nothing_changes():
        refused = caller.patch(path_of(booking), {"starts_at": AT, "firstname": "Eve"})
    assert (refused.status_code, refused.json()["code"]) == (409, "slot_full")


def test_a_cancelled_booking_is_gone_and_its_place_free(calls, customer):
    booking, caller = BookingFactory(by=customer), calls(customer)
    gone = caller.delete(path_of(booking))
    assert (gone.status_code, gone.content) == (204, b"")
    assert caller.get(path_of(booking)).status_code == caller.delete(path_of(booking)).status_code == 404
    assert Slot.objects.get().taken == 0


def test_a_replayed_key_cancels_once(calls, customer):
    booking, caller = BookingFactory(by=customer), calls(customer)
    first, second = (caller.delete(path_of(booking), Idempotency_Key="once" * 6) for _ in range(2))
    assert (first.status_code, second.status_code) == (204, 204)
    assert second["Idempotent-Replayed"] == "true"
    assert Activity.objects.filter(operation="booking.cancel").count() == 1
    assert broken() == {}


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_a_change_over_somebody_elses_is_refused(calls, boss, method):
    booking, caller = BookingFactory(), calls(boss)
    seen = caller.get(path_of(booking))["ETag"]
    Booking.objects.filter(pk=booking.pk).change(firstname="Grace")
    with nothing_changes():
        assert caller.send(method, path_of(booking), {"lastname": "Eve"}, {"If-Match": seen}).status_code == 412
    fresh = caller.get(path_of(booking))["ETag"]
    assert caller.send(method, path_of(booking), {"lastname": "Eve"}, {"If-Match": fresh}).status_code < 300


def test_more_than_eight_hours_past_reads_as_expired(calls, boss):
    old, new = past(timedelta(hours=8, seconds=1)), past(timedelta(hours=7, minutes=59))
    caller = calls(boss)
    assert [caller.get(path_of(booking)).json()["expired"] for booking in (old, new)] == [True, False]
    assert ids(caller.get(f"{BOOKINGS}?expired=true")) == [str(old.pk)]
    assert ids(caller.get(f"{BOOKINGS}?expired=false")) == [str(new.pk)]


READ_ONLY = {
    "id": str(STRANGER),
    "slot": str(STRANGER),
    "slot_id": str(STRANGER),
    "account": str(STRANGER),
    "expired": True,
    "taken": 0,
    "left": 500,
    "manage_token": "0" * 64,
    "manage_digest": "0" * 64,
    "manage_version": 7,
    "created_at": "2001-01-01T00:00:00Z",
    "updated_at": "2001-01-01T00:00:00Z",
}


def facts(row):
    """The row as it stands in the database, but for what says when it was touched."""
    return {name: value for name, value in type(row).objects.values().get(pk=row.pk).items() if name != "updated_at"}


def test_what_is_read_only_is_not_written_by_any_change(calls, boss):
    booking, caller = BookingFactory(email="ada@example.org"), calls(boss)
    slot, service = booking.slot, booking.slot.service
    before = facts(booking), facts(slot), facts(service)
    swapped = {"service": "other", "email": "eve@example.org"}
    assert caller.patch(path_of(booking), {**READ_ONLY, **swapped}).status_code == 200
    moved = {"capacity": 20, "starts_at": AT, "service": str(STRANGER)}
    assert caller.patch(f"{SLOTS}{slot.pk}/", {**READ_ONLY, **moved}).status_code == 200
    assert caller.patch(f"{SERVICES}{service.pk}/", {**READ_ONLY, "slug": "other"}).status_code == 200
    assert (facts(booking), facts(slot), facts(service)) == before


def test_what_is_read_only_is_not_written_by_any_creation(calls, customer, boss):
    shown = calls(customer).post(BOOKINGS, {**READ_ONLY, **NEW}).json()
    booking = Booking.objects.get()
    assert (booking.account, booking.manage_version, shown["expired"]) == (customer, 1, False)
    assert shown["manage_token"] == booking.manage_token != READ_ONLY["manage_token"]
    assert STRANGER not in (booking.pk, booking.slot_id)
    calls(boss).post(SERVICES, {**READ_ONLY, "slug": "desk", "name": "Desk"})
    assert Service.objects.get(slug="desk").pk != STRANGER
    assert broken() == {}


# Bookings: lists


def test_everybody_is_shown_what_their_role_reaches(calls, customer, agent, boss):
    own, other = BookingFactory(by=customer), BookingFactory(starts_at=NOON + timedelta(hours=1))
    assert ids(calls(customer, token=other.manage_token).get(BOOKINGS)) == [str(own.pk)]
    assert ids(calls(boss).get(BOOKINGS)) == [str(own.pk), str(other.pk)]
    assert ids(calls(agent).get(f"{BOOKINGS}?{DAY}")) == [str(own.pk), str(other.pk)]
    assert calls(token=own.manage_token).get(BOOKINGS).status_code == 401
    assert calls(token=own.manage_token).get(f"{BOOKINGS}?{DAY}").status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        "",
        "starts_from=2031-05-06T00:00:00Z",
        "starts_to=2031-05-06T00:00:00Z",
        "starts_from=2031-05-06T00:00:00Z&starts_to=2031-05-07T00:00:01Z",
        "starts_from=2031-05-07T00:00:00Z&starts_to=2031-05-06T00:00:00Z",
        "starts_from=2031-05-06T00:00:00Z&starts_to=tomorrow",
        "expired=true",
    ],
)
def test_an_agent_lists_a_day_and_no_more(calls, agent, query):
    assert calls(agent).get(f"{BOOKINGS}?{query}").status_code == 403


def test_a_page_of_a_day_leads_on_within_the_day(calls, agent):
    made = [BookingFactory(starts_at=NOON + timedelta(minutes=minute)) for minute in range(3)]
    BookingFactory(starts_at=NOON + timedelta(days=1))
    caller, seen, link = calls(agent), [], f"{BOOKINGS}?{DAY}&limit=1"
    while link:
        page = caller.get(link)
        seen += ids(page)
        link = page.json()["next"]
    assert seen == [str(booking.pk) for booking in made]


def test_each_filter_narrows_the_list_of_bookings(calls, boss):
    desk = ServiceFactory(slug="desk")
    early, late = BookingFactory(), BookingFactory(starts_at=NOON + timedelta(hours=1), service=desk)
    caller = calls(boss)
    for query, expected in {
        "": [early, late],
        "ordering=-starts_at": [late, early],
        "ordering=-created_at": [late, early],
        "service=desk": [late],
        f"service={desk.pk}": [late],
        "starts_from=2031-05-06T12:00:01Z": [late],
        "starts_to=2031-05-06T12:00:01Z": [early],
        "expired=true": [],
    }.items():
        assert ids(caller.get(f"{BOOKINGS}?{query}")) == [str(booking.pk) for booking in expected], query
    for query in ("expired=1", "starts_from=noon", "phone=9927898022", "ordering=phone", "service="):
        assert caller.get(f"{BOOKINGS}?{query}").status_code == 400


@pytest.mark.parametrize("ordering", ["starts_at", "-starts_at", "created_at", "-created_at"])
def test_every_order_of_bookings_is_read_off_an_index(ordering):
    sign, name = ("-" if ordering.startswith("-") else ""), ordering.lstrip("-")
    columns = ["starts_at", "created_at", "id"] if name == "starts_at" else ["created_at", "id"]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Booking.objects.order_by(*(sign + column for column in columns))[:51].explain()
    assert "Index Scan" in plan
    assert "Sort" not in plan


def test_in_the_demo_everybody_sees_and_changes_everything(calls, settings, agent):
    settings.SITE_MODE = "demo"
    booking = BookingFactory()
    assert ids(calls().get(BOOKINGS)) == ids(calls(agent).get(BOOKINGS)) == [str(booking.pk)]
    assert calls().get(path_of(booking)).json()["phone"] == booking.phone
    assert calls().patch(path_of(booking), {"firstname": "Grace"}).status_code == 200
    assert calls().delete(path_of(booking)).status_code == 204


# Costs


@pytest.mark.parametrize("path", [SERVICES, SLOTS, BOOKINGS, f"{BOOKINGS}?{DAY}"])
def test_a_list_costs_the_same_for_one_row_and_for_twenty(calls, boss, path):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert caller.get(path).status_code == 200
        return len(queries)

    caller = calls(boss)
    caller.get(path)  # the first use of a token is written down
    BookingFactory()
    one = cost()
    for minute in range(19):
        BookingFactory(starts_at=NOON + timedelta(minutes=minute), service=ServiceFactory(), by=UserFactory())
    # The token with its account; the rows with all that is shown of them, and the resources of services.
    assert cost() == one == (3 if path == SERVICES else 2)
