"""The figures of the day in templates that no view of ours fills, and spans of time in words."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django import template
from django.template import Context
from django.utils import timezone

from ticketing import rights
from ticketing.toolkit.times import lasting
from ticketing.views import figures

register = template.Library()

register.filter("lasting", lasting)


@register.simple_tag(takes_context=True)
def figures_of_today(context: Context) -> dict[str, Any]:
    """What the front page of the administration shows to this person."""
    actor = context["request"].user
    return {
        "queue": figures.queue(actor),
        "load": figures.load(actor),
        "bookings": figures.bookings(actor),
        "may_report_desk": bool(rights.scope(actor, "support.report")),
        "may_report": bool(rights.scope(actor, "booking.report")),
        "sales": figures.sales(actor),
        "unwell": [part for part in figures.parts(actor) or [] if part.word != "ok"],
    }


@register.simple_tag
def only_today(column: str) -> str:
    """The query that narrows a list of the administration to today, as its own filter does."""
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return urlencode({f"{column}__gte": today, f"{column}__lt": today + timedelta(days=1)})
