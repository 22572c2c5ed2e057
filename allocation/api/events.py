"""Events over the API."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from allocation import actions
from allocation.filters import EventFilters
from allocation.models import DESCRIPTION_LIMIT, NAME_LIMIT, Event
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Flag, Instant, Text

ZONE_HELP = "Whose clocks the event goes by, such as Europe/Berlin."
CANCEL_HELP = "Until then customers can give tickets back; null for until it begins."


class EventSerializer(serializers.ModelSerializer):
    """What people come to. Its tickets are the options that name it."""

    starts_at = Instant(read_only=True)
    ends_at = Instant(read_only=True)
    cancel_until = Instant(read_only=True, allow_null=True, help_text=CANCEL_HELP)
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = Event
        fields = [
            *("id", "name", "venue", "description", "starts_at", "ends_at", "time_zone"),
            *("published", "cancel_until", "created_at", "updated_at"),  # not who its gates are
        ]
        read_only_fields = fields


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


class NewEvent(EventChange):
    """What prepares an event."""

    name = Text(NAME_LIMIT)
    starts_at = Instant()
    ends_at = Instant()
    time_zone = Text(64, help_text=ZONE_HELP)


class EventViewSet(ApiViewSet):
    """What people come to; customers see what is published."""

    operations = {
        "list": "allocation.see_options",
        "retrieve": "allocation.see_options",
        "create": "allocation.manage_events",
        "partial_update": "allocation.manage_events",
    }
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

    def rows(self) -> QuerySet:
        """Every event."""
        return Event.objects.all()

    def create(self, request: Request) -> Response:
        """Prepare an event; until it is published nobody but supervisors sees it."""
        return self.answer(actions.create_event(**self.input(), by=request.user), 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change what is given. Sales that were to end with the event still do; none goes on when it is over."""
        event, changes = self.get_object(), self.input()
        return self.answer(actions.change_event(event, **changes, by=request.user))
