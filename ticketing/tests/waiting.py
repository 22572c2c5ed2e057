"""Both real stocks that people can wait for, as the tests of waiting lists need them: full, given back, taken up."""

import uuid
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

import allocation.audit
import booking.audit
import ticketing.audit
from allocation.models import BuyerCount, Purchase, Ticket, TicketOption
from allocation.tests.factories import PurchaseFactory, TicketOptionFactory
from booking.models import Booking, Slot
from booking.tests.factories import NOON, BookingFactory, ServiceFactory
from ticketing.actions import confirm_place, join_list, offer_what_is_free, use_offer
from ticketing.models import Activity, Waiter
from ticketing.querysets import digest

LISTS = dict.fromkeys(("booking.slot", "allocation.ticketoption"), "ticketing.tests.waiting")  # this module


class Slots:
    """Bookings of one minute."""

    model = Slot

    def full(self, capacity):
        service = ServiceFactory(slot_capacity=capacity)
        for _ in range(capacity):
            self.take(service=service)
        return Slot.objects.get(service=service)

    def take(self, stock=None, service=None):
        return BookingFactory(service=service or stock.service, starts_at=NOON)

    def free(self, stock, places):
        gone = Booking.objects.filter(slot=stock)[:places]
        assert Booking.objects.filter(pk__in=list(gone.values_list("pk", flat=True))).delete()[0] == places

    def add(self, stock, places):
        for _ in range(places):
            booking = Booking(
                slot=stock,
                starts_at=NOON,
                ends_at=NOON + timedelta(minutes=1),
                firstname="A",
                lastname="B",
                phone="5550100001",
            )
            booking.manage_digest = digest(booking.manage_token)
            booking.save(force_insert=True)
            Activity.objects.record("booking.book", booking, by=None)


class Options:
    """Tickets of one option, each bought on its own."""

    model = TicketOption

    def full(self, capacity):
        option = TicketOptionFactory(allocation=capacity)
        for _ in range(capacity):
            self.take(option)
        return option

    def take(self, stock):
        return PurchaseFactory(option=stock)

    def free(self, stock, places):
        gone = list(Purchase.objects.filter(option=stock, quantity=1)[:places])
        assert Ticket.objects.filter(purchase__in=gone).delete()[0] == places
        BuyerCount.objects.filter(buyer__in=[purchase.buyer for purchase in gone]).delete()
        Purchase.objects.filter(pk__in=[purchase.pk for purchase in gone]).delete()

    def add(self, stock, places):
        for _ in range(places):
            purchase = Purchase.objects.create(option=stock, buyer=uuid.uuid4(), quantity=1)
            Ticket.objects.create(option=stock, purchase=purchase, number=1)
            BuyerCount.objects.create(option=stock, buyer=purchase.buyer, taken=1)
            Activity.objects.record("allocation.purchase", purchase, by=None)
        TicketOption.objects.filter(pk=stock.pk).update(held=F("held") - places)


KINDS = {"booking.slot": Slots(), "allocation.ticketoption": Options()}


def kind_of(stock):
    return KINDS[stock._meta.label_lower]


def full(kind="booking.slot", capacity=4):
    """A stock of which everything is taken."""
    return KINDS[kind].full(capacity)


@transaction.atomic
def give_back(stock, places=1):
    """What an app does that cancels: rows, stock and list in one transaction."""
    kind_of(stock).free(stock, places)
    kind_of(stock).model.objects.give_back(stock.pk, places)
    return offer_what_is_free(stock)


@transaction.atomic
def raise_capacity(stock, places=1):
    """What an app does that adds places."""
    kind_of(stock).model.objects.filter(pk=stock.pk).update(capacity=F("capacity") + places)
    return offer_what_is_free(stock)


def require_wish(stock, quantity, least, by):
    """What an app does that takes every wish."""


@transaction.atomic
def take_up(waiter, by=None):
    """What an app does that makes something of an offer, and where it leads."""
    stock = waiter.what()
    kind_of(stock).add(stock, use_offer(waiter, by=by))
    return "/panel/bookings/"


def join(stock, quantity=1, least=None, email=None, by=None, language="en"):
    """A place that counts: what a stranger asks for is confirmed by the mailed link."""
    waiter = ask(stock, quantity, least, email, by, language)
    return waiter if waiter.is_open else confirm_place(waiter, link=waiter.link, by=by)


def ask(stock, quantity=1, least=None, email=None, by=None, language="en"):
    email = email or f"{uuid.uuid4().hex}@example.org"
    return join_list(stock, quantity=quantity, least=least, email=email, language=language, by=by)


def comes_due(*waiters):
    """Let the time of these offers have passed."""
    for waiter in waiters:
        Waiter.objects.filter(pk=waiter.pk).update(offered_until=Now() - timedelta(seconds=1))


def left(stock):
    stock.refresh_from_db()
    return stock.left


def states(*waiters):
    """The state of each, and how many places it was offered."""
    rows = Waiter.objects.in_bulk([waiter.pk for waiter in waiters])
    return [(rows[waiter.pk].state, rows[waiter.pk].offered) for waiter in waiters]


def order(stock):
    """The addresses of those who wait, in the public order."""
    return list(Waiter.objects.of(stock).waiting().in_order().values_list("email", flat=True))


def broken():
    """The promises of both apps and of the lists that are untrue."""
    checks = [*booking.audit.CHECKS, *allocation.audit.CHECKS, *ticketing.audit.CHECKS]
    with connection.cursor() as cursor:
        return {f"{name} {promise}" for name, promise, sql in checks if _finds(cursor, sql)}


def _finds(cursor, sql):
    cursor.execute(sql)
    return cursor.fetchall()
