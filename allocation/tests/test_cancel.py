"""Tickets that are given back."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from allocation import actions
from allocation.errors import NotBought, TicketCancelled, TicketUsed, TooLateToCancel
from allocation.models import BuyerCount, Event, Purchase, Ticket, TicketOption
from allocation.tests.factories import EventFactory, PurchaseFactory, TicketFactory, TicketOptionFactory
from allocation.tests.test_audit import broken
from ticketing.clocks import database_now
from ticketing.errors import NotAllowed
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


def bought(quantity=3, **option):
    person = UserFactory()
    option = TicketOptionFactory(**{"allocation": 3, **option})
    PurchaseFactory(option=option, quantity=quantity, buyer=person.pk, by=person)
    return option, person


def left(option):
    return TicketOption.objects.get(pk=option.pk).left


def test_given_back_tickets_admit_nobody_and_return_their_places_once():
    option, ann = bought(limit=3)
    first = Ticket.objects.get(number=1)
    for _twice in range(2):
        assert actions.cancel_ticket(first, by=ann).cancelled_at
        assert (left(option), BuyerCount.objects.get().taken) == (1, 2)
    for _twice in range(2):
        actions.cancel_purchase(Purchase.objects.get(), by=ann)
        assert (left(option), BuyerCount.objects.get().taken) == (3, 0)
    assert not Ticket.objects.filter(valid=True).exists()
    assert Activity.objects.filter(operation="allocation.cancel").count() == 3
    assert broken() == set()


def test_tickets_are_marked_and_never_removed():
    _option, ann = bought()
    actions.cancel_purchase(Purchase.objects.get(), by=ann)
    assert (Ticket.objects.count(), Purchase.objects.get().quantity) == (3, 3)


def test_what_was_given_back_is_for_sale_again():
    option, ann = bought(limit=3)
    actions.cancel_purchase(Purchase.objects.get(), by=ann)
    PurchaseFactory(option=option, quantity=3, buyer=ann.pk, by=ann)
    assert left(option) == 0


def test_a_given_back_ticket_is_never_made_valid_again():
    _option, ann = bought()
    ticket = actions.cancel_ticket(Ticket.objects.first(), by=ann)
    with nothing_changes(), pytest.raises(TicketCancelled):
        actions.validate(ticket, by=None)
    with nothing_changes():
        actions.invalidate(ticket, by=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        Ticket.objects.filter(pk=ticket.pk).update(valid=True)


def test_a_used_ticket_is_not_given_back_nor_any_with_it():
    bought()
    Ticket.objects.filter(number=2).update(admitted_at=Now())
    with nothing_changes(), pytest.raises(TicketUsed):
        actions.cancel_purchase(Purchase.objects.get(), by=None)


def test_a_ticket_that_nobody_bought_is_not_given_back():
    ticket = TicketFactory()
    with nothing_changes(), pytest.raises(NotBought):
        actions.cancel_ticket(ticket, by=None)


@pytest.mark.parametrize("deadline", ["cancel_until", "starts_at"])
def test_customers_give_back_until_the_deadline_and_supervisors_after_it(deadline):
    now = database_now()
    event = EventFactory(starts_at=now + timedelta(hours=1), ends_at=now + timedelta(hours=4))
    _option, ann = bought(event=event)
    Event.objects.update(**{deadline: now - timedelta(seconds=1)})
    with nothing_changes(), pytest.raises(TooLateToCancel):
        actions.cancel_purchase(Purchase.objects.get(), by=ann)
    actions.cancel_purchase(Purchase.objects.get(), by=UserFactory(role="supervisor"))
    assert broken() == set()


def test_gates_give_nothing_back():
    bought()
    gate = UserFactory(role="gate")
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.cancel_purchase(Purchase.objects.get(), by=gate)


def test_a_purchase_of_several_options_returns_to_each():
    one, two, ann = TicketOptionFactory(), TicketOptionFactory(), UserFactory()
    actions.buy({one.pk: 2, two.pk: 1}, buyer=ann.pk, by=ann)
    actions.cancel_purchase(Purchase.objects.get(), by=ann)
    assert (left(one), left(two)) == (10, 10)
    assert broken() == set()
