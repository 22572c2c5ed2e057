"""Instants in words, on the clocks of the site."""

from datetime import datetime

from django.utils import dateformat, timezone
from django.utils.translation import gettext_lazy, pgettext

NEAR = {
    -1: gettext_lazy("yesterday, %(time)s"),
    0: gettext_lazy("today, %(time)s"),
    1: gettext_lazy("tomorrow, %(time)s"),
}


def in_full(at: datetime) -> str:
    """Day and time, such as “Saturday 21 November 2026, 14:30”."""
    # Translators: as Django's filter "date" writes it. In German: l, j. F Y, H:i
    return dateformat.format(timezone.localtime(at), pgettext("format of day and time", "l j F Y, H:i"))


def in_words(at: datetime) -> str:
    """The same, but shorter for yesterday, today and tomorrow: “today, 14:30”."""
    local = timezone.localtime(at)
    if near := NEAR.get((local.date() - timezone.localdate()).days):
        return near % {"time": dateformat.format(local, pgettext("format of a time", "H:i"))}
    return in_full(at)


def zone_of_the_site() -> str:
    """The name of the clocks' zone, as people read it."""
    return timezone.get_default_timezone_name().replace("_", " ")
