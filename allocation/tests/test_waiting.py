"""Waiting for what is sold out."""

import pytest
from django.db.models.functions import Now

from allocation import actions
from allocation.errors import LimitReached, SoldOut, WrongQuantity
from allocation.models import Purchase, Ticket, TicketOption
from allocation.tests.factories import HoldFactory, PurchaseFactory, TicketOptionFactory, pass_time
from allocation.tests.test_audit import broken
from ticketing.actions import NoOffer, ThereIsRoom, decline_offer, join_list
from ticketing.models import Waiter
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def option():
    option = TicketOptionFactory(allocation=3)
    PurchaseFactory(option=option, quantity=3)
    return option


def wait(option, quantity=1, **wish):
    person = UserFactory(email_confirmed_at=Now())
    return join_list(option, quantity=quantity, email=person.email, language="en", by=None, **wish)


def now(waiter):
    waiter.refresh_from_db()
    return waiter.state


def numbers(option):
    option.refresh_from_db()
    return option.sold, option.held, option.left


def give_back(count=1):
    actions.cancel_tickets(Ticket.objects.filter(cancelled_at=None).values_list("pk", flat=True)[:count], by=None)


def test_nobody_waits_for_what_is_left():
    with pytest.raises(ThereIsRoom):
        wait(TicketOptionFactory())
    assert not Waiter.objects.exists()


def test_a_returned_place_goes_to_the_first_who_waits_and_to_nobody_else(option):
    first, second = wait(option), wait(option)
    give_back()
    assert (now(first), now(second), numbers(option)) == ("offered", "waiting", (2, 1, 0))
    for take in (PurchaseFactory, HoldFactory):
        with nothing_changes(), pytest.raises(SoldOut):
            take(option=option)
    assert broken() == set()


def test_what_is_offered_is_bought_by_whoever_waited(option):
    waiter = wait(option, 2)
    give_back(2)
    person = waiter.account
    receipt = actions.buy_offer(waiter, buyer=person.pk, by=person)
    assert (now(waiter), receipt.quantity, numbers(option)) == ("accepted", 2, (3, 0, 0))
    assert Purchase.objects.get(pk=receipt.id).account == person
    with nothing_changes(), pytest.raises(NoOffer):
        actions.buy_offer(waiter, buyer=person.pk, by=person)
    assert broken() == set()


def test_fewer_than_offered_are_bought_and_the_rest_goes_to_the_next(option):
    first, second = wait(option, 2), wait(option)
    give_back(2)
    actions.buy_offer(first, quantity=1, buyer=first.account.pk, by=first.account)
    assert (now(second), numbers(option)) == ("offered", (2, 1, 0))
    assert broken() == set()


def test_a_declined_offer_goes_to_the_next(option):
    first, second = wait(option), wait(option)
    give_back()
    decline_offer(first, by=None)
    assert (now(second), numbers(option)) == ("offered", (2, 1, 0))


@pytest.mark.parametrize("take", [PurchaseFactory, HoldFactory])
def test_an_overdue_offer_is_for_sale_when_nobody_else_waits(option, take):
    waiter = wait(option)
    give_back()
    Waiter.objects.update(offered_until=Now())
    take(option=option)
    assert (now(waiter), numbers(option)[2]) == ("lapsed", 0)
    assert broken() == set()


@pytest.mark.parametrize("end", [actions.release_hold, lambda hold, by: pass_time() or actions.lapse_holds()])
def test_what_was_held_goes_to_the_list_first(end):
    option = TicketOptionFactory(allocation=1)
    hold = HoldFactory(option=option)
    waiter = wait(option)
    end(hold, by=None)
    assert (now(waiter), numbers(option)) == ("offered", (0, 1, 0))
    assert broken() == set()


def test_more_tickets_go_to_the_list_first(option):
    waiter = wait(option, 2)
    actions.set_allocation(option, allocation=6, by=None)
    assert (now(waiter), numbers(option)) == ("offered", (3, 2, 1))


def test_a_wish_keeps_the_terms_of_the_sale():
    option = TicketOptionFactory(allocation=9, most=4, limit=3)
    for _buyer in range(3):
        PurchaseFactory(option=option, quantity=3)
    for quantity, refusal in ((5, WrongQuantity), (4, LimitReached)):
        with pytest.raises(refusal):
            wait(option, quantity)
    assert not Waiter.objects.exists()


def test_nobody_waits_for_fewer_than_are_sold_at_once():
    option = TicketOptionFactory(allocation=2, least=2)
    PurchaseFactory(option=option, quantity=2)
    with pytest.raises(WrongQuantity, match="at least 2"):
        wait(option, 2, least=1)


def test_whoever_reached_the_limit_meanwhile_gets_no_more(option):
    waiter = wait(option, 2)
    person = waiter.account
    actions.set_allocation(option, allocation=6, by=None)
    PurchaseFactory(option=option, quantity=1, buyer=person.pk)
    actions.set_terms(option, limit=2, by=None)
    with nothing_changes(), pytest.raises(LimitReached):
        actions.buy_offer(waiter, buyer=person.pk, by=person)
    assert actions.buy_offer(waiter, quantity=1, buyer=person.pk, by=person).quantity == 1
    assert broken() == set()


def test_nobody_waits_for_what_is_no_longer_on_sale(option):
    waiter = wait(option)
    actions.set_terms(option, on_sale_until=Purchase.objects.get().created_at, by=None)
    give_back()
    assert (now(waiter), numbers(option)[2]) == ("waiting", 1)
    assert TicketOption.objects.over().get() == option
