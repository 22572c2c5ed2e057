"""The verbs of services and of their minutes."""

from typing import Any

from django.db import IntegrityError, transaction

from booking.errors import PlacesTaken, SlugTaken
from booking.models import Service, Slot
from booking.policies import clean_name, clean_slug
from ticketing import rights
from ticketing.errors import NotFound
from ticketing.models import Activity
from ticketing.rights import Actor


@transaction.atomic
def create_service(*, slug: str, name: str, slot_capacity: int, by: Actor) -> Service:
    """Open something to bookings, or refuse with SlugTaken."""
    rights.require(by, "booking.manage")
    service = Service(slug=clean_slug(slug), name=clean_name(name, field="name"), slot_capacity=slot_capacity)
    try:
        with transaction.atomic():
            service.save(force_insert=True)
    except IntegrityError as error:
        raise SlugTaken(field="slug") from error
    Activity.objects.record("booking.create_service", service, by=by, slot_capacity=slot_capacity)
    return service


@transaction.atomic
def change_service(
    service: Service, *, by: Actor, name: str | None = None, slot_capacity: int | None = None
) -> Service:
    """Change what is given; slots that exist keep their capacity, and the short name stays."""
    rights.require(by, "booking.manage")
    changes: dict[str, Any] = {}
    if name is not None:
        changes["name"] = clean_name(name, field="name")
    if slot_capacity is not None:
        changes["slot_capacity"] = slot_capacity
    if changes:
        Service.objects.filter(pk=service.pk).change(**changes)
        Activity.objects.record("booking.change_service", service, by=by, fields=sorted(changes))
        service.refresh_from_db()
    return service


@transaction.atomic
def change_slot(slot: Slot, *, by: Actor, capacity: int | None = None) -> Slot:
    """Let this one minute have that many places, or PlacesTaken when more are taken (invariant E6)."""
    rights.require(by, "booking.manage")
    if capacity is None:
        return slot
    if not Slot.objects.filter(pk=slot.pk, taken__lte=capacity).change(capacity=capacity):
        raise PlacesTaken(field="capacity") if Slot.objects.filter(pk=slot.pk).exists() else NotFound
    Activity.objects.record("booking.change_slot", slot, by=by, capacity=capacity)
    slot.refresh_from_db()
    return slot
