"""Rows for tests, made by the verbs."""

import uuid

import factory
from django.db import connection

from allocation import actions
from allocation.models import Ticket, TicketOption


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


def bought_ticket(**fields):
    """The only ticket of a new purchase."""
    return Ticket.objects.get(purchase=PurchaseFactory(**fields).id)
