"""Waiting for tickets in the browser, from what is sold out to the purchase, without scripts."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from allocation.actions import cancel_tickets, set_terms
from allocation.models import Purchase, Ticket
from allocation.tests.factories import EventFactory, PurchaseFactory, TicketOptionFactory
from allocation.tests.test_audit import broken
from booking.tests.walking import visit
from ticketing.models import Mail, Waiter
from ticketing.tests.factories import PASSWORD, UserFactory
from ticketing.tests.snapshots import nothing_changes
from ticketing.tests.waiting import comes_due, join, left, states

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


@pytest.fixture
def option():
    option = TicketOptionFactory(name="Stalls", allocation=4, event=EventFactory(name="Late quartets"), most=4)
    PurchaseFactory(option=option, quantity=4)
    return option


def page_of(option):
    return f"/panel/events/{option.pk}/wait/"


def take_up(waiter):
    return f"/panel/events/offer/{waiter.pk}/"


def mailed(client, waiter=None):
    """The page behind the link of the last mail, or of somebody's."""
    waiter = waiter or Mail.objects.latest("id").waiter
    return visit(client, reverse("waiting:link", args=[waiter.pk, waiter.secret]))


def give_back(quantity):
    going = Ticket.objects.filter(cancelled_at=None).values_list("pk", flat=True)[:quantity]
    cancel_tickets(list(going), by=None)


def offered(option, quantity=1, **more):
    """Somebody for whom so many tickets are held."""
    waiter = join(option, quantity, **more)
    give_back(quantity)
    return waiter


# To join


@pytest.mark.parametrize("page", ["/panel/events/", "/panel/events/{0.event.pk}/", "/panel/events/{0.pk}/buy/"])
def test_what_is_sold_out_offers_to_wait(client, option, page):
    client.force_login(UserFactory())
    asking = visit(client, page.format(option)).follow("Wait for tickets")
    assert asking.address.startswith(page_of(option))
    for words in ("Stalls", "Late quartets", "Nobody waits yet: you would be the first.", "How the list works"):
        assert words in asking.words
    give_back(1)
    assert "Wait for tickets" not in visit(client, page.format(option)).words


@pytest.mark.parametrize("page", ["/panel/events/", "/panel/events/{0.event.pk}/", "/panel/tickets/"])
def test_whoever_waits_is_reminded_of_their_place_and_of_what_is_held_for_them(client, option, page):
    ada = UserFactory(email="ada@example.org")
    client.force_login(ada)
    waiter = join(option, 2, email=ada.email)
    Waiter.objects.filter(pk=waiter.pk).update(account=ada)
    shown = visit(client, page.format(option))
    assert "You are number 1 on the waiting list for “Late quartets: Stalls”." in shown.words
    assert shown.follow("See your place").address.startswith("/panel/waiting/")
    assert "You are number 1" in visit(client, f"/panel/events/{option.pk}/wait/").words
    give_back(2)
    assert "2 tickets for “Late quartets: Stalls” are held for you" in visit(client, page.format(option)).words
    client.force_login(UserFactory())
    assert "Late quartets: Stalls" not in visit(client, page.format(option)).words


def test_a_stranger_waits_confirms_accepts_logs_in_and_buys(client, option):
    asked = visit(client, page_of(option)).form("email").send(quantity="3", least="2", email="ada@example.org")
    assert "Look into your mail" in asked.words
    waiter = Waiter.objects.get()
    assert (waiter.state, waiter.quantity, waiter.least) == ("unconfirmed", 3, 2)
    [confirm] = [form for form in mailed(client).forms if form.action.endswith("/confirm/")]
    assert "You are number 1" in confirm.send().words
    give_back(2)
    [accept] = [form for form in mailed(client).forms if form.action.endswith("/accept/")]
    shown = accept.send()
    assert shown.address.startswith(take_up(waiter))
    assert "2 tickets are held for you" in shown.words
    assert [form for form in shown.forms if form.shown()] == []
    ada = UserFactory()
    back = shown.follow("Log in").form("username").send(username=ada.username, password=PASSWORD)
    assert back.address.startswith(take_up(waiter))
    bought = back.form("quantity").send()
    assert "You have 2 tickets for Stalls." in bought.words
    assert Purchase.objects.get(account=ada).quantity == 2
    assert "You have accepted 2 places" in visit(client, f"/panel/waiting/{waiter.pk}/").words
    assert broken() == set()


def test_whoever_has_proven_the_address_waits_at_once(client, option):
    owner = UserFactory(email="ada@example.org", email_confirmed_at=timezone.now())
    client.force_login(owner)
    place = visit(client, page_of(option)).form("email").send(quantity="1")
    assert "You are number 1" in place.words
    assert Waiter.objects.get().account == owner
    again = visit(client, page_of(option)).form("email").send(quantity="1")
    assert "This address is on the list already." in again.words


def test_what_cannot_be_waited_for_is_said(client, option):
    set_terms(option, least=2, most=3, by=None)
    with nothing_changes():
        for typed, sentence in (
            ({"quantity": "4"}, "is sold 2 to 3 at once."),
            ({"quantity": "1"}, "is sold 2 to 3 at once."),
            ({"quantity": "2", "least": "3"}, "must be a whole number from 1 to 2"),
            ({"quantity": "2", "email": "ada@"}, "e-mail address"),
        ):
            page = visit(client, page_of(option), {"email": "ada@example.org", **typed})
            assert sentence in page.words
    give_back(3)
    with nothing_changes():
        page = visit(client, page_of(option), {"email": "ada@example.org", "quantity": "2"})
    assert "There is room for you right now." in page.words


def test_nobody_waits_for_fewer_than_are_sold_at_once(client, option):
    set_terms(option, least=2, by=None)
    with nothing_changes():
        page = visit(client, page_of(option), {"email": "ada@example.org", "quantity": "3", "least": "1"})
    assert 'aria-invalid="true"' in page.html


def test_a_form_that_is_sent_twice_asks_once_in_the_language_of_the_page(option):
    german = Client(headers={"Accept-Language": "de"})
    form = visit(german, page_of(option)).form("email")
    typed = {"quantity": "1", "email": "ada@example.org"}
    assert form.send(**typed).address == form.send(**typed).address
    assert Mail.objects.count() == 1
    assert Waiter.objects.get().language == "de"


def test_there_is_no_list_for_what_is_not_there(client, option):
    option.event.__class__.objects.update(published=False)
    with nothing_changes():
        assert client.get(page_of(option)).status_code == 404


# To take up


def test_opening_the_page_buys_nothing_and_strangers_do_not_find_it(client, option):
    waiter = offered(option)
    with nothing_changes():
        assert client.get(take_up(waiter)).status_code == 404
    client.force_login(UserFactory())
    with nothing_changes():
        assert client.post(take_up(waiter), {"quantity": "1"}).status_code == 404
    mailed(client, waiter)
    with nothing_changes():
        assert "1 ticket is held for you" in visit(client, take_up(waiter)).words
    assert states(waiter) == [("offered", 1)]


def test_a_stranger_with_the_link_logs_in_before_the_form_buys(client, option):
    waiter = offered(option)
    mailed(client, waiter)
    with nothing_changes():
        answer = client.post(take_up(waiter), {"quantity": "1"})
    assert answer["Location"] == f"/account/log-in/?next={take_up(waiter)}"


def test_whoever_buys_fewer_leaves_the_rest_to_the_next_and_sending_it_twice_buys_once(client, option):
    waiter, other = offered(option, 3), join(option, 2)
    client.force_login(UserFactory())
    mailed(client, waiter)
    form = visit(client, take_up(waiter)).form("quantity")
    with nothing_changes():
        assert "must be a whole number from 1 to 3" in form.send(quantity="4").words
    for _twice in range(2):
        assert form.send(quantity="1").address.startswith("/panel/tickets/")
    assert Purchase.objects.filter(account__isnull=False).count() == 1
    assert (states(other), left(option)) == ([("offered", 2)], 0)
    assert broken() == set()


def test_an_offer_that_has_ended_leads_back_to_the_place(client, option):
    owner = UserFactory()
    waiter, waiting = offered(option), join(option)
    Waiter.objects.update(account=owner)
    client.force_login(owner)
    form = visit(client, take_up(waiter))
    comes_due(waiter)
    assert "Nothing is held for you now, or not any more." in form.forms[-1].send().words
    with nothing_changes():
        assert visit(client, take_up(waiting)).address.startswith(f"/panel/waiting/{waiting.pk}/")


def test_a_gate_with_the_link_is_told_that_it_cannot_buy(client, option):
    waiter = offered(option)
    client.force_login(UserFactory(role="gate"))
    mailed(client, waiter)
    assert "This account cannot buy tickets." in visit(client, take_up(waiter)).words
    with nothing_changes():
        client.post(take_up(waiter), {"quantity": "1"})
