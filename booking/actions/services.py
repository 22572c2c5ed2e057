"""The verbs of services, of their resources and of their slots."""

from collections.abc import Collection
from typing import Any, TypedDict, Unpack

from django.db import transaction

from booking.errors import PlacesTaken, SlugTaken
from booking.models import Resource, Service, Slot
from booking.policies import clean_name, clean_terms
from ticketing import rights
from ticketing.actions import offer_what_is_free
from ticketing.errors import NotFound
from ticketing.models import Activity, Calendar
from ticketing.querysets import taken_means
from ticketing.rights import Actor
from ticketing.texts import clean_slug


class Terms(TypedDict, total=False):
    """On which terms a service is booked; see the model's fields."""

    name: str
    slot_capacity: int
    duration_minutes: int
    grid_minutes: int
    largest_party: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    lead_minutes: int | None
    horizon_days: int | None
    deadline_minutes: int | None
    grace_minutes: int
    calendar: Calendar | None
    needs_resource: bool
    resources: Collection[Resource]


@transaction.atomic
def create_service(*, slug: str, by: Actor, **terms: Unpack[Terms]) -> Service:
    """Open something to bookings, or refuse with SlugTaken; Invalid for terms that no service can have."""
    rights.require(by, "booking.manage")
    columns, resources = _cleaned({"name": "", **terms})
    service = Service(slug=clean_slug(slug), **columns)
    with taken_means(SlugTaken(field="slug")):
        service.save(force_insert=True)
    service.resources.set(resources or ())
    Activity.objects.record("booking.create_service", service, by=by, slot_capacity=service.slot_capacity)
    return service


@transaction.atomic
def change_service(service: Service, *, by: Actor, **terms: Unpack[Terms]) -> Service:
    """Change what is given. Bookings and the slots that exist stay as they are, and so does the short name."""
    rights.require(by, "booking.manage")
    columns, resources = _cleaned(terms)
    if resources is not None:
        service.resources.set(resources)
    if terms:
        Service.objects.filter(pk=service.pk).change(**columns)
        Activity.objects.record("booking.change_service", service, by=by, fields=sorted(terms))
        service.refresh_from_db()
    return service


def _cleaned(terms: Terms) -> tuple[dict[str, Any], Collection[Resource] | None]:
    """What stands in the service's own row, and its resources where they are given."""
    columns: dict[str, Any] = clean_terms(dict(terms))
    resources = columns.pop("resources", None)
    if "name" in columns:
        columns["name"] = clean_name(columns["name"], field="name")
    return columns, resources


class Upkeep(TypedDict, total=False):
    """What is known of a resource; see the model's fields."""

    name: str
    calendar: Calendar | None
    is_active: bool


@transaction.atomic
def create_resource(*, by: Actor, **known: Unpack[Upkeep]) -> Resource:
    """Add a room or a person that services can use."""
    rights.require(by, "booking.manage")
    resource = Resource(**known)
    resource.name = clean_name(resource.name, field="name")
    resource.save(force_insert=True)
    Activity.objects.record("booking.create_resource", resource, by=by)
    return resource


@transaction.atomic
def change_resource(resource: Resource, *, by: Actor, **known: Unpack[Upkeep]) -> Resource:
    """Change what is given. Bookings that it has stay, also once it is in use no more."""
    rights.require(by, "booking.manage")
    if "name" in known:
        known["name"] = clean_name(known["name"], field="name")
    if known:
        Resource.objects.filter(pk=resource.pk).change(**known)
        Activity.objects.record("booking.change_resource", resource, by=by, fields=sorted(known))
        resource.refresh_from_db()
    return resource


@transaction.atomic
def change_slot(slot: Slot, *, by: Actor, capacity: int | None = None) -> Slot:
    """Let this one slot have that many places, or PlacesTaken when more are taken (invariant E6).

    What is added goes to the waiting list first.
    """
    rights.require(by, "booking.manage")
    if capacity is None:
        return slot
    if not Slot.objects.filter(pk=slot.pk, taken__lte=capacity).change(capacity=capacity):
        raise PlacesTaken(field="capacity") if Slot.objects.filter(pk=slot.pk).exists() else NotFound
    Activity.objects.record("booking.change_slot", slot, by=by, capacity=capacity)
    offer_what_is_free(slot)
    slot.refresh_from_db()
    return slot
