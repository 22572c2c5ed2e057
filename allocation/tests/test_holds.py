"""Tickets that are held for whoever is about to buy them."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from allocation import actions
from allocation.errors import HoldEnded, LimitReached, NotYourPurchase, SoldOut
from allocation.models import BuyerCount, Hold, Purchase
from allocation.tests.factories import HoldFactory, PurchaseFactory, TicketOptionFactory, pass_time
from allocation.tests.test_audit import broken
from ticketing.clocks import database_now
from ticketing.errors import KeyReused, LogInFirst, NotAllowed
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


def numbers(option):
    option.refresh_from_db()
    return option.sold, option.held, option.left


def test_what_is_held_is_neither_sold_nor_left():
    option, ann = TicketOptionFactory(allocation=10), UserFactory()
    hold = HoldFactory(option=option, quantity=3, buyer=ann.pk, by=ann)
    assert numbers(option) == (0, 3, 7)
    assert (hold.account, hold.state, hold.purchase) == (ann, "held", None)
    assert timedelta(minutes=9) < hold.until - database_now() <= timedelta(minutes=10)
    assert broken() == set()


def test_nobody_gets_what_is_held_for_somebody():
    option = TicketOptionFactory(allocation=3)
    HoldFactory(option=option, quantity=2)
    for take in (PurchaseFactory, HoldFactory):
        with nothing_changes(), pytest.raises(SoldOut, match="Only 1 ticket"):
            take(option=option, quantity=2)


def test_a_hold_becomes_a_purchase_of_what_it_held():
    one, two, ann = TicketOptionFactory(), TicketOptionFactory(), UserFactory()
    hold = actions.hold_tickets({one.pk: 2, two.pk: 1}, buyer=ann.pk, by=ann)
    receipt = actions.confirm_hold(hold, by=ann)
    hold.refresh_from_db()
    assert (hold.state, hold.purchase) == ("confirmed", Purchase.objects.get(pk=receipt.id))
    assert (hold.purchase.account, hold.purchase.quantity) == (ann, 3)
    assert (numbers(one), numbers(two)) == ((2, 0, 8), (1, 0, 9))
    assert broken() == set()


def test_a_confirmed_hold_ends_once_and_a_repeated_key_answers_the_same():
    hold = HoldFactory(quantity=2)
    first, again = (actions.confirm_hold(hold, by=None, key="k" * 22) for _ in range(2))
    assert (first.id, first.tickets, first.replayed, again.replayed) == (again.id, again.tickets, False, True)
    for verb in (actions.confirm_hold, actions.release_hold):
        with nothing_changes(), pytest.raises(HoldEnded):
            verb(hold, by=None)


def test_what_is_released_is_left_again_once():
    option = TicketOptionFactory(allocation=5)
    hold = HoldFactory(option=option, quantity=5)
    for _twice in range(2):
        assert actions.release_hold(hold, by=None).state == "released"
        assert numbers(option) == (0, 0, 5)
    assert Activity.objects.filter(operation="allocation.release").count() == 1
    with nothing_changes(), pytest.raises(HoldEnded):
        actions.confirm_hold(hold, by=None)


def test_the_same_key_is_the_same_hold():
    option, ann = TicketOptionFactory(), UserFactory()
    wanted = {"buyer": ann.pk, "by": ann, "key": "k" * 22}
    first, again = (actions.hold_tickets({option.pk: 2}, **wanted) for _ in range(2))
    assert (first, first.replayed, again.replayed) == (again, False, True)
    assert numbers(option) == (0, 2, 8)
    with nothing_changes(), pytest.raises(KeyReused):
        actions.hold_tickets({option.pk: 1}, **wanted)


def test_an_overdue_hold_cannot_be_confirmed():
    hold = HoldFactory()
    pass_time()
    with nothing_changes(), pytest.raises(HoldEnded):
        actions.confirm_hold(hold, by=None)


@pytest.mark.parametrize("take", [PurchaseFactory, HoldFactory])
def test_an_overdue_hold_is_released_by_whoever_needs_it(take):
    option, other = TicketOptionFactory(allocation=3), TicketOptionFactory(allocation=3)
    hold = actions.hold_tickets({option.pk: 3, other.pk: 1}, buyer=UserFactory().pk, by=None)
    pass_time()
    take(option=option, quantity=2)
    assert Hold.objects.get(pk=hold.pk).state == "lapsed"
    assert (numbers(option)[2], numbers(other)) == (1, (0, 0, 3))
    assert broken() == set()


def test_several_options_with_overdue_holds_are_released_for_one_purchase():
    options = [TicketOptionFactory(allocation=1) for _ in range(3)]
    for option in options:
        HoldFactory(option=option)
    pass_time()
    receipt = actions.buy({option.pk: 1 for option in options}, buyer=UserFactory().pk, by=None)
    assert (receipt.quantity, Hold.objects.filter(state="lapsed").count()) == (3, 3)


def test_overdue_holds_are_left_alone_while_enough_is_left():
    option = TicketOptionFactory(allocation=3)
    HoldFactory(option=option)
    pass_time()
    PurchaseFactory(option=option, quantity=2)
    assert Hold.objects.held().count() == 1


def test_the_sweep_ends_what_nobody_needs():
    option = TicketOptionFactory(allocation=3)
    HoldFactory(option=option), HoldFactory(option=option)
    pass_time(pk=Hold.objects.first().pk)
    assert (actions.lapse_holds(), actions.lapse_holds()) == (1, 0)
    assert numbers(option) == (0, 1, 2)


def test_what_is_held_counts_for_the_limit():
    option, ann = TicketOptionFactory(limit=3), UserFactory()
    hold = HoldFactory(option=option, quantity=2, buyer=ann.pk)
    with nothing_changes(), pytest.raises(LimitReached):
        PurchaseFactory(option=option, quantity=2, buyer=ann.pk)
    actions.confirm_hold(hold, by=None)
    assert BuyerCount.objects.get().taken == 2
    actions.release_hold(HoldFactory(option=option, quantity=1, buyer=ann.pk), by=None)
    assert BuyerCount.objects.get().taken == 2
    HoldFactory(option=option, quantity=1, buyer=ann.pk)
    pass_time()
    actions.lapse_holds()
    assert BuyerCount.objects.get().taken == 2


def test_customers_hold_for_themselves_and_staff_for_others(client):
    option, ann, agent = TicketOptionFactory(), UserFactory(), UserFactory(role="agent")
    with nothing_changes(), pytest.raises(NotYourPurchase):
        HoldFactory(option=option, buyer=agent.pk, by=ann)
    mine = HoldFactory(option=option, buyer=ann.pk, by=agent)
    assert list(Hold.objects.visible_to(ann, "allocation.hold")) == [mine]
    assert not Hold.objects.visible_to(UserFactory(), "allocation.hold").exists()
    gate = UserFactory(role="gate")
    with nothing_changes(), pytest.raises(NotAllowed):
        HoldFactory(option=option, buyer=gate.pk, by=gate)


def test_nobody_holds_without_an_account_in_the_demo_either():
    option = TicketOptionFactory()
    with nothing_changes(), pytest.raises(LogInFirst):
        HoldFactory(option=option, by=AnonymousUser())


@pytest.mark.parametrize("change", [{"state": "confirmed"}, {"state": "gone"}])
def test_the_database_knows_what_a_hold_can_be(change):
    HoldFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        Hold.objects.update(**change)
