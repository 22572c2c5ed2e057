"""The exchanges that the text of ticketing-system documents, and what it left open."""

import io
import json

import pytest
from django.core.management import call_command

from support import actions
from support.models import Reply, Ticket
from support.tests.factories import ReplyFactory, TicketFactory
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

EXAMPLE = {"subject": "CAN'T LOGIN", "priority": "high", "department": "technical", "message": "lorem ipsum..."}
FOREIGN = {"status": False, "message": "There is no such thing.", "errors": {}}


def send(client, verb, path, body, caller=None, **extra):
    data = body if isinstance(body, (str, bytes)) else json.dumps(body)
    headers = bearer(caller) if caller else {}
    return client.generic(verb, path, data, content_type="application/json", headers=headers, **extra)


@pytest.fixture
def customer():
    return UserFactory(first_name="Ada", last_name="Byron", email="ada@example.org")


@pytest.fixture
def staff():
    return UserFactory(role="agent")


def row(ticket, **changed):
    user = ticket.user
    at = "%Y-%m-%dT%H:%M:%S.%fZ"
    return {
        "user": {"email": user.email, "user_type": "customer", "name": user.get_full_name()},
        "subject": ticket.subject,
        "department": ticket.department,
        "priority": ticket.priority,
        "message": ticket.message,
        "code": ticket.code,
        "closed": ticket.is_closed,
        "created_at": ticket.created_at.strftime(at),
        "updated_at": ticket.updated_at.strftime(at),
    } | changed


def test_users_of_the_demo_come_with_tokens_that_work(client):
    call_command("demo", stdout=io.StringIO())
    users = client.get("/users").json()
    assert all(set(user) == {"token", "email", "user_type", "name"} for user in users)
    assert [user["user_type"] for user in users].count("customer") >= 2
    assert [user["user_type"] for user in users].count("staff") >= 1
    assert not any(user["name"] == "North Gate" for user in users)
    for user in users:
        answer = client.get("/tickets", headers={"Authorization": f"Bearer {user['token']}"})
        assert answer.status_code == 200


def test_real_accounts_and_tokens_never_show_in_the_demo_list(client, customer):
    assert client.get("/users").json() == []


def test_in_production_supervisors_see_names_and_nobody_a_token(client, production, customer, staff):
    boss = UserFactory(role="supervisor")
    assert client.get("/users").status_code == 401
    assert send(client, "GET", "/users", "", customer).status_code == 403
    assert send(client, "GET", "/users", "", staff).status_code == 403
    users = send(client, "GET", "/users", "", boss).json()
    assert {"email": "ada@example.org", "user_type": "customer", "name": "Ada Byron"} in users
    assert "token" not in str(users)


@pytest.mark.parametrize("path", ["/tickets", "/tickets/ABC", "/replies?ticket=ABC"])
@pytest.mark.parametrize("header", [None, "Bearer " + "x" * 43, "Bearer", "Token abc", "Bearer a b", "bearer\u00e9"])
def test_without_a_live_token_everything_else_is_401(client, path, header):
    answer = client.get(path, headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json()["status"] is False


def test_the_example_opens_a_ticket_with_a_code(client, customer):
    answer = send(client, "POST", "/tickets", EXAMPLE, customer)
    ticket = Ticket.objects.get()
    assert (answer.status_code, answer.json()) == (201, row(ticket, **EXAMPLE, closed=False))
    assert ticket.user == customer
    assert ticket.code


def test_a_customer_lists_their_own_tickets_and_staff_all_newest_first(client, customer, staff):
    mine, other = TicketFactory(by=customer), TicketFactory()
    assert send(client, "GET", "/tickets", "", customer).json() == [row(mine)]
    assert [ticket["code"] for ticket in send(client, "GET", "/tickets/", "", staff).json()] == [other.code, mine.code]


def test_a_list_without_tickets_is_an_empty_array(client, customer):
    assert send(client, "GET", "/tickets", "", customer).json() == []


def test_filters_narrow_the_list(client, customer):
    low = TicketFactory(by=customer, priority="low", department="sales")
    high = TicketFactory(by=customer, priority="high", department="security")
    actions.close_ticket(low, by=None)

    def codes(query):
        return [ticket["code"] for ticket in send(client, "GET", f"/tickets?{query}", "", customer).json()]

    assert codes("priority=low") == [low.code]
    assert codes("department=security") == [high.code]
    assert codes("closed=true") == [low.code]
    assert codes("closed=false") == [high.code]
    assert codes(f"code={high.code}") == [high.code]
    assert codes("priority=low&closed=false") == []
    assert codes("code=nonsense") == []


@pytest.mark.parametrize("query", ["closed=maybe", "closed=", "priority=urgent", "department=kitchen"])
def test_a_filter_that_cannot_be_understood_is_refused(client, customer, query):
    answer = send(client, "GET", f"/tickets?{query}", "", customer)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [query.split("=")[0]])


BAD_TICKETS = [
    *[(name, value) for name in EXAMPLE for value in (None, "", 7, False, [])],
    ("subject", "x" * 251),
    ("priority", "urgent"),
    ("priority", "HIGH"),
    ("department", "kitchen"),
    ("message", "x" * 10_001),
]


@pytest.mark.parametrize(("name", "value"), BAD_TICKETS)
def test_a_bad_ticket_is_refused_naming_the_field(client, customer, name, value):
    headers = bearer(customer)
    with nothing_changes():
        answer = client.post("/tickets", EXAMPLE | {name: value}, content_type="application/json", headers=headers)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


@pytest.mark.parametrize("name", EXAMPLE)
def test_a_ticket_with_a_field_missing_is_refused_by_name(client, customer, name):
    body = {key: value for key, value in EXAMPLE.items() if key != name}
    answer = send(client, "POST", "/tickets", body, customer)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


def test_a_ticket_is_read_by_its_code_and_somebody_elses_answers_like_a_missing_one(client, customer):
    mine, other = TicketFactory(by=customer), TicketFactory()
    assert send(client, "GET", f"/tickets/{mine.code}", "", customer).json() == row(mine)
    for code in (other.code, "NOTHERE", "%00", "a%20b"):
        answer = send(client, "GET", f"/tickets/{code}", "", customer)
        assert (answer.status_code, answer.json()) == (404, FOREIGN)


@pytest.mark.parametrize("body", ['{"closed": true}', '{\n\t\t"closed": true,\n\t}'])
def test_the_example_closes_a_ticket_also_with_the_comma_that_the_text_prints(client, customer, body):
    ticket = TicketFactory(by=customer)
    answer = send(client, "PATCH", f"/tickets/{ticket.code}", body, customer)
    assert (answer.status_code, answer.json()["closed"]) == (200, True)
    again = send(client, "PATCH", f"/tickets/{ticket.code}", body, customer)
    assert (again.status_code, again.json()) == (200, answer.json())


def test_false_reopens(client, customer):
    ticket = actions.close_ticket(TicketFactory(by=customer), by=None)
    answer = send(client, "PATCH", f"/tickets/{ticket.code}/", {"closed": False}, customer)
    assert (answer.status_code, answer.json()["closed"]) == (200, False)


BAD_CHANGES = [{}, {"closed": "true"}, {"closed": 1}, {"closed": None}, {"closed": True, "subject": "x"}, {"agent": 1}]


@pytest.mark.parametrize("body", [*BAD_CHANGES, [], "{", '{"closed": true,,}'])
def test_any_other_change_is_refused(client, customer, body):
    ticket, headers = TicketFactory(by=customer), bearer(customer)
    data = body if isinstance(body, str) else json.dumps(body)
    with nothing_changes():
        answer = client.patch(f"/tickets/{ticket.code}", data, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (400, False)


def test_nobody_closes_somebody_elses_ticket(client, customer):
    ticket, headers = TicketFactory(), bearer(customer)
    with nothing_changes():
        answer = client.patch(
            f"/tickets/{ticket.code}", {"closed": True}, content_type="application/json", headers=headers
        )
    assert (answer.status_code, answer.json()) == (404, FOREIGN)


def test_a_conversation_is_listed_newest_first(client, customer, staff):
    ticket = TicketFactory(by=customer)
    question = ReplyFactory(ticket=ticket, message="And now?")
    answer = send(client, "POST", "/replies", {"ticket": ticket.code, "message": "Try again."}, staff)
    assert answer.status_code == 201
    reply = Reply.objects.exclude(pk=question.pk).get()
    assert answer.json() == {
        "user": {"email": staff.email, "user_type": "staff", "name": staff.get_full_name()},
        "ticket": {"code": ticket.code, "subject": ticket.subject},
        "message": "Try again.",
        "created_at": reply.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    replies = send(client, "GET", f"/replies?ticket={ticket.code}", "", customer).json()
    assert [reply["message"] for reply in replies] == ["Try again.", "And now?"]


def test_a_reply_over_the_contract_reopens_a_closed_ticket(client, customer):
    ticket = actions.close_ticket(TicketFactory(by=customer), by=None)
    send(client, "POST", "/replies", {"ticket": ticket.code, "message": "Still broken."}, customer)
    assert send(client, "GET", f"/tickets/{ticket.code}", "", customer).json()["closed"] is False


@pytest.mark.parametrize("body", [{}, {"ticket": "X"}, {"message": "x"}, {"ticket": "X", "message": ""}, {"ticket": 5}])
def test_a_reply_with_fields_missing_is_refused(client, customer, body):
    answer = send(client, "POST", "/replies", body, customer)
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_replies_of_somebody_elses_ticket_do_not_exist(client, customer):
    ticket = ReplyFactory().ticket
    assert send(client, "GET", f"/replies?ticket={ticket.code}", "", customer).json() == FOREIGN
    answer = send(client, "POST", "/replies", {"ticket": ticket.code, "message": "x"}, customer)
    assert (answer.status_code, answer.json()) == (404, FOREIGN)
    assert send(client, "GET", "/replies?ticket=NOTHERE", "", customer).status_code == 404
    assert send(client, "GET", "/replies", "", customer).status_code == 400


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "POST", "UPDATE", "OPTIONS"])
def test_other_verbs_on_a_ticket_are_405_with_allow(client, customer, verb):
    ticket = TicketFactory(by=customer)
    answer = send(client, verb, f"/tickets/{ticket.code}", "{}", customer)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD, PATCH")


def test_gate_staff_have_no_tickets(client):
    gate = UserFactory(role="gate")
    assert send(client, "GET", "/tickets", "", gate).status_code == 403
    assert send(client, "POST", "/tickets", EXAMPLE, gate).status_code == 403


def test_a_revoked_token_ends_at_the_next_request(client, customer):
    headers = bearer(customer)
    assert client.get("/tickets", headers=headers).status_code == 200
    customer.is_active = False
    customer.save()
    assert client.get("/tickets", headers=headers).status_code == 401


def test_the_question_of_somebody_without_an_account_shows_who_they_claim_to_be(client, staff):
    actions.raise_unverified_ticket(user_id="12345", phone="7654345123", query="?", by=None)
    [ticket] = send(client, "GET", "/tickets", "", staff).json()
    assert ticket["user"] == {"email": "", "user_type": "customer", "name": "12345"}
    assert "7654345123" not in str(ticket)
