"""Giving tickets back in the browser, without scripts."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from allocation.actions import buy, cancel_ticket
from allocation.models import Event, Purchase, Ticket
from allocation.tests.factories import EventFactory, PurchaseFactory, TicketOptionFactory, bought_ticket
from allocation.tests.test_audit import broken
from booking.tests.walking import visit
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]

TICKETS = "/panel/tickets/"


@pytest.fixture
def customer(client):
    person = UserFactory()
    client.force_login(person)
    return person


@pytest.fixture
def event():
    return EventFactory(name="Late quartets")


@pytest.fixture
def purchase(customer, event):
    """Two kinds of tickets, three of them."""
    stalls, balcony = (TicketOptionFactory(name=name, event=event) for name in ("Stalls", "Balcony"))
    receipt = buy({stalls.pk: 2, balcony.pk: 1}, buyer=customer.pk, by=customer)
    return Purchase.objects.get(pk=receipt.id)


def back(row):
    return f"/panel/{row._meta.model_name}s/{row.pk}/cancel/"


def use(ticket):
    Ticket.objects.filter(pk=ticket.pk).update(admitted_at=timezone.now())


def test_each_ticket_stands_under_its_option_and_all_under_their_event(client, purchase):
    page = visit(client, TICKETS)
    assert page.words.count("Late quartets") == 5  # above them, in the question, at two files, and where they go back
    kinds = [name for name in ("Stalls", "Balcony") if f"<h3>{name}</h3>" in page.html]
    assert kinds == ["Stalls", "Balcony"]
    assert "Thursday 1 May 2031, 19:00 (time zone Europe/Berlin)" in page.words
    assert "3 tickets, bought today" in page.words
    for ticket in purchase.tickets.all():
        shown = visit(client, f"{TICKETS}{ticket.pk}/")
        for words in ("Late quartets", ticket.option.name, f"{ticket.number} of 3"):
            assert words in shown.words


def test_a_single_ticket_is_given_back_after_a_question(client, purchase):
    ticket = purchase.tickets.get(number=3)
    shown = visit(client, f"{TICKETS}{ticket.pk}/")
    assert ticket.code in shown.words.replace(" ", "")
    assert "It can be given back until Thursday 1 May 2031, 19:00 (time zone Europe/Berlin)." in shown.words
    with nothing_changes():
        asked = shown.follow("Give this ticket back")
    assert "Give this ticket back?" in asked.words
    done = asked.forms[-1].send()
    assert done.address.startswith(f"{TICKETS}{ticket.pk}/")
    for words in ("1 ticket is given back.", "Cancelled", "It admits nobody any more."):
        assert words in done.words
    assert "<svg" not in done.html
    assert ticket.code not in done.words.replace(" ", "")
    assert "data-print" not in done.html
    assert Ticket.objects.filter(cancelled_at=None).count() == 2
    assert broken() == set()


def test_a_whole_purchase_is_given_back_after_a_question(client, purchase):
    with nothing_changes():
        asked = visit(client, TICKETS).follow("Give these tickets back")
    for words in ("Give these tickets back?", "Late quartets", "Stalls", "Balcony"):
        assert words in asked.words
    done = asked.forms[-1].send()
    assert "3 tickets are given back." in done.words
    assert done.words.count("Cancelled") == 3
    assert "Give these tickets back" not in done.words
    with nothing_changes():
        again = asked.forms[-1].send()
    assert "given back." not in again.words
    assert broken() == set()


def test_what_is_left_of_a_purchase_is_given_back(client, customer, purchase):
    cancel_ticket(purchase.tickets.get(number=1), by=customer)
    done = visit(client, back(purchase)).forms[-1].send()
    assert "2 tickets are given back." in done.words


def spoil_by_use(purchase):
    use(purchase.tickets.get(number=1))
    return "A ticket with which somebody was admitted cannot be given back."


def spoil_by_time(purchase):
    Event.objects.update(cancel_until=timezone.now() - timedelta(seconds=1))
    return "It is too late to give tickets back for this event."


@pytest.mark.parametrize("spoil", [spoil_by_use, spoil_by_time])
def test_what_cannot_be_given_back_is_not_offered_and_says_why(client, purchase, spoil):
    asked = visit(client, back(purchase))
    ticket = purchase.tickets.get(number=1)
    sentence = spoil(purchase)
    assert "Give these tickets back" not in visit(client, TICKETS).words
    assert "Give this ticket back" not in visit(client, f"{TICKETS}{ticket.pk}/").words
    for row in (purchase, ticket):
        shown = visit(client, back(row))
        assert sentence in shown.words
        assert "Giving tickets back" in shown.words
        assert "back?" not in shown.words
        assert [form for form in shown.forms if not form.action] == []
        with nothing_changes():
            assert client.post(back(row)).status_code == 409
    assert asked.forms[-1].send().response.status_code == 409


def test_of_a_purchase_in_use_the_other_tickets_are_given_back_alone(client, purchase):
    use(purchase.tickets.get(number=1))
    other = visit(client, f"{TICKETS}{purchase.tickets.get(number=2).pk}/")
    assert "1 ticket is given back." in other.follow("Give this ticket back").forms[-1].send().words


def test_a_ticket_that_is_given_back_already_says_so(client, customer, purchase):
    ticket = cancel_ticket(purchase.tickets.get(number=1), by=customer)
    assert "This ticket was given back." in visit(client, back(ticket)).words


def test_strangers_and_gates_give_nothing_back(client, purchase):
    ticket = purchase.tickets.first()
    for person, status in ((UserFactory(), 404), (UserFactory(role="gate"), 403)):
        client.force_login(person)
        with nothing_changes():
            for row in (purchase, ticket):
                assert client.get(back(row)).status_code == client.post(back(row)).status_code == status
    assert "Give this ticket back" not in visit(client, f"{TICKETS}{ticket.pk}/").words
    for row in (purchase, ticket):
        assert Client().post(back(row))["Location"] == f"/account/log-in/?next={back(row)}"


def test_staff_give_back_for_whoever_asks_them(client, purchase):
    client.force_login(UserFactory(role="agent"))
    ticket = purchase.tickets.first()
    done = visit(client, f"{TICKETS}{ticket.pk}/").follow("Give this ticket back").forms[-1].send()
    assert "Cancelled" in done.words


def test_tickets_cost_the_same_for_one_purchase_and_for_thirty(client, customer, event):
    def cost(path):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        return len(queries)

    def add(quantity=1):
        option = TicketOptionFactory(event=event)
        return PurchaseFactory(option=option, quantity=quantity, buyer=customer.pk, by=customer).id

    pages = [TICKETS, back(Purchase.objects.get(pk=add()))]
    one = [cost(path) for path in pages]
    for _ in range(29):
        many = add(2)
    assert [cost(TICKETS), cost(back(Purchase.objects.get(pk=many)))] == one
    assert max(one) <= 8


def test_a_ticket_of_no_event_is_given_back_at_any_time(client, customer):
    ticket = bought_ticket(buyer=customer.pk, by=customer)
    assert "Give this ticket back" in visit(client, f"{TICKETS}{ticket.pk}/").words
