"""The pages of the gate, without scripts: choosing one, showing codes there, and undoing an admission."""

import uuid
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from allocation.actions import change_event, invalidate
from allocation.models import Event, Scan
from allocation.tests.factories import EventFactory
from allocation.tests.test_gate import scan, sold
from booking.tests.walking import visit
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


@pytest.fixture
def gate(client):
    person = UserFactory(role="gate", first_name="North", last_name="Gate")
    client.force_login(person)
    return person


@pytest.fixture
def boss():
    return UserFactory(role="supervisor")


@pytest.fixture
def event(gate):
    return EventFactory(name="Late quartets", gates=[gate])


@pytest.fixture
def ticket(event):
    return sold(event, name="Stalls")


def place(event, name="North"):
    return f"/panel/gate/{event.pk}/?gate={quote(name)}"


def show(client, event, code, nonce=None, name="North", **headers):
    return client.post(place(event, name), {"code": code, "nonce": nonce or uuid.uuid4()}, headers=headers)


def text(answer):
    return " ".join(answer.content.decode().split())


def test_a_gate_opens_what_it_serves_under_its_own_name(client, gate, event):
    EventFactory(name="Somebody else's")
    page = visit(client, "/panel/gate/")
    assert "Late quartets" in page.words
    assert "Somebody else" not in page.words
    [field] = [field for field in page.form("gate").fields if field.get("name") == "gate"]
    assert field["value"] == "North Gate"
    opened = client.get("/panel/gate/", {"event": event.pk, "gate": "  East  "})
    assert opened.url == place(event, "East")


def test_what_is_on_comes_first_and_what_is_long_over_is_not_offered(client, gate):
    now, hour = timezone.now(), timedelta(hours=1)
    for name, begins in (("Tomorrow", 24), ("Now", -1), ("Last week", -170)):
        begins_at = now + begins * hour
        EventFactory(name=name, starts_at=begins_at, ends_at=begins_at + 2 * hour, gates=[gate])
    said = text(client.get("/panel/gate/"))
    assert said.index("Now ·") < said.index("Tomorrow ·")
    assert "Last week" not in said


def test_whoever_serves_nothing_is_told_who_can_change_that(client, gate):
    assert "Supervisors prepare events" in text(client.get("/panel/gate/"))


def test_codes_are_scanned_one_after_the_other_by_typing_alone(client, event, ticket):
    page = visit(client, place(event))
    for word, code in (("Admitted", ticket.code), ("Already admitted", ticket.code), ("Unknown code", "nonsense")):
        page = page.form("code").send(code=code)
        assert word in page.words
        assert ticket.code not in page.html
    assert [one.outcome for one in Scan.objects.order_by("created_at")] == ["admitted", "already_admitted", "unknown"]
    assert set(Scan.objects.values_list("event", "gate")) == {(event.pk, "North")}


def test_whoever_comes_twice_is_told_when_at_which_gate_and_by_whom(client, event, ticket):
    show(client, event, ticket.code, name="South")
    said = text(show(client, event, ticket.code))
    assert "Already admitted" in said
    assert "at the gate South, by North Gate" in said
    assert "<title>Already admitted · Late quartets" in said


def test_what_does_not_admit_says_why(client, event, boss):
    other = sold(EventFactory(name="Another evening"))
    invalid = sold(event)
    invalidate(invalid, by=boss)
    for code, word, why in (
        (other.code, "Wrong event", "It is for Another evening."),
        (invalid.code, "Not valid", "Ask the organiser why."),
        ("x", "Unknown code", "not the code of a ticket"),
    ):
        said = text(show(client, event, code))
        assert (f'<p class="word">{word}</p>' in said, why in said) == (True, True)


def test_what_is_for_an_event_that_nobody_sees_yet_does_not_name_it(client, event):
    other = sold(EventFactory(name="A secret"))
    Event.objects.filter(name="A secret").update(published=False)
    assert "secret" not in text(show(client, event, other.code))


def test_a_page_that_is_loaded_again_is_the_same_scan(client, event, ticket):
    nonce = uuid.uuid4()
    show(client, event, ticket.code, nonce)
    with nothing_changes():
        again = text(show(client, event, ticket.code, nonce))
        other = text(show(client, event, "another", nonce))
        nothing = text(show(client, event, ""))
    assert '<p class="word">Admitted</p>' in again
    assert '<p class="word">Not scanned</p>' in other
    assert '<p class="word">Not scanned</p>' in nothing


def test_the_counts_say_how_many_came_in_where_and_of_how_many(client, event, gate, boss):
    tickets = [sold(event) for _ in range(4)]
    for ticket, where in zip(tickets, ("North", "South", "North"), strict=False):
        scan(ticket.code, gate=where, by=gate, event=event)
    said = text(client.get(place(event), headers={"HX-Request": "true"}))
    assert '<span class="figure">3</span> of 4 sold' in said
    assert "<dt>North</dt><dd>2</dd><dt>South</dt><dd>1</dd>" in said
    assert "<html" not in said


def test_with_scripts_a_scan_brings_its_result_and_the_counts(client, event, ticket):
    said = text(show(client, event, ticket.code, **{"HX-Request": "true"}))
    assert "<html" not in said
    assert '<div id="result">' in said
    assert 'id="now"' in said
    assert '<span class="figure">1</span> of 1 sold' in said


def test_a_gate_sees_its_own_last_scans_and_supervisors_see_all(client, event, gate, boss):
    for _ in range(12):
        scan("nonsense", by=gate, event=event)
    scan("nonsense", gate="Supervised", by=boss, event=event)
    own, supervisor = client.get(place(event)), Client()
    supervisor.force_login(boss)
    every = supervisor.get(place(event))
    assert own.content.count(b"<li class") == every.content.count(b"<li class") == 10
    assert (b"Supervised" in own.content, b"Supervised" in every.content) == (False, True)


def test_a_supervisor_undoes_an_admission_for_a_reason_that_the_gate_sees(client, event, gate, ticket, boss):
    first = scan(ticket.code, by=gate, event=event)
    assert "/undo/" not in text(client.get(place(event)))
    supervisor = Client()
    supervisor.force_login(boss)
    link = f"/panel/gate/scans/{first.pk}/undo/?gate=North"
    assert link in text(supervisor.get(place(event)))
    with nothing_changes():
        assert "This field is required" in text(supervisor.post(link, {"reason": " "}))
    done = supervisor.post(link, {"reason": "Wrong queue."}, follow=True)
    assert done.redirect_chain == [(place(event), 302)]
    with nothing_changes():
        assert "undone already" in text(supervisor.post(link, {"reason": "Again."}))
    told = text(client.get(place(event)))
    assert "Undone" in told
    assert "Wrong queue." in told
    assert '<p class="word">Admitted</p>' in text(show(client, event, ticket.code))


def test_others_have_no_gate_and_no_gate_has_others_events(client, event, gate, ticket, boss):
    foreign, missing = EventFactory(), Event(pk=uuid.uuid4())
    with nothing_changes():
        for other in (foreign, missing):
            assert (client.get(place(other)).status_code, show(client, other, ticket.code).status_code) == (404, 404)
    first = scan(ticket.code, by=gate, event=event)
    paths = ["/panel/gate/", place(event), f"/panel/gate/scans/{first.pk}/undo/"]
    for role, refused in (("customer", paths), ("agent", paths), ("gate", paths[2:])):
        client.force_login(UserFactory(role=role))
        with nothing_changes():
            assert [client.get(path).status_code for path in refused] == [403] * len(refused)
            assert client.post(paths[2], {"reason": "x"}).status_code == 403
    for path in paths:
        assert Client().get(path).url.startswith("/account/log-in/")
    supervisor = Client()
    supervisor.force_login(boss)
    assert supervisor.get(place(foreign)).status_code == 200


def test_a_gate_that_is_taken_off_an_event_admits_nobody_there_with_its_next_scan(client, event, ticket, boss):
    page = client.get(place(event))
    change_event(event, gates=[], by=boss)
    assert page.status_code == 200
    with nothing_changes():
        assert show(client, event, ticket.code).status_code == 404


def test_a_gate_without_a_name_is_asked_for_one(client, event):
    for name in ("", " ", "x" * 51):
        asked = client.get(place(event, name))
        assert asked.url.startswith(f"/panel/gate/?event={event.pk}")
    assert "required" in text(client.get(asked.url))


def test_the_camera_is_for_the_gate_alone(client, event):
    at_work, elsewhere = client.get(place(event)), client.get("/panel/gate/")
    assert "worker-src blob:" in at_work["Content-Security-Policy"]
    assert "camera=(self)" in at_work["Permissions-Policy"]
    assert "blob:" not in elsewhere["Content-Security-Policy"]
    assert "camera=()" in elsewhere["Permissions-Policy"]


def test_a_scan_and_the_counts_cost_the_same_however_many_there_were(client, event, gate):
    def queries(method, *args, **more):
        with CaptureQueriesContext(connection) as asked:
            assert method(*args, **more).status_code == 200
        return len(asked)

    tickets = [sold(event) for _ in range(22)]
    client.get(place(event))
    few = queries(client.get, place(event)), queries(show, client, event, tickets[0].code)
    for ticket in tickets[1:21]:
        scan(ticket.code, gate=f"Gate {ticket.pk}"[:20], by=gate, event=event)
    many = queries(client.get, place(event)), queries(show, client, event, tickets[21].code)
    assert few == many
    assert max(many) <= 20
