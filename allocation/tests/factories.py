"""Rows for tests, made by the verbs."""

import uuid
from datetime import UTC, datetime

import factory
from django.db import connection
from django.db.models.functions import Now

from allocation import actions
from allocation.models import Event, Hold, Ticket, TicketOption


class EventFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Event

    name = factory.Sequence("Evening {}".format)
    venue = "The small hall"
    starts_at = datetime(2031, 5, 1, 17, tzinfo=UTC)
    ends_at = datetime(2031, 5, 1, 21, tzinfo=UTC)
    time_zone = "Europe/Berlin"
    published = True
    by = None

    @classmethod
    def _create(cls, model_class, *args, **fields):
        return actions.create_event(**fields)


class TicketOptionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = TicketOption

    name = factory.Sequence("Concert {}".format)
    description = "Doors open at seven."
    allocation = 10
    by = None

    @classmethod
    def _create(cls, model_class, *args, **fields):
        return actions.create_option(**fields)


class PurchaseFactory(factory.Factory):
    """Builds the receipt of a purchase."""

    class Meta:
        model = actions.Receipt

    option = factory.SubFactory(TicketOptionFactory)
    quantity = 1
    buyer = factory.LazyFunction(uuid.uuid4)
    by = None

    @classmethod
    def _create(cls, model_class, *args, option, **fields):
        return actions.purchase(option.pk, **fields)


class HoldFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Hold

    option = factory.SubFactory(TicketOptionFactory)
    quantity = 1
    buyer = factory.LazyFunction(uuid.uuid4)
    by = None

    @classmethod
    def _create(cls, model_class, *args, option, quantity, **fields):
        return actions.hold_tickets({option.pk: quantity}, **fields)


class TicketFactory(factory.django.DjangoModelFactory):
    """Builds a ticket that nobody bought."""

    class Meta:
        model = Ticket

    by = None

    @classmethod
    def _create(cls, model_class, *args, **fields):
        return actions.issue_ticket(**fields)


def many_tickets(count):
    """So many tickets that nobody bought, at once and without a trail."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO allocation_ticket (id) SELECT gen_random_uuid() FROM generate_series(1, %s)", [count]
        )


def pass_time(**rows):
    """The time of these holds, or of all, is over."""
    Hold.objects.filter(**rows).update(until=Now())


def bought_ticket(**fields):
    """The only ticket of a new purchase."""
    return Ticket.objects.get(purchase=PurchaseFactory(**fields).id)
