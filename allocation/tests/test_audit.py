import uuid

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from allocation import actions
from allocation.audit import CHECKS
from allocation.models import Purchase, Ticket, TicketOption, Transfer
from allocation.tests.factories import PurchaseFactory, TicketFactory, TicketOptionFactory, bought_ticket
from ticketing.models import Activity, IdempotencyKey
from ticketing.tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def sold():
    """A little of everything that is as it should be."""
    TicketOptionFactory()
    TicketFactory()
    receipt = PurchaseFactory(quantity=3, key="k" * 22)
    PurchaseFactory(option=TicketOptionFactory(allocation=1))
    actions.scan(str(receipt.tickets[0]), gate="North", nonce=uuid.uuid4(), by=None)
    actions.invalidate(Ticket.objects.get(pk=receipt.tickets[0]), by=None)
    return receipt


def broken():
    """The ids of the promises that are untrue."""
    with connection.cursor() as cursor:
        return {id for id, promise, query in CHECKS if finds(cursor, query)}


def finds(cursor, query):
    cursor.execute(query)
    return cursor.fetchall()


def option_of(receipt):
    return Purchase.objects.get(pk=receipt.id).option_id


def without(table, *constraints):
    """Take the guards away, so that damage can be planted; the test's transaction brings them back."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for name in constraints:
            cursor.execute(f"ALTER TABLE allocation_{table} DROP CONSTRAINT IF EXISTS allocation_{table}_{name}")
            cursor.execute(f"DROP INDEX IF EXISTS allocation_{table}_{name}")  # a rule with a condition is an index


def test_nothing_is_found_where_nothing_is_wrong(sold):
    assert broken() == set()
    assert [id for id, promise, query in CHECKS] == [
        "E1",
        "E2",
        "E3",
        "E5",
        "E8",
        "E4",
        "E4",
        "E6",
        "E7",
        "E9",
        "E9",
        "X2",
    ]


@pytest.mark.parametrize("change", [{"taken": F("taken") + 1}, {"taken": F("taken") - 1}, {"held": 1}])
def test_a_count_that_its_tickets_do_not_explain_is_found(sold, change):
    TicketOption.objects.filter(pk=option_of(sold)).update(**change)
    assert broken() == {"E1"}


def test_a_hold_that_nothing_explains_is_found(sold):
    TicketOption.objects.filter(taken=0).update(taken=1, held=1)
    assert broken() == {"E1"}


def test_a_lost_ticket_is_found(sold):
    Ticket.objects.filter(pk=sold.tickets[2]).delete()
    assert broken() == {"E1", "E2", "E8"}


def test_a_gap_in_the_numbers_is_found(sold):
    Ticket.objects.filter(pk=sold.tickets[2]).update(number=4)
    assert broken() == {"E2"}


def test_a_purchase_that_says_another_quantity_is_found(sold):
    Purchase.objects.filter(pk=sold.id).update(quantity=2)
    assert broken() == {"E2"}


def test_a_ticket_of_another_option_than_its_purchase_is_found(sold):
    Ticket.objects.filter(pk=sold.tickets[0]).update(option=TicketOption.objects.exclude(pk=option_of(sold)).first())
    assert broken() == {"E1", "E2", "E8"}


def test_a_purchase_without_tickets_is_found(sold):
    Purchase.objects.create(option_id=option_of(sold), buyer=uuid.uuid4(), quantity=1)
    assert broken() == {"E2", "X2"}


def test_a_key_that_leads_nowhere_is_found(sold):
    IdempotencyKey.objects.update(made=uuid.uuid4())
    assert broken() == {"E3"}


def test_a_key_that_leads_to_another_options_purchase_is_found(sold):
    IdempotencyKey.objects.update(made=Purchase.objects.exclude(pk=sold.id).get().pk)
    assert broken() == {"E3"}


def test_two_keys_for_one_purchase_are_found(sold):
    known = IdempotencyKey.objects.get()
    known.pk, known.key = None, "another key of the same caller"
    known.save()
    assert broken() == {"E3"}


@pytest.mark.parametrize("days", [-2, 2])
def test_an_admission_at_an_impossible_time_is_found(sold, days):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE allocation_ticket SET admitted_at = now() + make_interval(days => %s)", [days])
    assert broken() == {"E4"}


def test_an_allocation_below_what_is_taken_is_found(sold):
    without("ticketoption", "taken_within_capacity")
    TicketOption.objects.filter(pk=option_of(sold)).update(capacity=2)
    assert broken() == {"E1", "E6"}


def test_a_hold_outside_what_is_taken_is_found(sold):
    without("ticketoption", "held_within_taken")
    TicketOption.objects.filter(taken=0).update(held=1)
    assert broken() == {"E1", "E6"}


@pytest.mark.parametrize("id", ["d9d961be-3c7c-11ea-8e4c-8c1645e0f94e", "00000000-0000-4000-0000-000000000001"])
def test_an_id_that_can_be_guessed_is_found(sold, id):
    Ticket.objects.create(pk=id)
    assert broken() == {"E7"}


def test_a_purchase_that_the_trail_does_not_know_is_found(sold):
    Activity.objects.filter(object_id=sold.id).delete()
    assert broken() == {"X2"}


def test_a_purchase_that_the_trail_has_twice_is_found(sold):
    line = Activity.objects.get(object_id=sold.id)
    line.pk = None
    line.save()
    assert broken() == {"X2"}


@pytest.fixture
def handed_on():
    """A ticket that went to somebody who offers it to the next."""
    ann, ben = UserFactory(), UserFactory()
    ticket = bought_ticket(buyer=ann.pk, by=ann)
    actions.accept_transfer(actions.offer_transfer(ticket, by=ann), by=ben)
    actions.offer_transfer(ticket, by=ben)
    assert broken() == set()
    return ticket


@pytest.mark.parametrize("change", [{"code_version": 1}, {"code_version": 3}, {"holder": None}, {"admitted_at": Now()}])
def test_a_ticket_that_its_transfers_do_not_explain_is_found(handed_on, change):
    Ticket.objects.filter(pk=handed_on.pk).update(**change)
    assert "E9" in broken()


def test_a_holder_who_neither_bought_nor_accepted_is_found(sold):
    Ticket.objects.filter(purchase=sold.id, number=1).update(holder=UserFactory())
    assert broken() == {"E9"}


def test_two_links_of_one_ticket_are_found(handed_on):
    without("transfer", "one_open")
    offer = Transfer.objects.get(state="offered")
    Transfer.objects.create(ticket=handed_on, by=offer.by, until=offer.until)
    assert broken() == {"E9"}
