"""The way to a booking, step by step: where somebody is, what was chosen, and what there is to choose from."""

from calendar import monthcalendar
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import dateformat, timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from booking.availability import (
    DayOffer,
    Offer,
    days_between,
    days_with_slots,
    nearest,
    offers,
    offers_of_day,
    slots_of_day,
)
from booking.errors import TooFewPlaces
from booking.forms import BookForm, MoveForm, StepForm
from booking.models import Booking, Service
from booking.policies import is_bound, local, window_of
from booking.querysets import minute_of
from booking.timetable import days_span, number_of
from ticketing.errors import Refused
from ticketing.rights import Actor
from ticketing.toolkit.times import clock_in_words, comes_twice, in_full, lasting

DAYS_AT_ONCE = 6
MANY = 100  # free times on a day, beyond which their number tells nobody anything
LOOKED_THROUGH = ((0, 14), (14, 62))  # days from the first on: mostly a fortnight has enough, and nobody looks further
NOTHING_FREE: dict[str, Promise] = {
    "past": gettext_lazy("This day is over."),
    "closed": gettext_lazy("It is closed on this day."),
    "late": gettext_lazy("It is too late to book a time on this day."),
    "early": gettext_lazy("Times on this day cannot be booked yet."),
    "full": gettext_lazy("No time is free any more on this day."),
    "few": gettext_lazy("No time on this day has places for so many. Choose another day, or come with fewer."),
}
IN_A_WORD: dict[str, Promise] = {
    "past": gettext_lazy("past"),
    "closed": gettext_lazy("closed"),
    "late": gettext_lazy("too late"),
    "early": gettext_lazy("not yet"),
    "full": gettext_lazy("full"),
}
NO_QUARTER = gettext_lazy(
    "No quarter of an hour is free any more on this day. Choose another day, or another minute below."
)
LABELS: dict[str, Promise] = {
    "service": gettext_lazy("What for"),
    "day": gettext_lazy("Day"),
    "time": gettext_lazy("Time"),
    "details": gettext_lazy("Details"),
    "done": gettext_lazy("Done"),
}
OF_A_MOVE: dict[str, Promise] = {"day": LABELS["day"], "time": LABELS["time"], "confirm": gettext_lazy("Confirm")}
PARTS_OF_DAY = [
    (gettext_lazy("Night, before the morning"), range(6)),
    (gettext_lazy("Morning"), range(6, 12)),
    (gettext_lazy("Afternoon"), range(12, 18)),
    (gettext_lazy("Evening"), range(18, 24)),
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
    party: int = 1
    page: str = "booking:book"  # where the steps are: this name's address
    moves: Booking | None = None  # what is moved; else something new is booked

    @property
    def start(self) -> str:
        """Where the steps begin."""
        return reverse(self.page, args=[self.moves.pk] if self.moves else [])

    @property
    def is_over_services(self) -> bool:
        """Whether there was a service to choose."""
        return len(self.services) > 1

    @property
    def said_service(self) -> str:
        """The service as addresses name it: only where there are several."""
        return self.service.slug if self.service and self.is_over_services else ""

    @property
    def said_party(self) -> str:
        """How many come as addresses name it: only where they are several."""
        return str(self.party) if self.party > 1 and not self.moves else ""

    @property
    def said(self) -> dict[str, str]:
        """Both, as far as they have to be named."""
        said = {"service": self.said_service, "party": self.said_party}
        return {name: value for name, value in said.items() if value}

    @property
    def takes_parties(self) -> bool:
        """Whether several can come together, and how many is still to be said."""
        return bool(self.service and self.service.largest_party > 1 and not self.moves)

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
    def time_said(self) -> str:
        """The time as forms say it."""
        return said_time(self.starts_at) if self.starts_at else ""

    @property
    def lasts(self) -> str:
        """How long the visit is, in words."""
        return lasting(self.service.duration) if self.service else ""

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
        return day_in_words(self.day) if self.day else ""

    @property
    def to_here(self) -> str:
        """Where all that was chosen so far is chosen."""
        return self.to(day=self.day, at=self.starts_at)

    @property
    def takes_any_minute(self) -> bool:
        """Whether more times can be booked than are shown to choose from."""
        return bool(self.service and self.service.grid_minutes == 1)

    @property
    def to_month(self) -> str:
        """Where the whole month of the day is shown, or this one."""
        return self.of_month(self.day)

    def of_month(self, day: date | None) -> str:
        """Where the month of a day is shown, of none this one."""
        month = f"{day or local(timezone.now()):%Y-%m}"
        return f"{self.to()}{'&' if '?' in self.to() else '?'}month={month}"

    def to(self, service: Service | None = None, day: date | None = None, at: datetime | None = None) -> str:
        """The address at which that much is chosen."""
        said = {"service": service.slug if service else self.said_service, "date": day.isoformat() if day else ""}
        said |= {"time": said_time(at) if at else "", "party": "" if service else self.said_party}
        chosen = urlencode({name: value for name, value in said.items() if value})
        return f"{self.start}?{chosen}" if chosen else self.start


class DayOfMonth(NamedTuple):
    """A day in the table of a month; one without free places leads nowhere."""

    day: date
    words: str
    address: str
    is_today: bool
    is_past: bool = False


class Month(NamedTuple):
    """A month in weeks, which begin on Monday, with None for the days of its neighbours."""

    name: str
    weeks: list[list[DayOfMonth | None]]
    before: tuple[str, str] | None  # name and address
    after: tuple[str, str] | None


class Choice(NamedTuple):
    """A time to choose."""

    offer: Offer
    party: int = 1  # that chooses
    is_chosen: bool = False
    is_own: bool = False  # the time that a booking has now
    is_kept: bool = False  # to be chosen again by fewer

    @property
    def is_short(self) -> bool:
        """Whether there are places, but not for so many."""
        return 0 < self.offer.largest < self.party

    @property
    def is_open(self) -> bool:
        """Whether it can be chosen."""
        return self.is_kept or self.offer.largest >= self.party

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
    own = way.moves and minute_of(way.moves.starts_at)
    return [Choice(offer, way.party, offer.instant == way.starts_at, offer.instant == own) for offer in found]


def choices_nearby(way: Way, refusal: Refused, own: datetime | None = None, *, by: Actor, at: datetime) -> list[Choice]:
    """What else a party can have on the chosen day; fewer of them could keep the time, and a booking its own."""
    if not (way.service and way.day and way.starts_at):
        return []
    found = nearest(offers_of_day(way.day, way.service, by=by, at=at), way.starts_at, party=way.party)
    free = {number_of(offer.instant): Choice(offer, way.party) for offer in found}
    kept = [way.starts_at] if found and isinstance(refusal, TooFewPlaces) else []
    kept += [own] if found and own and local(own).date() == way.day else []
    for instant in kept:
        [offer] = offers([number_of(instant)], way.service, by=by)
        free[number_of(instant)] = Choice(offer, way.party, instant == way.starts_at, instant == own, is_kept=True)
    return [free[number] for number in sorted(free)]


def way_of(form: StepForm | BookForm) -> Way:
    """What a form says, as far as it makes sense."""
    way = Way(form.services, form.for_service, form.cleaned_data.get("date"), form.starts_at, form.people)
    return way._replace(page="booking:move", moves=form.moves) if isinstance(form, MoveForm) else way


def steps(way: Way, here: str) -> list[Step]:
    """The steps in their order, and which one this is."""
    addresses = {"service": way.start, "day": way.to_day, "time": way.to_time}
    labels = OF_A_MOVE if way.moves else LABELS
    names = [name for name in labels if name != "service" or way.is_over_services or here == "service"]
    behind = [] if here == "done" else names[: names.index(here)]
    return [Step(labels[name], name == here, addresses[name] if name in behind else "") for name in names]


def day_in_words(day: date) -> str:
    """Such as “Saturday 21 November 2026”."""
    # Translators: as Django's filter "date" writes it. In German: l, j. F Y
    return dateformat.format(day, pgettext("format of a day", "l j F Y"))


def days(way: Way, *, by: Actor, at: datetime) -> list[Day]:
    """The next days that have free places."""
    today = local(at).date()
    shown = free_days(way, today, DAYS_AT_ONCE, by=by, at=at)
    # Translators: as Django's filter "date" writes it. In German: j. F
    short = pgettext("format of a day without its weekday", "j F")
    return [Day(_name(day, today), dateformat.format(day, short), way.to(day=day), day == way.day) for day in shown]


def free_days(way: Way, first: date, number: int, *, by: Actor, at: datetime) -> list[date]:
    """The first days with free places from a day on, at most so many, of two months."""
    found: list[date] = []
    for begin, end in _spans_from(first):
        if way.service and len(found) < number:
            offered = days_between(begin, end, way.service, by=by, at=at, party=way.party, but=way.moves)
            found += [one.day for one in offered if one.free]
    return found[:number]


def _spans_from(first: date) -> Iterator[tuple[date, date]]:
    """The days that are looked through, as first and last ones, as far as there is a calendar."""
    day, last = first.toordinal(), date.max.toordinal()
    for begin, end in LOOKED_THROUGH:
        if day + begin <= last:
            yield date.fromordinal(day + begin), date.fromordinal(min(day + end - 1, last))


def _name(day: date, today: date) -> str:
    near = {0: _("Today"), 1: _("Tomorrow")}
    return near.get((day - today).days) or dateformat.format(day, "D")


def by_part_of_day(found: list[Choice]) -> list[tuple[Promise, list[Choice]]]:
    """The times in the parts of the day that have any."""
    parts = ((name, [one for one in found if one.offer.shown.hour in hours]) for name, hours in PARTS_OF_DAY)
    return [(name, times) for name, times in parts if times]


def month(way: Way, first: date, *, by: Actor, at: datetime) -> Month:
    """The whole month that begins on a day, this one from this week on, as whoever books for so many finds it."""
    today = local(at).date()
    weeks = monthcalendar(first.year, first.month)
    last = first.replace(day=max(weeks[-1]))
    weeks = [week for week in weeks if first.replace(day=max(week)) >= today]
    days: dict[int, DayOfMonth] = {}
    if way.service:
        is_open = days_with_slots(first, last, way.service)
        for offer in days_between(first, last, way.service, by=by, at=at, party=way.party, but=way.moves):
            words = _of_day(offer, way, offer.day in is_open, by=by, at=at)
            address = way.to(day=offer.day) if offer.free else ""
            days[offer.day.day] = DayOfMonth(offer.day, words, address, offer.day == today, offer.day < today)
    found = [[days.get(number) for number in week] for week in weeks]
    return Month(_month_in_words(first), found, _earlier(way, first, at), _later(way, last))


def _of_day(offer: DayOffer, way: Way, is_open: bool, *, by: Actor, at: datetime) -> str:
    if offer.free > MANY:
        return _("many free times")
    if offer.free:
        return ngettext("%(free)d free time", "%(free)d free times", offer.free) % {"free": offer.free}
    assert way.service
    return str(IN_A_WORD[why_none(offer, way.service, is_open, by=by, at=at)])


def _earlier(way: Way, first: date, at: datetime) -> tuple[str, str] | None:
    """The month before, if it is not over."""
    if first <= local(at).date():
        return None
    day = first - timedelta(days=1)
    return _month_in_words(day), way.of_month(day)


def _later(way: Way, last: date) -> tuple[str, str] | None:
    """The month after, if there is one in the calendar."""
    if last == date.max:
        return None
    day = last + timedelta(days=1)
    return _month_in_words(day), way.of_month(day)


def _month_in_words(day: date) -> str:
    # Translators: as Django's filter "date" writes it. In German: F Y
    return dateformat.format(day, pgettext("format of a month", "F Y"))


def times(way: Way, *, by: Actor, at: datetime) -> list[Choice]:
    """The times of the chosen day: all of its grid, but for one so fine that they can be typed."""
    if not (way.service and way.day):
        return []
    found = offers_of_day if way.takes_any_minute else slots_of_day
    return choices(found(way.day, way.service, by=by, at=at, but=way.moves), way)


def nothing_free(way: Way, *, by: Actor, at: datetime) -> dict[str, Any]:
    """Why the chosen day has no time to choose, and the next day that has one."""
    if not (way.service and way.day):
        return {}
    [offer] = days_between(way.day, way.day, way.service, by=by, at=at, party=way.party, but=way.moves)
    is_open = way.day in days_with_slots(way.day, way.day, way.service)
    reason = why_none(offer, way.service, is_open, by=by, at=at)
    after = [] if way.day == date.max else free_days(way, way.day + timedelta(days=1), 1, by=by, at=at)
    reason = "few" if reason == "full" and way.party > 1 else reason
    sentence = NO_QUARTER if reason == "full" and way.takes_any_minute else NOTHING_FREE[reason]
    return {"sentence": sentence, "days": [(day_in_words(day), way.to(day=day)) for day in after]}


def why_none(offer: DayOffer, service: Service, is_open: bool, *, by: Actor, at: datetime) -> str:
    """Why a day has no free places, in one word for programs; `is_open` says whether anybody ever could come then."""
    if offer.day < local(at).date():
        return "past"
    if offer.slots or not is_open:
        return "full" if offer.slots else "closed"
    _opens, closes = window_of(service, by=by, at=at)
    return "early" if days_span(offer.day, offer.day)[0] >= closes else "late"


def terms(service: Service, *, by: Actor) -> list[str]:
    """On which terms somebody books, as far as they are worth a sentence."""
    minutes = {name: timedelta(minutes=getattr(service, name) or 0) for name in ("lead_minutes", "deadline_minutes")}
    said = []
    if service.duration_minutes > 1:
        said.append(_("A visit lasts %(time)s.") % {"time": lasting(service.duration)})
    if service.largest_party > 1:
        said.append(_("Up to %(people)d people can come together.") % {"people": service.largest_party})
    if service.needs_resource:
        said.append(_("A room or a person is kept free for you."))
    if is_bound(by) and service.lead_minutes:
        said.append(_("Book at least %(time)s ahead.") % {"time": lasting(minutes["lead_minutes"])})
    if is_bound(by) and service.horizon_days is not None:
        sentence = ngettext(
            "Book at most %(days)d day ahead.", "Book at most %(days)d days ahead.", service.horizon_days
        )
        said.append(sentence % {"days": service.horizon_days})
    if is_bound(by) and service.deadline_minutes:
        sentence = _("You can change or cancel until %(time)s before it begins.")
        said.append(sentence % {"time": lasting(minutes["deadline_minutes"])})
    return said


def deadline(service: Service, starts_at: datetime, *, by: Actor, at: datetime) -> str:
    """Until when somebody can change or cancel a visit that begins then; empty for whoever always can."""
    if service.deadline_minutes is None or not is_bound(by):
        return ""
    until = starts_at - timedelta(minutes=service.deadline_minutes)
    if until < at:
        return _("It is too late to change or cancel a visit at this time yourself.")
    return _("You can change or cancel it until %(time)s.") % {"time": in_full(until)}
