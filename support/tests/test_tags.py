"""Tags: words by which staff find tickets again, and of which customers learn nothing."""

import pytest
from django.test import Client

from support import actions
from support.errors import TagRefused, TooManyTags
from support.models import Ticket
from support.tests.factories import TicketFactory
from ticketing.errors import NotAllowed
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent():
    return UserFactory(role="agent")


@pytest.fixture
def ticket():
    return TicketFactory()


def of(person):
    client = Client()
    client.force_login(person)
    return client


def listed(person, query=""):
    answer = Client().get(f"/api/v1/support/tickets/?{query}", headers=bearer(person))
    return [row["code"] for row in answer.json()["results"]]


def test_a_tag_is_put_on_and_taken_off_once_and_the_ticket_looks_unchanged(agent, ticket):
    ticket.refresh_from_db()
    for tag in ("  Pass  word", "pass word", "Ärger"):
        actions.tag_ticket(ticket, tag=tag, by=agent)
    now = Ticket.objects.get(pk=ticket.pk)
    assert (now.tags, now.updated_at) == (["pass word", "ärger"], ticket.updated_at)
    for _twice in range(2):
        actions.untag_ticket(ticket, tag="PASS WORD", by=agent)
    assert Ticket.objects.get(pk=ticket.pk).tags == ["ärger"]
    trail = Activity.objects.about(ticket).filter(operation__contains="tag")
    assert [(line.operation, line.details) for line in trail] == [
        ("support.tag", {"tags": 1}),
        ("support.tag", {"tags": 2}),
        ("support.untag", {"tags": 1}),
    ]


@pytest.mark.parametrize("tag", ["", " ", "x" * 31, "a,b", "<b>", "-a", "a\0", "a_b"])
def test_what_is_no_word_is_refused(agent, ticket, tag):
    with nothing_changes(), pytest.raises(TagRefused):
        actions.tag_ticket(ticket, tag=tag, by=agent)


def test_there_are_at_most_ten(agent, ticket):
    for number in range(10):
        actions.tag_ticket(ticket, tag=f"tag {number}", by=agent)
    with nothing_changes(), pytest.raises(TooManyTags):
        actions.tag_ticket(ticket, tag="one more", by=agent)


def test_lists_are_narrowed_by_a_tag(agent, ticket):
    TicketFactory()
    actions.tag_ticket(ticket, tag="invoice", by=agent)
    assert listed(agent, "tag=Invoice") == [ticket.code]
    assert listed(agent, "tag=nothing") == []
    page = of(agent).get("/panel/questions/?tag=Invoice").content.decode()
    assert page.count('scope="row"') == 1
    assert "#invoice" in page
    assert "A tag has up to 30 letters" in of(agent).get("/panel/questions/?tag=%3Cb%3E").content.decode()


def test_a_customer_neither_sees_nor_finds_nor_guesses_a_tag(agent, ticket):
    customer = ticket.user
    actions.tag_ticket(ticket, tag="difficult", by=agent)
    assert listed(customer) == [ticket.code]
    assert listed(customer, "tag=difficult") == listed(customer, "tag=other") == []
    shown = Client().get(f"/api/v1/support/tickets/{ticket.code}/", headers=bearer(customer)).json()
    assert "tags" not in shown
    for address in (f"/panel/questions/{ticket.code}/", "/panel/questions/", "/panel/questions/?tag=other"):
        page = of(customer).get(address).content.decode()
        assert "difficult" not in page
        assert ticket.subject in page
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.tag_ticket(ticket, tag="x", by=customer)
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.untag_ticket(ticket, tag="difficult", by=customer)


def test_staff_tag_on_the_page_and_over_the_api(agent, ticket):
    client, address = of(agent), f"/panel/questions/{ticket.code}/"
    assert client.post(f"{address}tag/", {"tag": "Invoice"})["Location"] == address
    assert "Remove<span" in client.get(address).content.decode()
    assert "A tag has up to 30 letters" in client.post(f"{address}tag/", {"tag": "<b>"}).content.decode()
    client.post(f"{address}untag/", {"tag": "invoice"})
    assert Ticket.objects.get().tags == []
    api = f"/api/v1/support/tickets/{ticket.code}/"

    def call(verb, tag):
        return Client().post(f"{api}{verb}/", {"tag": tag}, content_type="application/json", headers=bearer(agent))

    assert call("tag", "urgent").json()["tags"] == ["urgent"]
    assert call("tag", "a,b").json()["code"] == "tag_refused"
    assert call("untag", "urgent").json()["tags"] == []
