"""Which of the times on a page can be waited for."""

from collections.abc import Iterable
from typing import Any

from django import template

from booking.availability import Offer
from booking.models import Service, Slot
from booking.steps import Way

register = template.Library()


@register.simple_tag
def full_slots(service: Service, parts: Iterable[tuple[Any, list[Offer]]] | None) -> list[Slot]:
    """The slots of the full times among these, in one query; none where nobody can wait."""
    full = [offer.instant for _name, offers in parts or [] for offer in offers if offer.capacity and not offer.free]
    if not full or service.needs_resource:
        return []
    return list(Slot.objects.filter(service=service, starts_at__in=full).order_by("starts_at"))


@register.simple_tag
def full_slot(way: Way) -> Slot | None:
    """The slot of the chosen time, if one can wait for it."""
    if not way.service or not way.starts_at or way.service.needs_resource:
        return None
    return Slot.objects.of_minute(way.service, way.starts_at).filter(capacity__gte=1).first()
