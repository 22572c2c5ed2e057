"""Instants in words, on the clocks of the site."""

from datetime import datetime, timedelta

from django.utils import dateformat, timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

NEAR = {
    -1: gettext_lazy("yesterday, %(time)s"),
    0: gettext_lazy("today, %(time)s"),
    1: gettext_lazy("tomorrow, %(time)s"),
}


def in_full(at: datetime) -> str:
    """Day and time, such as “Saturday 21 November 2026, 14:30”."""
    # Translators: as Django's filter "date" writes it. In German: l, j. F Y, H:i
    return told_apart(dateformat.format(timezone.localtime(at), pgettext("format of day and time", "l j F Y, H:i")), at)


def in_words(at: datetime) -> str:
    """The same, but shorter for yesterday, today and tomorrow: “today, 14:30”."""
    local = timezone.localtime(at)
    if near := NEAR.get((local.date() - timezone.localdate()).days):
        return near % {"time": clock_in_words(at)}
    return in_full(at)


def clock_in_words(at: datetime) -> str:
    """The time alone: “14:30”."""
    return told_apart(dateformat.format(timezone.localtime(at), pgettext("format of a time", "H:i")), at)


def told_apart(words: str, at: datetime) -> str:
    """What says an instant, and which one of a time that comes twice: “02:30, after the clocks are put back”."""
    if not comes_twice(at):
        return words
    if timezone.localtime(at).fold:
        return _("%(time)s, after the clocks are put back") % {"time": words}
    return _("%(time)s, before the clocks are put back") % {"time": words}


def comes_twice(at: datetime) -> bool:
    """Whether the site's clocks, being put back, show this time a second time."""
    shown = timezone.localtime(at)
    return shown.replace(fold=0).utcoffset() != shown.replace(fold=1).utcoffset()


def lasting(span: timedelta) -> str:
    """A span of time in words, to the minute."""
    now = timezone.now()
    return timesince(now - span, now) if span >= timedelta(minutes=1) else _("less than a minute")


def zone_of_the_site() -> str:
    """The name of the clocks' zone, as people read it."""
    return timezone.get_default_timezone_name().replace("_", " ")
