"""The gate over the API."""

import json
import uuid

import pytest
from django.test import Client

from allocation.models import Scan
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
