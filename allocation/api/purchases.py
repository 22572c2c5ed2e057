"""Tickets held and bought, over the API."""

from collections import Counter
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from allocation import actions
from allocation.documents import CALENDAR, PDF, events_calendar, own_tickets, tickets_pdf
from allocation.filters import HoldFilters, PurchaseFilters
from allocation.models import Hold, Purchase, TicketOption
from ticketing.errors import Invalid
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Count, Id, Instant, Steady, instant
from ticketing.toolkit.idempotency import REPLAYED, strong_key
from ticketing.toolkit.waiting_links import LINK_SECRET, named_place

MOST_ITEMS = 50  # options in one purchase
EXAMPLE = {"items": [{"option": "00000000-0000-4000-8000-000000000001", "quantity": 2}]}
BUYER_HELP = "The id of whoever buys; the caller's account if unsaid."


class Item(Steady):
    """So many of one option."""

    option = Id()
    quantity = Count()


class Wanted(Steady):
    """What is wanted, and for whom; an option that is named twice is added up."""

    items = serializers.ListField(
        child=Item(), min_length=1, max_length=MOST_ITEMS, help_text="So many of which options."
    )
    buyer = Id(required=False, help_text=BUYER_HELP)


class OfferBought(serializers.Serializer):
    """An offer of a waiting list that somebody buys."""

    waiter = Id(help_text="The id of the place on the list.")
    quantity = Count(required=False, help_text="So many, or all that are offered if unsaid.")
    buyer = Id(required=False, help_text=BUYER_HELP)


def added_up(items: list[dict[str, Any]]) -> dict[UUID, int]:
    """How many of each option."""
    wanted: Counter[UUID] = Counter()
    for item in items:
        wanted[item["option"]] += item["quantity"]
    return dict(wanted)


class PurchaseSerializer(Steady, serializers.ModelSerializer):
    """So many tickets, bought in one go."""

    option = serializers.UUIDField(
        source="option_id", read_only=True, allow_null=True, help_text="What was bought; null for several options."
    )
    created_at = Instant(read_only=True)

    class Meta:
        model = Purchase
        fields = ["id", "option", "buyer", "quantity", "created_at"]
        read_only_fields = fields


class PurchaseWithTickets(PurchaseSerializer):
    """A purchase and its tickets."""

    items = serializers.SerializerMethodField(help_text="So many of which options.")
    tickets = serializers.ListField(
        source="ticket_ids",
        child=serializers.UUIDField(),
        read_only=True,
        help_text="The ids of its tickets, which admit one person each, the given back ones included.",
    )

    class Meta(PurchaseSerializer.Meta):
        fields = [*PurchaseSerializer.Meta.fields, "items", "tickets"]
        read_only_fields = fields

    @extend_schema_field(Item(many=True))
    def get_items(self, purchase: Any) -> list[dict[str, Any]]:
        """Counted from the tickets."""
        return [{"option": str(option), "quantity": n} for option, n in Counter(purchase.ticket_options).items()]


class Buying(ApiViewSet):
    """What somebody takes for themselves, or staff for an account."""

    def buyer(self, said: dict[str, Any]) -> UUID:
        """The id that the body names, or the caller's."""
        named: UUID | None = said.get("buyer") or self.request.user.pk
        if named is None:
            raise Invalid(_("“%(field)s” is missing.") % {"field": "buyer"}, field="buyer")
        return named


def _bought(receipt: actions.Receipt, wanted: dict[UUID, int]) -> dict[str, Any]:
    """What PurchaseWithTickets would show of it a moment later, without a model and a serializer: they cost more."""
    options = sorted(wanted)
    return {
        "id": str(receipt.id),
        "option": str(options[0]) if len(options) == 1 else None,
        "buyer": str(receipt.buyer),
        "quantity": receipt.quantity,
        "created_at": instant(receipt.created_at),
        "items": [{"option": str(option), "quantity": wanted[option]} for option in options],
        "tickets": [str(ticket) for ticket in receipt.tickets],
    }


class PurchaseViewSet(Buying):
    """Tickets bought."""

    operations = {
        "list": "allocation.list_purchases",
        "retrieve": "allocation.see_purchase",
        "create": "allocation.purchase",
        "cancel": "allocation.cancel",
        "take_up": "waiting.use_link",
        "pdf": "allocation.take_along",
        "calendar": "allocation.take_along",
    }
    files = {"pdf": PDF, "calendar": CALENDAR}
    serializer_class = PurchaseSerializer
    outputs = dict.fromkeys(("create", "retrieve", "cancel", "take_up"), PurchaseWithTickets)
    inputs = {"create": Wanted, "take_up": OfferBought}
    examples = {"create": EXAMPLE}
    creating = frozenset({"create", "take_up"})
    filterset_class = PurchaseFilters
    keeps_own_keys = frozenset({"create"})

    @classmethod
    def headers_of(cls, action: str) -> list[OpenApiParameter]:
        """The secret of the link where an offer is taken up."""
        return [*super().headers_of(action), *([LINK_SECRET] if action == "take_up" else [])]

    def rows(self) -> QuerySet:
        """Every purchase; a list leaves the tickets out, as one purchase may hold thousands."""
        return Purchase.objects.all() if self.action == "list" else Purchase.objects.with_tickets()

    def create(self, request: Request) -> HttpResponse:
        """Buy tickets, all or none of them."""
        said = self.input()
        wanted, buyer = added_up(said["items"]), self.buyer(said)
        receipt = actions.buy(wanted, buyer=buyer, by=request.user, key=strong_key(request))
        if receipt.replayed:
            return self.answer(Purchase(pk=receipt.id), 201, REPLAYED)
        return self.written(_bought(receipt, wanted), receipt)

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, **kwargs: Any) -> Response:
        """Give all its tickets back, for good; twice is harmless. Their places go to the waiting lists first."""
        return self.answer(actions.cancel_purchase(self.get_object(), by=request.user))

    @action(detail=True)
    def pdf(self, request: Request, **kwargs: Any) -> HttpResponse:
        """All tickets of it that the caller holds, on paper; at most 100."""
        return self.file(tickets_pdf(own_tickets(request.user, purchase=self.named()["pk"])), "tickets.pdf")

    @action(detail=True)
    def calendar(self, request: Request, **kwargs: Any) -> HttpResponse:
        """Their events for calendars."""
        return self.file(events_calendar(own_tickets(request.user, purchase=self.named()["pk"])), "events.ics")

    @action(detail=False, methods=["post"], url_path="take-up")
    def take_up(self, request: Request) -> Response:
        """Buy what a waiting list holds for somebody, or fewer; the rest is offered to the next."""
        said = self.input()
        waiter = named_place(request, said["waiter"], TicketOption)
        bought = actions.buy_offer(waiter, quantity=said.get("quantity"), buyer=self.buyer(said), by=request.user)
        return self.answer(Purchase(pk=bought.id), 201)


class HoldSerializer(serializers.ModelSerializer):
    """Tickets set aside until some time. It ends once: confirmed, released or lapsed."""

    items = serializers.SerializerMethodField(help_text="So many of which options.")
    until = Instant(read_only=True, help_text="From then on it cannot be confirmed.")
    purchase = serializers.UUIDField(
        source="purchase_id", read_only=True, allow_null=True, help_text="What it became when it was confirmed."
    )
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = Hold
        fields = ["id", "state", "items", "buyer", "until", "purchase", "created_at", "updated_at"]
        read_only_fields = fields

    @extend_schema_field(Item(many=True))
    def get_items(self, hold: Hold) -> list[dict[str, Any]]:
        """They come with all holds at once."""
        items = sorted(hold.items.all(), key=lambda item: item.option_id)
        return [{"option": str(item.option_id), "quantity": item.quantity} for item in items]


class HoldViewSet(Buying):
    """Tickets held for whoever is about to buy them; ten minutes unless the site says otherwise."""

    operations = dict.fromkeys(("list", "retrieve", "create", "confirm", "release"), "allocation.hold")
    serializer_class = HoldSerializer
    filterset_class = HoldFilters
    inputs = {"create": Wanted}
    examples = {"create": EXAMPLE}
    keeps_own_keys = frozenset({"create"})

    def rows(self) -> QuerySet:
        """Every hold with what is in it."""
        return Hold.objects.prefetch_related("items")

    def create(self, request: Request) -> Response:
        """Set tickets aside, all or none of them, on the terms of a purchase."""
        said = self.input()
        wanted, buyer = added_up(said["items"]), self.buyer(said)
        hold = actions.hold_tickets(wanted, buyer=buyer, by=request.user, key=strong_key(request))
        return self.answer(hold, 201, REPLAYED if hold.replayed else None)

    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, **kwargs: Any) -> Response:
        """Buy what is held; `purchase` names the purchase."""
        hold = self.get_object()
        actions.confirm_hold(hold, by=request.user)
        return self.answer(hold)

    @action(detail=True, methods=["post"])
    def release(self, request: Request, **kwargs: Any) -> Response:
        """Give back what is held; twice is harmless."""
        return self.answer(actions.release_hold(self.get_object(), by=request.user))
