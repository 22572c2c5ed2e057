"""The words of allocation's queries."""

from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

from django.apps import apps
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import (
    Case,
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    Subquery,
    Sum,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Now

from ticketing import clocks, rights
from ticketing.querysets import RecordQuerySet, StockQuerySet
from ticketing.rights import Actor, Scope

BOOKS = "E1"  # the promise about what events show to everybody: how many are sold, held and left
NEVER = datetime(9999, 12, 1, tzinfo=UTC)  # when what belongs to no event begins, in the order of what is on
MOST_GATES = 50  # that are counted one by one
LOOKED_UP_FOR = timedelta(hours=12)  # after an event
MIRROR = datetime(2100, 1, 1, tzinfo=UTC)  # turns an order of instants round

# Of tickets: until when customers can give them back, and that they can.
RETURNS_END = Coalesce("option__event__cancel_until", "option__event__starts_at")
STILL_TO_RETURN = Q(admitted_at=None) & (Q(option__event=None) | Q(returns_end__gt=Now()))
# And until when they can be handed on.
TRANSFERS_END = Coalesce("option__event__transfer_until", "option__event__starts_at")
STILL_TO_HAND_ON = Q(option__event=None) | Q(transfers_end__gt=Now())


def sees_unpublished(actor: Actor) -> bool:
    """Whether this actor prepares events; what the demo lets everybody do makes nobody an organiser."""
    return rights.cell(rights.role_of(actor), "allocation.manage_events", demo=False) == Scope.ALL


class EventQuerySet(RecordQuerySet):
    """What people come to."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """Every event for whoever prepares them, the published ones for everybody; of a gate's work its own."""
        if rights.require(actor, operation) == Scope.EVENT:
            return self.filter(gates=actor)
        return self if sees_unpublished(actor) else self.filter(published=True)

    def to_come(self) -> Self:
        """Not over yet, by the database's clock."""
        return self.filter(ends_at__gt=Now())

    def with_over(self) -> Self:
        """Each with `is_over`, by the database's clock."""
        return self.annotate(is_over=Case(When(ends_at__lte=Now(), then=True), default=False))

    def with_audit(self) -> Self:
        """Each with when its books were last counted again (`counted_at`), and whether they were wrong (`miscounted`).

        `audited_at` is that instant where they were right; all are empty before the first time.
        """
        # No GROUP BY and no join, so that the row can be locked.
        options = apps.get_model("allocation.ticketoption").objects.filter(event=OuterRef(OuterRef("pk")))
        ids = ArraySubquery(options.values(text=Cast("pk", TextField())))
        verdict = apps.get_model("ticketing.verdict").objects.filter(promise=BOOKS, at__gte=OuterRef("created_at"))
        counted = self.annotate(counted_at=Subquery(verdict.values("at")), miscounted=Exists(verdict.against(ids)))
        return counted.annotate(audited_at=Case(When(miscounted=False, then=F("counted_at"))))

    def at_the_gates(self) -> Self:
        """Those that people may still come to, or about which gates still have something to look up."""
        return self.filter(ends_at__gt=Now() - LOOKED_UP_FOR)


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

    def standing(self) -> Self:
        """Held, and their time is not over by the database's clock."""
        return self.held().filter(until__gt=Now())

    def with_time_left(self) -> Self:
        """Each with `time_left` until its end, by the database's clock; negative when that has passed."""
        return self.annotate(time_left=ExpressionWrapper(F("until") - Now(), output_field=DurationField()))

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
        """Options that have this in their name, or in their event's name or venue, in whatever case."""
        of_event = Q(event__name__icontains=part) | Q(event__venue__icontains=part)
        return self.filter(Q(name__icontains=part) | of_event)

    def with_sale(self) -> Self:
        """Each with its event, and with `sale` by the database's clock: it is to come (soon), now, or over."""
        soon = Q(on_sale_from__gt=Now()) | Q(event__published=False)
        over = Q(on_sale_until__lte=Now())
        sale = Case(When(over, then=Value("over")), When(soon, then=Value("soon")), default=Value("now"))
        return self.select_related("event").annotate(sale=sale)

    def on(self) -> Self:
        """What has not gone by: it is still to be had some time, or its event is not over."""
        return self.filter(Q(on_sale_until=None) | Q(on_sale_until__gt=Now()) | Q(event__ends_at__gt=Now()))

    def with_programme(self) -> Self:
        """Each with what orders what is on: events as they begin, then the newest of what belongs to none.

        The columns rise together: `begins`, `belongs`, `rank`, and the id at last.
        """
        created: Any = F("created_at")
        newest_first = ExpressionWrapper(Value(MIRROR) + (Value(MIRROR) - created), output_field=models.DateTimeField())
        return self.annotate(
            begins=Coalesce("event__starts_at", Value(NEVER)),
            belongs=Coalesce("event_id", Value(UUID(int=0))),
            rank=Case(When(event=None, then=newest_first), default=created),
        )

    def sold_out(self) -> Self:
        """Options of which nothing is left."""
        return self.filter(taken=F("capacity"))

    def tickets_sold(self) -> int:
        """How many are sold of all of them."""
        sold: int = self.aggregate(sold=Coalesce(Sum(F("taken") - F("held")), 0))["sold"]
        return sold

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

    def returnable(self, by: Actor) -> Self:
        """Those of which `by` can give back all they hold now: something is left, and nothing is used or too late."""
        tickets = apps.get_model("allocation.ticket").objects.filter(purchase=OuterRef("pk"), cancelled_at=None)
        tickets = tickets.visible_to(by, "allocation.cancel")
        return self.filter(Exists(tickets), ~Exists(tickets.alias(returns_end=RETURNS_END).filter(~STILL_TO_RETURN)))

    def with_tickets(self) -> Self:
        """Each with the ids and with the options of its tickets, in their order."""
        # Without GROUP BY, so that the row can be locked.
        tickets = apps.get_model("allocation.ticket").objects.filter(purchase=OuterRef("pk")).order_by("number")
        return self.annotate(
            ticket_ids=ArraySubquery(tickets.values("pk")), ticket_options=ArraySubquery(tickets.values("option"))
        )


class TicketQuerySet(RecordQuerySet):
    """What admits people."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """The tickets that the operation reaches for this actor; whoever may see one by its exact id has to name it."""
        reached = rights.require(actor, operation)
        return self.filter(holder=actor) if reached == Scope.OWN else self

    def with_offer(self) -> Self:
        """Each with `offered_until`, when whoever has the link of a transfer can take it; else None."""
        standing = apps.get_model("allocation.transfer").objects.standing().filter(ticket=OuterRef("pk"))
        return self.annotate(offered_until=Subquery(standing.values("until")[:1]))

    def transferable(self) -> Self:
        """Those that can be handed on now, by the database's clock."""
        admitting = self.filter(valid=True, cancelled_at=None, admitted_at=None)
        return admitting.alias(transfers_end=TRANSFERS_END).filter(STILL_TO_HAND_ON)

    def returnable(self) -> Self:
        """Those that customers can give back now, by the database's clock."""
        bought = self.filter(purchase__isnull=False, cancelled_at=None)
        return bought.alias(returns_end=RETURNS_END).filter(STILL_TO_RETURN)


class TransferQuerySet(RecordQuerySet):
    """Tickets that are handed on."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """The offers that the operation reaches for this actor: customers see what they hand on."""
        reached = rights.require(actor, operation)
        return self.filter(by=actor) if reached == Scope.OWN else self

    def offered(self) -> Self:
        """Not ended, whether or not their time is over."""
        return self.filter(state="offered")

    def standing(self) -> Self:
        """Offered, and their time is not over by the database's clock."""
        return self.offered().filter(until__gt=Now())

    def with_ticket(self) -> Self:
        """Each with what it is about, and who gives it."""
        return self.select_related("ticket__option__event", "by", "to")


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
        """Each with its ticket and what that is for, who scanned it, and the admission before it."""
        return self.select_related("ticket__option__event", "account", "earlier__account")

    def per_gate(self) -> list[tuple[str, int]]:
        """How many came in at which gate, the busiest gates first; of very many gates not the last ones."""
        rows = self.admissions().values_list("gate").annotate(many=Count("pk")).order_by("-many", "gate")
        return list(rows[:MOST_GATES])
