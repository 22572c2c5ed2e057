"""Events over the API."""

from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from allocation import actions
from allocation.filters import EventFilters
from allocation.models import DESCRIPTION_LIMIT, NAME_LIMIT, Event
from allocation.querysets import sees_unpublished
from allocation.reports import fates_of, flow_of, sales_of, sums_of_options
from ticketing.errors import NotFound
from ticketing.models import User
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Day, Flag, Id, Instant, Text

ZONE_HELP = "Whose clocks the event goes by, such as Europe/Berlin."
CANCEL_HELP = "Until then customers can give tickets back; null for until it begins."
GATES_HELP = "Ids of the accounts of gates that admit people to it."
MOST_GATES = 500  # of one event

AUDITED_HELP = (
    "When all that is sold and held of it was last counted again and was right; null before the first time, and when "
    "it was wrong."
)
TRANSFER_HELP = "Until then tickets can be handed on to others; null for until it begins."


class EventSerializer(serializers.ModelSerializer):
    """What people come to. Its tickets are the options that name it."""

    starts_at = Instant(read_only=True)
    ends_at = Instant(read_only=True)
    cancel_until = Instant(read_only=True, allow_null=True, help_text=CANCEL_HELP)
    audited_at = Instant(read_only=True, allow_null=True, help_text=AUDITED_HELP)
    gates = serializers.SerializerMethodField(help_text=f"{GATES_HELP} Null for whoever does not prepare events.")
    transfer_until = Instant(read_only=True, allow_null=True, help_text=TRANSFER_HELP)
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = Event
        fields = [
            *("id", "name", "venue", "description", "starts_at", "ends_at", "time_zone"),
            *("published", "cancel_until", "transfer_until", "audited_at", "gates", "created_at", "updated_at"),
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField(), allow_null=True))
    def get_gates(self, event: Event) -> list[str] | None:
        """They come with all events at once."""
        if not sees_unpublished(self.context["request"].user):
            return None
        return sorted(str(gate.pk) for gate in event.gates.all())


class EventChange(serializers.Serializer):
    """What may change of an event; what is left out stays."""

    name = Text(NAME_LIMIT, required=False)
    venue = Text(NAME_LIMIT, empty=True, required=False)
    description = Text(DESCRIPTION_LIMIT, empty=True, lines=True, required=False)
    starts_at = Instant(required=False)
    ends_at = Instant(required=False)
    time_zone = Text(64, required=False, help_text=ZONE_HELP)
    published = Flag(required=False, help_text="Whether customers see it and can buy.")
    cancel_until = Instant(required=False, allow_null=True, help_text=CANCEL_HELP)
    gates = serializers.ListField(
        child=Id(),
        required=False,
        min_length=0,
        max_length=MOST_GATES,
        help_text=f"{GATES_HELP} One that is left out admits nobody from its next scan on.",
    )
    transfer_until = Instant(required=False, allow_null=True, help_text=TRANSFER_HELP)


class NewEvent(EventChange):
    """What prepares an event."""

    name = Text(NAME_LIMIT)
    starts_at = Instant()
    ends_at = Instant()
    time_zone = Text(64, help_text=ZONE_HELP)


class OptionReport(serializers.Serializer):
    """What became of the tickets of an option."""

    id = serializers.UUIDField(source="thing.pk")
    name = serializers.CharField(source="thing.name")
    allocation = serializers.IntegerField()
    sold = serializers.IntegerField(help_text="Without those given back.")
    held = serializers.IntegerField()
    left = serializers.IntegerField()
    returned = serializers.IntegerField(help_text="How many were given back.")
    admitted = serializers.IntegerField()
    expected = serializers.IntegerField(help_text="How many are valid: those with which somebody could come.")
    missed = serializers.IntegerField(
        allow_null=True, help_text="With how many valid ones nobody came; null before the event is over."
    )
    missed_share = serializers.IntegerField(
        allow_null=True, help_text="The share of these in per cent; null before the event is over, and of nothing."
    )


class SaleReport(serializers.Serializer):
    """What was sold and given back of an option on a day."""

    day = Day(help_text="On the event's clocks.")
    option = serializers.UUIDField(source="option.pk")
    sold = serializers.IntegerField()
    returned = serializers.IntegerField()


class AdmissionReport(serializers.Serializer):
    """How many were admitted at a gate in so many minutes."""

    at = Instant(help_text="The beginning of the minutes.")
    gate = serializers.CharField()
    admitted = serializers.IntegerField()


class EventReport(serializers.Serializer):
    """What became of an event: its options, the days on which something was sold, and who was admitted when."""

    id = serializers.UUIDField()
    audited_at = Instant(allow_null=True, help_text=AUDITED_HELP)
    is_over = serializers.BooleanField()
    options = OptionReport(many=True)
    sales = SaleReport(many=True)
    admission_minutes = serializers.IntegerField(
        help_text="Admissions are counted by so many minutes: 1, 5, 15, 60, or 1440 for a day of the event's clocks."
    )
    admissions = AdmissionReport(many=True)


class EventViewSet(ApiViewSet):
    """What people come to; customers see what is published."""

    operations = {
        "list": "allocation.see_options",
        "retrieve": "allocation.see_options",
        "create": "allocation.manage_events",
        "partial_update": "allocation.manage_events",
        "report": "allocation.report",
    }
    outputs = {"report": EventReport}
    serializer_class = EventSerializer
    filterset_class = EventFilters
    inputs = {"create": NewEvent, "partial_update": EventChange}
    orderings = {"starts_at": ("starts_at", "id"), "created_at": ("created_at", "id")}
    newest_first = False
    examples = {
        "create": {
            "name": "Evening of chamber music",
            "venue": "The small hall",
            "starts_at": "2035-09-12T19:00:00+02:00",
            "ends_at": "2035-09-12T22:00:00+02:00",
            "time_zone": "Europe/Berlin",
            "published": True,
        },
        "partial_update": {"venue": "The large hall"},
    }

    @classmethod
    def headers_of(cls, action: str) -> list[OpenApiParameter]:
        """A report changes nothing."""
        return [] if action == "report" else super().headers_of(action)

    def rows(self) -> QuerySet:
        """Every event with its gates, with when its books were counted again, and whether it is over."""
        events = Event.objects.with_audit().with_over()
        return events.prefetch_related(Prefetch("gates", User.objects.only("pk")))

    def input(self) -> dict[str, Any]:
        """What the body says, with the accounts that it names."""
        said = super().input()
        if "gates" in said:
            said["gates"] = _gates_named(said["gates"])
        return said

    def create(self, request: Request) -> Response:
        """Prepare an event; until it is published nobody but supervisors sees it."""
        return self.answer(actions.create_event(**self.input(), by=request.user), 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change what is given. Sales that were to end with the event still do; none goes on when it is over."""
        event, changes = self.get_object(), self.input()
        return self.answer(actions.change_event(event, **changes, by=request.user))

    @action(detail=True, methods=["get"])
    def report(self, request: Request, **kwargs: Any) -> Response:
        """Say what became of an event: sales day by day, admissions by time and gate, and who did not come."""
        event = self.get_object()
        fates, flow = fates_of(event), flow_of(event)
        sums = sums_of_options(event, fates)
        told = {
            "id": event.pk,
            "audited_at": event.audited_at,
            "is_over": event.is_over,
            "options": sums,
            "sales": sales_of(fates, [one.thing for one in sums]),
            "admission_minutes": flow.minutes,
            "admissions": flow.counted,
        }
        return Response(self.get_serializer(told).data)


def _gates_named(pks: list[UUID]) -> list[User]:
    """The accounts of these ids, or NotFound when any is missing."""
    found = list(User.objects.admitted().filter(pk__in=pks))
    if len(found) < len(set(pks)):
        raise NotFound(field="gates")
    return found
