"""Whether somebody has a private calendar."""

from typing import Any

from django import template

from booking.models import Feed
from ticketing import rights

register = template.Library()


@register.simple_tag
def own_feed(visitor: Any) -> dict[str, Any] | None:
    """Their calendar link as `feed`, or None there; nothing for whoever may have none."""
    if not visitor or not rights.scope(visitor, "booking.feeds"):
        return None
    return {"feed": Feed.objects.visible_to(visitor, "booking.feeds").filter(account=visitor).first()}
