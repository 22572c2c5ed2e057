"""What admits people, over the API."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from allocation import actions
from allocation.filters import TicketFilters
from allocation.models import Ticket
from ticketing import rights
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Instant


class TicketSerializer(serializers.ModelSerializer):
    """What admits one person. A gate is shown nothing of where the ticket comes from."""

    option = serializers.UUIDField(source="option_id", read_only=True, allow_null=True)
    admitted_at = Instant(read_only=True, allow_null=True)
    cancelled_at = Instant(read_only=True, allow_null=True, help_text="When it was given back, for good.")
    purchase = serializers.UUIDField(source="purchase_id", required=False, allow_null=True)
    number = serializers.IntegerField(required=False, allow_null=True, help_text="Its place within the purchase.")
    created_at = Instant(required=False)
    updated_at = Instant(required=False)

    code = serializers.SerializerMethodField(
        help_text="What its QR code says, which admits; null for all but whoever bought it."
    )

    STATE = frozenset({"id", "option", "valid", "admitted_at", "cancelled_at"})

    class Meta:
        model = Ticket
        fields = [
            *("id", "option", "valid", "admitted_at", "cancelled_at"),
            *("code", "purchase", "number", "created_at", "updated_at"),
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_code(self, ticket: Ticket) -> str | None:
        """For the caller, if it is theirs."""
        return ticket.code_for(self.context["request"].user) or None

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
        "cancel": "allocation.cancel",
    }
    serializer_class = TicketSerializer
    filterset_class = TicketFilters

    def rows(self) -> QuerySet:
        """Every ticket with its purchase."""
        return Ticket.objects.select_related("purchase")

    def create(self, request: Request) -> Response:
        """Issue a valid ticket that nobody bought. The body is not read."""
        return self.answer(actions.issue_ticket(by=request.user), 201)

    @action(detail=True, methods=["post"])
    def validate(self, request: Request, **kwargs: Any) -> Response:
        """Make the ticket valid; twice is harmless. One that was given back stays as it is."""
        return self.answer(actions.validate(self.get_object(), by=request.user))

    @action(detail=True, methods=["post"])
    def invalidate(self, request: Request, **kwargs: Any) -> Response:
        """Make the ticket invalid; twice is harmless, and whether somebody was admitted stays on record."""
        return self.answer(actions.invalidate(self.get_object(), by=request.user))

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, **kwargs: Any) -> Response:
        """Give the ticket back, for good; twice is harmless. Its place goes to the waiting list first."""
        return self.answer(actions.cancel_ticket(self.get_object(), by=request.user))
