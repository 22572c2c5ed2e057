"""Slots over the API, and what became of them in numbers."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from booking import actions
from booking.api.named import ServiceReference
from booking.filters import SlotFilters, TallyFilters
from booking.models import Slot, Tally
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Count, Day, Instant


class SlotSerializer(serializers.ModelSerializer):
    """One slot of a service, in numbers."""

    service = ServiceReference(read_only=True)
    starts_at = Instant(read_only=True)
    left = serializers.IntegerField(
        read_only=True,
        help_text="Places still to be had; of a service that needs a resource its `times` tell what is free.",
    )

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
