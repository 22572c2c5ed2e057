"""What is particular to /api/v1/support/; what every noun does alike stands in ticketing/tests/test_api.py."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from support import actions
from support.models import LIFT, Agent, Reply, Ticket
from support.tests.factories import ReplyFactory, TicketFactory, online_agent
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]

ROOT = "/api/v1/support/"
TICKETS, QUESTIONS, REPLIES, AGENTS = (f"{ROOT}{noun}/" for noun in ("tickets", "questions", "replies", "agents"))
NEW = {
    "subject": "Lost password",
    "message": "It is gone.\nSince Monday.",
    "department": "technical",
    "priority": "low",
}
STRANGER = uuid.UUID(int=4, version=4)


@pytest.fixture
def customer():
    return UserFactory()


@pytest.fixture
def agent():
    return online_agent()


@pytest.fixture
def boss():
    return UserFactory(role="supervisor")


class Caller:
    """A program that calls as one account, or as nobody."""

    def __init__(self, client, user=None):
        self.client, self.headers = client, bearer(user) if user else {}

    def get(self, path):
        return self.client.get(path, headers=self.headers)

    def post(self, path, body=None, **headers):
        return self.send("post", path, body, headers)

    def patch(self, path, body, **headers):
        return self.send("patch", path, body, headers)

    def send(self, method, path, body, headers):
        named = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return getattr(self.client, method)(path, body or {}, content_type="application/json", headers=named)


@pytest.fixture
def calls(client):
    return lambda user=None: Caller(client, user)


def path_of(ticket, verb=""):
    return f"{TICKETS}{ticket.code}/{verb}"


def ids(page, name="id"):
    return [row[name] for row in page.json()["results"]]


# Tickets


def test_a_customer_opens_a_ticket_and_reads_it_by_its_code(calls, customer):
    made = calls(customer).post(TICKETS, NEW)
    assert made.status_code == 201
    shown = made.json()
    assert shown.items() >= {**NEW, "status": "created", "closed": False, "agent": None, "rejection": ""}.items()
    assert shown["customer"] == {"id": str(customer.pk), "name": customer.name}
    again = calls(customer).get(made["Location"])
    assert (again.json(), again["ETag"]) == (shown, made["ETag"])


def test_department_and_priority_may_be_left_out(calls, customer):
    shown = calls(customer).post(TICKETS, {"subject": "Hello", "message": "World"}).json()
    assert (shown["department"], shown["priority"]) == ("", "medium")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject", ""),
        ("subject", "x" * 251),
        ("subject", "two\nlines"),
        ("subject", 5),
        ("message", " \n "),
        ("message", "x" * 10_001),
        ("message", None),
        ("department", "kitchen"),
        ("department", 1),
        ("priority", "urgent"),
        ("priority", ""),
        ("priority", True),
        ("customer", "me"),
        ("customer", 1),
    ],
)
def test_a_bad_value_of_a_new_ticket_is_refused_by_name(calls, customer, field, value):
    caller = calls(customer)
    with nothing_changes():
        refused = caller.post(TICKETS, {**NEW, field: value})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [field])


@pytest.mark.parametrize("spelled", [str.lower, lambda code: f" {code} ".replace(" ", "%20")])
def test_a_code_is_found_however_it_is_typed(calls, customer, spelled):
    ticket = TicketFactory(by=customer)
    assert calls(customer).get(f"{TICKETS}{spelled(ticket.code)}/").json()["id"] == str(ticket.pk)


def test_staff_ask_on_behalf_of_a_customer_and_the_trail_says_so(calls, customer, agent):
    shown = calls(agent.user).post(TICKETS, {**NEW, "customer": str(customer.pk)}).json()
    ticket = Ticket.objects.get(pk=shown["id"])
    assert ticket.user == customer
    opened = Activity.objects.about(ticket).get(operation="support.open")
    assert (opened.actor_id, opened.details) == (agent.user.pk, {"on_behalf_of": str(customer.pk)})


def test_a_customer_asks_for_nobody_else_and_does_not_learn_who_exists(calls, customer):
    caller, other = calls(customer), UserFactory()
    with nothing_changes():
        foreign, missing = (caller.post(TICKETS, {**NEW, "customer": str(pk)}) for pk in (other.pk, STRANGER))
    assert (foreign.status_code, foreign.content) == (404, missing.content)
    assert caller.post(TICKETS, {**NEW, "customer": str(customer.pk)}).status_code == 201


def test_somebody_elses_ticket_answers_like_a_missing_one(calls, customer):
    other = TicketFactory()
    caller = calls(customer)
    for code in (other.code, "0" * 12, "not a code", "%C3%A9", "x" * 300):
        path = f"{TICKETS}{code}/"
        with nothing_changes():
            answers = [caller.get(path), caller.post(f"{path}close/"), caller.post(f"{path}reopen/")]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
    assert {caller.get(f"{TICKETS}{code}/").content for code in (other.code, "0" * 12)} == {answers[0].content}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", TICKETS, None),
        ("get", f"{TICKETS}0/", None),
        ("post", TICKETS, NEW),
        ("patch", f"{TICKETS}0/", {"priority": "low"}),
        ("post", f"{TICKETS}0/close/", None),
        ("post", f"{TICKETS}0/reopen/", None),
        ("post", f"{TICKETS}0/reject/", {"reason": "No"}),
        ("get", REPLIES, None),
        ("post", REPLIES, {"ticket": "0", "message": "Hello"}),
        ("get", AGENTS, None),
        ("patch", f"{AGENTS}{STRANGER}/", {"capacity": 1}),
        ("post", f"{AGENTS}{STRANGER}/online/", {"minutes": 1}),
        ("post", f"{AGENTS}{STRANGER}/offline/", None),
    ],
)
def test_nobody_is_asked_to_log_in_and_a_gate_is_told_no(calls, method, path, body):
    anonymous, gate = calls(), calls(UserFactory(role="gate"))
    with nothing_changes():
        answers = [
            caller.send(method, path, body, {}) if body else getattr(caller, method)(path)
            for caller in (anonymous, gate)
        ]
    assert [answer.status_code for answer in answers] == [401, 403]
    assert answers[0]["WWW-Authenticate"] == "Bearer"


def test_customers_neither_triage_nor_reject_nor_see_agents(calls, customer, agent):
    ticket, caller = TicketFactory(by=customer), calls(customer)
    with nothing_changes():
        refused = [
            caller.patch(path_of(ticket), {"priority": "high"}),
            caller.post(path_of(ticket, "reject/"), {"reason": "No"}),
            caller.get(AGENTS),
            caller.get(f"{AGENTS}{agent.pk}/"),
            caller.patch(f"{AGENTS}{agent.pk}/", {"capacity": 9}),
            caller.post(f"{AGENTS}{agent.pk}/offline/"),
        ]
    assert {answer.status_code for answer in refused} == {403}


def test_what_callers_claimed_and_where_they_read_is_for_staff(calls, customer, agent):
    ticket = actions.raise_unverified_ticket(
        user_id="ada", phone="12345", query="Hello", email="ada@example.org", by=customer
    )
    own = calls(customer).get(path_of(ticket)).json()
    assert not own.keys() & {"claimed_user_id", "claimed_phone", "email"}
    assert "email" not in own["customer"]
    seen = calls(agent.user).get(path_of(ticket)).json()
    assert (seen["claimed_user_id"], seen["claimed_phone"], seen["email"]) == ("ada", "12345", "ada@example.org")
    assert seen["customer"] == {"id": str(customer.pk), "name": customer.name, "email": customer.email}


def test_a_ticket_is_closed_reopened_and_rejected(calls, customer, agent):
    ticket = TicketFactory(by=customer)
    for _ in range(2):
        closed = calls(customer).post(path_of(ticket, "close/")).json()
        assert (closed["closed"], closed["status"]) == (True, "completed")
    assert closed["closed_at"]
    for _ in range(2):
        opened = calls(customer).post(path_of(ticket, "reopen/")).json()
        assert (opened["closed"], opened["closed_at"]) == (False, None)
    rejected = calls(agent.user).post(path_of(ticket, "reject/"), {"reason": " Spam "}).json()
    assert (rejected["status"], rejected["rejection"]) == ("rejected", "Spam")
    caller = calls(agent.user)
    with nothing_changes():
        again = caller.post(path_of(ticket, "reject/"), {"reason": "Spam"})
    assert (again.status_code, again.json()["code"]) == (409, "already_closed")


@pytest.mark.parametrize("reason", ["", " ", 5, None, "x" * 251, "a\nb"])
def test_a_rejection_without_a_good_reason_is_refused(calls, agent, reason):
    ticket, caller = TicketFactory(), calls(agent.user)
    with nothing_changes():
        refused = caller.post(path_of(ticket, "reject/"), {"reason": reason})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["reason"])


def test_a_new_priority_lifts_a_ticket_and_keeps_the_time_it_waited(calls, agent):
    ticket = TicketFactory(priority="low", department="sales")
    ticket.refresh_from_db()
    waited = ticket.created_at - ticket.queue_at
    answer = calls(agent.user).patch(path_of(ticket), {"priority": "high", "department": ""})
    assert (answer.json()["priority"], answer.json()["department"]) == ("high", "")
    ticket.refresh_from_db()
    assert ticket.created_at - ticket.queue_at == waited + LIFT["high"]
    told = Activity.objects.about(ticket).get(operation="support.triage")
    assert (told.actor_id, told.details) == (agent.user.pk, {"priority": "high", "department": ""})
    with nothing_changes():
        assert actions.triage_ticket(ticket, priority="high", by=agent.user) == ticket


@pytest.mark.parametrize(("field", "value"), [("priority", ""), ("priority", None), ("department", "x")])
def test_a_bad_value_of_a_triage_is_refused_by_name(calls, agent, field, value):
    ticket, caller = TicketFactory(), calls(agent.user)
    with nothing_changes():
        refused = caller.patch(path_of(ticket), {field: value})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [field])


@pytest.mark.django_db(transaction=True)
def test_a_ticket_that_waits_elsewhere_is_handed_out_when_it_comes_where_somebody_has_room(calls, boss):
    agent = online_agent(departments=["sales"])
    ticket = TicketFactory(department="technical")
    actions.assign_waiting_tickets()
    assert calls(boss).patch(path_of(ticket), {"department": "sales"}).status_code == 200
    ticket.refresh_from_db()
    assert (ticket.status, ticket.agent) == ("in_progress", agent)


def test_an_agent_who_sees_only_assigned_tickets_reaches_no_others(calls, settings):
    settings.AGENTS_SEE = "assigned"
    sales, other = online_agent(departments=["sales"]), online_agent(departments=["technical"])
    ReplyFactory(ticket=(ticket := TicketFactory(department="technical")))
    actions.assign_waiting_tickets()
    assert ids(calls(other.user).get(REPLIES)) != []
    caller = calls(sales.user)
    assert (ids(caller.get(TICKETS)), ids(caller.get(REPLIES))) == ([], [])
    with nothing_changes():
        assert caller.patch(path_of(ticket), {"priority": "low"}).status_code == 404
        assert caller.post(REPLIES, {"ticket": ticket.code, "message": "Hello"}).status_code == 404


def test_a_list_shows_customers_their_own_and_staff_all(calls, customer, boss):
    own, other = TicketFactory(by=customer), TicketFactory()
    assert ids(calls(customer).get(TICKETS), "code") == [own.code]
    assert ids(calls(boss).get(TICKETS), "code") == [other.code, own.code]
    assert ids(calls(customer).get(f"{TICKETS}?customer={other.user_id}")) == []
    assert ids(calls(customer).get(f"{TICKETS}?code={other.code}")) == []


def test_each_filter_narrows_the_list_of_tickets(calls, boss, agent):
    Agent.objects.filter(pk=agent.pk).update(capacity=1)
    held, waiting = TicketFactory(priority="high"), TicketFactory(department="sales", priority="low")
    done = actions.close_ticket(TicketFactory(), by=boss)
    actions.assign_waiting_tickets()
    for age, ticket in enumerate((held, waiting, done)):
        Ticket.objects.filter(pk=ticket.pk).update(created_at=f"2030-01-0{age + 1}T00:00:00Z")
    caller = calls(boss)
    for query, expected in {
        f"code={held.code.lower()}": {held},
        "status=in_progress": {held},
        "status=completed": {done},
        "closed=true": {done},
        "closed=false": {held, waiting},
        "waiting=true": {waiting},
        "waiting=false": {held, done},
        "department=sales": {waiting},
        "priority=high": {held},
        f"customer={held.user_id}": {held},
        f"agent={agent.pk}": {held},
        "created_from=2030-01-02T00:00:00Z": {waiting, done},
        "created_to=2030-01-02T00:00:00Z": {held},
        "closed=false&department=sales": {waiting},
    }.items():
        assert set(ids(caller.get(f"{TICKETS}?{query}"), "code")) == {ticket.code for ticket in expected}, query


@pytest.mark.parametrize(
    "query",
    [
        "status=new",
        "closed=1",
        "waiting=yes",
        "department=kitchen",
        "priority=",
        "customer=me",
        "agent=0",
        "created_from=today",
        "created_to=2030-01-01",
        "user=1",
        "ordering=priority",
    ],
)
def test_a_filter_of_tickets_that_makes_no_sense_is_refused_by_name(calls, boss, query):
    refused = calls(boss).get(f"{TICKETS}?{query}")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [query.partition("=")[0]])


def test_tickets_can_be_listed_in_the_order_of_the_queue_and_of_their_last_change(calls, boss):
    low, high = TicketFactory(priority="low"), TicketFactory(priority="high")
    Ticket.objects.filter(pk=low.pk).update(updated_at="2099-01-01T00:00:00Z")
    caller = calls(boss)
    assert ids(caller.get(f"{TICKETS}?ordering=queue_at"), "code") == [high.code, low.code]
    assert ids(caller.get(f"{TICKETS}?ordering=-updated_at"), "code") == [low.code, high.code]
    first = caller.get(f"{TICKETS}?ordering=queue_at&limit=1").json()
    assert ids(caller.get(first["next"]), "code") == [low.code]


@pytest.mark.parametrize(
    "ordering", ["created_at", "-created_at", "queue_at", "-queue_at", "updated_at", "-updated_at"]
)
def test_every_order_of_tickets_is_read_off_an_index(ordering):
    sign = "-" if ordering.startswith("-") else ""
    rows = Ticket.objects.order_by(ordering, f"{sign}id")[:51]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = rows.explain()
    assert "Index Scan" in plan
    assert "Sort" not in plan


def test_a_replayed_key_opens_one_ticket(calls, customer):
    caller = calls(customer)
    first, second = (caller.post(TICKETS, NEW, Idempotency_Key="once" * 6) for _ in range(2))
    assert first.json() == second.json()
    assert (second.status_code, second["Idempotent-Replayed"]) == (201, "true")
    assert Ticket.objects.count() == 1


@pytest.mark.parametrize("verb", ["", "close/", "reject/"])
def test_a_change_over_somebody_elses_is_refused(calls, boss, verb):
    ticket, caller = TicketFactory(), calls(boss)
    seen = caller.get(path_of(ticket))["ETag"]
    Ticket.objects.filter(pk=ticket.pk).change(priority="high")
    body = {"": {"priority": "low"}, "reject/": {"reason": "No"}}.get(verb)
    method = "post" if verb else "patch"
    with nothing_changes():
        assert caller.send(method, path_of(ticket, verb), body, {"If-Match": seen}).status_code == 412
    fresh = caller.get(path_of(ticket))["ETag"]
    assert caller.send(method, path_of(ticket, verb), body, {"If-Match": fresh}).status_code == 200


READ_ONLY = {
    "id": str(STRANGER),
    "code": "AAAAAAAAAAAA",
    "status": "completed",
    "closed": True,
    "agent": str(STRANGER),
    "user": str(STRANGER),
    "author": str(STRANGER),
    "account": str(STRANGER),
    "claimed_user_id": "x",
    "claimed_phone": "x",
    "rejection": "x",
    "queue_at": "2001-01-01T00:00:00Z",
    "created_at": "2001-01-01T00:00:00Z",
    "updated_at": "2001-01-01T00:00:00Z",
    "assigned_at": "2001-01-01T00:00:00Z",
    "closed_at": "2001-01-01T00:00:00Z",
    "taken": 3,
    "left": 3,
    "present": True,
    "online_until": "2099-01-01T00:00:00Z",
    "last_assigned_at": "2099-01-01T00:00:00Z",
    "is_staff": True,
    "role": "supervisor",
}


def facts(row):
    """The row as it stands in the database, but for what says when it was touched."""
    return {name: value for name, value in type(row).objects.values().get(pk=row.pk).items() if name != "updated_at"}


def test_what_is_read_only_is_not_written_by_any_change(calls, boss, agent):
    ticket, caller = TicketFactory(), calls(boss)
    before = facts(ticket), facts(agent)
    assert caller.patch(path_of(ticket), READ_ONLY).status_code == 200
    assert caller.post(path_of(ticket, "reopen/"), READ_ONLY).status_code == 200
    assert caller.patch(f"{AGENTS}{agent.pk}/", READ_ONLY).status_code == 200
    assert (facts(ticket), facts(agent)) == before
    caller.post(f"{AGENTS}{agent.pk}/online/", {**READ_ONLY, "minutes": 1})
    assert facts(agent) == before[1]


def test_what_is_read_only_is_not_written_by_any_creation(calls, customer):
    caller = calls(customer)
    shown = caller.post(TICKETS, {**NEW, **READ_ONLY}).json()
    assert shown.items() >= {"status": "created", "closed": False, "agent": None, "rejection": ""}.items()
    made = Ticket.objects.get()
    assert (made.user, made.claimed_user_id) == (customer, "")
    assert READ_ONLY.items().isdisjoint({name: shown[name] for name in ("id", "code", "created_at")}.items())
    reply = caller.post(REPLIES, {**READ_ONLY, "ticket": made.code, "message": "Hello"}).json()
    assert (reply["author"]["id"], reply["ticket"]) == (str(customer.pk), made.code)
    caller.post(QUESTIONS, {**READ_ONLY, "email": "ada@example.org", "message": "Hello"})
    asked = Ticket.objects.exclude(pk=made.pk).get()
    assert (asked.status, asked.claimed_phone, asked.code == READ_ONLY["code"]) == ("created", "", False)


# Questions


def test_somebody_without_an_account_asks_and_keeps_the_code(calls):
    body = {"email": "Ada@Example.org", "message": "Is it open?\nOn Sundays, too?", "name": "Ada"}
    made = calls().post(QUESTIONS, body)
    ticket = Ticket.objects.get()
    assert (made.status_code, made.json()) == (201, {"code": ticket.code})
    assert (ticket.user, ticket.claimed_user_id, ticket.email) == (None, "Ada", "ada@example.org")
    assert (ticket.subject, ticket.message) == ("Is it open?", body["message"])
    assert calls().get(made["Location"]).status_code == 401


def test_a_question_with_the_same_unguessable_key_is_asked_once(calls):
    body, key = {"email": "ada@example.org", "message": "Is it open?"}, uuid.uuid4().hex
    first, second = (calls().post(QUESTIONS, body, Idempotency_Key=key) for _ in range(2))
    assert (second.status_code, second.json()) == (201, first.json())
    assert second["Idempotent-Replayed"] == "true"
    assert Ticket.objects.count() == 1
    with nothing_changes():
        assert calls().post(QUESTIONS, body, Idempotency_Key="guess").status_code == 400


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nobody"),
        ("email", ""),
        ("email", 5),
        ("email", "a@b.c\r\nBcc: d@e.f"),
        ("email", f"{'x' * 250}@example.org"),
        ("message", " "),
        ("message", "x" * 10_001),
        ("name", "x" * 46),
        ("name", "a\nb"),
    ],
)
def test_a_bad_value_of_a_question_is_refused_by_name(calls, field, value):
    with nothing_changes():
        refused = calls().post(QUESTIONS, {"email": "ada@example.org", "message": "Hello", field: value})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [field])


def test_a_customers_question_is_their_own_and_a_gate_asks_none(calls, customer):
    body = {"email": "ada@example.org", "message": "Hello"}
    code = calls(customer).post(QUESTIONS, body).json()["code"]
    assert Ticket.objects.get(code=code).user == customer
    gate = calls(UserFactory(role="gate"))
    with nothing_changes():
        assert gate.post(QUESTIONS, body).status_code == 403


def test_questions_are_asked_and_not_read(calls, boss):
    answer = calls(boss).get(QUESTIONS)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


# Replies


def test_a_reply_is_made_listed_and_read(calls, customer, boss):
    ticket = actions.close_ticket(TicketFactory(by=customer), by=boss)
    made = calls(customer).post(REPLIES, {"ticket": ticket.code.lower(), "message": "Still broken"})
    assert made.status_code == 201
    shown = made.json()
    assert shown.items() >= {"ticket": ticket.code, "message": "Still broken"}.items()
    assert shown["author"] == {"id": str(customer.pk), "name": customer.name}
    assert calls(customer).get(made["Location"]).json() == shown
    assert calls(boss).get(made["Location"]).json()["author"]["email"] == customer.email
    ticket.refresh_from_db()
    assert not ticket.is_closed


def test_what_is_said_about_somebody_elses_ticket_is_not_there(calls, customer):
    own, other = ReplyFactory(by=customer, ticket=TicketFactory(by=customer)), ReplyFactory()
    caller = calls(customer)
    assert ids(caller.get(REPLIES)) == [str(own.pk)]
    assert ids(caller.get(f"{REPLIES}?ticket={other.ticket.code}")) == []
    assert caller.get(f"{REPLIES}{other.pk}/").content == caller.get(f"{REPLIES}{STRANGER}/").content
    with nothing_changes():
        foreign, missing = (
            caller.post(REPLIES, {"ticket": code, "message": "Hello"}) for code in (other.ticket.code, "0" * 12)
        )
    assert (foreign.status_code, foreign.content) == (404, missing.content)


def test_each_filter_narrows_the_list_of_replies(calls, boss):
    old, new = ReplyFactory(), ReplyFactory()
    Reply.objects.filter(pk=old.pk).update(created_at="2001-01-01T00:00:00Z")
    caller = calls(boss)
    assert ids(caller.get(f"{REPLIES}?ticket={new.ticket.code.lower()}")) == [str(new.pk)]
    assert ids(caller.get(f"{REPLIES}?created_from=2001-01-02T00:00:00Z")) == [str(new.pk)]
    assert ids(caller.get(f"{REPLIES}?created_to=2001-01-02T00:00:00Z")) == [str(old.pk)]
    assert ids(caller.get(f"{REPLIES}?ordering=created_at")) == [str(old.pk), str(new.pk)]
    assert caller.get(f"{REPLIES}?author={boss.pk}").status_code == 400


@pytest.mark.parametrize(("field", "value"), [("ticket", 5), ("ticket", ""), ("message", " "), ("message", None)])
def test_a_bad_value_of_a_reply_is_refused_by_name(calls, boss, field, value):
    ticket, caller = TicketFactory(), calls(boss)
    with nothing_changes():
        refused = caller.post(REPLIES, {"ticket": ticket.code, "message": "Hello", field: value})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [field])


def test_a_replayed_key_makes_one_reply(calls, customer):
    body = {"ticket": TicketFactory(by=customer).code, "message": "Hello"}
    caller = calls(customer)
    first, second = (caller.post(REPLIES, body, Idempotency_Key="once" * 6) for _ in range(2))
    assert (second.json(), Reply.objects.count()) == (first.json(), 1)


# Agents


def test_an_agent_sees_only_themself_and_a_supervisor_everybody(calls, agent, boss):
    other = online_agent()
    assert ids(calls(agent.user).get(AGENTS)) == [str(agent.pk)]
    assert set(ids(calls(boss).get(AGENTS))) == {str(agent.pk), str(other.pk)}
    caller = calls(agent.user)
    foreign, missing = (caller.get(f"{AGENTS}{pk}/") for pk in (other.pk, STRANGER))
    assert (foreign.status_code, foreign.content) == (404, missing.content)


def test_an_agent_comes_and_goes(calls):
    agent = online_agent(lasts=timedelta(minutes=1))
    path, caller = f"{AGENTS}{agent.pk}/", calls(agent.user)
    stays = caller.post(f"{path}online/", {"minutes": 90}).json()
    assert stays["present"]
    agent.refresh_from_db()
    assert stays["online_until"] == agent.online_until.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    for _ in range(2):
        gone = caller.post(f"{path}offline/").json()
        assert (gone["present"], gone["online_until"]) == (False, None)


@pytest.mark.parametrize("minutes", [0, 1441, "5", 1.5, True, None])
def test_a_presence_that_is_no_number_of_minutes_of_a_day_is_refused(calls, agent, minutes):
    caller = calls(agent.user)
    with nothing_changes():
        refused = caller.post(f"{AGENTS}{agent.pk}/online/", {"minutes": minutes})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["minutes"])


def test_an_agent_speaks_for_nobody_else_and_manages_not_even_themself(calls, agent):
    other, caller = online_agent(), calls(agent.user)
    with nothing_changes():
        foreign, missing = (caller.post(f"{AGENTS}{pk}/online/", {"minutes": 5}) for pk in (other.pk, STRANGER))
        own = caller.patch(f"{AGENTS}{agent.pk}/", {"capacity": 9})
    assert (foreign.status_code, foreign.content) == (404, missing.content)
    assert own.status_code == 403


def test_a_supervisor_changes_capacity_and_departments(calls, agent, boss):
    body = {"capacity": 7, "departments": ["technical", "sales", "technical"]}
    shown = calls(boss).patch(f"{AGENTS}{agent.pk}/", body).json()
    assert (shown["capacity"], shown["left"], shown["departments"]) == (7, 7, ["sales", "technical"])
    operations = Activity.objects.about(agent).values_list("operation", flat=True)
    assert {"support.set_capacity", "support.set_departments"} <= set(operations)


def test_a_capacity_below_what_is_in_work_is_refused_whole(calls, agent, boss):
    TicketFactory.create_batch(2)
    actions.assign_waiting_tickets()
    caller = calls(boss)
    with nothing_changes():
        refused = caller.patch(f"{AGENTS}{agent.pk}/", {"departments": ["sales"], "capacity": 1})
    assert (refused.status_code, refused.json()["code"]) == (409, "capacity_in_use")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("capacity", -1),
        ("capacity", 1001),
        ("capacity", "5"),
        ("departments", "sales"),
        ("departments", ["kitchen"]),
        ("departments", [1]),
        ("departments", None),
    ],
)
def test_a_bad_value_of_an_agent_is_refused_by_name(calls, agent, boss, field, value):
    caller = calls(boss)
    with nothing_changes():
        refused = caller.patch(f"{AGENTS}{agent.pk}/", {field: value})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [field])


@pytest.mark.django_db(transaction=True)
def test_a_ticket_is_handed_out_once_an_agent_answers_in_its_department(calls, boss):
    agent, ticket = online_agent(departments=["sales"]), TicketFactory(department="technical")
    actions.assign_waiting_tickets()
    calls(boss).patch(f"{AGENTS}{agent.pk}/", {"departments": []})
    ticket.refresh_from_db()
    assert ticket.agent == agent


def test_each_filter_narrows_the_list_of_agents(calls, boss):
    there, gone = online_agent(departments=["sales"]), online_agent(departments=["technical"])
    actions.go_offline(gone.user, by=gone.user)
    everywhere = online_agent()
    lost = online_agent(departments=["security"])
    lost.user.role = "customer"
    lost.user.save()
    caller = calls(boss)
    for query, expected in {
        "present=true": {there, everywhere},
        "present=false": {gone, lost},
        "department=sales": {there, everywhere},
        "department=technical": {gone, everywhere},
    }.items():
        assert set(ids(caller.get(f"{AGENTS}?{query}"))) == {str(agent.pk) for agent in expected}, query
    assert {row["id"]: row["present"] for row in caller.get(AGENTS).json()["results"]} == {
        str(agent.pk): agent in (there, everywhere) for agent in (there, gone, everywhere, lost)
    }
    for query in ("present=1", "department=kitchen", "capacity=1"):
        assert caller.get(f"{AGENTS}?{query}").status_code == 400


# Costs


@pytest.mark.parametrize("path", [TICKETS, REPLIES, AGENTS])
def test_a_list_costs_the_same_for_one_row_and_for_twenty(calls, boss, path):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert caller.get(path).status_code == 200
        return len(queries)

    caller = calls(boss)
    caller.get(path)  # the first use of a token is written down
    online_agent()
    ReplyFactory()
    actions.assign_waiting_tickets()
    one = cost()
    for _ in range(19):
        online_agent()
        ReplyFactory()
    actions.assign_waiting_tickets()
    # The token with its account; the rows with all that is shown of them; what tickets are about, ratings, files.
    assert cost() == one == {TICKETS: 4, REPLIES: 3, AGENTS: 2}[path]


def test_an_agent_goes_away_and_comes_back(calls):
    agent = online_agent()
    caller, path = calls(agent.user), f"{AGENTS}{agent.pk}/"
    for verb, presence in (("away", "away"), ("online", "online")):
        answer = caller.post(f"{path}{verb}/", {"minutes": 5})
        assert (answer.status_code, answer.json()["presence"], answer.json()["present"]) == (200, presence, True)
    caller.post(f"{path}offline/")
    assert caller.get(path).json()["presence"] == "offline"


def test_staff_read_why_a_ticket_waits_and_where_in_the_queue(calls, customer, boss):
    first, second = TicketFactory(by=customer, department=""), TicketFactory(by=customer, department="sales")
    told = {row["code"]: (row["place"], row["why_waiting"]) for row in calls(boss).get(TICKETS).json()["results"]}
    assert told[first.code] == (1, "No agent is online. It is handed out as soon as one is.")
    assert told[second.code][0] == 2
    theirs = calls(customer).get(path_of(first)).json()
    assert not {"place", "why_waiting"} & theirs.keys()
