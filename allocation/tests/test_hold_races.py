"""Holds, purchases, returns and waiting lists at once, on real connections."""

import random
import threading
import time
import uuid
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.db.models.functions import Now

from allocation import actions
from allocation.errors import HoldEnded, LimitReached, SoldOut
from allocation.models import BuyerCount, Hold, Ticket, TicketOption
from allocation.tests.factories import HoldFactory, PurchaseFactory, TicketOptionFactory, pass_time
from allocation.tests.test_audit import broken
from allocation.tests.test_races import at_once, kinds
from ticketing.actions import NoOffer, ThereIsRoom, join_list
from ticketing.models import Activity, Waiter
from ticketing.tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS, THREADS, LIMIT = 10, 16, 6


def test_a_hold_that_is_confirmed_released_and_overdue_at_once_ends_once():
    option = TicketOptionFactory(allocation=1)
    for _round in range(20):
        hold = HoldFactory(option=option)
        Hold.objects.filter(pk=hold.pk).update(until=Now() + timedelta(seconds=random.choice([0.0, 0.005, 0.02])))
        answers = at_once(
            partial(actions.confirm_hold, hold, by=None),
            partial(actions.release_hold, hold, by=None),
            lambda: actions.purchase(option.pk, quantity=1, buyer=uuid.uuid4(), by=None),
            actions.lapse_holds,
        )
        assert not [answer for answer in answers if isinstance(answer, Exception) and not is_refusal(answer)]
        assert broken() == set()
        assert Activity.objects.filter(object_id=hold.pk).exclude(operation="allocation.hold").count() <= 1
        actions.lapse_holds()
        actions.cancel_tickets(Ticket.objects.filter(cancelled_at=None).values_list("pk", flat=True), by=None)
    assert TicketOption.objects.get().left == 1


def is_refusal(answer):
    return isinstance(answer, SoldOut | HoldEnded | LimitReached)


def test_one_overdue_hold_and_many_who_want_it_is_one_sale():
    option = TicketOptionFactory(allocation=1)
    HoldFactory(option=option)
    pass_time()
    answers = at_once(*[lambda: actions.purchase(option.pk, quantity=1, buyer=uuid.uuid4(), by=None)] * 20)
    assert kinds(answers) == {actions.Receipt: 1, SoldOut: 19}
    assert broken() == set()


def test_one_customer_at_once_gets_no_more_than_the_limit():
    option, buyer = TicketOptionFactory(allocation=100, limit=4), uuid.uuid4()
    ways = [
        lambda: actions.purchase(option.pk, quantity=1, buyer=buyer, by=None),
        lambda: actions.hold_tickets({option.pk: 1}, buyer=buyer, by=None),
    ]
    answers = at_once(*ways * 12)
    assert kinds(answers)[LimitReached] == 20
    assert BuyerCount.objects.get().taken == 4
    assert broken() == set()


def test_one_key_twenty_times_at_once_is_one_hold():
    option, buyer = TicketOptionFactory(allocation=100), uuid.uuid4()
    answers = at_once(*[lambda: actions.hold_tickets({option.pk: 3}, buyer=buyer, by=None, key="k" * 22)] * 20)
    assert len({answer.pk for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    assert TicketOption.objects.get().left == 97


def test_a_purchase_given_back_twenty_times_at_once_returns_once():
    option = TicketOptionFactory(allocation=5)
    receipt = PurchaseFactory(option=option, quantity=5)
    answers = at_once(*[lambda: actions.cancel_tickets(receipt.tickets, by=None)] * 20)
    assert sorted(answers) == [0] * 19 + [5]
    assert TicketOption.objects.get().left == 5


def test_an_offer_that_is_bought_twice_at_once_is_one_purchase():
    option = TicketOptionFactory(allocation=2)
    receipt = PurchaseFactory(option=option, quantity=2)
    person = UserFactory(email_confirmed_at=Now())
    waiter = join_list(option, quantity=2, email=person.email, language="en", by=None)
    actions.cancel_tickets(receipt.tickets, by=None)
    answers = at_once(*[lambda: actions.buy_offer(waiter, buyer=person.pk, by=person)] * 8)
    assert Counter(type(answer).__name__ for answer in answers) == {"Receipt": 1, "NoOffer": 7}
    assert broken() == set()


def deadlocks():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]


class Visitor:
    """Does whatever people do with several options at once, in random order, until the time is over."""

    def __init__(self, seed, options, buyers):
        self.dice, self.options, self.buyers = random.Random(seed), options, buyers
        self.faults, self.holds, self.done = [], [], Counter()

    def run(self, until):
        try:
            while time.monotonic() < until:
                self.step()
        finally:
            connection.close()

    def step(self):
        verbs = [self.buy, self.hold, self.confirm, self.release, self.give_back, self.overdue, self.wait, self.take_up]
        verb = self.dice.choice(verbs)
        try:
            verb()
            self.done[verb.__name__] += 1
        except (SoldOut, LimitReached, HoldEnded, NoOffer, ThereIsRoom):
            self.done["refused"] += 1
        except Exception as error:
            self.faults.append(error)

    def wanted(self):
        some = self.dice.sample(self.options, self.dice.randint(1, 3))
        return {option.pk: self.dice.randint(1, 2) for option in some}

    def buy(self):
        actions.buy(self.wanted(), buyer=self.dice.choice(self.buyers), by=None)

    def hold(self):
        self.holds.append(actions.hold_tickets(self.wanted(), buyer=self.dice.choice(self.buyers), by=None))

    def confirm(self):
        if self.holds:
            actions.confirm_hold(self.holds.pop(), by=None)

    def release(self):
        if self.holds:
            actions.release_hold(self.holds.pop(0), by=None)

    def give_back(self):
        some = Ticket.objects.filter(cancelled_at=None).order_by("?").values_list("pk", flat=True)[:3]
        actions.cancel_tickets(some, by=None)

    def wait(self):
        join_list(
            self.dice.choice(self.options), quantity=1, email=f"{uuid.uuid4()}@example.org", language="en", by=None
        )

    def take_up(self):
        if waiter := Waiter.objects.offered().order_by("?").first():
            actions.buy_offer(waiter, buyer=self.dice.choice(self.buyers), by=None)

    def overdue(self):
        if self.holds:
            pass_time(pk=self.dice.choice(self.holds).pk)


def test_sixteen_at_five_options_leave_true_books_and_no_deadlock():
    options = [TicketOptionFactory(allocation=12, limit=LIMIT) for _ in range(5)]
    buyers = [uuid.uuid4() for _ in range(8)]
    before, until = deadlocks(), time.monotonic() + SECONDS
    visitors = [Visitor(seed, options, buyers) for seed in range(THREADS)]
    threads = [threading.Thread(target=visitor.run, args=[until]) for visitor in visitors]
    for thread in threads:
        thread.start()
    most = 0
    while time.monotonic() < until:
        most = max(most, max(BuyerCount.objects.values_list("taken", flat=True), default=0))
        time.sleep(0.2)
    for thread in threads:
        thread.join()
    assert [fault for visitor in visitors for fault in visitor.faults] == []
    assert deadlocks() == before
    assert most <= LIMIT
    assert broken() == set()
    done = sum((visitor.done for visitor in visitors), Counter())
    assert set(done) >= {"buy", "hold", "confirm", "release", "give_back", "overdue", "wait", "take_up"}
