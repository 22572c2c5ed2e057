"""The ticket-allocation contract: the recorded exchanges of its text, then every row of its table."""

import json
import re
import uuid
from datetime import UTC, datetime

import pytest
from django.test import Client

from allocation.models import Purchase, Ticket, TicketOption
from allocation.tests.factories import PurchaseFactory, TicketOptionFactory
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

OPTION = {"Name": "Fenerbahce vs Galatasaray", "Desc": "There are 10.000 available tickets.", "Allocation": 10000}
PURCHASE = {"Quantity": 2, "UserID": "406c1d05-bbb2-4e94-b183-7d208c2692e1"}
SOLD_OUT = {"status": False, "message": "there is not any available tickets", "errors": {}}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def send(path, data, headers=None, kind="application/json"):
    sent = data if isinstance(data, bytes | str) else json.dumps(data)
    return Client().generic("POST", path, sent, content_type=kind, headers=headers)


def purchases(option):
    return f"/ticket_options/{option.pk}/purchases"


# The exchanges of the text.


def test_create_ticket_option():
    response = send("/ticket_options", OPTION)
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    option = TicketOption.objects.get()
    assert (option.name, option.description, option.capacity) == tuple(OPTION.values())
    assert response["Location"] == f"/ticket_options/{option.pk}"
    assert response.json() == Client().get(response["Location"]).json()


def test_get_ticket_option():
    at = datetime(2022, 1, 5, 17, 41, 8, 39342, UTC)
    TicketOption.objects.create(
        pk="297ac147-85cc-48bb-83e9-736077c22804",
        name=OPTION["Name"],
        description=OPTION["Desc"],
        capacity=10000,
        created_at=at,
        updated_at=at,
    )
    response = Client().get("/ticket_options/297ac147-85cc-48bb-83e9-736077c22804")
    assert response.status_code == 200
    text = {
        "ID": "297ac147-85cc-48bb-83e9-736077c22804",
        "Name": "Fenerbahce vs Galatasaray",
        "Desc": "There are 10.000 available tickets.",
        "Allocation": 10000,
        "CreatedAt": "2022-01-05T17:41:08.039342Z",
        "UpdatedAt": "2022-01-05T17:41:08.039342Z",
    }
    assert response.json() == text | {"Total": 10000, "Sold": 0, "Held": 0}
    assert list(response.json())[:6] == list(text)


def test_purchase_from_ticket_option():
    option = TicketOptionFactory(allocation=10000)
    response = send(purchases(option), PURCHASE)
    assert response.status_code == 200
    purchase = Purchase.objects.get()
    tickets = Ticket.objects.filter(purchase=purchase).order_by("number")
    shown = response.json()
    assert shown == {
        "ID": str(purchase.pk),
        "TicketOptionID": str(option.pk),
        "UserID": "406c1d05-bbb2-4e94-b183-7d208c2692e1",
        "Quantity": 2,
        "CreatedAt": purchase.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "Tickets": [str(ticket.pk) for ticket in tickets],
    }
    assert len(shown["Tickets"]) == 2
    after = Client().get(f"/ticket_options/{option.pk}").json()
    assert (after["Allocation"], after["Total"], after["Sold"], after["Held"]) == (9998, 10000, 2, 0)


def test_quantity_greater_than_allocation():
    option = TicketOptionFactory(allocation=1)
    with nothing_changes():
        response = send(purchases(option), PURCHASE)
    assert (response.status_code, response.json()) == (409, SOLD_OUT)


# The rows of the table.


@pytest.mark.parametrize("microsecond", [0, 1, 120_000, 999_999])
def test_instants_always_have_six_decimals(microsecond):
    at = datetime(2022, 1, 5, 17, 41, 8, microsecond, UTC)
    option = TicketOption.objects.create(name="x", capacity=1, created_at=at, updated_at=at)
    shown = Client().get(f"/ticket_options/{option.pk}").json()
    assert shown["CreatedAt"] == shown["UpdatedAt"] == f"2022-01-05T17:41:08.{microsecond:06}Z"


def test_instants_are_utc_whatever_the_sites_zone(settings):
    settings.TIME_ZONE = "Europe/Istanbul"
    option = TicketOptionFactory()
    shown = Client().get(f"/ticket_options/{option.pk}").json()
    assert shown["CreatedAt"] == option.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert INSTANT.fullmatch(send(purchases(option), PURCHASE).json()["CreatedAt"])


NOT_COUNTS = [0, -1, 1.5, 2.0, True, False, "2", "", None, [], [1], {}, 2**31, 2**63, 10**30]
NOT_UUIDS = ["", "x", 1, None, True, [], {}, "406c1d05bbb24e94b1837d208c2692e1", f"{{{PURCHASE['UserID']}}}", "0" * 36]
NOT_NAMES = ["", "   ", None, 1, True, [], {}, "x" * 201, "a\nb", "a\u0007b", "\u2028x\u2028y"]
NOT_DESCRIPTIONS = [None, 1, True, [], {}, "x" * 2001, "a\u0007b"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("Allocation", value) for value in NOT_COUNTS),
        *(("Name", value) for value in NOT_NAMES),
        *(("Desc", value) for value in NOT_DESCRIPTIONS),
    ],
)
def test_a_bad_field_of_an_option_is_named(field, value):
    with nothing_changes():
        response = send("/ticket_options", OPTION | {field: value})
    assert (response.status_code, list(response.json()["errors"])) == (400, [field])


@pytest.mark.parametrize(
    ("field", "value"),
    [*(("Quantity", value) for value in NOT_COUNTS), *(("UserID", value) for value in NOT_UUIDS)],
)
def test_a_bad_field_of_a_purchase_is_named(field, value):
    option = TicketOptionFactory()
    with nothing_changes():
        response = send(purchases(option), PURCHASE | {field: value})
    assert (response.status_code, list(response.json()["errors"])) == (400, [field])


@pytest.mark.parametrize("field", ["Name", "Allocation"])
def test_a_missing_field_of_an_option_is_named(field):
    with nothing_changes():
        response = send("/ticket_options", {name: value for name, value in OPTION.items() if name != field})
    assert (response.status_code, list(response.json()["errors"])) == (400, [field])


@pytest.mark.parametrize("field", ["Quantity", "UserID"])
def test_a_missing_field_of_a_purchase_is_named(field):
    option = TicketOptionFactory()
    with nothing_changes():
        response = send(purchases(option), {name: value for name, value in PURCHASE.items() if name != field})
    assert (response.status_code, list(response.json()["errors"])) == (400, [field])


def test_fields_are_read_by_their_exact_names():
    assert send("/ticket_options", {"name": "x", "desc": "", "allocation": 1}).status_code == 400


@pytest.mark.parametrize("description", [{}, {"Desc": ""}, {"Desc": "  "}])
def test_the_description_may_be_empty_or_left_out(description):
    response = send("/ticket_options", {"Name": "x", "Allocation": 1} | description)
    assert (response.status_code, response.json()["Desc"]) == (200, "")


def test_texts_are_trimmed_and_the_longest_are_accepted():
    shown = send("/ticket_options", {"Name": " " + "ü" * 200 + " ", "Desc": "\n" + "ü" * 2000, "Allocation": 1}).json()
    assert (shown["Name"], shown["Desc"]) == ("ü" * 200, "ü" * 2000)


def test_the_largest_allocation_is_accepted():
    shown = send("/ticket_options", OPTION | {"Allocation": 2_147_483_647}).json()
    assert shown["Allocation"] == shown["Total"] == 2_147_483_647


def test_unknown_fields_and_content_types_are_ignored():
    option = TicketOptionFactory()
    more = {"ID": str(uuid.uuid4()), "Sold": 5, "CreatedAt": "never", "AccountID": 1}
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", ""):
        assert send("/ticket_options", OPTION | more, kind=kind).json()["Sold"] == 0
        assert send(purchases(option), PURCHASE | more, kind=kind).json()["ID"] != more["ID"]


BROKEN = [b"", b"{", b"null", b"[]", b'"x"', b"[" * 100_000, b'{"Quantity": NaN}', b"\xff", b"{'Quantity': 2}",
          b'{"Quantity": 1, "Quantity": 1, "UserID": "406c1d05-bbb2-4e94-b183-7d208c2692e1"}',
          b'{"Name": "a", "Name": "b", "Allocation": 1}', b'{"Name": "\\u0000", "Allocation": 1}',
          b'{"Name": "\\ud800", "Allocation": 1}', b'{"Quantity": ' + b"9" * 5000 + b"}"]  # fmt: skip


@pytest.mark.parametrize("sent", BROKEN)
def test_a_body_that_is_not_a_strict_json_object_is_refused(sent):
    option = TicketOptionFactory()
    for path in ("/ticket_options", purchases(option)):
        with nothing_changes():
            response = send(path, sent)
        assert (response.status_code, response.json()["status"]) == (400, False)


@pytest.mark.parametrize(
    "id", ["6f1c2f0e-5a53-4d0c-9a55-0f6a0f1d2c3b", "x", "1", "%00", "%ff", "0" * 32, "'", "null", "purchases"]
)
def test_an_unknown_or_malformed_id_is_not_found(id):
    with nothing_changes():
        answers = [Client().get(f"/ticket_options/{id}"), send(f"/ticket_options/{id}/purchases", PURCHASE)]
    for response in answers:
        assert response.status_code == 404
        assert response.json() == {"status": False, "message": "There is no such thing.", "errors": {}}


def test_a_malformed_id_is_not_found_whatever_the_body():
    assert send("/ticket_options/x/purchases", b"{").status_code == 404


def test_an_id_may_come_in_upper_case():
    option = TicketOptionFactory()
    upper = f"/ticket_options/{str(option.pk).upper()}"
    assert Client().get(upper).json()["ID"] == str(option.pk)
    assert send(f"{upper}/purchases", PURCHASE).json()["TicketOptionID"] == str(option.pk)


@pytest.mark.parametrize("quantity", [8, 11, 10_001, 2_147_483_647])
def test_more_than_is_left_is_sold_out(quantity):
    option = TicketOptionFactory(allocation=10)
    PurchaseFactory(option=option, quantity=3)
    with nothing_changes():
        response = send(purchases(option), PURCHASE | {"Quantity": quantity})
    assert (response.status_code, response.json()) == (409, SOLD_OUT)


def test_all_that_is_left_can_be_bought():
    option = TicketOptionFactory(allocation=10)
    PurchaseFactory(option=option, quantity=3)
    assert len(send(purchases(option), PURCHASE | {"Quantity": 7}).json()["Tickets"]) == 7
    assert Client().get(f"/ticket_options/{option.pk}").json()["Allocation"] == 0


def test_more_than_one_purchase_holds_is_a_bad_quantity():
    option = TicketOptionFactory(allocation=1_000_000)
    with nothing_changes():
        response = send(purchases(option), PURCHASE | {"Quantity": 10_001})
    assert (response.status_code, list(response.json()["errors"])) == (400, ["Quantity"])


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/ticket_options", ["POST"]),
        ("/ticket_options/{}", ["GET", "HEAD"]),
        ("/ticket_options/{}/purchases", ["POST"]),
    ],
)
def test_other_verbs_are_refused_with_what_is_allowed(path, allowed):
    option = TicketOptionFactory()
    every = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "UPDATE", "BREW"]
    for verb in sorted(set(every) - set(allowed)):
        with nothing_changes():
            response = Client().generic(verb, path.format(option.pk), json.dumps(OPTION))
        assert (response.status_code, response["Allow"]) == (405, ", ".join(allowed))


def test_paths_answer_with_and_without_the_slash_and_capture_nothing_else():
    option = TicketOptionFactory()
    assert send("/ticket_options/", OPTION).status_code == 200
    assert Client().get(f"/ticket_options/{option.pk}/").status_code == 200
    assert send(purchases(option) + "/", PURCHASE).status_code == 200
    for path in ("/ticket_optionsx", f"/ticket_options/{option.pk}/x", purchases(option) + "/x", "/ticket_options//"):
        assert Client().get(path).status_code == 404


def test_cookies_and_stray_credentials_neither_help_nor_hurt():
    option = TicketOptionFactory(allocation=100)
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory(role="supervisor", is_superuser=True))
    for headers in ({}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer " + "x" * 40}):
        for path, data in (("/ticket_options", OPTION), (purchases(option), PURCHASE)):
            assert client.post(path, data, content_type="application/json", headers=headers).status_code == 200
    assert set(Purchase.objects.values_list("account", flat=True)) == {None}


# Idempotency.

KEY = {"Idempotency-Key": "4f6a2a0e-0a7b-4a7b-8a35-3f6f0d6f7d10"}


def test_a_replay_answers_the_same_body_and_says_so():
    option = TicketOptionFactory()
    first = send(purchases(option), PURCHASE, KEY)
    with nothing_changes():
        again = send(purchases(option) + "/", dict(reversed(PURCHASE.items())), KEY)
    assert (first.status_code, first.content) == (again.status_code, again.content) == (200, first.content)
    assert not first.has_header("Idempotent-Replayed")
    assert again["Idempotent-Replayed"] == "true"


def test_a_replay_is_recognised_however_the_ids_are_written():
    option = TicketOptionFactory()
    first = send(purchases(option), PURCHASE, KEY)
    shouted = {"Quantity": 2, "UserID": PURCHASE["UserID"].upper()}
    again = send(f"/ticket_options/{str(option.pk).upper()}/purchases", shouted, KEY)
    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("other", [{"Quantity": 3}, {"UserID": "00000000-0000-4000-8000-000000000000"}])
def test_a_key_with_another_body_is_not_sold_out_but_reused(other):
    option = TicketOptionFactory(allocation=2)
    send(purchases(option), PURCHASE, KEY)
    with nothing_changes():
        response = send(purchases(option), PURCHASE | other, KEY)
    assert (response.status_code, response.json()["status"]) == (422, False)


def test_a_refused_purchase_may_come_again_with_its_key():
    option = TicketOptionFactory(allocation=1)
    with nothing_changes():
        assert send(purchases(option), PURCHASE, KEY).status_code == 409
    TicketOption.objects.update(capacity=2)
    response = send(purchases(option), PURCHASE, KEY)
    assert response.status_code == 200
    assert not response.has_header("Idempotent-Replayed")


@pytest.mark.parametrize("key", ["", "x" * 21, "x" * 201, "ä" * 30])
def test_a_key_that_cannot_serve_is_named(key):
    option = TicketOptionFactory()
    with nothing_changes():
        response = send(purchases(option), PURCHASE, {"Idempotency-Key": key})
    assert (response.status_code, list(response.json()["errors"])) == (400, ["Idempotency-Key"])


def test_an_account_may_use_short_keys_and_has_them_to_itself():
    option = TicketOptionFactory()
    ann, bob = (bearer(UserFactory()) | {"Idempotency-Key": "1"} for _ in range(2))
    first, second, again = (send(purchases(option), PURCHASE, headers) for headers in (ann, bob, ann))
    assert first.json()["ID"] != second.json()["ID"]
    assert again.json() == first.json()


# Rights in production.


def headers_of(role):
    return {} if role == "anonymous" else bearer(UserFactory(role=role))


@pytest.mark.parametrize(
    ("role", "create", "see", "buy"),
    [
        ("anonymous", 401, 200, 401),
        ("customer", 403, 200, 403),
        ("agent", 403, 200, 200),
        ("gate", 403, 200, 403),
        ("supervisor", 200, 200, 200),
    ],
)
def test_production_answers_as_the_matrix_of_rights_says(production, role, create, see, buy):
    option, headers = TicketOptionFactory(), headers_of(role)
    assert Client().get(f"/ticket_options/{option.pk}", headers=headers).status_code == see
    for status, path, data in ((create, "/ticket_options", OPTION), (buy, purchases(option), PURCHASE)):
        if status == 200:
            assert send(path, data, headers).status_code == 200
            continue
        with nothing_changes():
            response = send(path, data, headers)
        assert (response.status_code, response.json()["status"]) == (status, False)
        assert response.has_header("WWW-Authenticate") == (status == 401)


def test_in_production_a_customer_buys_for_themselves_only(production):
    option, person = TicketOptionFactory(), UserFactory()
    headers = bearer(person)
    shown = send(purchases(option), {"Quantity": 2, "UserID": str(person.pk)}, headers).json()
    assert Purchase.objects.get(pk=shown["ID"]).account == person
    response = send(purchases(option), PURCHASE, headers)
    assert (response.status_code, response.json()["message"]) == (403, "You can only buy for yourself.")


@pytest.mark.parametrize(("role", "status"), [("anonymous", 401), ("gate", 403)])
def test_in_production_who_may_not_is_told_so_before_anything_is_read(production, role, status):
    option, headers = TicketOptionFactory(), headers_of(role)
    for path in (purchases(option), "/ticket_options/x/purchases", "/ticket_options"):
        with nothing_changes():
            assert send(path, b"{", headers).status_code == status


def test_in_production_an_unknown_token_does_not_close_what_is_open(production):
    option = TicketOptionFactory()
    stray = {"Authorization": "Bearer " + "x" * 40}
    assert Client().get(f"/ticket_options/{option.pk}", headers=stray).status_code == 200
    assert send(purchases(option), PURCHASE, stray).status_code == 401
