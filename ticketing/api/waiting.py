"""Waiting lists over /api/v1/waiting/."""

from typing import Any

import django_filters
from django.apps import apps
from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from ticketing import actions
from ticketing.errors import NotFound
from ticketing.models import Stock, Waiter
from ticketing.texts import clean_email, current_language
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.contracts import found
from ticketing.toolkit.fields import EMAIL_PATTERN, Count, Id, Instant, Ruled, Text
from ticketing.toolkit.filters import IdFilter, TextFilter
from ticketing.toolkit.waiting_links import LINK_SECRET

KIND = r"^[a-z]+\.[a-z]+$"
LINKED = ("retrieve", "confirm", "leave", "decline")


class WaiterSerializer(serializers.ModelSerializer):
    """A place on a waiting list."""

    account = serializers.UUIDField(source="account_id", read_only=True, allow_null=True)
    position = serializers.IntegerField(
        read_only=True,
        allow_null=True,
        help_text="Among those who wait, from one; null for who does not wait any more.",
    )
    moved_at = Instant(read_only=True, allow_null=True, help_text="When the organiser moved them in the order.")
    offered = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Places that are, or were, held for them."
    )
    offered_until = Instant(read_only=True, allow_null=True)
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = Waiter
        fields = [
            *("id", "kind", "stock", "quantity", "least", "email", "account", "language"),
            *("state", "position", "moved_at", "moved_reason", "offered", "offered_until", "created_at", "updated_at"),
        ]
        read_only_fields = fields


class NewWaiter(serializers.Serializer):
    """What is waited for, and by whom."""

    kind = serializers.RegexField(
        KIND, max_length=100, help_text="Of what is waited for: allocation.ticketoption or booking.slot."
    )
    stock = Id(help_text="The id of the slot, of the ticket option, or of what else it is.")
    quantity = Count(help_text="How many places are wanted.")
    least = Count(required=False, help_text="So many would be taken too; all of them if unsaid.")
    email = Ruled(clean_email, pattern=EMAIL_PATTERN, limit=254, help_text="Where offers are sent to.")


class Move(serializers.Serializer):
    """Where somebody is to stand, and why."""

    before = Id(required=False, allow_null=True, help_text="The id of who is to come next; first of all if unsaid.")
    reason = Text(Waiter.REASON_LIMIT, help_text="Everybody on the list can read it.")


class WaiterFilters(django_filters.FilterSet):
    """Places by list and by state."""

    kind = TextFilter(help_text="Of this kind: allocation.ticketoption or booking.slot.")
    stock = IdFilter(help_text="On the list of this slot, ticket option, or what else it is.")
    state = django_filters.ChoiceFilter(choices=Waiter.State.choices, help_text="In this state.")

    class Meta:
        model = Waiter
        fields: list[str] = []


class WaiterViewSet(ApiViewSet):
    """Places on waiting lists. Without an account the secret of the mailed link opens that one."""

    operations = {
        "list": "waiting.see",
        "retrieve": "waiting.use_link",
        "create": "waiting.join",
        "confirm": "waiting.use_link",
        "leave": "waiting.use_link",
        "decline": "waiting.use_link",
        "move": "waiting.manage",
    }
    serializer_class = WaiterSerializer
    filterset_class = WaiterFilters
    inputs = {"create": NewWaiter, "move": Move}
    orderings = {"created_at": ("created_at", "id"), "place": ("place", "id")}
    examples = {"move": {"reason": "Needs a seat without steps, and this is the only one."}}

    @classmethod
    def headers_of(cls, action: str) -> list[OpenApiParameter]:
        """The link's secret wherever one place is named."""
        return [*super().headers_of(action), *([LINK_SECRET] if action in LINKED else [])]

    def rows(self) -> QuerySet:
        """Every place, with its position."""
        return Waiter.objects.with_position()

    def get_queryset(self) -> QuerySet:
        """The places that this action reaches for the caller, who may hold the link of one."""
        if getattr(self, "swagger_fake_view", False):
            return self.rows()
        return self.rows().visible_to(self.request.user, self.operation, self._link())

    def _link(self) -> Any:
        secret = self.request.headers.get("Manage-Token", "") if self.detail else ""
        return Waiter.objects.link_of(self.named()["pk"], secret) if secret else None

    def get_object(self) -> Any:
        """The place; for a change with If-Match, which locks its row, the stock's row is locked before it."""
        if "If-Match" in self.request.headers and self.action != "retrieve":
            for waiter in self.get_queryset().filter(**self.named()):
                actions.lock_list(waiter)
        return super().get_object()

    def create(self, request: Request) -> Response:
        """Ask for a place on a list; refused while there is room. The link to confirm and to look after it is mailed.

        Until then the place is `unconfirmed`: it keeps its number, and nothing is offered to it. It counts at once for
        an account that has proven the address, and where staff ask for it. Whether an address is on the list already
        is told to its owner only, by mail.
        """
        wanted = self.input()
        stock = _stock(wanted.pop("kind"), wanted.pop("stock"))
        return self.answer(actions.join_list(stock, **wanted, language=current_language(), by=request.user), 201)

    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, **kwargs: Any) -> Response:
        """Let the place count; by the secret of the mailed link, or by an account that has proven the address."""
        return self.answer(actions.confirm_place(self.get_object(), link=self._link(), by=request.user))

    @action(detail=True, methods=["post"])
    def leave(self, request: Request, **kwargs: Any) -> Response:
        """Leave the list; what was held is offered to the next."""
        return self.answer(actions.leave_list(self.get_object(), by=request.user))

    @action(detail=True, methods=["post"])
    def decline(self, request: Request, **kwargs: Any) -> Response:
        """Decline the offer, which goes to the next; it ends the place on the list."""
        return self.answer(actions.decline_offer(self.get_object(), by=request.user))

    @action(detail=True, methods=["post"])
    def move(self, request: Request, **kwargs: Any) -> Response:
        """Put somebody before another one on the same list, or first of all; the reason is kept and shown to all."""
        waiter, wanted = self.get_object(), self.input()
        before = wanted.get("before") and found(Waiter.objects.all(), pk=wanted["before"])
        return self.answer(actions.move_waiter(waiter, reason=wanted["reason"], before=before, by=request.user))


def _stock(kind: str, pk: Any) -> Stock:
    """What is to be waited for, there or not; NoWaitingList for what has no list."""
    if kind not in settings.WAITING_LISTS:
        raise actions.NoWaitingList(field="kind")
    if stock := apps.get_model(kind)._default_manager.filter(pk=pk).first():
        return stock
    raise NotFound(field="stock")
