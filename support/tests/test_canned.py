"""Canned replies: gaps are filled with whom they are about, and one that nothing fills is never kept."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from support import actions
from support.errors import TitleTaken, UnknownPlaceholder
from support.models import CannedReply, Reply
from support.policies import filled
from support.tests.factories import ReplyFactory, TicketFactory
from ticketing.errors import Invalid, NotAllowed
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

HELLO = "Good morning {customer},\nwe look after {ticket}. {agent}"


@pytest.fixture
def boss():
    return UserFactory(role="supervisor")


@pytest.fixture
def agent():
    return UserFactory(role="agent", first_name="Ada", last_name="")


@pytest.fixture
def hello(boss):
    return actions.add_canned_reply(title="Hello", message=HELLO, by=boss)


@pytest.fixture
def ticket():
    return TicketFactory(by=UserFactory(first_name="Zoë", last_name=""))


def of(person):
    client = Client()
    client.force_login(person)
    return client


def box(html):
    return re.search(
        r'<textarea[^>]*name="message"[^>]*id="id_reply_message"[^>]*>\s*(.*?)</textarea>', html, re.DOTALL
    )[1]


def insert(client, ticket, **sent):
    return client.post(f"/panel/questions/{ticket.code}/insert/", sent).content.decode()


def test_the_chosen_one_is_put_into_the_box_after_what_was_typed_and_nothing_is_sent(agent, hello, ticket):
    client = of(agent)
    assert "Hello</option>" in client.get(f"/panel/questions/{ticket.code}/").content.decode()
    said = f"Good morning Zoë,\nwe look after {ticket.code}. Ada"
    with nothing_changes():
        assert box(insert(client, ticket, canned=hello.pk)) == said
        assert box(insert(client, ticket, canned=hello.pk, message="P.S.")) == f"P.S.\n\n{said}"
        for wrong in ({}, {"canned": ""}, {"canned": "x"}, {"canned": ticket.pk}):
            assert box(insert(client, ticket, **wrong, message="Mine")) == "Mine"
    assert not Reply.objects.exists()


def test_customers_are_offered_none(hello, ticket):
    page = of(ticket.user).get(f"/panel/questions/{ticket.code}/").content.decode()
    assert ticket.subject in page
    assert "Hello" not in page
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.add_canned_reply(title="x", message="x", by=ticket.user)
    headers = bearer(ticket.user)
    assert Client().get("/api/v1/support/canned-replies/", headers=headers).status_code == 403
    assert of(ticket.user).post(f"/panel/questions/{ticket.code}/insert/", {}).status_code == 403


@pytest.mark.parametrize("message", ["Dear {name}", "{}", "{ customer }", "{customer.email}", "{Customer}"])
def test_a_gap_that_nothing_fills_is_refused_when_it_is_kept(boss, hello, message):
    with nothing_changes(), pytest.raises(UnknownPlaceholder):
        actions.add_canned_reply(title="x", message=message, by=boss)
    with nothing_changes(), pytest.raises(UnknownPlaceholder):
        actions.change_canned_reply(hello, message=message, by=boss)


def test_a_brace_alone_is_a_brace_and_what_is_filled_in_is_not_filled_again(boss, agent):
    canned = actions.add_canned_reply(title="x", message="{customer} } {\n{agent}", by=boss)
    ticket = actions.raise_unverified_ticket(user_id="{agent}", phone="", query="?", by=None)
    assert filled(canned.message, ticket, agent) == "{agent} } {\nAda"


def test_titles_differ_and_texts_are_some(boss, hello):
    other = actions.add_canned_reply(title="Bye", message="x", by=boss)
    with nothing_changes(), pytest.raises(TitleTaken):
        actions.add_canned_reply(title="Hello", message="x", by=boss)
    with nothing_changes(), pytest.raises(TitleTaken):
        actions.change_canned_reply(other, title="Hello", by=boss)
    with nothing_changes(), pytest.raises(Invalid):
        actions.change_canned_reply(other, message=" ", by=boss)


def test_supervisors_keep_change_and_remove_them_over_the_api_and_agents_read_them(boss, agent):
    path = "/api/v1/support/canned-replies/"

    def call(person, method, address, **body):
        send = getattr(Client(), method)
        return send(address, body or None, content_type="application/json", headers=bearer(person))

    made = call(boss, "post", path, title="Hello", message=HELLO).json()
    assert call(boss, "post", path, title="x", message="{x}").json()["code"] == "unknown_placeholder"
    assert call(agent, "post", path, title="x", message="x").status_code == 403
    one = f"{path}{made['id']}/"
    assert call(boss, "patch", one, title="Hi").json()["message"] == HELLO
    assert Client().get(path, headers=bearer(agent)).json()["results"][0]["title"] == "Hi"
    assert call(agent, "delete", one).status_code == 403
    assert call(boss, "delete", one).status_code == 204
    trail = Activity.objects.filter(operation__contains="canned").order_by("pk")
    assert [line.operation for line in trail] == [
        "support.add_canned",
        "support.change_canned",
        "support.remove_canned",
    ]


def test_the_admin_keeps_them_by_the_same_rules(boss):
    client = of(boss)
    address = "/admin/support/cannedreply/add/"
    assert client.post(address, {"title": "Hello", "message": HELLO}).status_code == 302
    refused = client.post(address, {"title": "Other", "message": "{x}"}).content.decode()
    assert "Nothing fills {x}." in refused
    assert [canned.title for canned in CannedReply.objects.all()] == ["Hello"]


def test_a_page_asks_for_all_of_them_at_once(agent, boss, django_assert_max_num_queries):
    for number in range(30):
        actions.add_canned_reply(title=f"{number}", message="x", by=boss)
    ticket = ReplyFactory().ticket
    client = of(agent)
    with django_assert_max_num_queries(20):
        client.get(f"/panel/questions/{ticket.code}/")


@pytest.mark.django_db(transaction=True)
def test_of_many_that_get_one_title_at_once_one_does_and_the_others_are_refused():
    def rename(canned):
        try:
            return actions.change_canned_reply(canned, title="Same", by=None)
        except TitleTaken:
            return None
        finally:
            connection.close()

    texts = [actions.add_canned_reply(title=f"Text {number}", message="x", by=None) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        renamed = list(pool.map(rename, texts))
    assert len([text for text in renamed if text]) == CannedReply.objects.filter(title="Same").count() == 1
