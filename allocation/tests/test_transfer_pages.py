"""Handing a ticket on in the browser, without scripts, and over the API."""

import json
import re
import uuid

import pytest
from django.db.models.functions import Now
from django.test import Client

from allocation import actions
from allocation.models import Ticket, Transfer
from allocation.tests.factories import EventFactory, PurchaseFactory, TicketOptionFactory
from allocation.tests.test_audit import broken
from booking.tests.walking import visit
from ticketing.models import Mail
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]

API = "/api/v1/allocation"


def browser(person=None):
    client = Client()
    if person:
        client.force_login(person)
    return client


@pytest.fixture
def ann():
    return UserFactory(first_name="Ann", last_name="Ash", email="ann@example.org")


@pytest.fixture
def ben():
    return UserFactory(first_name="Ben", last_name="Bell")


@pytest.fixture
def ticket(ann):
    option = TicketOptionFactory(event=EventFactory(name="Late quartets"), name="Stalls")
    PurchaseFactory(option=option, quantity=2, buyer=ann.pk, by=ann)
    return Ticket.objects.get(number=1)


def page_of(ticket):
    return f"/panel/tickets/{ticket.pk}/"


def link_of(offer):
    return f"/panel/transfers/{offer.secret}/"


def test_a_link_is_made_shown_once_mailed_and_withdrawn(ann, ticket):
    client = browser(ann)
    with nothing_changes():
        form = visit(client, page_of(ticket)).follow("Hand this ticket on")
    assert "It can be accepted until Thursday 1 May 2031, 19:00 (time zone Europe/Berlin)." in form.words
    made = form.form("email").send(email="Ben@Example.org")
    offer = Transfer.objects.get()
    assert f'value="http://127.0.0.1:8000{link_of(offer)}" readonly' in made.html
    assert "We have mailed it to ben@example.org too." in made.words
    assert Mail.objects.get(template="ticket_offered").to == "ben@example.org"
    shown = visit(client, page_of(ticket))
    assert "This ticket is offered by a link until" in shown.words
    assert "Hand this ticket on" not in shown.words
    assert offer.secret not in shown.html
    assert "Offered by a link until" in visit(client, "/panel/tickets/").words
    [withdraw] = [form for form in shown.forms if form.action.endswith("/withdraw/")]
    withdraw.send()
    assert Transfer.objects.get().state == "withdrawn"
    assert "Hand this ticket on" in visit(client, page_of(ticket)).words


def test_the_form_sent_twice_is_one_link_and_a_wrong_address_none(ann, ticket):
    client, path = browser(ann), f"{page_of(ticket)}hand-on/"
    with nothing_changes():
        assert "e-mail address" in client.post(path, {"email": "Ben"}).content.decode()
    sent = {"form_key": str(uuid.uuid4()), "email": ""}
    first, again = (client.post(path, sent).content.decode() for _time in range(2))
    links = {re.search(r"/panel/transfers/[A-Z2-7]{52}/", page).group() for page in (first, again)}
    assert links == {link_of(Transfer.objects.get())}
    with nothing_changes():
        assert "is offered by a link already" in client.post(path, {}).content.decode()


def test_a_stranger_sees_what_is_given_logs_in_and_accepts(ann, ben, ticket):
    offer, client = actions.offer_transfer(ticket, by=ann), browser()
    with nothing_changes():
        answer = client.get(link_of(offer))
    assert (answer.status_code, answer["Location"]) == (302, f"/panel/transfers/{offer.pk}/")
    with nothing_changes():
        page = visit(client, answer["Location"])
    for words in ("Late quartets", "Stalls", "Ann Ash", "Offered until", "Thursday 1 May 2031, 19:00"):
        assert words in page.words
    assert ann.email not in page.html
    assert ticket.code not in page.html
    with nothing_changes():
        assert client.post(answer["Location"])["Location"].startswith("/account/log-in/?next=")
    client.force_login(ben)
    taken = visit(client, answer["Location"]).forms[-1].send()
    assert "The ticket is yours." in taken.words
    assert Ticket.objects.get(pk=ticket.pk).holder == ben
    assert "Handed on to you." in visit(client, "/panel/tickets/").words
    assert "See your ticket" in visit(client, answer["Location"]).words


def test_the_former_holder_sees_no_code_and_no_ticket(ann, ben, ticket):
    actions.accept_transfer(actions.offer_transfer(ticket, by=ann), by=ben)
    client = browser(ann)
    for path in (page_of(ticket), f"{page_of(ticket)}cancel/", f"{page_of(ticket)}hand-on/"):
        assert client.get(path).status_code == 404
    mine = client.get("/panel/tickets/").content.decode()
    assert str(ticket.pk) not in mine
    assert str(Ticket.objects.get(number=2).pk) in mine


def test_whoever_has_not_shown_the_link_reaches_nothing(ann, ben, ticket):
    offer = actions.offer_transfer(ticket, by=ann)
    client = browser(ben)
    with nothing_changes():
        wrong = link_of(offer).replace(offer.secret[-3:], "AAA")
        for path in (f"/panel/transfers/{offer.pk}/", f"/panel/transfers/{uuid.uuid4()}/", wrong):
            assert client.get(path).status_code == 404
        assert client.post(f"/panel/transfers/{offer.pk}/").status_code == 404


def test_a_page_of_an_offer_that_ended_says_so(ann, ben, ticket):
    offer, client = actions.offer_transfer(ticket, by=ann), browser(ben)
    client.get(link_of(offer))
    Transfer.objects.update(until=Now())
    page = client.get(f"/panel/transfers/{offer.pk}/").content.decode()
    assert "This ticket is no longer offered." in page
    assert "Accept this ticket" not in page
    with nothing_changes():
        assert client.post(f"/panel/transfers/{offer.pk}/").status_code == 409


def test_the_giver_and_gates_are_told_that_they_cannot_accept(ann, ticket):
    offer = actions.offer_transfer(ticket, by=ann)
    for person, words in ((ann, "yours already"), (UserFactory(role="gate"), "cannot have tickets")):
        client = browser(person)
        client.get(link_of(offer))
        page = client.get(f"/panel/transfers/{offer.pk}/").content.decode()
        assert words in page
        assert "Accept this ticket" not in page


def send(path, body=None, headers=None):
    return Client().post(f"{API}/{path}", json.dumps(body or {}), "application/json", headers=headers)


def test_over_the_api_it_is_offered_withdrawn_and_accepted(ann, ben, ticket):
    giver, taker, stranger = bearer(ann), bearer(ben), bearer(UserFactory())
    path = f"tickets/{ticket.pk}/"
    assert send(f"{path}transfer/", headers=stranger).status_code == 404
    offered = send(f"{path}transfer/", headers=giver).json()
    assert offered["offered_until"] == "2031-05-01T17:00:00.000000Z"
    assert send(f"{path}withdraw-transfer/", headers=giver).json()["offered_until"] is None
    secret = send(f"{path}transfer/", headers=giver).json()["link"].split("/")[-2]
    with nothing_changes():
        assert send("transfers/accept/", {"secret": secret}).status_code == 401
        assert send("transfers/accept/", {"secret": secret[::-1]}, taker).json()["code"] == "dead_link"
        assert send("transfers/accept/", {"secret": secret}, giver).json()["code"] == "your_own_ticket"
    taken = send("transfers/accept/", {"secret": secret}, taker)
    ticket.refresh_from_db()
    assert (taken.status_code, taken.json()["code"], ticket.holder) == (200, ticket.code, ben)
    assert Client().get(f"{API}/{path}", headers=giver).status_code == 404
    assert send("transfers/accept/", {"secret": secret}, stranger).json()["code"] == "transfer_ended"
    assert broken() == set()


def test_a_link_over_the_api_is_answered_once(ann, ticket):
    headers = {**bearer(ann), "Idempotency-Key": str(uuid.uuid4())}
    first, again = (send(f"tickets/{ticket.pk}/transfer/", headers=headers) for _time in range(2))
    assert first.json()["link"]
    assert (again.status_code, again.json()["link"], Transfer.objects.count()) == (200, None, 1)
