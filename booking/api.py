"""Bookings over /api/v1/booking/."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from booking import actions
from booking.availability import days_between, slots_of_day
from booking.filters import BookingFilters, SlotFilters, TallyFilters
from booking.models import A_DAY as MINUTES_OF_A_DAY
from booking.models import NAME_LENGTH, PHONE, SLUG, TERMS, Booking, Resource, Service, Slot, Tally, manage_token
from booking.policies import clean_phone, clean_slug, email_as_seen, end_of, phone_as_seen
from ticketing import rights
from ticketing.errors import NotFound
from ticketing.models import Calendar, Waiter
from ticketing.texts import clean_email
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import EMAIL_PATTERN, Count, Day, Flag, Id, Instant, Ruled, Text, parse_instant
from ticketing.toolkit.questions import ask_day, ask_number, asked, parameters

LINK_SECRET = OpenApiParameter(
    "Manage-Token",
    str,
    OpenApiParameter.HEADER,
    description="What the link in the mails of the waiting list ends in; it stands in for an account.",
)
A_DAY = timedelta(hours=24)
MOST_DAYS = 62  # that one request can ask about
MOST_RESOURCES = 500  # of one service
MANAGE_TOKEN = OpenApiParameter(
    "Manage-Token",
    str,
    OpenApiParameter.HEADER,
    description="What was shown when the booking was made; it stands in for an account.",
)


TERM_HELP = {
    "slot_capacity": "Places in each slot that nobody has booked yet.",
    "duration_minutes": "From the beginning to the end of a visit.",
    "grid_minutes": "A slot begins every so many minutes, counted from midnight; it divides the day evenly.",
    "largest_party": "So many can come together.",
    "buffer_before_minutes": "That the resource is kept free before each visit.",
    "buffer_after_minutes": "That the resource is kept free after each visit.",
    "lead_minutes": "That customers book ahead at least; null for no limit, not even the present.",
    "horizon_days": "That customers book ahead at most; null for no limit.",
    "deadline_minutes": "Before the visit, until which customers change and cancel; null for no limit.",
    "grace_minutes": "After the beginning, from which on a visit can be marked as one to which nobody came.",
}
DIVISORS = [grid for grid in range(1, MINUTES_OF_A_DAY + 1) if MINUTES_OF_A_DAY % grid == 0]
OPEN_ENDED = {"lead_minutes", "horizon_days", "deadline_minutes"}


@extend_schema_field({"type": "integer", "enum": DIVISORS})
class Grid(Count):
    """Minutes that divide the day evenly."""


def _terms() -> dict[str, Count]:
    """The numbers of a service's terms, each within its limits; what is left out stays, or is the usual."""
    return {
        field: (Grid if field == "grid_minutes" else Count)(
            min_value=least, max_value=most, required=False, allow_null=field in OPEN_ENDED, help_text=TERM_HELP[field]
        )
        for field, (least, most) in TERMS.items()
    }


class ServiceSerializer(serializers.ModelSerializer):
    """Something whose slots can be booked, and on which terms."""

    calendar = serializers.UUIDField(
        source="calendar_id", read_only=True, allow_null=True, help_text="Its business hours; null for always open."
    )
    resources = serializers.SerializerMethodField(help_text="The ids of the rooms and people that it can use.")
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = Service
        fields = [
            *("id", "slug", "name", *TERMS, "calendar", "needs_resource", "resources"),
            *("created_at", "updated_at"),
        ]
        read_only_fields = fields
        extra_kwargs = {field: {"help_text": told} for field, told in TERM_HELP.items()}

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_resources(self, service: Service) -> list[str]:
        """They come with all services at once."""
        return sorted(str(resource.pk) for resource in service.resources.all())


Terms = type("Terms", (serializers.Serializer,), _terms())


class ServiceChange(Terms):
    """What may change of a service; what is left out stays."""

    name = Text(NAME_LENGTH, required=False)
    calendar = Id(required=False, allow_null=True, help_text="The id of its business hours; null for always open.")
    needs_resource = Flag(required=False, help_text="Whether each visit occupies one of the resources.")
    resources = serializers.ListField(
        child=Id(), required=False, max_length=MOST_RESOURCES, help_text="Ids. Any free one is used."
    )


class NewService(ServiceChange):
    """What opens something to bookings."""

    slug = Ruled(clean_slug, pattern=f"^{SLUG}$", limit=50, help_text="The short name, which stays.")
    name = Text(NAME_LENGTH)


class TimeOfDay(serializers.Serializer):
    """A slot, in numbers."""

    starts_at = Instant()
    ends_at = Instant()
    capacity = serializers.IntegerField(help_text="Places, or visits where each needs a resource.")
    free = serializers.IntegerField(help_text="How many of them are still to be had.")


class Times(serializers.Serializer):
    """The slots of a day, in order."""

    times = TimeOfDay(many=True)


class DayInNumbers(serializers.Serializer):
    """A day, in numbers."""

    day = Day()
    slots = serializers.IntegerField(help_text="How many can be booked; none where it is closed, or over.")
    free = serializers.IntegerField(help_text="In how many of them the party finds room.")


class Days(serializers.Serializer):
    """Days in their order."""

    days = DayInNumbers(many=True)


QUESTIONS = {
    "times": [ask_day("day", "Of this day on the site's clocks.", required=True)],
    "days": [
        ask_day("first", "From this day on, on the site's clocks.", required=True),
        ask_day("last", f"Until this day; of a longer span the first {MOST_DAYS} days are answered.", required=True),
        ask_number("party", "How many want to come together; one if unsaid.", *TERMS["largest_party"]),
    ],
}


class ServiceViewSet(ApiViewSet):
    """What can be booked."""

    operations = {
        "list": "booking.see_free",
        "retrieve": "booking.see_free",
        "create": "booking.manage",
        "partial_update": "booking.manage",
        "times": "booking.see_free",
        "days": "booking.see_free",
    }
    serializer_class = ServiceSerializer
    inputs = {"create": NewService, "partial_update": ServiceChange}
    outputs = {"times": Times, "days": Days}
    orderings = {"slug": ("slug",)}
    newest_first = False
    examples = {
        "create": {
            "slug": "passport-office",
            "name": "Passport office",
            "slot_capacity": 4,
            "duration_minutes": 20,
            "grid_minutes": 10,
            "largest_party": 4,
            "lead_minutes": 60,
            "horizon_days": 90,
        },
        "partial_update": {"slot_capacity": 6},
    }

    @classmethod
    def headers_of(cls, action: str) -> list[OpenApiParameter]:
        """What the questions ask about, in their addresses."""
        return parameters(QUESTIONS[action]) if action in QUESTIONS else super().headers_of(action)

    def rows(self) -> QuerySet:
        """Every service, with what its answer needs."""
        if self.action in QUESTIONS:
            return Service.objects.with_calendar().annotate(now=Now())
        return Service.objects.prefetch_related("resources")

    def create(self, request: Request) -> Response:
        """Open something to bookings, on its terms; without any, every minute of every day can be booked."""
        return self.answer(actions.create_service(**self.terms(), by=request.user), 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change the terms; bookings stay as they are, and slots that somebody has booked keep their places."""
        service, changes = self.get_object(), self.terms()
        return self.answer(actions.change_service(service, **changes, by=request.user))

    def terms(self) -> dict[str, Any]:
        """What the body says, with the calendar and the resources that it names."""
        said = self.input()
        if said.get("calendar"):
            said["calendar"] = _calendar(said["calendar"], self.request)
        if "resources" in said:
            said["resources"] = _resources(said["resources"], self.request)
        return said

    @action(detail=True, methods=["get"])
    def times(self, request: Request, **kwargs: Any) -> Response:
        """Say which slots of a day the caller can book, full ones included; what clocks show twice is there twice."""
        answers = asked(request, QUESTIONS["times"])
        service = self.get_object()
        found = slots_of_day(answers["day"], service, by=request.user, at=service.now)
        told = [
            {
                "starts_at": offer.instant,
                "ends_at": end_of(service, offer.instant),
                "capacity": offer.capacity,
                "free": offer.free,
            }
            for offer in found
        ]
        return Response(self.get_serializer({"times": told}).data)

    @action(detail=True, methods=["get"])
    def days(self, request: Request, **kwargs: Any) -> Response:
        """Say for each day of a span how many slots the caller can book, and in how many of them there is room."""
        answers = asked(request, QUESTIONS["days"])
        first, last = answers.pop("first"), answers.pop("last")
        last = min(last, first + timedelta(days=MOST_DAYS - 1))
        service = self.get_object()
        found = days_between(first, last, service, by=request.user, at=service.now, **answers) if first <= last else []
        return Response(self.get_serializer({"days": [offer._asdict() for offer in found]}).data)


def _calendar(pk: UUID, request: Request) -> Calendar:
    if calendar := Calendar.objects.visible_to(request.user, "hours.see").filter(pk=pk).first():
        return calendar
    raise NotFound(field="calendar")


def _resources(pks: list[UUID], request: Request) -> list[Resource]:
    found = list(Resource.objects.visible_to(request.user, "booking.manage").filter(pk__in=pks))
    if len(found) < len(set(pks)):
        raise NotFound(field="resources")
    return found


class ResourceSerializer(serializers.ModelSerializer):
    """A room, a desk or a person, who can receive one visit at a time."""

    calendar = serializers.UUIDField(
        source="calendar_id",
        read_only=True,
        allow_null=True,
        help_text="When it is there; null for always.",
    )
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = Resource
        fields = ["id", "name", "calendar", "is_active", "created_at", "updated_at"]
        read_only_fields = fields


class ResourceChange(serializers.Serializer):
    """What may change of a resource; what is left out stays."""

    name = Text(NAME_LENGTH, required=False)
    calendar = Id(required=False, allow_null=True, help_text="The id of its business hours; null for its services'.")
    is_active = Flag(required=False, help_text="Otherwise nothing new is booked with it; what is booked stays.")


class NewResource(ResourceChange):
    """A room or a person."""

    name = Text(NAME_LENGTH)


class ResourceViewSet(ApiViewSet):
    """Rooms and people that services use."""

    operations = dict.fromkeys(("list", "retrieve", "create", "partial_update"), "booking.manage")
    serializer_class = ResourceSerializer
    inputs = {"create": NewResource, "partial_update": ResourceChange}
    orderings = {"name": ("name", "id")}
    newest_first = False
    examples = {"create": {"name": "Room 2"}, "partial_update": {"is_active": False}}

    def rows(self) -> QuerySet:
        """Every resource."""
        return Resource.objects.all()

    def create(self, request: Request) -> Response:
        """Add a room or a person; services that are to use it name it among their resources."""
        return self.answer(actions.create_resource(**self.known(), by=request.user), 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change what is given; what is booked with it stays."""
        resource, changes = self.get_object(), self.known()
        return self.answer(actions.change_resource(resource, **changes, by=request.user))

    def known(self) -> dict[str, Any]:
        """What the body says, with the calendar that it names."""
        said = self.input()
        if said.get("calendar"):
            said["calendar"] = _calendar(said["calendar"], self.request)
        return said


class ServiceReference(serializers.ModelSerializer):
    """Which service it is."""

    class Meta:
        model = Service
        fields = ["id", "slug", "name"]
        read_only_fields = fields


class ResourceReference(serializers.ModelSerializer):
    """Which room or person it is."""

    class Meta:
        model = Resource
        fields = ["id", "name"]
        read_only_fields = fields


class SlotSerializer(serializers.ModelSerializer):
    """One slot of a service, in numbers."""

    service = ServiceReference(read_only=True)
    starts_at = Instant(read_only=True)
    left = serializers.IntegerField(read_only=True, help_text="How many places are still to be had.")

    class Meta:
        model = Slot
        fields = ["id", "service", "starts_at", "capacity", "taken", "left"]
        read_only_fields = fields


class SlotChange(serializers.Serializer):
    """What may change of a slot."""

    capacity = Count(min_value=0, required=False, help_text="0 closes a slot in which nobody has a place.")


class SlotViewSet(ApiViewSet):
    """The slots that somebody has booked. Every other one has all the places of its service."""

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
        """Change the places of this slot, never below what is taken."""
        slot, changes = self.get_object(), self.input()
        return self.answer(actions.change_slot(slot, **changes, by=request.user))


class BookingSerializer(serializers.ModelSerializer):
    """Places in a slot, and whom to expect there."""

    service = ServiceReference(source="slot.service", read_only=True)
    slot = serializers.UUIDField(source="slot_id", read_only=True)
    starts_at = Instant(read_only=True)
    ends_at = Instant(read_only=True)
    arrived_at = Instant(read_only=True, allow_null=True, help_text="When somebody was checked in.")
    missed_at = Instant(read_only=True, allow_null=True, help_text="When it was marked that nobody came.")
    resource = ResourceReference(read_only=True, allow_null=True, help_text="The room or person that is kept for it.")
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
        "walk_in": "booking.check_in",
    }
    serializer_class = BookingSerializer
    outputs = {"create": BookingMade, "take_up": BookingMade}
    creating = frozenset({"create", "take_up", "walk_in"})
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
            wanted["service"] = _service(named)
        return self.answer(actions.book(**wanted, by=request.user), 201)

    @action(detail=False, methods=["post"], url_path="take-up")
    def take_up(self, request: Request) -> Response:
        """Book the places that a waiting list holds for somebody, or fewer; the rest is offered to the next."""
        wanted = self.input()
        pk, secret = wanted.pop("waiter"), request.headers.get("Manage-Token", "")
        rows = Waiter.objects.visible_to(request.user, "waiting.use_link", Waiter.objects.link_of(pk, secret))
        waiter = rows.filter(pk=pk, kind=Slot._meta.label_lower).first()
        if waiter is None:
            raise NotFound(field="waiter")
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

    @action(detail=False, methods=["post"], url_path="walk-in")
    def walk_in(self, request: Request, **kwargs: Any) -> Response:
        """Let somebody in who came without a booking, into the slot that is running now."""
        said = self.input()
        service = _service(said.pop("service")) if "service" in said else None
        return self.answer(actions.walk_in(service=service, **said, by=request.user), 201)


def _spans_a_day(request: Request) -> bool:
    """Whether the list is asked for a span of time of 24 hours at most."""
    ends = [parse_instant(request.query_params.get(name, "")) for name in ("starts_from", "starts_to")]
    return all(ends) and timedelta(0) <= ends[1] - ends[0] <= A_DAY


def _service(name: str) -> Service:
    if service := Service.objects.with_calendar().called(name).first():
        return service
    raise NotFound(field="service")


class TallySerializer(serializers.ModelSerializer):
    """What the bookings of an hour of a service came to, once they are gone."""

    service = ServiceReference(read_only=True)
    day = Day(read_only=True, help_text="On the site's clocks.")

    class Meta:
        model = Tally
        fields = ["service", "day", "hour", "visits", "people", "came", "missed", "cancelled", "lead_minutes"]
        read_only_fields = fields


class TallyViewSet(ApiViewSet):
    """What bookings came to, hour by hour: numbers, and nothing about anybody."""

    operations = {"list": "booking.report"}
    serializer_class = TallySerializer
    filterset_class = TallyFilters
    orderings = {"day": ("day", "hour", "id")}

    def rows(self) -> QuerySet:
        """Every hour with its service."""
        return Tally.objects.select_related("service")
