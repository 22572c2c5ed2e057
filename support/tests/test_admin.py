import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from support import actions
from support.admin import TicketAdmin
from support.models import Agent, ServiceLevel, Ticket
from support.tests.factories import ReplyFactory, TicketFactory, online_agent
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes
from ticketing.toolkit.admin import SomePages

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client):
    client.force_login(UserFactory(role="supervisor"))
    return client


def act(client, name, *tickets):
    data = {"action": name, "_selected_action": [str(ticket.pk) for ticket in tickets]}
    return client.post("/admin/support/ticket/", data, follow=True)


@pytest.mark.parametrize("role", ["customer", "agent", "gate"])
def test_the_admin_is_the_supervisors(client, role):
    client.force_login(UserFactory(role=role))
    assert client.get("/admin/support/ticket/").status_code == 302


@pytest.mark.parametrize("path", ["ticket/", "reply/", "agent/", "ticket/?q=Question", "ticket/?status__exact=created"])
def test_each_list_shows(boss, path):
    ReplyFactory()
    online_agent()
    assert boss.get(f"/admin/support/{path}").status_code == 200


def test_a_ticket_is_shown_and_cannot_be_edited(boss):
    ticket = TicketFactory()
    assert boss.get(f"/admin/support/ticket/{ticket.pk}/change/").status_code == 200
    with nothing_changes():
        assert boss.post(f"/admin/support/ticket/{ticket.pk}/change/", {"subject": "x"}).status_code == 403
        assert boss.get("/admin/support/ticket/add/").status_code == 403


def test_selected_tickets_are_closed_by_the_verb(boss):
    tickets = TicketFactory.create_batch(2)
    assert b"2 done" in act(boss, "close_ticket", *tickets).content
    assert Ticket.objects.closed().count() == 2


def test_an_agents_capacity_is_changed_by_its_verb_and_its_refusal_is_shown(boss):
    agent = online_agent()
    TicketFactory.create_batch(3)
    actions.assign_waiting_tickets()
    path = f"/admin/support/agent/{agent.pk}/change/"

    def save(capacity):
        data = {"capacity": capacity, "departments": "sales"}
        return boss.post(path, data, follow=True, headers={"referer": f"http://testserver{path}"})

    assert b"more tickets in work" in save(2).content
    assert (Agent.objects.get().capacity, Agent.objects.get().departments) == (5, [])
    save(3)
    assert (Agent.objects.get().capacity, Agent.objects.get().departments) == (3, ["sales"])


@pytest.mark.parametrize("typed", ["ada", "ADA@Example.org"])
def test_somebody_is_given_a_place_at_the_desk_by_what_they_type_at_log_in(boss, typed):
    ada = UserFactory(username="ada", role="agent")
    sent = boss.post("/admin/support/agent/add/", {"user": typed, "capacity": 3, "departments": "sales"})
    agent = Agent.objects.get(user=ada)
    assert (sent.status_code, agent.capacity, agent.departments) == (302, 3, ["sales"])
    assert Activity.objects.about(agent).values_list("operation", flat=True)[0] == "support.add_agent"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("nobody", "no such account"), ("gone", "no such account"), ("", "required"), ("there", "already exists")],
)
def test_whoever_is_not_there_or_has_a_place_is_given_none(boss, typed, sentence):
    UserFactory(username="gone", role="agent", is_active=False)
    online_agent(username="there")
    with nothing_changes():
        page = boss.post("/admin/support/agent/add/", {"user": typed, "capacity": 3})
    assert sentence in page.content.decode()
    assert f'value="{typed}"' in page.content.decode() or not typed


def test_selected_agents_are_sent_home(boss):
    agent = online_agent()
    data = {"action": "_send_home", "_selected_action": [str(agent.pk)]}
    assert b"1 done" in boss.post("/admin/support/agent/", data, follow=True).content
    assert not Agent.objects.present().exists()
    assert boss.get("/admin/support/agent/?state=away").status_code == 200


def test_the_admin_says_why_a_ticket_waits(boss):
    ticket = TicketFactory(department="sales")
    said = "Place 1 in the queue. Nobody who answers for the department “sales” is online."
    for path in ("", f"{ticket.pk}/change/"):
        assert said in boss.get(f"/admin/support/ticket/{path}").content.decode()


def test_a_long_list_is_counted_a_few_pages_ahead_and_leafed_through_to_its_end(boss, monkeypatch):
    TicketFactory.create_batch(5)
    monkeypatch.setattr(SomePages, "AHEAD", 1)
    monkeypatch.setattr(TicketAdmin, "list_per_page", 2)

    def page(number):
        with CaptureQueriesContext(connection) as asked:
            shown = boss.get(f"/admin/support/ticket/?p={number}").content.decode()
        [counted] = [query["sql"] for query in asked if "COUNT(*)" in query["sql"] and "LIMIT" in query["sql"]]
        assert "support_agent" not in counted
        return shown

    first, last = page(1), page(3)
    assert "More than 3 tickets" in " ".join(first.split())
    assert "?p=2" in first
    assert "Select all 3" not in first
    assert "More than" not in last
    assert "5 tickets" in last
    assert "Select all 5" in last


def test_what_a_level_may_not_promise_is_said_in_words(boss):
    path = "/admin/support/servicelevel/add/"
    for sent in ({}, {"first_response": 5, "resolution": 1}, {"first_response": 0}):
        answer = boss.post(path, {"department": "", "priority": "high", **sent}, follow=True).content.decode()
        assert "support_level" not in answer
    assert (
        "A question is not resolved before it is answered."
        in boss.post(
            path, {"department": "", "priority": "high", "first_response": 5, "resolution": 1}, follow=True
        ).content.decode()
    )
    assert not ServiceLevel.objects.exists()
