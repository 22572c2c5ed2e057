"""What bookings came to: from the tallies of those that are gone, and from those that are over and still there."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, NamedTuple

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import ExtractHour, TruncDate
from django.utils import timezone
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext_lazy as _

from booking.models import Booking, Tally
from ticketing.rights import Actor
from ticketing.toolkit.charts import Chart

NUMBERS = ("visits", "people", "came", "missed", "cancelled", "lead_minutes")
USUAL_HOURS = range(8, 18)  # which stand in the map even if nobody came in them


class Hour(NamedTuple):
    """An hour of a day of a service, in numbers."""

    day: date
    hour: int
    service: str
    visits: int
    people: int
    came: int
    missed: int
    cancelled: int
    lead_minutes: int


class Sums(NamedTuple):
    """What bookings of one service came to."""

    service: str
    visits: int
    people: int
    came: int
    missed: int
    cancelled: int
    lead_minutes: int

    @property
    def lead(self) -> float | None:
        """How many days ahead a visit was booked on average; None without visits."""
        return round(self.lead_minutes / self.visits / 60 / 24, 1) if self.visits else None

    @property
    def missed_share(self) -> int | None:
        """Of those visits of which somebody noted whether they came, the share to which nobody did, in per cent."""
        noted = self.came + self.missed
        return round(100 * self.missed / noted) if noted else None

    @property
    def cancelled_share(self) -> int | None:
        """Of all bookings the share that was cancelled, in per cent."""
        made = self.visits + self.cancelled
        return round(100 * self.cancelled / made) if made else None


def hours_between(first: date, last: date, *, by: Actor) -> Iterator[Hour]:
    """Every hour of these days in which there was something, in order: two queries."""
    found = {(hour.day, hour.hour, hour.service): hour for hour in _tallied(first, last, by)}
    for hour in _still_there(first, last, by):
        key = (hour.day, hour.hour, hour.service)
        found[key] = _added(found[key], hour) if key in found else hour
    return (found[key] for key in sorted(found))


def _tallied(first: date, last: date, by: Actor) -> Iterator[Hour]:
    rows = Tally.objects.visible_to(by, "booking.report").between(first, last)
    yield from map(Hour._make, rows.values_list("day", "hour", "service__name", *NUMBERS))


def _still_there(first: date, last: date, by: Actor) -> Iterator[Hour]:
    """The same of bookings whose time has come and that the purge has not deleted yet."""
    zone = timezone.get_default_timezone()
    over = Booking.objects.visible_to(by, "booking.report").over().order_by()
    days = over.annotate(day=TruncDate("starts_at", tzinfo=zone), hour=ExtractHour("starts_at", tzinfo=zone))
    rows = days.filter(day__gte=first, day__lte=last).values("day", "hour", service=F("slot__service__name"))
    ahead = Sum(F("starts_at") - F("created_at"), filter=Q(starts_at__gt=F("created_at")))
    counted = rows.annotate(
        visits=Count("pk"),
        people=Sum("party"),
        came=Count("pk", filter=Q(arrived_at__isnull=False)),
        missed=Count("pk", filter=Q(missed_at__isnull=False)),
        ahead=ahead,
    )
    for row in counted:
        lead = round(span.total_seconds() / 60) if (span := row.pop("ahead")) else 0
        yield Hour(**row, cancelled=0, lead_minutes=lead)


def _added(one: Hour, other: Hour) -> Hour:
    return one._replace(**{name: getattr(one, name) + getattr(other, name) for name in NUMBERS})


def sums_of(hours: Iterable[Hour]) -> list[Sums]:
    """What they came to for each service."""
    found: dict[str, Counter[str]] = {}
    for hour in hours:
        found.setdefault(hour.service, Counter()).update({name: getattr(hour, name) for name in NUMBERS})
    return [Sums(service, *(found[service][name] for name in NUMBERS)) for service in sorted(found)]


def week_of(hours: Iterable[Hour], name: str, title: Any) -> Chart:
    """How many people came on which weekday at which hour, as a heat map."""
    people: Counter[tuple[int, int]] = Counter()
    for hour in hours:
        people[hour.day.weekday(), hour.hour] += hour.people
    shown = sorted({*USUAL_HOURS, *(hour for (_day, hour), number in people.items() if number)})
    series = {f"{hour:02}": [people[day, hour] for day in range(7)] for hour in shown}
    return Chart(name, title, _("Weekday"), [WEEKDAYS_ABBR[day] for day in range(7)], series)
