"""What can be booked over the API, and when there is room."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from booking import actions
from booking.api.named import calendar_named, resources_named
from booking.availability import days_between, slots_of_day
from booking.models import A_DAY, NAME_LENGTH, TERMS, Service
from booking.policies import end_of
from ticketing.texts import SLUG, clean_slug
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Count, Day, Flag, Id, Instant, Ruled, Text
from ticketing.toolkit.questions import ask_day, ask_number, asked, parameters

MOST_DAYS = 62  # that one request can ask about
MOST_RESOURCES = 500  # of one service
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
DIVISORS = [grid for grid in range(1, A_DAY + 1) if A_DAY % grid == 0]
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
            said["calendar"] = calendar_named(said["calendar"], self.request)
        if "resources" in said:
            said["resources"] = resources_named(said["resources"], self.request)
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
