"""What bodies name by id or short name, and how answers name it."""

from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request

from booking.models import Resource, Service
from ticketing.errors import NotFound
from ticketing.models import Calendar
from ticketing.toolkit.fields import Steady


class ServiceReference(Steady, serializers.ModelSerializer):
    """Which service it is."""

    class Meta:
        model = Service
        fields = ["id", "slug", "name"]
        read_only_fields = fields


class ResourceReference(Steady, serializers.ModelSerializer):
    """Which room or person it is."""

    class Meta:
        model = Resource
        fields = ["id", "name"]
        read_only_fields = fields


def calendar_named(pk: UUID, request: Request) -> Calendar:
    """The calendar of that id, or NotFound."""
    if calendar := Calendar.objects.visible_to(request.user, "hours.see").filter(pk=pk).first():
        return calendar
    raise NotFound(field="calendar")


def resources_named(pks: list[UUID], request: Request) -> list[Resource]:
    """The resources of these ids, or NotFound when any is missing."""
    found = list(Resource.objects.visible_to(request.user, "booking.manage").filter(pk__in=pks))
    if len(found) < len(set(pks)):
        raise NotFound(field="resources")
    return found


def service_named(name: str) -> Service:
    """The service of that short name or id, with its calendar, or NotFound."""
    if service := Service.objects.with_calendar().called(name).first():
        return service
    raise NotFound(field="service")
