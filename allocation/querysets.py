"""The words of allocation's queries."""

from typing import Self

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce

from ticketing import clocks, rights
from ticketing.querysets import RecordQuerySet, StockQuerySet
from ticketing.rights import Actor, Scope


class TicketOptionQuerySet(StockQuerySet):
    """What is on sale."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """Every option: whoever may do the operation may do it to all of them."""
        rights.require(actor, operation)
        return self

    def called(self, part: str) -> Self:
        """Options whose name has this in it, in whatever case."""
        return self.filter(name__icontains=part)

    def sold_out(self) -> Self:
        """Options of which nothing is left."""
        return self.filter(taken=F("capacity"))

    def in_numbers(self) -> dict[str, int]:
        """How many options there are, how many of them are to be had, and how many tickets are left of all."""
        return self.aggregate(
            options=Count("pk"),
            to_be_had=Count("pk", filter=Q(taken__lt=F("capacity"))),
            left=Coalesce(Sum(F("capacity") - F("taken")), 0),
        )


class PurchaseQuerySet(RecordQuerySet):
    """Who bought how many."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """The purchases that the operation reaches for this actor."""
        reached = rights.require(actor, operation)
        return self.filter(account=actor) if reached == Scope.OWN else self

    def made_today(self) -> Self:
        """Made today, on the site's clocks."""
        return self.filter(clocks.is_today("created_at"))

    def with_tickets(self) -> Self:
        """Each with the ids of its tickets, in their order."""
        return self.annotate(ticket_ids=ArrayAgg("tickets", order_by="tickets__number"))


class TicketQuerySet(RecordQuerySet):
    """What admits people."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """The tickets that the operation reaches for this actor; whoever may see one by its exact id has to name it."""
        reached = rights.require(actor, operation)
        return self.filter(purchase__account=actor) if reached == Scope.OWN else self
