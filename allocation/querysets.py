"""The words of allocation's queries."""

from typing import Any, Self
from uuid import UUID

from django.apps import apps
from django.contrib.postgres.aggregates import ArrayAgg
from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, Sum
from django.db.models.functions import Coalesce, Now

from ticketing import clocks, rights
from ticketing.querysets import RecordQuerySet, StockQuerySet
from ticketing.rights import Actor, Scope


def sees_unpublished(actor: Actor) -> bool:
    """Whether this actor prepares events; what the demo lets everybody do makes nobody an organiser."""
    return rights.cell(rights.role_of(actor), "allocation.manage_events", demo=False) == Scope.ALL


class EventQuerySet(RecordQuerySet):
    """What people come to."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """Every event for whoever prepares them, the published ones for everybody."""
        rights.require(actor, operation)
        return self if sees_unpublished(actor) else self.filter(published=True)

    def to_come(self) -> Self:
        """Not over yet, by the database's clock."""
        return self.filter(ends_at__gt=Now())


class HoldQuerySet(RecordQuerySet):
    """What is set aside for somebody."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """The holds that the operation reaches for this actor."""
        reached = rights.require(actor, operation)
        return self.filter(account=actor) if reached == Scope.OWN else self

    def held(self) -> Self:
        """Not ended, whether or not their time is over."""
        return self.filter(state="held")

    def overdue(self) -> Self:
        """Held beyond their time, by the database's clock."""
        return self.held().filter(until__lte=Now())

    def of(self, option: Any) -> Self:
        """Those that hold some of this option."""
        items = apps.get_model("allocation.helditem").objects
        return self.filter(Exists(items.filter(hold=OuterRef("pk"), option=option)))


class BuyerCountQuerySet(models.QuerySet):
    """How many of an option each buyer has."""

    def lower(self, option: UUID, buyer: UUID, n: int) -> None:
        """Count `n` fewer for one buyer."""
        self.filter(option=option, buyer=buyer).update(taken=F("taken") - n)


class TicketOptionQuerySet(StockQuerySet):
    """What is on sale."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """Options without an event, and those of the events that this actor sees."""
        rights.require(actor, operation)
        if sees_unpublished(actor):
            return self
        return self.filter(Q(event=None) | Q(event__published=True))

    def hold(self, pk: Any, n: int = 1) -> bool:
        """Set `n` aside: they are taken, and counted as held; False when there is not that much left."""
        return self.with_room(n).filter(pk=pk).update(taken=F("taken") + n, held=F("held") + n) == 1

    def let_go(self, pk: Any, n: int = 1) -> None:
        """Return `n` that were held."""
        self.filter(pk=pk).update(taken=F("taken") - n, held=F("held") - n)

    def with_overdue(self) -> Self:
        """Each with `has_overdue`: whether holds or offers of it are past their time, and could be released."""
        holds = apps.get_model("allocation.hold").objects.overdue().of(OuterRef(OuterRef("pk")))
        offers = apps.get_model("ticketing.waiter").objects.overdue()
        of_it = offers.filter(kind=self.model._meta.label_lower, stock=OuterRef("pk"))
        return self.annotate(has_overdue=Exists(holds) | Exists(of_it))

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

    def of(self, option: UUID) -> Self:
        """Those with tickets of this option."""
        tickets = apps.get_model("allocation.ticket").objects
        return self.filter(Exists(tickets.filter(purchase=OuterRef("pk"), option=option)))

    def with_tickets(self) -> Self:
        """Each with the ids and with the options of its tickets, in their order."""
        return self.annotate(
            ticket_ids=ArrayAgg("tickets", order_by="tickets__number"),
            ticket_options=ArrayAgg("tickets__option", order_by="tickets__number"),
        )


class TicketQuerySet(RecordQuerySet):
    """What admits people."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """The tickets that the operation reaches for this actor; whoever may see one by its exact id has to name it."""
        reached = rights.require(actor, operation)
        return self.filter(purchase__account=actor) if reached == Scope.OWN else self


class ScanQuerySet(RecordQuerySet):
    """What was shown at gates."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """The scans that the operation reaches for this actor: a gate sees its own."""
        reached = rights.require(actor, operation)
        return self.filter(account=actor) if reached == Scope.OWN else self

    def admissions(self) -> Self:
        """Those that admitted somebody and were not undone."""
        return self.filter(outcome="admitted", undone_at=None)

    def with_people(self) -> Self:
        """Each with its ticket, who scanned it, and the admission before it."""
        return self.select_related("ticket__option", "account", "earlier__account")
