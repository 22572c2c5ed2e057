"""The tickets-api contract: the recorded exchanges of its text, then every row of its table."""

import json
import uuid
from datetime import UTC, datetime

import pytest
from django.db.models.functions import Now
from django.test import Client

from allocation.models import Ticket
from allocation.tests.factories import TicketFactory, TicketOptionFactory, bought_ticket, many_tickets
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


def get(path, **headers):
    return Client().get(path, headers=headers)


def update(path, **headers):
    return Client().generic("UPDATE", path, headers=headers)


def body(response):
    return json.loads(response.getvalue())


def planted(id, timestamp):
    return Ticket.objects.create(pk=id, created_at=datetime.fromtimestamp(timestamp, UTC))


def as_text_has_it(id, timestamp, valid=True):
    """One object of the text; its timestamps have a digit more than the database keeps."""
    return {"id": id, "timestamp": pytest.approx(timestamp, abs=1e-6), "valid": valid}


# The exchanges of the text.


def test_create_a_new_ticket():
    headers = {"cache-control": "no-cache"}
    response = Client().generic("POST", "/ticket", content_type="application/json", headers=headers)
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    shown = body(response)
    assert list(shown) == ["id", "timestamp", "valid"]
    stored = Ticket.objects.get()
    assert shown == {"id": str(stored.pk), "timestamp": stored.created_at.timestamp(), "valid": True}
    assert isinstance(shown["timestamp"], float)


def test_retrieve_a_ticket():
    planted("fbee5350-3c7b-11ea-8e4c-8c1645e0f94e", 1579631379.3566003)
    response = get('/ticket?id="fbee5350-3c7b-11ea-8e4c-8c1645e0f94e"')
    assert response.status_code == 200
    assert body(response) == [as_text_has_it("fbee5350-3c7b-11ea-8e4c-8c1645e0f94e", 1579631379.3566003)]


def test_retrieve_all_tickets():
    rows = [
        ("ab3fa18e-3c7b-11ea-8e4c-8c1645e0f94e", 1579631243.9940078),
        ("ab3fa18f-3c7b-11ea-8e4c-8c1645e0f94e", 1579631243.9940224),
        ("ab3fa190-3c7b-11ea-8e4c-8c1645e0f94e", 1579631243.9940288),
        ("ab3fa191-3c7b-11ea-8e4c-8c1645e0f94e", 1579631243.994033),
        ("ab3fa192-3c7b-11ea-8e4c-8c1645e0f94e", 1579631243.9940372),
    ]
    for row in reversed(rows):
        planted(*row)
    response = get("/ticket")
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert body(response) == [as_text_has_it(*row) for row in rows]


def test_invalidate_and_validate_a_ticket():
    row = ("d9d961be-3c7c-11ea-8e4c-8c1645e0f94e", 1579631751.6735783)
    planted(*row)
    response = update('/ticket/invalidate?id="d9d961be-3c7c-11ea-8e4c-8c1645e0f94e"')
    assert (response.status_code, body(response)) == (200, as_text_has_it(*row, valid=False))
    assert not Ticket.objects.get().valid
    response = update('/ticket/validate?id="d9d961be-3c7c-11ea-8e4c-8c1645e0f94e"')
    assert (response.status_code, body(response)) == (200, as_text_has_it(*row, valid=True))
    assert Ticket.objects.get().valid


# The rows of the table.


@pytest.mark.parametrize("sent", [b"", b"{", b"\xff\x00", b"[" * 100_000, b'{"valid": false, "id": 1}'])
def test_the_body_of_a_creation_is_not_read(sent):
    for kind in ("application/json", "text/plain", ""):
        response = Client().generic("POST", "/ticket", sent, content_type=kind)
        assert (response.status_code, body(response)["valid"]) == (200, True)
    assert Ticket.objects.count() == 3


PLAIN = "1d9d961b-3c7c-41ea-8e4c-8c1645e0f94e"


@pytest.mark.parametrize("written", [PLAIN, PLAIN.upper(), f'"{PLAIN}"', f"'{PLAIN}'", f"%22{PLAIN.upper()}%22"])
def test_an_id_may_come_in_upper_case_and_in_quotes(written):
    planted(PLAIN, 1579631379)
    shown = as_text_has_it(PLAIN, 1579631379.0)
    assert body(get(f"/ticket?id={written}")) == [shown]
    assert body(update(f"/ticket/validate?id={written}")) == shown


UNREADABLE = ["", "x", "1", '""', "'", f'"{PLAIN}', f'{PLAIN}"', f"\"{PLAIN}'", PLAIN[:-1], PLAIN.replace("-", ""),
              f"{{{PLAIN}}}", f"urn:uuid:{PLAIN}", f" {PLAIN}", "%00", "%ff", "١" * 32, f"{PLAIN}%00"]  # fmt: skip


@pytest.mark.parametrize("written", UNREADABLE)
def test_anything_else_is_not_an_id(written):
    planted(PLAIN, 1579631379)
    answers = [get(f"/ticket?id={written}")]
    for path in ("/ticket/validate", "/ticket/invalidate"):
        answers += [update(f"{path}?id={written}"), Client().post(f"{path}?id={written}")]
    for response in answers:
        assert (response.status_code, list(body(response)["errors"])) == (400, ["id"])


@pytest.mark.parametrize("path", ["/ticket/validate", "/ticket/invalidate"])
def test_validity_wants_an_id(path):
    ticket = TicketFactory()
    for ask in (update, lambda path: Client().post(path, {"id": str(ticket.pk)})):
        with nothing_changes():
            response = ask(path)
        assert (response.status_code, list(body(response)["errors"])) == (400, ["id"])


def test_an_unknown_id_is_not_found():
    unknown = uuid.uuid4()
    for response in (
        get(f"/ticket?id={unknown}"),
        update(f"/ticket/validate?id={unknown}"),
        update(f"/ticket/invalidate?id={unknown}"),
        Client().post(f"/ticket/invalidate?id={unknown}"),
    ):
        assert response.status_code == 404
        assert body(response) == {"status": False, "message": "There is no such thing.", "errors": {}}


@pytest.mark.parametrize("verb", ["UPDATE", "POST"])
def test_twice_is_harmless_and_post_does_the_same(verb):
    ticket = bought_ticket()
    for path, valid in [("invalidate", False), ("invalidate", False), ("validate", True), ("validate", True)]:
        response = Client().generic(verb, f"/ticket/{path}/?id={ticket.pk}")
        assert (response.status_code, body(response)["valid"]) == (200, valid)
    assert [line.details["valid"] for line in Activity.objects.about(ticket)] == [False, True]


def test_validating_never_erases_an_admission():
    ticket = TicketFactory()
    Ticket.objects.update(admitted_at=Now())
    update(f"/ticket/invalidate?id={ticket.pk}")
    update(f"/ticket/validate?id={ticket.pk}")
    assert Ticket.objects.get().admitted_at is not None


def test_a_list_without_tickets_is_an_empty_array():
    assert body(get("/ticket")) == []


def test_the_list_and_the_look_up_show_the_same():
    for timestamp in (0, 1579631379, 1579631379.25, 1579631379.000001, 4102444799.999999):
        ticket = planted(uuid.uuid4(), timestamp)
        assert body(get(f"/ticket?id={ticket.pk}"))[0] == as_text_has_it(str(ticket.pk), timestamp)
    Ticket.objects.filter(created_at__year=1970).update(valid=False)
    for shown in body(get("/ticket")):
        assert body(get(f"/ticket?id={shown['id']}")) == [shown]
        assert isinstance(shown["timestamp"], float)


def test_the_list_holds_purchased_and_issued_tickets_oldest_first_and_by_id_within_an_instant():
    bought_ticket()
    TicketFactory()
    same = [planted(uuid.uuid4(), 1579631379) for _ in range(5)]
    shown = [row["id"] for row in body(get("/ticket"))]
    assert shown[:5] == sorted(str(ticket.pk) for ticket in same)
    assert shown[5:] == [str(ticket.pk) for ticket in Ticket.objects.order_by("created_at")[5:]]


def test_a_list_longer_than_a_fetch_is_whole():
    many_tickets(12_345)
    shown = body(get("/ticket"))
    assert {row["id"] for row in shown} == {str(pk) for pk in Ticket.objects.values_list("pk", flat=True)}
    assert len(shown) == 12_345


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/ticket", ["GET", "HEAD", "POST"]),
        ("/ticket/validate", ["POST", "UPDATE"]),
        ("/ticket/invalidate", ["POST", "UPDATE"]),
    ],
)
def test_other_verbs_are_refused_with_what_is_allowed(path, allowed):
    ticket = TicketFactory()
    every = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "UPDATE", "BREW"]
    for verb in sorted(set(every) - set(allowed)):
        with nothing_changes():
            response = Client().generic(verb, f"{path}?id={ticket.pk}")
        assert response.status_code == 405
        assert response["Allow"] == ", ".join(allowed)
        assert verb == "HEAD" or body(response)["status"] is False


def test_head_answers_as_get():
    assert Client().head("/ticket").status_code == 200
    assert Client().head(f"/ticket?id={uuid.uuid4()}").status_code == 404


def test_paths_answer_with_and_without_the_slash_and_capture_nothing_else():
    ticket = TicketFactory()
    for slash in ("", "/"):
        assert get(f"/ticket{slash}").status_code == 200
        assert update(f"/ticket/validate{slash}?id={ticket.pk}").status_code == 200
    for path in ("/ticketx", "/ticket/x", "/ticket//", "/ticket/validate/x", "/ticket/validatex", "/x/ticket"):
        assert Client().post(path).status_code == 404
    for path in ("/tickets", "/ticket_options"):
        assert not (Client().post(path).get("Allow") or "").startswith("GET, HEAD")


def test_cookies_and_stray_credentials_neither_help_nor_hurt():
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory(role="supervisor", is_superuser=True))
    for headers in ({}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer " + "x" * 40}):
        assert client.post("/ticket", headers=headers).status_code == 200


# Rights in production.


def headers_of(role, person=None):
    return {} if role == "anonymous" else bearer(person or UserFactory(role=role))


@pytest.mark.parametrize(
    ("role", "issue", "foreign", "unknown", "every", "validity"),
    [
        ("anonymous", 401, 401, 401, 401, 401),
        ("customer", 403, 404, 404, 200, 403),
        ("agent", 403, 200, 404, 403, 403),
        ("gate", 403, 200, 404, 403, 403),
        ("supervisor", 200, 200, 404, 200, 200),
    ],
)
def test_production_answers_as_the_matrix_of_rights_says(production, role, issue, foreign, unknown, every, validity):
    ticket, headers = TicketFactory(), headers_of(role)
    calls = [
        (issue, "POST", "/ticket"),
        (foreign, "GET", f"/ticket?id={ticket.pk}"),
        (unknown, "GET", f"/ticket?id={uuid.uuid4()}"),
        (every, "GET", "/ticket"),
        (validity, "UPDATE", f"/ticket/invalidate?id={ticket.pk}"),
        (validity, "POST", f"/ticket/validate?id={ticket.pk}"),
    ]
    for status, verb, path in calls:
        if status == 200:
            assert Client().generic(verb, path, headers=headers).status_code == 200
            continue
        with nothing_changes():
            response = Client().generic(verb, path, headers=headers)
        assert (response.status_code, body(response)["status"]) == (status, False)
        assert response.has_header("WWW-Authenticate") == (status == 401)


@pytest.mark.parametrize("role", ["anonymous", "agent"])
def test_in_production_who_may_not_learns_nothing_from_bad_ids(production, role):
    headers = headers_of(role)
    for id in ("x", uuid.uuid4(), TicketFactory().pk):
        response = update(f"/ticket/validate?id={id}", **headers)
        assert response.status_code == (401 if role == "anonymous" else 403)


def test_in_production_a_customer_sees_their_own_tickets_and_a_foreign_one_equals_a_missing_one(production):
    person, other = UserFactory(), UserFactory()
    option = TicketOptionFactory()
    mine = bought_ticket(option=option, by=person, buyer=person.pk)
    foreign = bought_ticket(option=option, by=other, buyer=other.pk)
    headers = headers_of("customer", person)
    assert [row["id"] for row in body(get("/ticket", **headers))] == [str(mine.pk)]
    assert body(get(f"/ticket?id={mine.pk}", **headers))[0]["id"] == str(mine.pk)
    answers = [get(f"/ticket?id={id}", **headers) for id in (foreign.pk, uuid.uuid4())]
    assert answers[0].status_code == answers[1].status_code == 404
    assert answers[0].content == answers[1].content


def test_in_production_cookies_never_authenticate(production):
    client = Client()
    client.force_login(UserFactory(role="supervisor", is_superuser=True))
    assert client.get("/ticket").status_code == 401


def test_in_production_an_unknown_token_is_refused(production):
    with nothing_changes():
        response = Client().post("/ticket", headers={"Authorization": "Bearer " + "x" * 40})
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
