"""The gate over the API."""

import json
import uuid

import pytest
from django.test import Client

from allocation.models import Event, Scan
from allocation.tests.factories import EventFactory
from allocation.tests.test_gate import sold
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

SCANS = "/api/v1/allocation/scans/"


@pytest.fixture
def gate(production):
    return UserFactory(role="gate", first_name="Gerda", last_name="Gate")


def send(path, body, headers):
    return Client().post(path, json.dumps(body), "application/json", headers=headers)


def show(ticket, headers, **more):
    return send(SCANS, {"code": ticket.code, "gate": "North", "nonce": str(uuid.uuid4()), **more}, headers)


def test_a_gate_is_told_what_to_do_and_on_a_second_scan_who_was_when_where(gate):
    ticket, headers = sold(EventFactory(gates=[gate])), bearer(gate)
    made = show(ticket, headers)
    first = made.json()
    assert (made.status_code, first["outcome"], first["option"]) == (201, "admitted", ticket.option.name)
    assert (first["gate"], first["by"], first["earlier"]) == ("North", "Gerda Gate", None)
    again = show(ticket, headers, gate="South").json()
    assert again["outcome"] == "already_admitted"
    assert again["earlier"] == {"id": first["id"], "at": first["created_at"], "gate": "North", "by": "Gerda Gate"}


def test_codes_stand_in_no_answer_and_no_table(gate):
    ticket = sold(EventFactory(gates=[gate]))
    answer = show(ticket, bearer(gate))
    assert ticket.code not in answer.content.decode()
    assert ticket.code not in str(list(Scan.objects.values()))


def test_a_scan_that_comes_again_is_answered_alike(gate):
    ticket, nonce, headers = sold(EventFactory(gates=[gate])), str(uuid.uuid4()), bearer(gate)
    first, again = (show(ticket, headers, nonce=nonce).json() for _ in range(2))
    assert first == again
    with nothing_changes():
        answer = send(SCANS, {"code": "x", "gate": "North", "nonce": nonce}, headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")


def test_scans_are_found_by_their_event(gate):
    event, other = (EventFactory(gates=[gate]) for _ in range(2))
    made = show(sold(event), bearer(gate)).json()
    assert made["event"] == str(event.pk)
    for one, ids in ((event, [made["id"]]), (other, [])):
        listed = Client().get(f"{SCANS}?event={one.pk}", headers=bearer(gate)).json()["results"]
        assert [row["id"] for row in listed] == ids


def test_a_gate_sees_its_own_scans_and_a_supervisor_all(gate):
    other = UserFactory(role="gate")
    event = EventFactory(gates=[gate, other])
    mine, theirs = (show(sold(event), bearer(person)).json()["id"] for person in (gate, other))
    boss = bearer(UserFactory(role="supervisor"))
    listed = {
        name: {row["id"] for row in Client().get(SCANS, headers=headers).json()["results"]}
        for name, headers in (("gate", bearer(gate)), ("boss", boss))
    }
    assert listed == {"gate": {mine}, "boss": {mine, theirs}}
    query = "gate=North&outcome=admitted&created_from=2020-01-01T00:00:00Z"
    [found] = Client().get(f"{SCANS}?{query}", headers=bearer(gate)).json()["results"]
    assert found["id"] == mine
    undone = send(f"{SCANS}{mine}/undo/", {"reason": "Wrong queue."}, boss)
    assert (undone.status_code, undone.json()["undone_reason"]) == (200, "Wrong queue.")
    again = send(f"{SCANS}{mine}/undo/", {"reason": "Wrong queue."}, boss)
    assert (again.status_code, again.json()["code"]) == (409, "not_admitted")


def test_an_event_that_is_not_there_is_missing(gate):
    ticket, headers = sold(EventFactory(gates=[gate])), bearer(gate)
    with nothing_changes():
        assert show(ticket, headers, event=str(uuid.uuid4())).status_code == 404


EVENTS = "/api/v1/allocation/events/"
EVENT = {
    "name": "Evening",
    "starts_at": "2031-05-06T19:00:00Z",
    "ends_at": "2031-05-06T22:00:00Z",
    "time_zone": "Europe/Berlin",
    "published": True,
}


def test_a_gate_that_is_taken_off_an_event_admits_nobody_at_its_next_scan(gate):
    headers, boss = bearer(gate), bearer(UserFactory(role="supervisor"))
    made = send(EVENTS, {**EVENT, "gates": [str(gate.pk)]}, boss).json()
    assert made["gates"] == [str(gate.pk)]
    event = Event.objects.get(pk=made["id"])
    assert show(sold(event), headers).json()["outcome"] == "admitted"
    changed = Client().patch(EVENTS + f"{event.pk}/", json.dumps({"gates": []}), "application/json", headers=boss)
    assert (changed.status_code, changed.json()["gates"]) == (200, [])
    assert show(sold(event), headers).json()["outcome"] == "wrong_event"


def test_only_accounts_of_gates_are_named_as_gates_and_only_supervisors_see_which(gate):
    boss = bearer(UserFactory(role="supervisor"))
    for pk, status, code in ((UserFactory().pk, 409, "terms_misfit"), (uuid.uuid4(), 404, "not_found")):
        with nothing_changes():
            refused = send(EVENTS, {**EVENT, "gates": [str(gate.pk), str(pk)]}, boss)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    event = EventFactory(gates=[gate])
    for headers in ({}, bearer(UserFactory()), bearer(gate)):
        assert Client().get(f"{EVENTS}{event.pk}/", headers=headers).json()["gates"] is None
    assert Client().get(f"{EVENTS}{event.pk}/", headers=boss).json()["gates"] == [str(gate.pk)]
