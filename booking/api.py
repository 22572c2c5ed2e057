"""Bookings over /api/v1/booking/."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from booking import actions
from booking.filters import BookingFilters, SlotFilters
from booking.models import NAME_LENGTH, PHONE, SLUG, Booking, Service, Slot, manage_token
from booking.policies import clean_phone, clean_slug, email_as_seen, phone_as_seen
from ticketing import rights
from ticketing.errors import NotFound
from ticketing.texts import clean_email
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import EMAIL_PATTERN, Count, Instant, Ruled, Text, parse_instant

A_DAY = timedelta(hours=24)
MANAGE_TOKEN = OpenApiParameter(
    "Manage-Token",
    str,
    OpenApiParameter.HEADER,
    description="What was shown when the booking was made; it stands in for an account.",
)


class ServiceSerializer(serializers.ModelSerializer):
    """Something whose minutes can be booked."""

    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = Service
        fields = ["id", "slug", "name", "slot_capacity", "created_at", "updated_at"]
        read_only_fields = fields


class NewService(serializers.Serializer):
    """What opens something to bookings."""

    slug = Ruled(clean_slug, pattern=f"^{SLUG}$", limit=50, help_text="The short name, which stays.")
    name = Text(NAME_LENGTH)
    slot_capacity = Count(default=20, help_text="Places in each minute.")


class ServiceChange(serializers.Serializer):
    """What may change of a service; what is left out stays."""

    name = Text(NAME_LENGTH, required=False)
    slot_capacity = Count(required=False, help_text="Holds for minutes that nobody has booked yet.")


class ServiceViewSet(ApiViewSet):
    """What can be booked."""

    operations = {
        "list": "booking.see_free",
        "retrieve": "booking.see_free",
        "create": "booking.manage",
        "partial_update": "booking.manage",
    }
    serializer_class = ServiceSerializer
    inputs = {"create": NewService, "partial_update": ServiceChange}
    orderings = {"slug": ("slug",)}
    newest_first = False
    examples = {
        "create": {"slug": "passport-office", "name": "Passport office", "slot_capacity": 4},
        "partial_update": {"slot_capacity": 6},
    }

    def rows(self) -> QuerySet:
        """Every service."""
        return Service.objects.all()

    def create(self, request: Request) -> Response:
        """Open something to bookings, at every minute."""
        return self.answer(actions.create_service(**self.input(), by=request.user), 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change the name or the places; minutes that somebody has booked keep theirs."""
        service, changes = self.get_object(), self.input()
        return self.answer(actions.change_service(service, **changes, by=request.user))


class ServiceReference(serializers.ModelSerializer):
    """Which service it is."""

    class Meta:
        model = Service
        fields = ["id", "slug", "name"]
        read_only_fields = fields


class SlotSerializer(serializers.ModelSerializer):
    """One minute of a service, in numbers."""

    service = ServiceReference(read_only=True)
    starts_at = Instant(read_only=True)
    left = serializers.IntegerField(read_only=True, help_text="How many places are still to be had.")

    class Meta:
        model = Slot
        fields = ["id", "service", "starts_at", "capacity", "taken", "left"]
        read_only_fields = fields


class SlotChange(serializers.Serializer):
    """What may change of a minute."""

    capacity = Count(min_value=0, required=False, help_text="0 closes a minute that nobody has booked.")


class SlotViewSet(ApiViewSet):
    """The minutes that somebody has booked. Every other minute has all the places of its service."""

    operations = {"list": "booking.see_free", "retrieve": "booking.see_free", "partial_update": "booking.manage"}
    serializer_class = SlotSerializer
    filterset_class = SlotFilters
    inputs = {"partial_update": SlotChange}
    orderings = {"starts_at": ("starts_at", "id")}
    newest_first = False
    examples = {"partial_update": {"capacity": 25}}

    def rows(self) -> QuerySet:
        """Every slot with its service."""
        return Slot.objects.select_related("service")

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change the places of this minute, never below what is taken."""
        slot, changes = self.get_object(), self.input()
        return self.answer(actions.change_slot(slot, **changes, by=request.user))


class BookingSerializer(serializers.ModelSerializer):
    """A place in a minute, and whom to expect there."""

    service = ServiceReference(source="slot.service", read_only=True)
    slot = serializers.UUIDField(source="slot_id", read_only=True)
    starts_at = Instant(read_only=True)
    phone = serializers.SerializerMethodField(help_text="Agents are shown the last three digits.")
    email = serializers.SerializerMethodField(help_text="Agents are shown the first letter.")
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

    def get_phone(self, booking: Booking) -> str:
        """As the caller may see it."""
        return phone_as_seen(booking.phone, self.context["view"].sight)

    def get_email(self, booking: Booking) -> str:
        """As the caller may see it."""
        return email_as_seen(booking.email, self.context["view"].sight)


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


class NewBooking(serializers.Serializer):
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


class BookingChange(serializers.Serializer):
    """What may change of a booking; what is left out stays."""

    firstname = Text(NAME_LENGTH, required=False)
    lastname = Text(NAME_LENGTH, required=False)
    phone = Ruled(clean_phone, pattern=f"^{PHONE}$", limit=10, required=False)
    starts_at = Instant(required=False)


class BookingViewSet(ApiViewSet):
    """Places that somebody has. Without an account the manage token of a booking opens that one."""

    operations = {
        "list": "booking.see_all",
        "retrieve": "booking.see_one",
        "create": "booking.book",
        "partial_update": "booking.change",
        "destroy": "booking.cancel",
    }
    serializer_class = BookingSerializer
    outputs = {"create": BookingMade}
    filterset_class = BookingFilters
    inputs = {"create": NewBooking, "partial_update": BookingChange}
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
    }

    @classmethod
    def headers_of(cls, action: str) -> list[OpenApiParameter]:
        """The manage token wherever one booking is named."""
        return [*super().headers_of(action), *([] if action in ("list", "create") else [MANAGE_TOKEN])]

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
        """Every booking with its service, and whether it expired."""
        return Booking.objects.with_expired().select_related("slot__service")

    def get_queryset(self) -> QuerySet:
        """The bookings that this action reaches for the caller, who may hold the manage token of one."""
        if getattr(self, "swagger_fake_view", False):
            return self.rows()
        held = self.request.headers.get("Manage-Token", "") if self.detail else ""
        return self.rows().visible_to(self.request.user, self.operation, held)

    def create(self, request: Request) -> Response:
        """Take one place in the minute."""
        wanted = self.input()
        if named := wanted.pop("service", None):
            wanted["service"] = _service(named)
        return self.answer(actions.book(**wanted, by=request.user), 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change what is given, wholly or not at all."""
        booking, changes = self.get_object(), self.input()
        return self.answer(actions.change_booking(booking, **changes, by=request.user))

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Cancel the booking: it is deleted for good, and its place is free again."""
        actions.cancel_booking(self.get_object(), by=request.user)
        return self.done()


def _spans_a_day(request: Request) -> bool:
    """Whether the list is asked for a span of time of 24 hours at most."""
    ends = [parse_instant(request.query_params.get(name, "")) for name in ("starts_from", "starts_to")]
    return all(ends) and timedelta(0) <= ends[1] - ends[0] <= A_DAY


def _service(name: str) -> Service:
    if service := Service.objects.called(name).first():
        return service
    raise NotFound(field="service")
