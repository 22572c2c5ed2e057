"""Which of the times on a page can be waited for."""

from collections.abc import Iterable
from typing import Any

from django import template

from booking.models import Service, Slot
from booking.steps import Choice, Way

register = template.Library()


@register.simple_tag
def full_slots(service: Service, parts: Iterable[tuple[Any, list[Choice]]] | None) -> list[tuple[Slot, Choice]]:
    """The times without places for the party among these, in one query; none where nobody can wait."""
    times = [choice for _name, choices in parts or [] for choice in choices]
    full = {choice.offer.instant: choice for choice in times if choice.party <= choice.offer.capacity}
    full = {instant: choice for instant, choice in full.items() if not choice.is_open}
    if not full or service.needs_resource:
        return []
    slots = Slot.objects.filter(service=service, starts_at__in=full).order_by("starts_at")
    return [(slot, full[slot.starts_at]) for slot in slots]


@register.simple_tag
def full_slot(way: Way) -> Slot | None:
    """The slot of the chosen time, if one can wait for it."""
    if not way.service or not way.starts_at or way.service.needs_resource:
        return None
    return Slot.objects.of_minute(way.service, way.starts_at).filter(capacity__gte=1).first()
