import uuid

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection, transaction

from allocation import actions
from allocation.errors import NotYourPurchase, SoldOut, TooManyAtOnce
from allocation.models import Purchase, Ticket, TicketOption
from allocation.tests.factories import PurchaseFactory, TicketOptionFactory, bought_ticket
from ticketing.errors import Invalid, LogInFirst, NotAllowed, NotFound
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

ANYBODY = AnonymousUser()


def buy(option, quantity=1, *, by=ANYBODY, buyer=None, key=""):
    return actions.purchase(option.pk, quantity=quantity, buyer=buyer or uuid.uuid4(), by=by, key=key)


def test_a_purchase_issues_one_numbered_ticket_per_unit():
    option = TicketOptionFactory(allocation=10)
    receipt = buy(option, 3)
    purchase = Purchase.objects.get()
    assert (purchase.pk, purchase.option, purchase.buyer) == (receipt.id, option, receipt.buyer)
    assert (purchase.quantity, purchase.created_at, purchase.account) == (3, receipt.created_at, None)
    tickets = Ticket.objects.order_by("number")
    assert [ticket.pk for ticket in tickets] == receipt.tickets
    assert [ticket.number for ticket in tickets] == [1, 2, 3]
    assert {(ticket.option, ticket.purchase, ticket.valid, ticket.admitted_at) for ticket in tickets} == {
        (option, purchase, True, None)
    }
    assert {id.version for id in [receipt.id, *receipt.tickets]} == {4}
    option.refresh_from_db()
    assert (option.sold, option.left) == (3, 7)
    assert not receipt.replayed


def test_a_purchase_does_not_count_as_a_change_of_the_option():
    option = TicketOptionFactory()
    buy(option)
    assert TicketOption.objects.get().updated_at == option.updated_at


def test_the_trail_says_who_bought_how_many_of_what():
    option, agent = TicketOptionFactory(), UserFactory(role="agent")
    receipt = buy(option, 2, by=agent)
    [line] = Activity.objects.about(Purchase.objects.get())
    assert (line.operation, line.actor, line.role, line.kind, line.object_id, line.at) == (
        "allocation.purchase",
        agent,
        "agent",
        "allocation.purchase",
        receipt.id,
        receipt.created_at,
    )
    assert line.details == {"quantity": 2, "option": str(option.pk)}


def test_the_last_tickets_can_be_bought_and_then_no_more():
    option = TicketOptionFactory(allocation=5)
    buy(option, 5)
    with nothing_changes(), pytest.raises(SoldOut):
        buy(option)


def test_more_than_is_left_is_sold_out_and_changes_nothing():
    option = TicketOptionFactory(allocation=5)
    buy(option, 3)
    for quantity in (3, 6, actions.MAX_AT_ONCE + 1, 2**31 - 1):
        with nothing_changes(), pytest.raises(SoldOut):
            buy(option, quantity, key="k" * 22)


def test_a_refusal_leaves_the_transaction_around_it_usable():
    option = TicketOptionFactory(allocation=1)
    with transaction.atomic():
        with pytest.raises(SoldOut):
            buy(option, 2)
        assert buy(option).quantity == 1


def test_an_unknown_option_is_not_found():
    for quantity in (1, 2**31 - 1):
        with nothing_changes(), pytest.raises(NotFound):
            actions.purchase(uuid.uuid4(), quantity=quantity, buyer=uuid.uuid4(), by=ANYBODY, key="k" * 22)


def test_a_purchase_holds_at_most_ten_thousand_tickets():
    option = TicketOptionFactory(allocation=2**31 - 1)
    with nothing_changes(), pytest.raises(TooManyAtOnce) as refusal:
        buy(option, actions.MAX_AT_ONCE + 1)
    assert refusal.value.field == "quantity"
    assert len(set(buy(option, actions.MAX_AT_ONCE).tickets)) == 10_000


def test_a_quantity_is_a_positive_integer():
    option = TicketOptionFactory()
    for quantity in (0, -1, 2**31):
        with nothing_changes(), pytest.raises(Invalid) as refusal:
            buy(option, quantity)
        assert refusal.value.field == "quantity"


def test_the_account_is_the_callers_own_and_never_a_claim():
    option, person, other = TicketOptionFactory(), UserFactory(), UserFactory()
    assert account_of(buy(option, by=person, buyer=person.pk)) == person
    assert account_of(buy(option, by=person, buyer=other.pk)) is None
    assert account_of(buy(option, by=ANYBODY, buyer=person.pk)) is None
    assert account_of(buy(option, by=UserFactory(role="gate"), buyer=person.pk)) is None


@pytest.mark.parametrize("role", ["agent", "supervisor"])
def test_whoever_buys_on_behalf_names_the_account(role):
    option, person, helper = TicketOptionFactory(), UserFactory(), UserFactory(role=role)
    assert account_of(buy(option, by=helper, buyer=person.pk)) == person
    assert account_of(buy(option, by=helper, buyer=uuid.uuid4())) is None
    assert account_of(buy(option, by=None, buyer=person.pk)) == person


def account_of(receipt):
    return Purchase.objects.get(pk=receipt.id).account


def test_in_production_a_customer_buys_for_nobody_else(production):
    option, person, gate = TicketOptionFactory(), UserFactory(), UserFactory(role="gate")
    assert account_of(buy(option, by=person, buyer=person.pk)) == person
    with nothing_changes(), pytest.raises(NotYourPurchase):
        buy(option, by=person)
    with nothing_changes(), pytest.raises(NotAllowed):
        buy(option, by=gate, buyer=gate.pk)
    with nothing_changes(), pytest.raises(LogInFirst):
        buy(option, by=ANYBODY)
    assert account_of(buy(option, by=UserFactory(role="agent"), buyer=person.pk)) == person


def test_in_production_a_customer_sees_their_own_purchases(production):
    person, other = UserFactory(), UserFactory()
    mine = buy(TicketOptionFactory(), by=person, buyer=person.pk)
    buy(TicketOptionFactory(), by=other, buyer=other.pk)
    boss = UserFactory(role="supervisor")
    assert [row.pk for row in Purchase.objects.visible_to(person, "allocation.list_tickets")] == [mine.id]
    assert Purchase.objects.visible_to(boss, "allocation.list_tickets").count() == 2
    with pytest.raises(NotAllowed):
        Purchase.objects.visible_to(UserFactory(role="gate"), "allocation.list_tickets")


def test_the_purchase_outlives_the_account():
    person = UserFactory()
    receipt = buy(TicketOptionFactory(), by=person, buyer=person.pk)
    person.delete()
    assert account_of(receipt) is None


def test_what_was_sold_keeps_its_option_and_its_purchase():
    ticket = bought_ticket()
    for row in (ticket.purchase, ticket.option):
        with pytest.raises(IntegrityError):
            row.delete()


@pytest.mark.parametrize(
    ("broken", "constraint"),
    [
        ({"number": 0}, "allocation_ticket_number_positive"),
        ({"number": None}, "allocation_ticket_bought_or_issued"),
        ({"option": None}, "allocation_ticket_bought_or_issued"),
        ({"purchase": None}, "allocation_ticket_bought_or_issued"),
        ({"number": 1}, "allocation_ticket_number_once"),
    ],
)
def test_the_database_keeps_the_tickets_of_a_purchase_apart(broken, constraint):
    receipt = PurchaseFactory(quantity=2)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Ticket.objects.filter(pk=receipt.tickets[1]).update(**broken)


def test_the_database_knows_no_empty_purchase():
    PurchaseFactory()
    with pytest.raises(IntegrityError, match="allocation_purchase_quantity_positive"), transaction.atomic():
        Purchase.objects.update(quantity=0)


def test_selling_writes_the_option_without_touching_its_indexes():
    """The table leaves room on each page and no index holds what a sale changes, so its updates can be heap-only."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE relname = 'allocation_ticketoption'")
        assert cursor.fetchone() == (["fillfactor=50"],)
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'allocation_ticketoption'")
        assert not [index for (index,) in cursor.fetchall() if "taken" in index or "held" in index]
