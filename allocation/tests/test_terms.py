"""Events, and on which terms their tickets are sold."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from allocation import actions
from allocation.errors import (
    BelowTaken,
    LimitReached,
    NoLongerOnSale,
    NotOnSaleYet,
    SoldOut,
    TermsMisfit,
    TooManyAtOnce,
    WrongQuantity,
)
from allocation.models import BuyerCount, Event, Purchase, Ticket, TicketOption
from allocation.tests.factories import EventFactory, PurchaseFactory, TicketOptionFactory
from ticketing.clocks import database_now
from ticketing.errors import Invalid, LogInFirst, NotAllowed, NotFound, Refused
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

ANYBODY = AnonymousUser()
AN_HOUR = timedelta(hours=1)


def buy(wanted, *, by=None, buyer=None):
    person = buyer.pk if buyer else uuid.uuid4()
    return actions.buy({option.pk: quantity for option, quantity in wanted.items()}, buyer=person, by=by)


def refused(kind, wanted, **who):
    with nothing_changes(), pytest.raises(kind) as refusal:
        buy(wanted, **who)
    return str(refusal.value)


def test_an_event_is_prepared_by_supervisors_only():
    agent = UserFactory(role="agent")
    with nothing_changes(), pytest.raises(NotAllowed):
        EventFactory(by=agent)
    assert EventFactory(by=UserFactory(role="supervisor")).published


@pytest.mark.parametrize(
    "said", [{"time_zone": "Moon/Base"}, {"name": " "}, {"venue": "x" * 201}, {"ends_at": EventFactory.starts_at}]
)
def test_an_event_that_makes_no_sense_is_refused(said):
    with nothing_changes(), pytest.raises(Refused) as refusal:
        EventFactory(**said)
    assert refusal.value.field == next(iter(said))


def test_the_database_refuses_an_event_that_ends_before_it_begins():
    event = EventFactory()
    with pytest.raises(IntegrityError, match="ends_after_begin"), transaction.atomic():
        Event.objects.update(ends_at=event.starts_at)


def test_what_is_not_published_is_there_for_supervisors_only():
    option = TicketOptionFactory(event=EventFactory(published=False))
    boss, customer = UserFactory(role="supervisor"), UserFactory()
    for rows in (TicketOption.objects, Event.objects):
        assert rows.visible_to(boss, "allocation.see_options").exists()
        for stranger in (customer, ANYBODY, UserFactory(role="agent")):
            assert not rows.visible_to(stranger, "allocation.see_options").exists()
    refused(NotFound, {option: 1}, by=customer, buyer=customer)
    refused(NotOnSaleYet, {option: 1}, by=boss)
    actions.change_event(option.event, published=True, by=boss)
    assert buy({option: 1}, by=customer, buyer=customer).quantity == 1


def test_an_option_is_sold_in_its_time_only():
    option, now = TicketOptionFactory(), database_now()
    actions.set_terms(option, on_sale_from=now + AN_HOUR, by=None)
    assert option.name in refused(NotOnSaleYet, {option: 1})
    actions.set_terms(option, on_sale_from=None, on_sale_until=now - AN_HOUR, by=None)
    refused(NoLongerOnSale, {option: 1})
    actions.set_terms(option, on_sale_from=now - AN_HOUR, on_sale_until=now + AN_HOUR, by=None)
    assert buy({option: 1}).quantity == 1


def test_a_sale_ends_with_its_event_and_moves_with_it():
    event = EventFactory()
    option = TicketOptionFactory(event=event)
    early = TicketOptionFactory(event=event, on_sale_until=event.ends_at - AN_HOUR)
    assert option.on_sale_until == event.ends_at
    with nothing_changes(), pytest.raises(TermsMisfit):
        actions.set_terms(option, on_sale_until=event.ends_at + AN_HOUR, by=None)
    for later in (2, -2):
        actions.change_event(event, ends_at=event.ends_at + later * AN_HOUR, by=None)
        ends = dict(TicketOption.objects.values_list("pk", "on_sale_until"))
        assert ends == {
            option.pk: event.ends_at + later * AN_HOUR,
            early.pk: event.ends_at + min(later, -1) * AN_HOUR,
        }


def test_so_many_in_one_purchase_and_no_others():
    option = TicketOptionFactory(least=2, most=4)
    for quantity in (1, 5):
        assert "2 to 4" in refused(WrongQuantity, {option: quantity})
    assert [buy({option: quantity}).quantity for quantity in (2, 4)] == [2, 4]


def test_one_customer_has_no_more_than_the_limit_over_all_purchases():
    option, other = TicketOptionFactory(limit=3), TicketOptionFactory()
    ann, bob = UserFactory(), UserFactory()
    buy({option: 2}, buyer=ann)
    assert "3 of" in refused(LimitReached, {option: 2}, buyer=ann)
    refused(LimitReached, {option: 4}, buyer=bob)
    buy({option: 1, other: 5}, buyer=ann)
    refused(LimitReached, {option: 1}, buyer=ann)
    buy({option: 3}, buyer=bob)
    assert dict(BuyerCount.objects.filter(option=option).values_list("buyer", "taken")) == {ann.pk: 3, bob.pk: 3}


def test_a_limit_that_is_set_later_counts_what_was_bought_before():
    option, ann = TicketOptionFactory(), UserFactory()
    buy({option: 2}, buyer=ann)
    actions.set_terms(option, limit=2, by=None)
    refused(LimitReached, {option: 1}, buyer=ann)


def test_several_options_in_one_purchase():
    first, second = sorted((TicketOptionFactory(), TicketOptionFactory()), key=lambda option: option.pk)
    receipt = buy({second: 1, first: 2})
    purchase = Purchase.objects.get()
    assert (purchase.option, purchase.quantity, receipt.quantity) == (None, 3, 3)
    tickets = Ticket.objects.order_by("number")
    assert [(ticket.option, ticket.number) for ticket in tickets] == [(first, 1), (first, 2), (second, 3)]
    assert [option.taken for option in TicketOption.objects.order_by("pk")] == [2, 1]


def test_several_options_are_bought_all_or_none():
    plenty, none = TicketOptionFactory(), TicketOptionFactory(allocation=1)
    buy({none: 1})
    assert "sold out" in refused(SoldOut, {plenty: 1, none: 1})


def test_the_tickets_of_all_options_are_counted_together():
    one, two = (TicketOptionFactory(allocation=20_000) for _ in range(2))
    refused(TooManyAtOnce, {one: 5_000, two: 5_001})


def test_nothing_is_no_purchase():
    refused(Invalid, {})


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"least": 0}, "least"),
        ({"least": 3, "most": 2}, "most"),
        ({"least": 3, "limit": 2}, "limit"),
        ({"limit": 0}, "limit"),
        ({"on_sale_from": EventFactory.ends_at, "on_sale_until": EventFactory.starts_at}, "on_sale_until"),
    ],
)
def test_terms_that_make_no_sense_are_refused(terms, field):
    option = TicketOptionFactory()
    with nothing_changes(), pytest.raises(Refused) as refusal:
        actions.set_terms(option, **terms, by=None)
    assert refusal.value.field == field
    with pytest.raises(IntegrityError), transaction.atomic():
        TicketOption.objects.update(**terms)


def test_an_allocation_below_what_is_taken_is_refused_with_the_number():
    option = PurchaseFactory(quantity=3) and TicketOption.objects.get()
    with nothing_changes(), pytest.raises(BelowTaken, match="3 tickets"):
        actions.set_allocation(option, allocation=2, by=None)


def test_anonymous_people_prepare_no_events_in_the_demo_either():
    with nothing_changes(), pytest.raises(LogInFirst):
        EventFactory(by=ANYBODY)
