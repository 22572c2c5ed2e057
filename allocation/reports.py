"""What became of an event: how its tickets sold, who was admitted when at which gate, and who did not come.

All of it is counted by the database, in the days and hours of the event's own clocks.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from operator import add
from typing import Any, NamedTuple

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import TruncDate, TruncMinute
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from allocation.models import Event, Scan, Ticket, TicketOption
from ticketing.toolkit.charts import Chart

MOST_LABELS = 60  # of a chart
MOST_SERIES = 4  # kinds of lines that can be told apart
MOST_BARS = 10
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SHORT = (1, 5, 15, 60)  # minutes that admissions are counted by, within a day

# Of tickets that can admit somebody.
EXPECTED = Q(valid=True, cancelled_at=None)
COUNTS = {
    "returned": Count("pk", filter=Q(cancelled_at__isnull=False)),
    "admitted": Count("pk", filter=Q(admitted_at__isnull=False)),
    "expected": Count("pk", filter=EXPECTED),
    "absent": Count("pk", filter=EXPECTED & Q(admitted_at=None)),
}


class Sums(NamedTuple):
    """What became of the tickets of an option, of an event, or of both together."""

    thing: Any
    allocation: int
    sold: int
    held: int
    returned: int
    admitted: int
    expected: int  # valid and not given back
    absent: int  # of these, those with whom nobody was admitted
    is_over: bool

    @property
    def left(self) -> int:
        """How many can still be had."""
        return self.allocation - self.sold - self.held

    @property
    def missed(self) -> int | None:
        """With how many tickets nobody came; None before the event is over."""
        return self.absent if self.is_over else None

    @property
    def missed_share(self) -> int | None:
        """Of the tickets that could admit somebody the share with which nobody came, in per cent."""
        return round(100 * self.absent / self.expected) if self.is_over and self.expected else None


class Sale(NamedTuple):
    """What was sold and given back of an option on a day of the event's clocks."""

    day: date
    option: Any
    sold: int
    returned: int


class Admissions(NamedTuple):
    """So many were admitted at a gate from an instant on, until the next is counted."""

    at: datetime  # in UTC: of two instants at which the event's clocks show the same, Python takes one for the other
    gate: str
    admitted: int


class Flow(NamedTuple):
    """Who was admitted when: by so many minutes."""

    minutes: int
    counted: list[Admissions]


class Fate(NamedTuple):
    """How many tickets of an option were sold on one day and given back on one day, or not, and what became of them."""

    option: Any
    sold: date
    returned: date | None
    tickets: int
    numbers: tuple[int, ...]  # as COUNTS has them


def fates_of(event: Event) -> list[Fate]:
    """The fates of all tickets of an event, on the days of its clocks: one query, which reads each ticket once."""
    sold, returned = (TruncDate(column, tzinfo=event.zone) for column in ("created_at", "cancelled_at"))
    tickets = Ticket.objects.filter(option__event=event).order_by()
    rows = tickets.values_list("option", sold, returned).annotate(tickets=Count("pk"), **COUNTS)
    return [Fate(*row[:4], row[4:]) for row in rows]


def sums_of_options(event: Any, fates: Iterable[Fate]) -> list[Sums]:
    """What became of each option, in the order of their page: one query."""
    counted: dict[Any, list[int]] = {}
    for fate in fates:
        sums = counted.setdefault(fate.option, [0] * len(COUNTS))
        counted[fate.option] = list(map(add, sums, fate.numbers))
    return [
        Sums(
            option, option.capacity, option.sold, option.held, *counted.get(option.pk, [0] * len(COUNTS)), event.is_over
        )
        for option in TicketOption.objects.filter(event=event).order_by("created_at", "pk")
    ]


def sums_of_events(events: Sequence[Any]) -> list[Sums]:
    """What became of each of these events: two queries."""
    wanted = [event.pk for event in events]
    tickets = Ticket.objects.filter(option__event__in=wanted).values(key=F("option__event")).annotate(**COUNTS)
    counted = {row.pop("key"): row for row in tickets}
    options = TicketOption.objects.filter(event__in=wanted).values(key=F("event"))
    rows = options.annotate(allocation=Sum("capacity"), sold=Sum(F("taken") - F("held")), held=Sum("held"))
    stock = {row.pop("key"): row for row in rows}
    nothing = dict.fromkeys(("allocation", "sold", "held", *COUNTS), 0)
    return [
        Sums(event, **{**nothing, **stock.get(event.pk, {}), **counted.get(event.pk, {})}, is_over=event.is_over)
        for event in events
    ]


def total_of(sums: Iterable[Sums], event: Any) -> Sums:
    """All options of an event together."""
    columns = list(zip(*[one[1:-1] for one in sums], strict=True)) or [(0,)] * len(Sums._fields[1:-1])
    return Sums(event, *map(sum, columns), is_over=event.is_over)


def sales_of(fates: Iterable[Fate], options: Iterable[TicketOption]) -> list[Sale]:
    """What was sold and given back on each day on which something was, in order."""
    sold: Counter[tuple[date, Any]] = Counter()
    returned: Counter[tuple[date, Any]] = Counter()
    for fate in fates:
        sold[fate.sold, fate.option] += fate.tickets
        if fate.returned:
            returned[fate.returned, fate.option] += fate.tickets
    named = {option.pk: (place, option) for place, option in enumerate(options)}
    days = sorted(sold.keys() | returned.keys(), key=lambda key: (key[0], named[key[1]][0]))
    return [Sale(day, named[pk][1], sold[day, pk], returned[day, pk]) for day, pk in days]


def flow_of(event: Event, *, minutes: int | None = None) -> Flow:
    """Who was admitted when at which gate, by so many minutes, or by as many as a chart has room for: one query."""
    scans = Scan.objects.admissions().filter(ticket__option__event=event).order_by()
    rows = list(scans.values_list(TruncMinute("created_at", tzinfo=UTC), "gate").annotate(Count("pk")))
    instants = [at for at, _gate, _admitted in rows]
    if not instants:
        return Flow(minutes or SHORT[0], [])
    first, last = min(instants), max(instants)
    minutes = minutes or _minutes_for(last - first)
    counted: Counter[tuple[datetime, str]] = Counter()
    for at, gate, admitted in rows:
        counted[_begin(at, minutes, first, event), gate] += admitted
    return Flow(minutes, [Admissions(*key, counted[key]) for key in sorted(counted)])


def _minutes_for(span: timedelta) -> int:
    """So few that a chart has room for all of them."""
    return next((minutes for minutes in SHORT if span < minutes * MINUTE * (MOST_LABELS - 1)), DAY // MINUTE)


def _begin(at: datetime, minutes: int, first: datetime, event: Event) -> datetime:
    """Where the span begins that an instant is in: counted from a full hour of the event's clocks on, or midnight."""
    if minutes > SHORT[-1]:
        return at.astimezone(event.zone).replace(hour=0, minute=0, fold=0).astimezone(UTC)
    hour = first.astimezone(event.zone).replace(minute=0).astimezone(UTC)
    span = minutes * MINUTE
    return hour + (at - hour) // span * span


# In charts


def names_of(options: Iterable[TicketOption]) -> dict[Any, str]:
    """What each option is called in charts, where no two are called the same."""
    seen: Counter[str] = Counter()
    names = {}
    for option in options:
        seen[option.name] += 1
        names[option.pk] = option.name if seen[option.name] == 1 else f"{option.name} ({seen[option.name]})"
    return names


def charts_of_sales(sales: Sequence[Sale], options: Sequence[TicketOption]) -> list[Chart]:
    """What was sold of each option day by day and until then, and what was given back."""
    if not sales:
        return []
    first, last, names = sales[0].day, sales[-1].day, names_of(options)
    step = _days_for(last - first)
    spans = [first + step * number for number in range((last - first) // step + 1)]

    def chart(name: str, title: str, count: Callable[[Sale], int], *, is_sum: bool = False) -> Chart:
        counted: Counter[tuple[str, int]] = Counter()
        for sale in sales:
            counted[names[sale.option.pk], (sale.day - first) // step] += count(sale)
        series = {shown: [counted[shown, place] for place in range(len(spans))] for shown in names.values()}
        drawn = {shown: list(accumulate(numbers)) for shown, numbers in series.items()} if is_sum else series
        return Chart(name, title, _("Day") if step == DAY else _("From"), _days(spans), _few(drawn))

    words = {"days": step.days}
    charts = [
        chart("so-far", _("Tickets sold so far, without those given back"), lambda s: s.sold - s.returned, is_sum=True),
        chart("per-day", ngettext("Sold by day", "Sold in %(days)d days", step.days) % words, lambda s: s.sold),
    ]
    if any(sale.returned for sale in sales):
        title = ngettext("Given back by day", "Given back in %(days)d days", step.days) % words
        charts.append(chart("returned", title, lambda s: s.returned))
    return charts


def _days_for(span: timedelta) -> timedelta:
    """Single days, or as many weeks as it takes."""
    return DAY if span.days < MOST_LABELS else DAY * 7 * (span.days // (7 * MOST_LABELS) + 1)


def _few(series: dict[str, list[int]]) -> dict[str, list[int]]:
    """Those with the highest numbers, and the others as one."""
    if len(series) <= MOST_SERIES:
        return series
    order = sorted(series, key=lambda name: -sum(series[name]))
    kept, others = order[: MOST_SERIES - 1], order[MOST_SERIES - 1 :]
    rest = [sum(numbers) for numbers in zip(*(series[name] for name in others), strict=True)]
    return {**{name: series[name] for name in series if name in kept}, _others(kept): rest}


def _others(kept: Iterable[str]) -> str:
    """A word for the others that none of the kept is called by."""
    word = _("Others")
    while word in kept:
        word += "…"
    return word


def _days(days: Sequence[date]) -> list[str]:
    how = "MONTH_DAY_FORMAT" if days[0].year == days[-1].year else "SHORT_DATE_FORMAT"
    return [date_format(day, how) for day in days]


def chart_of_flow(flow: Flow, event: Event) -> Chart | None:
    """How many were admitted at each gate; None without any."""
    if not flow.counted:
        return None
    labels, title, place = (_by_days if flow.minutes > SHORT[-1] else _by_minutes)(flow, event)
    counted: Counter[tuple[str, int]] = Counter()
    for one in flow.counted:
        counted[one.gate, place(one.at)] += one.admitted
    gates = sorted({one.gate for one in flow.counted})
    series = {gate: [counted[gate, number] for number in range(len(labels))] for gate in gates}
    return Chart("admissions", title, _("From"), labels, _few(series))


_Places = tuple[list[str], str, Callable[[datetime], int]]  # the labels of a chart, its title, and who belongs where


def _by_minutes(flow: Flow, event: Event) -> _Places:
    span, first, last = flow.minutes * MINUTE, flow.counted[0].at, flow.counted[-1].at
    labels = _clock([first + span * number for number in range((last - first) // span + 1)], event)
    title = ngettext("Admissions by minute", "Admissions in %(minutes)d minutes", flow.minutes)
    return labels, title % {"minutes": flow.minutes}, lambda at: (at - first) // span


def _by_days(flow: Flow, event: Event) -> _Places:
    first, last = (one.at.astimezone(event.zone).date() for one in (flow.counted[0], flow.counted[-1]))
    step = _days_for(last - first)
    labels = _days([first + step * number for number in range((last - first) // step + 1)])
    title = ngettext("Admissions by day", "Admissions in %(days)d days", step.days) % {"days": step.days}
    return labels, title, lambda at: (at.astimezone(event.zone).date() - first) // step


def _clock(instants: Sequence[datetime], event: Event) -> list[str]:
    """What the clocks show, with the day where there are several, and with the zone's name where they go back."""
    shown = [at.astimezone(event.zone) for at in instants]
    labels = [f"{at:%H:%M}" for at in shown]
    if shown[0].date() != shown[-1].date():
        labels = [f"{day}, {label}" for day, label in zip(_days([at.date() for at in shown]), labels, strict=True)]
    times = Counter(labels)
    return [f"{label} {at:%Z}" if times[label] > 1 else label for label, at in zip(labels, shown, strict=True)]


def chart_of_missed(sums: Iterable[Sums]) -> Chart | None:
    """With how many tickets of each option nobody came, the most first; None without any, or before the end."""
    names = names_of(one.thing for one in sums)
    missed = sorted((one for one in sums if one.missed), key=lambda one: -one.absent)[:MOST_BARS]
    if not missed:
        return None
    labels = [names[one.thing.pk] for one in missed]
    numbers = {_("Tickets"): [one.absent for one in missed]}
    return Chart("missed", _("Tickets with which nobody came"), _("Ticket option"), labels, numbers, lying=True)
