"""Events, terms, holds, returns and offers over the API."""

import json
import uuid

import pytest
from django.db.models.functions import Now
from django.test import Client

from allocation import actions
from allocation.models import Event, Hold, Purchase, Ticket, TicketOption
from allocation.tests.factories import EventFactory, HoldFactory, PurchaseFactory, TicketOptionFactory, pass_time
from ticketing.actions import join_list
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

EVENTS, HOLDS, OPTIONS, PURCHASES, TICKETS = (
    f"/api/v1/allocation/{noun}/" for noun in ("events", "holds", "options", "purchases", "tickets")
)
EVENING = {
    "name": "Evening",
    "starts_at": "2031-05-01T19:00:00+02:00",
    "ends_at": "2031-05-01T22:00:00+02:00",
    "time_zone": "Europe/Berlin",
}


@pytest.fixture
def boss(production):
    return bearer(UserFactory(role="supervisor"))


@pytest.fixture
def ann(production):
    return UserFactory()


def send(path, body=None, headers=None, method="post"):
    return Client().generic(method.upper(), path, json.dumps(body or {}), "application/json", headers=headers)


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    return answer.json()


def items(*options, quantity=1):
    return {"items": [{"option": str(option.pk), "quantity": quantity} for option in options]}


def test_an_event_is_prepared_published_and_sold(boss, ann):
    made = send(EVENTS, EVENING, boss)
    assert (made.status_code, made.json()["published"], made.json()["venue"]) == (201, False, "")
    event = made.json()["id"]
    option = send(OPTIONS, {"name": "Seat", "allocation": 5, "event": event, "most": 2}, boss).json()
    assert (option["event"], option["on_sale_until"], option["most"]) == (event, made.json()["ends_at"], 2)
    customer = bearer(ann)
    for path in (f"{EVENTS}{event}/", f"{OPTIONS}{option['id']}/"):
        assert Client().get(path, headers=customer).status_code == 404
    wanted = {"items": [{"option": option["id"], "quantity": 1}]}
    refused(send(PURCHASES, wanted, customer), 404, "not_found")
    assert send(f"{EVENTS}{event}/", {"published": True}, boss, "patch").json()["published"]
    assert send(PURCHASES, wanted, customer).status_code == 201
    wanted["items"] *= 3
    assert "1 to 2" in refused(send(PURCHASES, wanted, customer), 409, "wrong_quantity")["detail"]


def test_an_event_is_changed_by_whoever_saw_its_version(boss):
    event = EventFactory()
    seen = Client().get(f"{EVENTS}{event.pk}/")["ETag"]
    assert send(f"{EVENTS}{event.pk}/", {"venue": "Hall"}, {**boss, "If-Match": seen}, "patch").status_code == 200
    refused(
        send(f"{EVENTS}{event.pk}/", {"venue": "Tent"}, {**boss, "If-Match": seen}, "patch"), 412, "precondition_failed"
    )
    assert Event.objects.get().venue == "Hall"


@pytest.mark.parametrize(
    ("change", "status"), [({"ends_at": EVENING["starts_at"]}, 409), ({"time_zone": "Moon"}, 400), ({"name": ""}, 400)]
)
def test_an_event_that_makes_no_sense_is_refused_by_name(boss, change, status):
    with nothing_changes():
        answer = send(EVENTS, {**EVENING, **change}, boss)
    assert (answer.status_code, list(answer.json()["errors"])) == (status, list(change))


def test_events_are_found_by_time_and_name(production):
    early, late = (
        EventFactory(name="Early"),
        EventFactory(ends_at="2032-01-02T00:00:00Z", starts_at="2032-01-01T00:00:00Z"),
    )
    for query, found in (
        ("name=EAR", early),
        ("starts_from=2031-06-01T00:00:00Z", late),
        ("starts_to=2031-06-01T00:00:00Z", early),
    ):
        [row] = Client().get(f"{EVENTS}?{query}").json()["results"]
        assert row["id"] == str(found.pk)
    assert [row["id"] for row in Client().get(EVENTS).json()["results"]] == [str(early.pk), str(late.pk)]


def test_options_are_found_by_event():
    option = TicketOptionFactory(event=EventFactory())
    TicketOptionFactory()
    [row] = Client().get(f"{OPTIONS}?event={option.event_id}").json()["results"]
    assert row["id"] == str(option.pk)


def test_what_is_held_is_bought_or_given_back(ann):
    one, two, headers = TicketOptionFactory(), TicketOptionFactory(), bearer(ann)
    made = send(HOLDS, items(one, two, quantity=2), headers)
    hold = made.json()
    assert (made.status_code, hold["state"], hold["buyer"], hold["purchase"]) == (201, "held", str(ann.pk), None)
    assert {item["option"]: item["quantity"] for item in hold["items"]} == {str(one.pk): 2, str(two.pk): 2}
    bought = send(f"{HOLDS}{hold['id']}/confirm/", headers=headers).json()
    assert (bought["state"], bought["purchase"]) == ("confirmed", str(Purchase.objects.get().pk))
    refused(send(f"{HOLDS}{hold['id']}/release/", headers=headers), 409, "hold_bought")
    again = send(HOLDS, items(one), headers).json()
    assert send(f"{HOLDS}{again['id']}/release/", headers=headers).json()["state"] == "released"


def test_a_hold_is_confirmed_once_per_key(ann):
    hold, once = HoldFactory(buyer=ann.pk), {**bearer(ann), "Idempotency-Key": uuid.uuid4().hex}
    first, second = (send(f"{HOLDS}{hold.pk}/confirm/", headers=once) for _ in range(2))
    assert (first.status_code, first.json(), second.json()) == (200, second.json(), first.json())
    assert (second["Idempotent-Replayed"], Purchase.objects.count()) == ("true", 1)


def test_a_hold_is_made_once_per_key(ann):
    option, once = TicketOptionFactory(), {**bearer(ann), "Idempotency-Key": uuid.uuid4().hex}
    first, second = (send(HOLDS, items(option), once) for _ in range(2))
    assert first.json() == second.json()
    assert Hold.objects.count() == 1


def test_an_overdue_hold_is_refused_by_name(ann):
    hold = HoldFactory(buyer=ann.pk)
    pass_time()
    refused(send(f"{HOLDS}{hold.pk}/confirm/", headers=bearer(ann)), 409, "hold_ended")


def test_somebody_elses_hold_answers_as_a_missing_one(ann):
    theirs, mine = HoldFactory(), HoldFactory(buyer=ann.pk)
    answers = [send(f"{HOLDS}{pk}/confirm/", headers=bearer(ann)) for pk in (theirs.pk, uuid.uuid4())]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    listed = Client().get(HOLDS, headers=bearer(ann)).json()["results"]
    assert [row["id"] for row in listed] == [str(mine.pk)]


def test_holds_are_found_by_state(boss):
    held, _other = HoldFactory(), actions.release_hold(HoldFactory(), by=None)
    [row] = Client().get(f"{HOLDS}?state=held", headers=boss).json()["results"]
    assert row["id"] == str(held.pk)


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"on_sale_from": "2999-01-01T00:00:00Z"}, "not_on_sale_yet"),
        ({"on_sale_until": "2001-01-01T00:00:00Z"}, "no_longer_on_sale"),
        ({"limit": 1}, "limit_reached"),
        ({"allocation": 1}, "sold_out"),
    ],
)
def test_each_refusal_of_a_sale_has_its_name(boss, ann, terms, code):
    option = TicketOptionFactory()
    assert send(f"{OPTIONS}{option.pk}/", terms, boss, "patch").status_code == 200
    for path in (PURCHASES, HOLDS):
        headers = bearer(ann)
        with nothing_changes():
            refused(send(path, items(option, quantity=2), headers), 409, code)


def test_nothing_is_not_held(ann):
    answer = send(HOLDS, {"items": []}, bearer(ann))
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["items"])


def own_id(answer):
    return [("X-Request-ID", answer["X-Request-ID"])]


def test_an_option_named_twice_is_added_up(ann):
    option = TicketOptionFactory()
    assert send(PURCHASES, items(option, option), bearer(ann)).json()["quantity"] == 2


def test_a_purchase_is_answered_as_it_is_read_and_as_it_is_answered_again(ann):
    mine = bearer(ann)
    for options in ([TicketOptionFactory()], TicketOptionFactory.create_batch(3)):
        key = mine | {"Idempotency-Key": str(uuid.uuid4())}
        made = send(PURCHASES, items(*options, quantity=2), key)
        again, read = send(PURCHASES, items(*options, quantity=2), key), Client().get(made["Location"], headers=mine)
        for same in (again, read):
            assert (made.status_code, same.content, same["ETag"]) == (201, made.content, made["ETag"])
        assert {*again.items()} - {*made.items()} == {("Idempotent-Replayed", "true"), *own_id(again)}


def test_a_purchase_and_a_ticket_are_given_back(ann):
    bought = PurchaseFactory(quantity=3, buyer=ann.pk, by=ann)
    headers = bearer(ann)
    ticket = send(f"{TICKETS}{bought.tickets[0]}/cancel/", headers=headers).json()
    assert (ticket["valid"], ticket["cancelled_at"] is None) == (False, False)
    answer = send(f"{PURCHASES}{bought.id}/cancel/", headers={**headers, "If-Match": "*"})
    assert (answer.status_code, answer.json()["quantity"]) == (200, 3)
    assert TicketOption.objects.get().left == 10
    refused(
        send(f"{TICKETS}{bought.tickets[0]}/validate/", headers=bearer(UserFactory(role="supervisor"))),
        409,
        "ticket_cancelled",
    )


def test_an_offer_of_the_list_is_bought_by_whoever_waited(ann):
    option = TicketOptionFactory(allocation=1)
    bought = PurchaseFactory(option=option)
    type(ann).objects.update(email_confirmed_at=Now())
    waiter = join_list(option, quantity=1, email=ann.email, language="en", by=None)
    actions.cancel_tickets(bought.tickets, by=None)
    stranger = bearer(UserFactory())
    refused(send(f"{PURCHASES}take-up/", {"waiter": str(waiter.pk)}, stranger), 404, "not_found")
    made = send(f"{PURCHASES}take-up/", {"waiter": str(waiter.pk)}, bearer(ann))
    assert (made.status_code, made.json()["buyer"]) == (201, str(ann.pk))
    assert Ticket.objects.filter(purchase=made.json()["id"], cancelled_at=None).count() == 1


def test_an_event_that_the_caller_cannot_name_is_missing(boss):
    option = TicketOptionFactory()
    with nothing_changes():
        refused(send(f"{OPTIONS}{option.pk}/", {"event": str(uuid.uuid4())}, boss, "patch"), 404, "not_found")
