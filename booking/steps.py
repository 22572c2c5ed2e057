"""The way to a booking, step by step: where somebody is, what was chosen, and what there is to choose from."""

from datetime import date, datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import dateformat
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from booking.availability import Offer
from booking.forms import BookForm, StepForm
from booking.models import Service
from booking.policies import local
from ticketing.toolkit.times import clock_in_words, comes_twice

DAYS_AT_ONCE = 6
LABELS: dict[str, Promise] = {
    "service": gettext_lazy("What for"),
    "day": gettext_lazy("Day"),
    "time": gettext_lazy("Time"),
    "details": gettext_lazy("Details"),
    "done": gettext_lazy("Done"),
}
PARTS_OF_DAY = [
    (gettext_lazy("Morning"), range(6, 12)),
    (gettext_lazy("Afternoon"), range(12, 18)),
    (gettext_lazy("Evening"), range(18, 24)),
    (gettext_lazy("Night, before the morning"), range(6)),
]


class Step(NamedTuple):
    """One step; what lies behind has an address to go back to."""

    label: Promise
    is_here: bool
    address: str


class Day(NamedTuple):
    """A day to choose."""

    name: str
    words: str
    address: str
    is_here: bool


class Way(NamedTuple):
    """What was chosen so far."""

    services: list[Service]
    service: Service | None
    day: date | None = None
    starts_at: datetime | None = None

    @property
    def is_over_services(self) -> bool:
        """Whether there was a service to choose."""
        return len(self.services) > 1

    @property
    def said_service(self) -> str:
        """The service as addresses name it: only where there are several."""
        return self.service.slug if self.service and self.is_over_services else ""

    @property
    def to_day(self) -> str:
        """Where the day is chosen."""
        return self.to()

    @property
    def to_time(self) -> str:
        """Where the time is chosen."""
        return self.to(day=self.day)

    @property
    def time_in_words(self) -> str:
        """The time, and which one where the clocks show it twice."""
        return clock_in_words(self.starts_at) if self.starts_at else ""

    @property
    def twin(self) -> datetime | None:
        """The other time that looks like the chosen one, where the clocks show it twice."""
        if not (self.starts_at and comes_twice(self.starts_at)):
            return None
        shown = local(self.starts_at)
        return shown.replace(fold=1 - shown.fold)

    @property
    def twin_in_words(self) -> str:
        """The same as people say it."""
        return clock_in_words(self.twin) if self.twin else ""

    @property
    def to_twin(self) -> str:
        """Where it is chosen instead."""
        return self.to(day=self.day, at=self.twin)

    @property
    def day_in_words(self) -> str:
        """The day, such as “Saturday 21 November 2026”."""
        # Translators: as Django's filter "date" writes it. In German: l, j. F Y
        return dateformat.format(self.day, pgettext("format of a day", "l j F Y")) if self.day else ""

    def to(self, service: Service | None = None, day: date | None = None, at: datetime | None = None) -> str:
        """The address at which that much is chosen."""
        said = {"service": service.slug if service else self.said_service, "date": day.isoformat() if day else ""}
        said["time"] = said_time(at) if at else ""
        chosen = urlencode({name: value for name, value in said.items() if value})
        return f"{reverse('booking:book')}?{chosen}" if chosen else reverse("booking:book")


class Choice(NamedTuple):
    """A time to choose."""

    offer: Offer
    is_chosen: bool

    @property
    def value(self) -> str:
        """What a form sends for it."""
        return said_time(self.offer.instant)

    @property
    def words(self) -> str:
        """What people read."""
        return clock_in_words(self.offer.instant)

    @property
    def name(self) -> str:
        """What tells it apart from the others of its day on the page."""
        shown = self.offer.shown
        return f"{shown:%H%M}-again" if shown.fold else f"{shown:%H%M}"

    @property
    def comes_twice(self) -> bool:
        """Whether another one looks like it."""
        return comes_twice(self.offer.instant)


def said_time(instant: datetime) -> str:
    """A time as forms and addresses say it, with the offset only where the clocks show it twice."""
    shown = local(instant)
    return f"{shown:%H:%M}{shown.isoformat()[-6:]}" if comes_twice(instant) else f"{shown:%H:%M}"


def choices(found: list[Offer], way: Way) -> list[Choice]:
    """The times to choose from, of which one may be chosen already."""
    return [Choice(offer, offer.instant == way.starts_at) for offer in found]


def way_of(form: StepForm | BookForm) -> Way:
    """What a form says, as far as it makes sense."""
    return Way(form.services, form.for_service, form.cleaned_data.get("date"), form.starts_at)


def steps(way: Way, here: str) -> list[Step]:
    """The steps in their order, and which one this is."""
    addresses = {"service": reverse("booking:book"), "day": way.to_day, "time": way.to_time}
    names = [name for name in LABELS if name != "service" or way.is_over_services or here == "service"]
    behind = [] if here == "done" else names[: names.index(here)]
    return [Step(LABELS[name], name == here, addresses[name] if name in behind else "") for name in names]


def days(way: Way, *, at: datetime) -> list[Day]:
    """Today and the days after it."""
    today = local(at).date()
    shown = (today + timedelta(days=number) for number in range(DAYS_AT_ONCE))
    # Translators: as Django's filter "date" writes it. In German: j. F
    short = pgettext("format of a day without its weekday", "j F")
    return [Day(_name(day, today), dateformat.format(day, short), way.to(day=day), day == way.day) for day in shown]


def _name(day: date, today: date) -> str:
    near = {0: _("Today"), 1: _("Tomorrow")}
    return near.get((day - today).days) or dateformat.format(day, "D")


def by_part_of_day(found: list[Choice]) -> list[tuple[Promise, list[Choice]]]:
    """The times in the parts of the day that have any."""
    parts = ((name, [one for one in found if one.offer.shown.hour in hours]) for name, hours in PARTS_OF_DAY)
    return [(name, times) for name, times in parts if times]
