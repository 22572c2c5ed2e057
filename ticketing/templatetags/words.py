"""What templates say in words: instants, the site's zone, browsers, and the way back."""

import re
from datetime import datetime

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ticketing.toolkit import browsers, middleware, times

register = template.Library()

register.filter("in_full", times.in_full)
register.filter("in_words", times.in_words)
register.filter("clock", times.clock_in_words)
register.simple_tag(times.zone_of_the_site, name="site_zone")


@register.filter
def when(at: datetime | None, how: str = "") -> SafeString | str:
    """An instant as HTML, in words for people and exact for programs.

    “alone” begins with a capital. “full” always names the day, as on paper, where today is soon another day.
    """
    if not at:
        return ""
    full = times.in_full(at)
    words = full if how == "full" else times.in_words(at)
    instant = timezone.localtime(at).isoformat(timespec="seconds")
    title = "" if words == full else format_html(' title="{}"', full)
    return format_html('<time datetime="{}"{}>{}</time>', instant, title, capfirst(words) if how == "alone" else words)


@register.filter
def instant(told: str) -> datetime:
    """An instant as the context of a mail keeps it."""
    return datetime.fromisoformat(told)


@register.filter
def zone(name: str) -> str:
    """The name of a time zone as people read it."""
    return name.replace("_", " ")


@register.filter
def browser(agent: str) -> str:
    """The browser that introduces itself in this way."""
    return browsers.browser_in_words(agent) or _("Unknown browser")


@register.simple_tag(takes_context=True)
def way_back(context: Context) -> str:
    """The page the person came from, if it is one of ours and not this very one; else empty."""
    request = context.get("request")
    page = middleware.way_back(request) if request else ""
    return "" if request and page == request.build_absolute_uri() else page


# What people mean as the address of a page. No sign that turns the direction of writing, which could show another one.
_BARRED = r"\s<>\"“”„‘\u200e\u200f\u202a-\u202e\u2066-\u2069"
_ADDRESS = re.compile(rf"https?://(?=[\w\[])(?:\([^()\\{_BARRED}]*\)|[^()\\{_BARRED}])+", re.IGNORECASE)
_AFTER_IT = ".,;:!?'’]}*_~"  # belongs to the sentence


@register.filter
def linked(said: str) -> SafeString:
    """What somebody wrote, as text; addresses of pages can be followed, and nothing else is more than text."""
    shown, end = [], 0
    for found in _ADDRESS.finditer(said):
        address = found[0].rstrip(_AFTER_IT)
        link = format_html('<a href="{0}" rel="noopener nofollow">{0}</a>', address)
        shown += [escape(said[end : found.start()]), link]
        end = found.start() + len(address)
    return mark_safe("".join([*shown, escape(said[end:])]))  # noqa: S308  # each part is escaped


@register.filter
def codes(sentence: str) -> SafeString:
    """A sentence with what stands in `backticks` as code."""
    return mark_safe(re.sub("`([^`]+)`", r"<code>\1</code>", escape(sentence)))  # noqa: S308  # escaped beforehand
