"""Allocation over /api/v1/allocation/."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from allocation import actions
from allocation.filters import OptionFilters, PurchaseFilters, TicketFilters
from allocation.models import Purchase, Ticket, TicketOption
from ticketing import rights
from ticketing.errors import Invalid
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Count, Id, Instant, Text
from ticketing.toolkit.idempotency import REPLAYED, strong_key


class OptionSerializer(serializers.ModelSerializer):
    """A kind of ticket on sale."""

    allocation = serializers.IntegerField(source="capacity", read_only=True, help_text="How many there are in all.")
    left = serializers.IntegerField(read_only=True, help_text="How many are still to be had.")
    sold = serializers.IntegerField(read_only=True)
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = TicketOption
        fields = ["id", "name", "description", "allocation", "sold", "held", "left", "created_at", "updated_at"]
        read_only_fields = fields


class NewOption(serializers.Serializer):
    """What puts tickets on sale."""

    name = Text(TicketOption.NAME_LIMIT)
    description = Text(TicketOption.DESCRIPTION_LIMIT, empty=True, lines=True, default="")
    allocation = Count()


class OptionChange(serializers.Serializer):
    """What may change of an option; what is left out stays."""

    name = Text(TicketOption.NAME_LIMIT, required=False)
    description = Text(TicketOption.DESCRIPTION_LIMIT, empty=True, lines=True, required=False)
    allocation = Count(required=False)


class OptionViewSet(ApiViewSet):
    """Kinds of tickets on sale."""

    operations = {
        "list": "allocation.see_options",
        "retrieve": "allocation.see_options",
        "create": "allocation.change_options",
        "partial_update": "allocation.change_options",
    }
    serializer_class = OptionSerializer
    filterset_class = OptionFilters
    inputs = {"create": NewOption, "partial_update": OptionChange}
    examples = {
        "create": {"name": "Evening of chamber music", "description": "Doors open at 19:00.", "allocation": 120},
        "partial_update": {"allocation": 150},
    }

    def rows(self) -> QuerySet:
        """Every option."""
        return TicketOption.objects.all()

    def create(self, request: Request) -> Response:
        """Put tickets on sale."""
        return self.answer(actions.create_option(**self.input(), by=request.user), 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change the texts or the allocation, never below what is taken."""
        option, changes = self.get_object(), self.input()
        return self.answer(actions.change_option(option, **changes, by=request.user))


class PurchaseSerializer(serializers.ModelSerializer):
    """So many tickets of one option, bought in one go."""

    option = serializers.UUIDField(source="option_id", read_only=True)
    created_at = Instant(read_only=True)

    class Meta:
        model = Purchase
        fields = ["id", "option", "buyer", "quantity", "created_at"]
        read_only_fields = fields


class PurchaseWithTickets(PurchaseSerializer):
    """A purchase and its tickets."""

    tickets = serializers.ListField(
        source="ticket_ids",
        child=serializers.UUIDField(),
        read_only=True,
        help_text="The ids of its tickets, which admit one person each.",
    )

    class Meta(PurchaseSerializer.Meta):
        fields = [*PurchaseSerializer.Meta.fields, "tickets"]
        read_only_fields = fields


class NewPurchase(serializers.Serializer):
    """What is bought, and for whom."""

    option = Id()
    quantity = Count()
    buyer = Id(required=False, help_text="The id of whoever buys; the caller's account if unsaid.")


class PurchaseViewSet(ApiViewSet):
    """Tickets bought."""

    operations = {
        "list": "allocation.list_purchases",
        "retrieve": "allocation.see_purchase",
        "create": "allocation.purchase",
    }
    serializer_class = PurchaseSerializer
    outputs = {"create": PurchaseWithTickets, "retrieve": PurchaseWithTickets}
    inputs = {"create": NewPurchase}
    filterset_class = PurchaseFilters
    keeps_own_keys = frozenset({"create"})

    def rows(self) -> QuerySet:
        """Every purchase; a list leaves the tickets out, as one purchase may hold thousands."""
        return Purchase.objects.all() if self.action == "list" else Purchase.objects.with_tickets()

    def create(self, request: Request) -> Response:
        """Buy tickets, all or none of them."""
        wanted = self.input()
        receipt = actions.purchase(
            wanted["option"],
            quantity=wanted["quantity"],
            buyer=wanted.get("buyer") or _own_id(request),
            by=request.user,
            key=strong_key(request),
        )
        return self.answer(Purchase(pk=receipt.id), 201, REPLAYED if receipt.replayed else None)


def _own_id(request: Request) -> Any:
    if request.user.is_authenticated:
        return request.user.pk
    raise Invalid(_("“%(field)s” is missing.") % {"field": "buyer"}, field="buyer")


class TicketSerializer(serializers.ModelSerializer):
    """What admits one person. A gate is shown nothing of where the ticket comes from."""

    option = serializers.UUIDField(source="option_id", read_only=True, allow_null=True)
    admitted_at = Instant(read_only=True, allow_null=True)
    purchase = serializers.UUIDField(source="purchase_id", required=False, allow_null=True)
    number = serializers.IntegerField(required=False, allow_null=True, help_text="Its place within the purchase.")
    created_at = Instant(required=False)
    updated_at = Instant(required=False)

    STATE = frozenset({"id", "option", "valid", "admitted_at"})

    class Meta:
        model = Ticket
        fields = ["id", "option", "valid", "admitted_at", "purchase", "number", "created_at", "updated_at"]
        read_only_fields = fields

    def get_fields(self) -> dict[str, serializers.Field]:
        """All of it, or the state alone."""
        fields = super().get_fields()
        if (request := self.context.get("request")) and _sees_state_alone(request.user):
            return {name: field for name, field in fields.items() if name in self.STATE}
        return fields


def _sees_state_alone(actor: rights.Actor) -> bool:
    reached = rights.scope(actor, "allocation.see_ticket")
    return rights.role_of(actor) == rights.Role.GATE and reached == rights.Scope.EXACT


class TicketViewSet(ApiViewSet):
    """What admits people: bought, or issued without a purchase."""

    operations = {
        "list": "allocation.list_tickets",
        "retrieve": "allocation.see_ticket",
        "create": "allocation.issue",
        "validate": "allocation.set_validity",
        "invalidate": "allocation.set_validity",
    }
    serializer_class = TicketSerializer
    filterset_class = TicketFilters

    def rows(self) -> QuerySet:
        """Every ticket."""
        return Ticket.objects.all()

    def create(self, request: Request) -> Response:
        """Issue a valid ticket that nobody bought. The body is not read."""
        return self.answer(actions.issue_ticket(by=request.user), 201)

    @action(detail=True, methods=["post"])
    def validate(self, request: Request, **kwargs: Any) -> Response:
        """Make the ticket valid; twice is harmless."""
        return self.answer(actions.validate(self.get_object(), by=request.user))

    @action(detail=True, methods=["post"])
    def invalidate(self, request: Request, **kwargs: Any) -> Response:
        """Make the ticket invalid; twice is harmless, and whether somebody was admitted stays on record."""
        return self.answer(actions.invalidate(self.get_object(), by=request.user))
