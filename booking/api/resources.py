"""Rooms and people over the API."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from booking import actions
from booking.api.named import calendar_named
from booking.models import NAME_LENGTH, Resource
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Flag, Id, Instant, Text

NULL = "null for whenever its services are open."


class ResourceSerializer(serializers.ModelSerializer):
    """A room, a desk or a person, who can receive one visit at a time."""

    calendar = serializers.UUIDField(
        source="calendar_id",
        read_only=True,
        allow_null=True,
        help_text=f"When it is there; {NULL}",
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
    calendar = Id(required=False, allow_null=True, help_text=f"The id of its business hours; {NULL}")
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
            said["calendar"] = calendar_named(said["calendar"], self.request)
        return said
