"""Full times and who waits for them, as the tests of booking's waiting lists need them."""

import uuid
from datetime import timedelta

from django.db import connection
from django.db.models.functions import Now

import booking.audit
import ticketing.audit
from booking.models import Slot
from booking.tests.factories import NOON, BookingFactory, ServiceFactory
from ticketing.actions import join_list
from ticketing.models import Waiter


def full(capacity=2, starts_at=NOON, service=None, **terms):
    """A slot of which each place belongs to a booking of its own."""
    service = service or ServiceFactory(slot_capacity=capacity, **terms)
    for _ in range(capacity):
        BookingFactory(service=service, starts_at=starts_at)
    return Slot.objects.get(service=service, starts_at=starts_at)


def join(slot, quantity=1, least=None, email=None, by=None):
    """Somebody on its list; by the site itself, unless somebody is named."""
    email = email or f"{uuid.uuid4().hex}@example.org"
    return join_list(slot, quantity=quantity, least=least, email=email, language="en", by=by)


def comes_due(*waiters):
    """Let the time of these offers have passed."""
    Waiter.objects.filter(pk__in=[one.pk for one in waiters]).update(offered_until=Now() - timedelta(seconds=1))


def states(*waiters):
    """The state of each, and how many places it was offered."""
    rows = Waiter.objects.in_bulk([waiter.pk for waiter in waiters])
    return [(rows[waiter.pk].state, rows[waiter.pk].offered) for waiter in waiters]


def left(slot):
    """How many places are free for everybody."""
    return Slot.objects.get(pk=slot.pk).left


def broken():
    """The promises of bookings and of waiting lists that are untrue."""
    with connection.cursor() as cursor:
        return {
            f"{name} {promise}"
            for name, promise, sql in [*booking.audit.CHECKS, *ticketing.audit.CHECKS]
            if cursor.execute(sql).fetchall()
        }
