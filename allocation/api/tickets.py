"""What admits people, over the API."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from allocation import actions
from allocation.documents import CALENDAR, PDF, events_calendar, own_tickets, tickets_pdf
from allocation.filters import TicketFilters
from allocation.links import address_of_transfer
from allocation.models import Ticket
from ticketing import rights
from ticketing.texts import clean_email
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import EMAIL_PATTERN, Instant, Ruled, Secret


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
        help_text="What its QR code says, which admits; null for all but whoever holds it."
    )

    offered_until = serializers.SerializerMethodField(
        help_text="Until when whoever has the link of its transfer can take it; null when it is not offered to anybody."
    )

    STATE = frozenset({"id", "option", "valid", "admitted_at", "cancelled_at"})

    class Meta:
        model = Ticket
        fields = [
            *("id", "option", "valid", "admitted_at", "cancelled_at"),
            *("code", "purchase", "number", "offered_until", "created_at", "updated_at"),
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_code(self, ticket: Ticket) -> str | None:
        """For the caller, if it is theirs."""
        return ticket.code_for(self.context["request"].user) or None

    @extend_schema_field(Instant(allow_null=True))
    def get_offered_until(self, ticket: Any) -> str | None:
        """Of the offer that stands."""
        return Instant().to_representation(ticket.offered_until) if ticket.offered_until else None

    def get_fields(self) -> dict[str, serializers.Field]:
        """All of it, or the state alone."""
        fields = super().get_fields()
        if (request := self.context.get("request")) and _sees_state_alone(request.user):
            return {name: field for name, field in fields.items() if name in self.STATE}
        return fields


class OfferedTicket(TicketSerializer):
    """A ticket with the link by which somebody else makes it theirs."""

    link = serializers.SerializerMethodField(
        help_text="What to send them. Shown this once: null when the request is repeated with its Idempotency-Key."
    )

    class Meta(TicketSerializer.Meta):
        fields = [*TicketSerializer.Meta.fields, "link"]
        read_only_fields = fields

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_link(self, ticket: Ticket) -> str | None:
        """Nothing: the view adds it."""
        return None


class NewTransfer(serializers.Serializer):
    """To whom a ticket is offered."""

    email = Ruled(
        clean_email,
        pattern=EMAIL_PATTERN,
        limit=254,
        required=False,
        help_text="Where to mail the link to.",
    )


class TransferSecret(serializers.Serializer):
    """What proves that the caller was given a ticket."""

    secret = Secret(help_text="What the link ends in.")


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
        "transfer": "allocation.transfer",
        "withdraw_transfer": "allocation.transfer",
        "pdf": "allocation.take_along",
        "calendar": "allocation.take_along",
    }
    files = {"pdf": PDF, "calendar": CALENDAR}
    serializer_class = TicketSerializer
    outputs = {"transfer": OfferedTicket}
    inputs = {"transfer": NewTransfer}
    examples = {"transfer": {"email": "friend@example.org"}}
    filterset_class = TicketFilters

    def rows(self) -> QuerySet:
        """Every ticket, and whether it is offered to others."""
        return Ticket.objects.with_offer()

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

    @action(detail=True, methods=["post"])
    def transfer(self, request: Request, **kwargs: Any) -> Response:
        """Offer the ticket to whoever has the link. Its code admits until somebody accepts, and then no more."""
        ticket = self.get_object()
        offer = actions.offer_transfer(ticket, **self.input(), by=request.user)
        return self.answer(ticket, link=settings.SITE_URL + address_of_transfer(str(offer.pk)))

    @action(detail=True, methods=["post"], url_path="withdraw-transfer")
    def withdraw_transfer(self, request: Request, **kwargs: Any) -> Response:
        """Keep the ticket: the link is dead."""
        return self.answer(actions.withdraw_transfer(self.get_object(), by=request.user))

    @action(detail=True)
    def pdf(self, request: Request, **kwargs: Any) -> HttpResponse:
        """The ticket on paper, for whoever holds it."""
        return self.file(tickets_pdf(own_tickets(request.user, pk=self.named()["pk"])), "ticket.pdf")

    @action(detail=True)
    def calendar(self, request: Request, **kwargs: Any) -> HttpResponse:
        """Its event for calendars, for whoever holds the ticket."""
        return self.file(events_calendar(own_tickets(request.user, pk=self.named()["pk"])), "event.ics")


class TransferViewSet(ApiViewSet):
    """Tickets that others hand on by a link."""

    operations = {"accept": "allocation.accept_transfer"}
    serializer_class = TicketSerializer
    inputs = {"accept": TransferSecret}

    def rows(self) -> QuerySet:
        """Every ticket, as the answer shows it."""
        return Ticket.objects.with_offer()

    @action(detail=False, methods=["post"])
    def accept(self, request: Request) -> Response:
        """Make the ticket yours, with a new code. A secret that opens nothing is a `dead_link`."""
        offer = actions.opened_transfer(self.input()["secret"])
        return self.answer(actions.accept_transfer(offer, by=request.user).ticket)
