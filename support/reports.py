"""How long questions waited and took, what was promised and kept, what is open, and what each agent did.

All of it is read from the tallies, whatever the number of tickets, and from the milestones that are not counted yet; so
it is as of now. Durations are in wall-clock time, and begin when a question is asked or, re-opened, asked again:

- waiting ends when somebody is handed the question for the first time;
- the first response, when staff say something to the customer for the first time, and it is in time by the promise of
  the service level as it stood then. Late is also what was closed without an answer when that was overdue;
- handling ends with the closing.

They are counted at the day and hour of asking. Open at the end of a day is whatever had been asked and was not closed.
What each agent was handed and closed is counted on the day on which that happened.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from support import tallies
from support.models import Agent, Department, Priority
from support.tallies import NUMBERS, quantile
from ticketing import rights
from ticketing.clocks import database_now
from ticketing.rights import Actor
from ticketing.toolkit.charts import Chart

USUAL_HOURS = range(8, 18)  # which stand in the map even if nobody asked in them
MOST_LABELS = 60  # of a chart
MOST_BARS = 10
DAY = timedelta(days=1)
NONE = "none"  # what addresses call questions of no department
FURTHEST = date(9000, 1, 1)  # nothing is there, and the calendar does not end there
WAITING, RESPONSE, HANDLING = "handed", "answered", "closed"  # what each of the durations ends with

_FRESH = f"WITH moments AS MATERIALIZED ({tallies.moments(tallies.FRESH)})"
_OF_DEPARTMENT = "(%(department)s::text IS NULL OR department = %(department)s)"
_IN_SPAN = f"day BETWEEN %(first)s AND %(last)s AND {_OF_DEPARTMENT}"
_NUMBERS = ", ".join(NUMBERS)
_SUMS = ", ".join(f"sum({name})::integer" for name in NUMBERS)
_SUMS_AS_THEY_ARE = ", ".join(f"sum({name}) AS {name}" for name in NUMBERS)
_OF_DAYS = ("asked", "came", "went")
_SUMS_OF_DAYS = ", ".join(f"sum({name})::integer" if name in _OF_DAYS else "0" for name in NUMBERS)
_HOURS = f"""
    SELECT day, hour, department, priority, {_NUMBERS} FROM support_tally WHERE {{wanted}}
    UNION ALL
    SELECT day, hour, department, priority, {_NUMBERS} FROM ({tallies.COUNTS}) AS fresh WHERE {{wanted}}
"""
_WEEKDAY = "extract(isodow FROM day)::integer"
# Many rows become few first, so that they are gone through once and not once for each way to add them up.
_COUNTS = f"""
{_FRESH}, hours AS NOT MATERIALIZED ({_HOURS.format(wanted=_IN_SPAN)}), week AS MATERIALIZED (
    SELECT department, priority, {_WEEKDAY} AS weekday, hour, {_SUMS_AS_THEY_ARE} FROM hours GROUP BY 1, 2, 3, 4
)
SELECT department, priority, weekday, hour, NULL::date, {_SUMS} FROM week
GROUP BY GROUPING SETS ((department, priority), (weekday, hour))
UNION ALL
SELECT NULL, NULL, NULL, NULL, day, {_SUMS_OF_DAYS} FROM hours GROUP BY day
"""
_BEFORE = f"""
{_FRESH}, hours AS ({_HOURS.format(wanted=f"day < %(first)s AND {_OF_DEPARTMENT}")})
SELECT coalesce(sum(came) - sum(went), 0)::integer FROM hours
"""
# Whole months, and single days before and after them; of what is not counted yet, single days.
_DURATIONS = f"""
{_FRESH}, durations AS NOT MATERIALIZED (
    SELECT hour, department, what, bin, number FROM support_durationtally
    WHERE is_month AND starts >= %(months_from)s AND starts < %(months_to)s AND {_OF_DEPARTMENT}
    UNION ALL
    SELECT hour, department, what, bin, number FROM support_durationtally
    WHERE NOT is_month AND starts >= %(first)s AND starts < %(months_from)s AND {_OF_DEPARTMENT}
    UNION ALL
    SELECT hour, department, what, bin, number FROM support_durationtally
    WHERE NOT is_month AND starts >= %(months_to)s AND starts <= %(last)s AND {_OF_DEPARTMENT}
    UNION ALL
    SELECT hour, department, what, bin, number FROM ({tallies.DURATIONS}) AS fresh
    WHERE NOT is_month AND starts BETWEEN %(first)s AND %(last)s AND {_OF_DEPARTMENT}
), few AS MATERIALIZED (
    SELECT department, hour, what, bin, sum(number) AS number FROM durations GROUP BY 1, 2, 3, 4
)
SELECT department, hour, what, bin, sum(number)::integer FROM few
GROUP BY GROUPING SETS ((department, what, bin), (hour, what, bin))
"""
_AGENTS = f"""
{_FRESH}, days AS (
    SELECT agent_id, handed, closed FROM support_agenttally WHERE {_IN_SPAN}
    UNION ALL
    SELECT agent_id, handed, closed FROM ({tallies.OF_AGENTS}) AS fresh WHERE {_IN_SPAN}
)
SELECT agent_id, sum(handed)::integer, sum(closed)::integer FROM days GROUP BY agent_id
"""


class Times(NamedTuple):
    """How many seconds something took: for half of those that it happened to, and for nine of ten, at most."""

    median: float | None = None
    p90: float | None = None

    @property
    def in_words(self) -> tuple[str, str] | None:
        """Both in short, or None where nothing took any time yet."""
        return None if self.median is None or self.p90 is None else (in_short(self.median), in_short(self.p90))


@dataclass
class Line:
    """What the questions of a department, an hour or a priority came to."""

    key: Any
    name: Any
    numbers: Counter[str]
    bins: dict[str, Counter[int]]

    SHARES = Times._fields

    def __getattr__(self, name: str) -> int:
        if name in NUMBERS:
            return self.numbers[name]
        raise AttributeError(name)

    @property
    def has_some(self) -> bool:
        """Whether anything was asked, or happened to what was asked."""
        return any(self.numbers[name] for name in NUMBERS if name not in ("came", "went"))

    @property
    def promised(self) -> int:
        """To how many a first response was promised of which is known whether it came in time."""
        return self.numbers["in_time"] + self.numbers["late"]

    @property
    def in_time_share(self) -> int | None:
        """Of these the share to which it came in time, in per cent."""
        return round(100 * self.numbers["in_time"] / self.promised) if self.promised else None

    @cached_property
    def waiting(self) -> Times:
        """Until somebody had it."""
        return self._times(WAITING)

    @cached_property
    def response(self) -> Times:
        """Until staff said something."""
        return self._times(RESPONSE)

    @cached_property
    def handling(self) -> Times:
        """Until it was closed."""
        return self._times(HANDLING)

    def _times(self, what: str) -> Times:
        bins = self.bins.get(what, {})
        return Times(quantile(bins, 0.5), quantile(bins, 0.9))


class DayLine(NamedTuple):
    """A day: how many were asked, became open and ceased to be, and how many were open at its end."""

    day: date
    asked: int
    came: int
    went: int
    open: int


class AgentLine(NamedTuple):
    """What an agent has in work now, and was handed and closed in these days."""

    agent: Any
    handed: int
    closed: int


class Report(NamedTuple):
    """All of it, as of an instant."""

    first: date
    last: date
    department: str | None
    as_of: datetime
    departments: list[Line]
    hours: list[Line]
    priorities: list[Line]
    days: list[DayLine]
    agents: list[AgentLine]
    arrivals: dict[tuple[int, int], int]  # by ISO weekday and hour

    @property
    def total(self) -> Line:
        """All departments together."""
        return _sum("", _("All together"), self.departments)

    @property
    def open_before(self) -> int:
        """How many were open when the first day began."""
        return self.days[0].open - self.days[0].came + self.days[0].went if self.days else 0


def department_named(word: str) -> str | None:
    """The department that an address means: None for all of them."""
    return "" if word == NONE else word or None


def report_of(first: date, last: date, *, department: str | None = None, by: Actor) -> Report:
    """What became of these days, both included, of one department or of all: six queries."""
    rights.require(by, "support.report")
    asked = _parameters(first, last, department)
    counted, bins = _rows(_COUNTS, asked), _rows(_DURATIONS, asked)
    at = database_now()
    by_kind, by_weekday, by_day = _told_apart(counted)
    return Report(
        *(first, last, department, at),
        departments=_lines(_names_of_departments(department), by_kind, bins, place=0),
        hours=_lines({hour: f"{hour:02}:00" for hour in range(24)}, by_weekday, bins, place=1),
        priorities=_lines(dict(Priority.choices), by_kind, [], place=1),
        days=list(_days(first, min(last, timezone.localtime(at).date()), by_day, _rows(_BEFORE, asked)[0][0])),
        agents=_agents(_rows(_AGENTS, asked)),
        arrivals={key: numbers["asked"] for key, numbers in by_weekday.items()},
    )


def _parameters(first: date, last: date, department: str | None) -> dict[str, Any]:
    first, last = min(first, FURTHEST), min(last, FURTHEST)
    begins, ends = _next_month(first - DAY if first > date.min else first), (last + DAY).replace(day=1)
    whole = begins < ends
    return {
        "first": first,
        "last": last,
        "department": department,
        "months_from": begins if whole else last + DAY,
        "months_to": ends if whole else last + DAY,
        "zone": settings.TIME_ZONE,
    }


def _next_month(day: date) -> date:
    return (day.replace(day=28) + 4 * DAY).replace(day=1)


def _rows(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


_Counted = dict[Any, Counter[str]]


def _told_apart(rows: Iterable[tuple[Any, ...]]) -> tuple[_Counted, _Counted, _Counted]:
    """What is counted by department and priority, by weekday and hour, and by day."""
    by_kind, by_weekday, by_day = {}, {}, {}
    for department, priority, weekday, hour, day, *sums in rows:
        numbers = Counter(dict(zip(NUMBERS, sums, strict=True)))
        if day:
            by_day[day] = numbers
        elif department is None:
            by_weekday[weekday, hour] = numbers
        else:
            by_kind[department, priority] = numbers
    return by_kind, by_weekday, by_day


def _lines(names: dict[Any, Any], counted: _Counted, bins: Iterable[tuple[Any, ...]], *, place: int) -> list[Line]:
    """One line for each name: what is counted under it at this place of the keys, and how long that took."""
    lines = {key: Line(key, name, Counter(), defaultdict(Counter)) for key, name in names.items()}
    for key, numbers in counted.items():
        lines[key[place]].numbers += numbers
    for *keys, what, bin_, number in bins:
        if keys[place] is not None:
            lines[keys[place]].bins[what][bin_] += number
    return list(lines.values())


def _names_of_departments(department: str | None) -> dict[str, Any]:
    names = {**dict(Department.choices), "": _("no department")}
    return names if department is None else {department: names[department]}


def _sum(key: Any, name: Any, lines: Iterable[Line]) -> Line:
    total = Line(key, name, Counter(), defaultdict(Counter))
    for line in lines:
        total.numbers += line.numbers
        for what, bins in line.bins.items():
            total.bins[what] += bins
    return total


def _days(first: date, last: date, counted: _Counted, open_before: int) -> Iterator[DayLine]:
    still_open = open_before
    for number in range((last - first).days + 1):
        numbers = counted.get(day := first + number * DAY, Counter())
        still_open += numbers["came"] - numbers["went"]
        yield DayLine(day, numbers["asked"], numbers["came"], numbers["went"], still_open)


def _agents(rows: Iterable[tuple[Any, ...]]) -> list[AgentLine]:
    """Every agent, whoever closed most first."""
    did = {agent: numbers for agent, *numbers in rows}
    lines = [AgentLine(agent, *did.get(agent.pk, (0, 0))) for agent in Agent.objects.there_first()]
    return sorted(lines, key=lambda line: -line.closed)


def in_short(seconds: float) -> str:
    """A duration by its two largest units, whose symbols are the same in every language."""
    if seconds < 60:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    for unit, large, small, parts in (("d", 24 * 60, "h", 60), ("h", 60, "min", 1)):
        if minutes >= large:
            rest = minutes % large // parts
            return f"{minutes // large} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{minutes} min"


# In charts


def charts_of_days(report: Report) -> list[Chart]:
    """How many were open, and how many became so and ceased to be, day by day or in spans of weeks."""
    if not report.days:
        return []
    step = 1 if len(report.days) <= MOST_LABELS else 7 * (len(report.days) // (7 * MOST_LABELS) + 1)
    spans = [report.days[place : place + step] for place in range(0, len(report.days), step)]
    labels = [_short(span[0].day, report) for span in spans]
    open_ = {_("Open"): [span[-1].open for span in spans]}
    moved = {
        _("Asked or re-opened"): [sum(line.came for line in span) for span in spans],
        _("Closed"): [sum(line.went for line in span) for span in spans],
    }
    title = ngettext("Asked and closed by day", "Asked and closed in %(days)d days", step) % {"days": step}
    ending = ngettext("Open at the end of each day", "Open at the end of each %(days)d days", step) % {"days": step}
    heading = _("Day") if step == 1 else _("From")
    return [Chart("open", ending, heading, labels, open_), Chart("moved", title, heading, labels, moved)]


def _short(day: date, report: Report) -> str:
    return date_format(day, "MONTH_DAY_FORMAT" if report.first.year == report.last.year else "SHORT_DATE_FORMAT")


def chart_of_arrivals(report: Report) -> Chart:
    """How many were asked on which weekday at which hour, as a heat map."""
    shown = sorted({*USUAL_HOURS, *(hour for (_day, hour), number in report.arrivals.items() if number)})
    series = {f"{hour:02}": [report.arrivals.get((day, hour), 0) for day in range(1, 8)] for hour in shown}
    weekdays = [WEEKDAYS_ABBR[day] for day in range(7)]
    return Chart("arrivals", _("Questions by weekday and hour"), _("Weekday"), weekdays, series)


def chart_of_waiting(report: Report) -> Chart | None:
    """How many minutes were waited, by the hour of asking; None where nobody waited yet."""
    lines = [line for line in report.hours if line.waiting.median is not None]
    if not lines:
        return None
    shown = report.hours[lines[0].key : lines[-1].key + 1]
    series = {
        _("Half waited at most"): [_minutes(line.waiting.median) for line in shown],
        _("Nine of ten waited at most"): [_minutes(line.waiting.p90) for line in shown],
    }
    return Chart("waiting", _("Minutes waited, by hour"), _("Hour"), [f"{line.key:02}" for line in shown], series)


def _minutes(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds / 60)


def chart_of_agents(lines: Sequence[AgentLine]) -> Chart | None:
    """Who closed most; None where nobody closed anything."""
    busy = [line for line in lines if line.closed][:MOST_BARS]
    if not busy:
        return None
    numbers = {_("Closed"): [line.closed for line in busy]}
    return Chart(
        "closed", _("Closed by agent"), _("Agent"), [line.agent.user.name for line in busy], numbers, lying=True
    )
