"""The exchanges that the text of ticket-service documents, and what it left open."""

import json

import pytest
from django.db.utils import OperationalError

from support import actions
from support.models import Agent, Ticket
from support.tests.factories import TicketFactory
from ticketing.models import ApiToken
from ticketing.tests.factories import PASSWORD, UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

GENERATE, LOGIN, LOGOUT = "/api/customer/ticket/generate", "/api/agent/login", "/api/agent/logout"
EXAMPLE = {"user_id": "12345", "phone": "7654345123", "query": "hey there! I have a query"}


def post(client, path, body, **extra):
    data = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return client.post(path, data, content_type=extra.pop("content_type", "application/json"), **extra)


@pytest.fixture
def abhinav():
    user = UserFactory(username="abhinav", role="agent")
    user.set_password("12345")
    user.save()
    return user


@pytest.mark.parametrize("path", [GENERATE, GENERATE + "/"])
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_the_example_of_the_text_raises_a_ticket(client, path, content_type):
    answer = post(client, path, EXAMPLE, content_type=content_type)
    ticket = Ticket.objects.get()
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": True, "message": "task assigned and will be resolved in a while", "ticket": ticket.code},
    )
    assert (ticket.claimed_user_id, ticket.claimed_phone) == ("12345", "7654345123")
    assert (ticket.message, ticket.subject, ticket.user) == (EXAMPLE["query"], EXAMPLE["query"], None)


def test_texts_are_trimmed_and_their_limits_reached(client):
    body = {"user_id": " u ", "phone": "5" * 45, "query": "q" * 1000}
    assert post(client, GENERATE, body).status_code == 200
    ticket = Ticket.objects.get()
    assert (ticket.claimed_user_id, len(ticket.subject), len(ticket.message)) == ("u", 250, 1000)


BAD_VALUES = [
    *[(name, value) for name in EXAMPLE for value in ("", "  ", None, 5, True, [], {}, "x\u0007")],
    ("user_id", "x" * 46),
    ("phone", "x" * 46),
    ("query", "x" * 1001),
]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_a_bad_value_is_refused_naming_the_field(client, name, value):
    with nothing_changes():
        answer = post(client, GENERATE, EXAMPLE | {name: value})
    assert answer.status_code == 400
    assert answer.json()["status"] is False
    assert list(answer.json()["errors"]) == [name]


@pytest.mark.parametrize("name", EXAMPLE)
def test_a_missing_field_is_refused_by_name(client, name):
    with nothing_changes():
        answer = post(client, GENERATE, {key: value for key, value in EXAMPLE.items() if key != name})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


BAD_BODIES = [
    b"", b"{", b"[]", b"null", b'"text"', b"5", b'{"a":1,"a":2}', b'{"user_id":"\\u0000"}', b'{"user_id":"\\ud800"}',
    b'{"user_id":NaN}', b"\xff\xfe{}", b"[" * 100_000, b'{"a":' * 100_000, b'{"a":' + b"9" * 5000 + b"}",
    b"\xef\xbb\xbf{}",
]  # fmt: skip


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
@pytest.mark.parametrize("path", [GENERATE, LOGIN])
def test_a_body_that_is_not_strict_json_is_refused_in_json(client, path, body):
    with nothing_changes():
        answer = post(client, path, body)
    assert answer.status_code == 400
    assert answer.json()["status"] is False
    assert answer.json()["message"]


def test_a_body_over_the_limit_is_413(client):
    with nothing_changes():
        answer = post(client, GENERATE, json.dumps(EXAMPLE | {"query": "x" * 2_000_000}))
    assert answer.status_code == 413
    assert answer.json()["status"] is False


def test_the_example_log_in_brings_the_agent_online_and_answers_a_token_that_works(client, abhinav):
    answer = post(client, LOGIN, {"username": "abhinav", "password": "12345"})
    assert answer.status_code == 200
    token = answer.json().pop("token")
    assert {**answer.json(), "token": None} == {"status": True, "message": "logged in successfully", "token": None}
    assert Agent.objects.present().get().user == abhinav
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/tickets", headers=headers).status_code == 200
    assert token not in str(ApiToken.objects.values())


def test_a_log_in_hands_out_what_waits(client, abhinav, django_capture_on_commit_callbacks):
    ticket = TicketFactory()
    with django_capture_on_commit_callbacks(execute=True):
        post(client, LOGIN, {"username": "abhinav", "password": "12345"})
    ticket.refresh_from_db()
    assert (ticket.status, ticket.agent.user) == ("in_progress", abhinav)


def test_logging_in_twice_is_harmless(client, abhinav):
    answers = [post(client, LOGIN, {"username": "abhinav", "password": "12345"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert Agent.objects.count() == 1


def test_a_wrong_name_and_a_wrong_password_answer_alike(client, abhinav):
    with nothing_changes():
        wrong_password = post(client, LOGIN, {"username": "abhinav", "password": "54321"})
        wrong_name = post(client, LOGIN, {"username": "nobody", "password": "12345"})
    assert wrong_password.status_code == wrong_name.status_code == 401
    assert wrong_password.json() == wrong_name.json()
    assert wrong_password.json()["status"] is False


def test_five_failures_lock_the_name_from_that_address_and_nowhere_else(client, abhinav):
    for _ in range(5):
        post(client, LOGIN, {"username": "abhinav", "password": "wrong"})
    locked = post(client, LOGIN, {"username": "abhinav", "password": "12345"})
    assert (locked.status_code, locked.json()["status"]) == (429, False)
    assert not Agent.objects.present().exists()
    elsewhere = post(client, LOGIN, {"username": "abhinav", "password": "12345"}, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 200


def test_forged_forwarding_headers_do_not_help_against_the_lock(client, abhinav):
    answers = [
        post(
            client, LOGIN, {"username": "abhinav", "password": "wrong"}, headers={"X-Forwarded-For": f"198.51.100.{n}"}
        )
        for n in range(7)
    ]
    assert answers[-1].status_code == 429


@pytest.mark.parametrize("role", ["customer", "gate"])
def test_who_does_not_answer_tickets_cannot_be_an_agent(client, role):
    user = UserFactory(role=role)
    with nothing_changes():
        answer = post(client, LOGIN, {"username": user.username, "password": PASSWORD})
    assert (answer.status_code, answer.json()["status"]) == (403, False)


def test_log_out_ends_the_presence_and_the_token(client, abhinav):
    token = post(client, LOGIN, {"username": "abhinav", "password": "12345"}).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert client.post(LOGOUT, headers=headers).status_code == 200
    assert not Agent.objects.present().exists()
    assert client.post(LOGOUT, headers=headers).status_code == 401
    assert client.post(LOGOUT).status_code == 401


def test_health_is_ok_and_503_when_the_database_is_away(client, monkeypatch):
    assert client.get("/health").json() == {"status": True, "message": "OK"}

    def away(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr("support.compat.ticket_service.connection.cursor", away)
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (503, False)
    assert int(answer["Retry-After"]) > 0


@pytest.mark.parametrize(("path", "allowed"), [(GENERATE, {"POST"}), (LOGIN, {"POST"}), ("/health", {"GET", "HEAD"})])
@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "UPDATE"])
def test_other_verbs_are_405_with_allow(client, path, allowed, verb):
    if verb in allowed:
        return
    with nothing_changes():
        answer = client.generic(verb, path, json.dumps(EXAMPLE))
    assert (answer.status_code, answer.json()["status"]) == (405, False)
    assert set(answer["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("header", ["Bearer nonsense", "Basic eDp5", "Bearer " + "x" * 40, "\u00e9", "Bearer"])
def test_a_stray_authorization_header_never_breaks_an_open_call(client, header):
    assert post(client, GENERATE, EXAMPLE, headers={"Authorization": header}).status_code == 200


def test_a_stray_admin_cookie_changes_nothing(client):
    client.force_login(UserFactory(role="gate"))
    assert post(client, GENERATE, EXAMPLE).status_code == 200


def test_in_production_a_customers_question_is_their_own(client, production):
    customer, gate = UserFactory(), UserFactory(role="gate")
    assert post(client, GENERATE, EXAMPLE, headers=bearer(customer)).status_code == 200
    assert Ticket.objects.get().user == customer
    assert post(client, GENERATE, EXAMPLE).status_code == 200
    assert post(client, GENERATE, EXAMPLE, headers=bearer(gate)).status_code == 403
    assert Ticket.objects.count() == 2


def test_production_refuses_demo_accounts_and_their_tokens(client, production, abhinav):
    abhinav.is_demo = True
    abhinav.save()
    assert post(client, LOGIN, {"username": "abhinav", "password": "12345"}).status_code == 401
    assert client.get("/tickets", headers=bearer(abhinav)).status_code == 401


def test_a_rejected_ticket_reads_as_closed(client):
    agent = UserFactory(role="agent")
    ticket = TicketFactory()
    actions.reject_ticket(ticket, reason="spam", by=agent)
    assert client.get(f"/tickets/{ticket.code}", headers=bearer(ticket.user)).json()["closed"] is True
