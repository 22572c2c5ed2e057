"""Bookings over the API."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from booking import actions
from booking.api.named import ResourceReference, ServiceReference, service_named
from booking.filters import BookingFilters
from booking.models import NAME_LENGTH, PHONE, Booking, Slot, manage_token
from booking.policies import clean_phone, email_as_seen, phone_as_seen
from ticketing import rights
from ticketing.texts import SLUG, clean_email, clean_slug
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import EMAIL_PATTERN, Count, Id, Instant, Ruled, Steady, Text, parse_instant
from ticketing.toolkit.waiting_links import LINK_SECRET, named_place

A_DAY = timedelta(hours=24)
MANAGE_TOKEN = OpenApiParameter(
    "Manage-Token",
    str,
    OpenApiParameter.HEADER,
    description="What was shown when the booking was made; it stands in for an account.",
)


class BookingSerializer(Steady, serializers.ModelSerializer):
    """Places in a slot, and whom to expect there."""

    service = ServiceReference(source="slot.service", read_only=True)
    slot = serializers.UUIDField(source="slot_id", read_only=True)
    starts_at = Instant(read_only=True)
    ends_at = Instant(read_only=True)
    arrived_at = Instant(read_only=True, allow_null=True, help_text="When somebody was checked in.")
    missed_at = Instant(read_only=True, allow_null=True, help_text="When it was marked that nobody came.")
    resource = ResourceReference(read_only=True, allow_null=True, help_text="The room or person that is kept for it.")
    phone = serializers.CharField(read_only=True, help_text="Agents are shown the last three digits.")
    email = serializers.CharField(read_only=True, help_text="Agents are shown the first letter.")
    account = serializers.UUIDField(source="account_id", read_only=True, allow_null=True)
    expired = serializers.BooleanField(read_only=True, help_text="More than eight hours past; it is deleted soon.")
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = Booking
        fields = [
            "id",
            "service",
            "slot",
            "starts_at",
            "ends_at",
            "party",
            "resource",
            "arrived_at",
            "missed_at",
            "walked_in",
            "firstname",
            "lastname",
            "phone",
            "email",
            "account",
            "expired",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    def to_representation(self, booking: Booking) -> dict[str, Any]:
        """Phone number and address as the caller may see them."""
        sight = self.context["view"].sight
        shown: dict[str, Any] = super().to_representation(booking)
        shown["phone"] = phone_as_seen(booking.phone, sight)
        shown["email"] = email_as_seen(booking.email, sight)
        return shown


class BookingMade(BookingSerializer):
    """A booking with what manages it, for whoever made it."""

    manage_token = serializers.SerializerMethodField(
        help_text="Send it as Manage-Token to see, change or cancel the booking without an account."
    )

    class Meta(BookingSerializer.Meta):
        fields = [*BookingSerializer.Meta.fields, "manage_token"]
        read_only_fields = fields

    def get_manage_token(self, booking: Booking) -> str:
        """The first one, also when the answer is given again after it was replaced."""
        return manage_token(booking.pk, 1)


class NewBooking(Steady):
    """Whom to expect, and when."""

    firstname = Text(NAME_LENGTH)
    lastname = Text(NAME_LENGTH)
    phone = Ruled(clean_phone, pattern=f"^{PHONE}$", limit=10)
    starts_at = Instant()
    email = Ruled(
        clean_email,
        pattern=EMAIL_PATTERN,
        limit=254,
        required=False,
        help_text="Whoever proves to read there finds the booking in their account.",
    )
    service = Ruled(
        clean_slug, pattern=f"^{SLUG}$", limit=50, required=False, help_text="Its short name or id; else the default."
    )
    party = Count(required=False, help_text="How many come, each with a place; one if unsaid.")


class OfferTaken(serializers.Serializer):
    """Whom to expect on the places that a waiting list holds."""

    waiter = Id(help_text="The id of the place on the waiting list that holds the offer.")
    firstname = Text(NAME_LENGTH)
    lastname = Text(NAME_LENGTH)
    phone = Ruled(clean_phone, pattern=f"^{PHONE}$", limit=10)
    party = Count(required=False, help_text="How many come; all for whom places are held if unsaid.")


class BookingChange(serializers.Serializer):
    """What may change of a booking; what is left out stays."""

    firstname = Text(NAME_LENGTH, required=False)
    lastname = Text(NAME_LENGTH, required=False)
    phone = Ruled(clean_phone, pattern=f"^{PHONE}$", limit=10, required=False)
    starts_at = Instant(required=False)
    party = Count(required=False, help_text="How many come.")


class Arrival(serializers.Serializer):
    """How many came."""

    came = Count(required=False, help_text="As many as were expected if unsaid; the others' places are free again.")


class NewWalkIn(serializers.Serializer):
    """Who came without a booking."""

    firstname = Text(NAME_LENGTH)
    lastname = Text(NAME_LENGTH)
    phone = Ruled(clean_phone, pattern=f"^{PHONE}$", limit=10, required=False)
    service = Ruled(
        clean_slug, pattern=f"^{SLUG}$", limit=50, required=False, help_text="Its short name or id; else the default."
    )
    party = Count(required=False, help_text="How many came; one if unsaid.")


class BookingViewSet(ApiViewSet):
    """Places that somebody has. Without an account the manage token of a booking opens that one."""

    operations = {
        "list": "booking.see_all",
        "retrieve": "booking.see_one",
        "create": "booking.book",
        "take_up": "waiting.use_link",
        "partial_update": "booking.change",
        "destroy": "booking.cancel",
        "check_in": "booking.check_in",
        "undo_check_in": "booking.check_in",
        "missed": "booking.check_in",
        "undo_walk_in": "booking.check_in",
        "walk_in": "booking.check_in",
    }
    serializer_class = BookingSerializer
    outputs = {"create": BookingMade, "take_up": BookingMade}
    creating = frozenset({"create", "take_up", "walk_in"})
    ends_early = frozenset({"create", "walk_in"})
    without_body = {"destroy": 204, "undo_walk_in": 204}
    filterset_class = BookingFilters
    inputs = {
        "create": NewBooking,
        "take_up": OfferTaken,
        "partial_update": BookingChange,
        "check_in": Arrival,
        "walk_in": NewWalkIn,
    }
    orderings = {"starts_at": ("starts_at", "created_at", "id"), "created_at": ("created_at", "id")}
    newest_first = False
    examples = {
        "create": {
            "firstname": "Ada",
            "lastname": "Lovelace",
            "phone": "5550100009",
            "starts_at": "2035-09-12T09:30:00+02:00",
        },
        "partial_update": {"starts_at": "2035-09-12T10:00:00+02:00"},
        "walk_in": {"firstname": "Ada", "lastname": "Lovelace"},
    }

    @classmethod
    def headers_of(cls, action: str) -> list[OpenApiParameter]:
        """The manage token wherever one booking is named."""
        held = {name: [MANAGE_TOKEN] for name in ("retrieve", "partial_update", "destroy")}
        tokens = {**held, "take_up": [LINK_SECRET]}.get(action, [])
        return [*super().headers_of(action), *tokens]

    @property
    def operation(self) -> str:
        """What this action needs; to look at a day or less of the list is less than to see all of it."""
        return "booking.see_by_time" if self.action == "list" and _spans_a_day(self.request) else super().operation

    @property
    def sight(self) -> rights.Scope:
        """How the caller sees what is answered, which to change a booking does not widen."""
        return rights.scope(self.request.user, self.operation if self.action == "list" else "booking.see_one") or (
            rights.Scope.MASKED
        )

    def rows(self) -> QuerySet:
        """Every booking with its service and its resource, and whether it expired."""
        return Booking.objects.with_expired().select_related("slot__service", "resource")

    def get_queryset(self) -> QuerySet:
        """The bookings that this action reaches for the caller, who may hold the manage token of one."""
        if getattr(self, "swagger_fake_view", False):
            return self.rows()
        held = self.request.headers.get("Manage-Token", "") if self.detail else ""
        return self.rows().visible_to(self.request.user, self.operation, held)

    def create(self, request: Request) -> Response:
        """Take a place for each of the party in the slot, and a free resource where the service needs one."""
        wanted = self.input()
        if named := wanted.pop("service", None):
            wanted["service"] = service_named(named)
        return self.shown(actions.book(**wanted, by=request.user), 201)

    @action(detail=False, methods=["post"], url_path="take-up")
    def take_up(self, request: Request) -> Response:
        """Book the places that a waiting list holds for somebody, or fewer; the rest is offered to the next."""
        wanted = self.input()
        waiter = named_place(request, wanted.pop("waiter"), Slot)
        return self.answer(actions.book_offer(waiter, **wanted, by=request.user), 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change what is given, wholly or not at all."""
        booking, changes = self.get_object(), self.input()
        return self.answer(actions.change_booking(booking, **changes, by=request.user))

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Cancel the booking: it is deleted for good, and its place is free again."""
        actions.cancel_booking(self.get_object(), by=request.user)
        return self.done()

    @action(detail=True, methods=["post"], url_path="check-in")
    def check_in(self, request: Request, **kwargs: Any) -> Response:
        """Say that they came, today, and how many of them."""
        booking, said = self.get_object(), self.input()
        return self.answer(actions.check_in(booking, **said, by=request.user))

    @action(detail=True, methods=["post"], url_path="undo-check-in")
    def undo_check_in(self, request: Request, **kwargs: Any) -> Response:
        """Take back that they came."""
        return self.answer(actions.undo_check_in(self.get_object(), by=request.user))

    @action(detail=True, methods=["post"])
    def missed(self, request: Request, **kwargs: Any) -> Response:
        """Say that nobody came, once the grace time of the service is over."""
        return self.answer(actions.mark_missed(self.get_object(), by=request.user))

    @action(detail=True, methods=["post"], url_path="undo-walk-in")
    def undo_walk_in(self, request: Request, **kwargs: Any) -> Response:
        """Remove somebody who was let in by mistake; the places are free again."""
        actions.undo_walk_in(self.get_object(), by=request.user)
        return self.done()

    @action(detail=False, methods=["post"], url_path="walk-in")
    def walk_in(self, request: Request, **kwargs: Any) -> Response:
        """Let somebody in who came without a booking, into the slot that is running now."""
        said = self.input()
        service = service_named(said.pop("service")) if "service" in said else None
        return self.answer(actions.walk_in(service=service, **said, by=request.user), 201)


def _spans_a_day(request: Request) -> bool:
    """Whether the list is asked for a span of time of 24 hours at most."""
    ends = [parse_instant(request.query_params.get(name, "")) for name in ("starts_from", "starts_to")]
    return all(ends) and timedelta(0) <= ends[1] - ends[0] <= A_DAY
