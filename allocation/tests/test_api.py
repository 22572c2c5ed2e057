"""Allocation over /api/v1/allocation/."""

import json
import uuid

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from allocation.models import Purchase, Ticket
from allocation.tests.factories import PurchaseFactory, TicketFactory, TicketOptionFactory, bought_ticket
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

OPTIONS, PURCHASES, TICKETS = (f"/api/v1/allocation/{noun}/" for noun in ("options", "purchases", "tickets"))
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def people():
    return {role: UserFactory(role=role) for role in ("customer", "agent", "gate", "supervisor")}


@pytest.fixture
def as_(people):
    """The headers of each role; nobody has none."""
    return {"anonymous": {}, **{role: bearer(person) for role, person in people.items()}}


def send(client, path, body=None, headers=None, method="post"):
    return getattr(client, method)(path, body or {}, content_type="application/json", headers=headers)


def shown(response):
    assert response.status_code == 200, response.content
    return response.json()


def ids(response):
    return {row["id"] for row in shown(response)["results"]}


def refused(response, status, code):
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    assert response.json()["code"] == code
    return response.json()


def of(purchase):
    return str(purchase.id)


# Who may


CALLS = [
    ("get", OPTIONS, {}),
    ("post", OPTIONS, {"name": "Evening", "allocation": 5}),
    ("patch", OPTIONS + "{option}/", {"allocation": 20}),
    ("get", PURCHASES, {}),
    ("get", PURCHASES + "{purchase}/", {}),
    ("post", PURCHASES, {"items": [{"option": "{option}", "quantity": 1}]}),
    ("get", TICKETS, {}),
    ("get", TICKETS + "{ticket}/", {}),
    ("post", TICKETS, {}),
    ("post", TICKETS + "{ticket}/validate/", {}),
    ("post", TICKETS + "{ticket}/invalidate/", {}),
]
# By call in the order above: what each role is answered in production about somebody else's rows.
ANSWERS = {
    "anonymous": [200, 401, 401, 401, 401, 401, 401, 401, 401, 401, 401],
    "customer": [200, 403, 403, 200, 404, 201, 200, 404, 403, 403, 403],
    "agent": [200, 403, 403, 403, 200, 201, 403, 200, 403, 403, 403],
    "gate": [200, 403, 403, 403, 403, 403, 403, 200, 403, 403, 403],
    "supervisor": [200, 201, 200, 200, 200, 201, 200, 200, 201, 200, 200],
}


@pytest.mark.parametrize("role", ANSWERS)
def test_in_production_each_role_reaches_what_the_table_of_rights_says(client, production, as_, role):
    option = TicketOptionFactory()
    ticket = bought_ticket(option=option)
    names = {"option": option.pk, "purchase": ticket.purchase_id, "ticket": ticket.pk}
    answers = []
    for method, path, body in CALLS:
        filled = json.loads(json.dumps(body).replace("{option}", str(option.pk)))
        answers.append(send(client, path.format(**names), filled, as_[role], method).status_code)
    assert answers == ANSWERS[role]


# Options


def test_options_are_found_by_name_and_by_room(client):
    derby, concert = TicketOptionFactory(name="Derby", allocation=1), TicketOptionFactory(name="Concert")
    PurchaseFactory(option=derby)
    assert ids(client.get(OPTIONS + "?name=DERB")) == {str(derby.pk)}
    assert ids(client.get(OPTIONS + "?with_room=true")) == {str(concert.pk)}
    assert ids(client.get(OPTIONS + "?with_room=false")) == {str(derby.pk)}
    for nonsense in ("with_room=1", "with_room=", "capacity=1", "name=a&name=b"):
        refused(client.get(f"{OPTIONS}?{nonsense}"), 400, "invalid")


def test_counters_cannot_be_set(client, as_):
    option = TicketOptionFactory(allocation=10)
    body = {"name": "Derby", "sold": 9, "held": 9, "left": 9, "taken": 9, "id": NOWHERE, "created_at": "2030-01-01"}
    row = shown(send(client, f"{OPTIONS}{option.pk}/", body, as_["supervisor"], "patch"))
    assert (row["id"], row["name"], row["sold"], row["held"], row["left"]) == (str(option.pk), "Derby", 0, 0, 10)


def test_an_allocation_below_what_is_taken_is_refused_whole(client, as_):
    option = TicketOptionFactory(allocation=3)
    PurchaseFactory(option=option, quantity=2)
    body = {"name": "Another", "allocation": 1}
    with nothing_changes():
        answer = send(client, f"{OPTIONS}{option.pk}/", body, as_["supervisor"], "patch")
    assert list(refused(answer, 409, "below_taken")["errors"]) == ["allocation"]


# Purchases


def buy(client, option, headers=None, **body):
    item = {"option": str(option.pk), "quantity": body.pop("quantity", 1)}
    return send(client, PURCHASES, {"items": [item], **body}, headers)


def test_a_purchase_is_answered_with_its_tickets_and_its_address(client, production, as_, people):
    option = TicketOptionFactory(allocation=5)
    made = buy(client, option, as_["customer"], quantity=3)
    assert made.status_code == 201
    purchase = Purchase.objects.get()
    tickets = list(Ticket.objects.order_by("number").values_list("pk", flat=True))
    row = made.json()
    assert row == {
        "id": str(purchase.pk),
        "option": str(option.pk),
        "buyer": str(people["customer"].pk),
        "quantity": 3,
        "items": [{"option": str(option.pk), "quantity": 3}],
        "created_at": row["created_at"],
        "tickets": [str(pk) for pk in tickets],
    }
    assert purchase.account == people["customer"]
    again = client.get(made["Location"], headers=as_["customer"])
    assert (again.json(), again["ETag"]) == (row, made["ETag"])
    [listed] = shown(client.get(PURCHASES, headers=as_["customer"]))["results"]
    assert {**listed, "items": row["items"], "tickets": row["tickets"]} == row


def test_a_customer_buys_for_nobody_else_and_staff_for_whom_they_name(client, production, as_, people):
    option, other = TicketOptionFactory(), UserFactory()
    with nothing_changes():
        refused(buy(client, option, as_["customer"], buyer=str(other.pk)), 403, "not_your_purchase")
    assert buy(client, option, as_["agent"], buyer=str(other.pk)).status_code == 201
    assert Purchase.objects.get().account == other
    line = Activity.objects.get(operation="allocation.purchase")
    assert (line.actor, line.role) == (people["agent"], "agent")


def test_in_the_demo_whoever_has_no_account_says_who_buys(client):
    option = TicketOptionFactory()
    with nothing_changes():
        assert list(refused(buy(client, option), 400, "invalid")["errors"]) == ["buyer"]
    assert buy(client, option, buyer=NOWHERE).json()["buyer"] == NOWHERE


def test_a_purchase_that_cannot_be_is_refused_and_changes_nothing(client, as_):
    option = TicketOptionFactory(allocation=2)
    boss = as_["supervisor"]
    with nothing_changes():
        refused(buy(client, option, boss, quantity=3), 409, "sold_out")
        refused(send(client, PURCHASES, {"items": [{"option": NOWHERE, "quantity": 1}]}, boss), 404, "not_found")
        for field, value in (
            ("quantity", 0),
            ("quantity", "1"),
            ("quantity", True),
            ("quantity", 2**31),
            ("buyer", "x"),
        ):
            answer = refused(buy(client, option, boss, **{field: value}), 400, "invalid")
            assert list(answer["errors"]) == ["items" if field == "quantity" else field]
        answer = send(client, PURCHASES, {"items": [{"option": 5, "quantity": 1}]}, boss)
        assert list(refused(answer, 400, "invalid")["errors"]) == ["items"]


def test_more_than_one_purchase_may_hold_is_refused_by_name(client, as_):
    option = TicketOptionFactory(allocation=20_000)
    with nothing_changes():
        answer = refused(buy(client, option, as_["supervisor"], quantity=10_001), 400, "too_many_at_once")
    assert list(answer["errors"]) == ["quantity"]


def test_the_same_key_buys_once_and_answers_alike(client, production, as_):
    option = TicketOptionFactory(allocation=10)
    once = {**as_["customer"], "Idempotency-Key": uuid.uuid4().hex}
    first, second = (buy(client, option, once, quantity=2) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert (first.get("Idempotent-Replayed"), second.get("Idempotent-Replayed")) == (None, "true")
    assert Ticket.objects.count() == 2
    with nothing_changes():
        refused(buy(client, option, once, quantity=3), 422, "key_reused")


def test_a_key_is_of_one_request_whatever_is_asked_with_it(client, production, as_):
    key = {**as_["customer"], "Idempotency-Key": uuid.uuid4().hex}
    assert buy(client, TicketOptionFactory(), key).status_code == 201
    other = TicketOptionFactory()
    with nothing_changes():
        refused(buy(client, other, key), 422, "key_reused")


def test_somebody_elses_purchase_answers_as_a_missing_one(client, production, as_):
    theirs = PurchaseFactory(by=UserFactory(role="agent"), buyer=UserFactory().pk)
    answers = [client.get(f"{PURCHASES}{pk}/", headers=as_["customer"]) for pk in (theirs.id, NOWHERE, "x")]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    refused(answers[0], 404, "not_found")


def test_a_customer_lists_only_their_own_purchases_and_tickets(client, production, as_, people):
    mine = PurchaseFactory(by=people["customer"], buyer=people["customer"].pk)
    theirs = PurchaseFactory()
    assert ids(client.get(PURCHASES, headers=as_["customer"])) == {of(mine)}
    assert ids(client.get(TICKETS, headers=as_["customer"])) == {str(mine.tickets[0])}
    assert ids(client.get(f"{TICKETS}?purchase={theirs.id}", headers=as_["customer"])) == set()
    assert ids(client.get(PURCHASES, headers=as_["supervisor"])) == {of(mine), of(theirs)}


def test_purchases_are_found_by_option_and_time(client, as_):
    old, new = PurchaseFactory(), PurchaseFactory()
    Purchase.objects.filter(pk=old.id).update(created_at="2020-05-01T00:00:00Z")
    boss = as_["supervisor"]
    for query, found in (
        (f"option={Purchase.objects.get(pk=new.id).option_id}", new),
        ("created_from=2020-05-01T00:00:01Z", new),
        ("created_to=2020-05-01T00:00:01Z", old),
        ("created_from=2020-05-01T00:00:00Z&created_to=2021-01-01T00:00:00%2B01:00", old),
    ):
        assert ids(client.get(f"{PURCHASES}?{query}", headers=boss)) == {of(found)}
    assert ids(client.get(f"{PURCHASES}?created_to=2020-05-01T00:00:00Z", headers=boss)) == set()
    for nonsense in ("option=x", "created_from=yesterday", "created_from=2020-05-01T00:00:00", "buyer=x"):
        refused(client.get(f"{PURCHASES}?{nonsense}", headers=boss), 400, "invalid")


# Tickets


def test_a_ticket_says_where_it_comes_from(client, production, as_, people):
    ticket = bought_ticket(by=people["customer"], buyer=people["customer"].pk)
    row = shown(client.get(f"{TICKETS}{ticket.pk}/", headers=as_["customer"]))
    assert (row["option"], row["purchase"], row["number"]) == (str(ticket.option_id), str(ticket.purchase_id), 1)
    assert (row["valid"], row["admitted_at"]) == (True, None)


def test_a_gate_sees_the_state_alone(client, production, as_):
    ticket = bought_ticket()
    row = shown(client.get(f"{TICKETS}{ticket.pk}/", headers=as_["gate"]))
    never = {"admitted_at": None, "cancelled_at": None}
    assert row == {"id": str(ticket.pk), "option": str(ticket.option_id), "valid": True, **never}


def test_somebody_elses_ticket_answers_as_a_missing_one(client, production, as_):
    theirs = bought_ticket()
    answers = [client.get(f"{TICKETS}{pk}/", headers=as_["customer"]) for pk in (theirs.pk, NOWHERE, "x")]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    refused(answers[0], 404, "not_found")


def test_a_ticket_is_issued_once_per_key_and_cannot_be_born_invalid(client, production, as_):
    once = {**as_["supervisor"], "Idempotency-Key": uuid.uuid4().hex}
    first, second = (send(client, TICKETS, {"valid": False, "number": 4}, once) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json() == shown(client.get(first["Location"], headers=once))
    assert second["Idempotent-Replayed"] == "true"
    row = first.json()
    assert (row["valid"], row["number"], row["purchase"], row["option"]) == (True, None, None, None)
    assert Ticket.objects.count() == 1


def test_validity_is_switched_and_an_admission_stays(client, production, as_):
    ticket = TicketFactory()
    Ticket.objects.filter(pk=ticket.pk).update(admitted_at=Now())
    path, boss = f"{TICKETS}{ticket.pk}/", as_["supervisor"]
    for verb, valid in (("invalidate", False), ("invalidate", False), ("validate", True), ("validate", True)):
        row = shown(send(client, f"{path}{verb}/", headers=boss))
        assert row["valid"] is valid
        assert row["admitted_at"]
    assert Activity.objects.filter(operation="allocation.set_validity").count() == 2


def test_a_ticket_that_changed_in_between_is_left_as_it_is(client, production, as_):
    ticket, boss = TicketFactory(), as_["supervisor"]
    path = f"{TICKETS}{ticket.pk}/"
    tag = client.get(path, headers=boss)["ETag"]
    Ticket.objects.filter(pk=ticket.pk).update(updated_at="2030-01-01T00:00:00Z")
    with nothing_changes():
        refused(send(client, f"{path}invalidate/", headers={**boss, "If-Match": tag}), 412, "precondition_failed")
    tag = client.get(path, headers=boss)["ETag"]
    assert shown(send(client, f"{path}invalidate/", headers={**boss, "If-Match": tag}))["valid"] is False


def test_tickets_are_found_by_origin_and_state(client, as_):
    bought, issued = bought_ticket(), TicketFactory()
    Ticket.objects.filter(pk=bought.pk).update(valid=False, admitted_at=Now())
    for query, found in (
        (f"option={bought.option_id}", bought),
        (f"purchase={bought.purchase_id}", bought),
        ("valid=true", issued),
        ("valid=false", bought),
        ("admitted=true", bought),
        ("admitted=false", issued),
    ):
        assert ids(client.get(f"{TICKETS}?{query}", headers=as_["supervisor"])) == {str(found.pk)}
    for nonsense in ("option=x", "valid=yes", "admitted=", "purchase__account=x"):
        refused(client.get(f"{TICKETS}?{nonsense}", headers=as_["supervisor"]), 400, "invalid")


@pytest.mark.parametrize("path", [OPTIONS, PURCHASES, TICKETS])
def test_a_list_costs_the_same_for_one_row_and_for_twenty(client, as_, path):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            client.get(path, headers=as_["supervisor"])
        return len(queries)

    PurchaseFactory()
    cost()  # the first use of a token is written down
    one = cost()
    for _ in range(19):
        PurchaseFactory()
    assert cost() == one == 2  # the token and the rows


@pytest.mark.django_db(transaction=True)
def test_a_purchase_costs_as_many_queries_for_fifty_tickets_as_for_one(client, production, as_):
    option = TicketOptionFactory(allocation=100)

    def cost(quantity):
        with CaptureQueriesContext(connection) as queries:
            buy(client, option, as_["customer"], quantity=quantity)
        return [query["sql"] for query in queries]

    cost(1)  # the first use of a token is written down
    assert [len(cost(quantity)) for quantity in (1, 50)] == [2, 2]  # the token; the purchase, a transaction of its own
