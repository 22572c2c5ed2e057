"""Many people at once, on real connections."""

import random
import threading
import uuid
from collections import Counter

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.test import Client

from allocation import actions
from allocation.audit import CHECKS
from allocation.errors import BelowTaken, SoldOut
from allocation.models import Purchase, Ticket, TicketOption
from allocation.tests.factories import TicketFactory, TicketOptionFactory
from ticketing.errors import KeyReused
from ticketing.models import Activity, IdempotencyKey

pytestmark = pytest.mark.django_db(transaction=True)

ANYBODY = AnonymousUser()
KEY = "4f6a2a0e-0a7b-4a7b-8a35-3f6f0d6f7d10"


def at_once(*calls):
    """What each call returned or raised; all start together, each on a connection of its own."""
    gate, answers = threading.Barrier(len(calls)), [None] * len(calls)

    def run(place, call):
        try:
            connection.ensure_connection()
            gate.wait(30)
            answers[place] = call()
        except Exception as error:
            answers[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def kinds(answers):
    return Counter(type(answer) for answer in answers)


def buy(option, quantity=1, *, key="", buyer=None):
    return actions.purchase(option.pk, quantity=quantity, buyer=buyer or uuid.uuid4(), by=ANYBODY, key=key)


def the_books_are_right():
    with connection.cursor() as cursor:
        for _id, promise, query in CHECKS:
            cursor.execute(query)
            assert cursor.fetchall() == [], promise
    return True


def test_forty_people_want_one_of_twenty_five():
    option = TicketOptionFactory(allocation=25)
    answers = at_once(*[lambda: buy(option)] * 40)
    assert kinds(answers) == {actions.Receipt: 25, SoldOut: 15}
    option.refresh_from_db()
    assert (option.left, Ticket.objects.count(), Purchase.objects.count()) == (0, 25, 25)
    assert the_books_are_right()


def test_random_quantities_end_exactly_full():
    option = TicketOptionFactory(allocation=100)
    quantities = [random.randint(1, 9) for _ in range(40)]
    answers = at_once(*[lambda quantity=quantity: buy(option, quantity) for quantity in quantities])
    assert set(kinds(answers)) <= {actions.Receipt, SoldOut}
    sold = sum(answer.quantity for answer in answers if isinstance(answer, actions.Receipt))
    option.refresh_from_db()
    assert option.taken == sold <= 100
    # Whoever was refused asked for more than was left, then or later.
    assert all(
        quantity > option.left
        for quantity, answer in zip(quantities, answers, strict=True)
        if isinstance(answer, SoldOut)
    )
    at_once(*[lambda: buy(option)] * (option.left + 5))
    assert Ticket.objects.count() == 100
    assert the_books_are_right()


def test_one_key_fifty_times_at_once_is_one_purchase():
    option, buyer = TicketOptionFactory(allocation=100), uuid.uuid4()
    answers = at_once(*[lambda: buy(option, 2, key=KEY, buyer=buyer)] * 50)
    assert kinds(answers) == {actions.Receipt: 50}
    assert Counter(answer.replayed for answer in answers) == {False: 1, True: 49}
    assert len({(answer.id, answer.created_at, tuple(answer.tickets)) for answer in answers}) == 1
    assert (Purchase.objects.count(), Ticket.objects.count(), IdempotencyKey.objects.count()) == (1, 2, 1)
    assert the_books_are_right()


def test_one_key_with_different_bodies_at_once_is_one_purchase_and_no_sell_out():
    option, buyer = TicketOptionFactory(allocation=3), uuid.uuid4()
    answers = at_once(*[lambda n=n: buy(option, 1 + n % 3, key=KEY, buyer=buyer) for n in range(30)])
    assert kinds(answers) == {actions.Receipt: 10, KeyReused: 20}
    assert Counter(answer.replayed for answer in answers if isinstance(answer, actions.Receipt)) == {False: 1, True: 9}
    assert Purchase.objects.count() == 1
    assert the_books_are_right()


def test_an_outlived_key_thirty_times_at_once_is_one_new_purchase():
    option, buyer = TicketOptionFactory(allocation=100), uuid.uuid4()
    buy(option, key=KEY, buyer=buyer)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ticketing_idempotencykey SET created_at = created_at - interval '25 hours'")
    answers = at_once(*[lambda: buy(option, key=KEY, buyer=buyer)] * 30)
    assert Counter(answer.replayed for answer in answers) == {False: 1, True: 29}
    assert Purchase.objects.count() == 2
    assert the_books_are_right()


def test_twins_of_a_refused_request_are_each_refused():
    option, buyer = TicketOptionFactory(allocation=1), uuid.uuid4()
    answers = at_once(*[lambda: buy(option, 2, key=KEY, buyer=buyer)] * 20)
    assert kinds(answers) == {SoldOut: 20}
    assert not IdempotencyKey.objects.exists()


def test_a_twin_that_waits_too_long_is_told_to_come_again():
    option, buyer = TicketOptionFactory(), uuid.uuid4()
    headers = {"Idempotency-Key": KEY}
    data = {"Quantity": 1, "UserID": str(buyer)}

    def twin():
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        path = f"/ticket_options/{option.pk}/purchases"
        return Client().post(path, data, content_type="application/json", headers=headers)

    with transaction.atomic():
        first = buy(option, key=KEY, buyer=buyer)
        [response] = at_once(twin)
    assert (response.status_code, response["Retry-After"]) == (409, "1")
    [response] = at_once(twin)
    assert (response.json()["ID"], response["Idempotent-Replayed"]) == (str(first.id), "true")


def test_an_allocation_shrinks_beside_sales_without_going_below_them():
    option = TicketOptionFactory(allocation=30)
    sales = [lambda: buy(option)] * 25
    cuts = [lambda n=n: actions.set_allocation(option, allocation=n, by=None) for n in range(5, 20)]
    answers = at_once(*random.sample([*sales, *cuts], len(sales) + len(cuts)))
    assert set(kinds(answers)) <= {actions.Receipt, SoldOut, TicketOption, BelowTaken}
    assert the_books_are_right()


def test_purchases_of_several_options_at_once_never_block_each_other_for_good():
    options = [TicketOptionFactory(allocation=10) for _ in range(4)]
    answers = at_once(*[lambda n=n: buy(options[n % 4], key=f"{KEY}{n}") for n in range(48)])
    assert kinds(answers) == {actions.Receipt: 40, SoldOut: 8}
    assert the_books_are_right()


def test_validity_changes_at_once_leave_a_trail_that_alternates():
    ticket = TicketFactory()
    by_turns = [actions.invalidate, actions.validate] * 15
    answers = at_once(*[lambda verb=verb: verb(Ticket.objects.get(), by=None).valid for verb in by_turns])
    assert answers == [False, True] * 15
    trail = [
        line.details["valid"] for line in Activity.objects.about(ticket).filter(operation="allocation.set_validity")
    ]
    assert trail == [position % 2 == 1 for position in range(len(trail))]
    assert Ticket.objects.get().valid == (len(trail) % 2 == 0)
