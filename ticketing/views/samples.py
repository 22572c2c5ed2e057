"""Charts and pills in every state, for the page that shows the pieces."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from allocation.models import Ticket, TicketOption
from booking.models import Booking
from booking.steps import IN_A_WORD, DayOfMonth, Month
from support.models import PRESENCES, Priority
from support.models import Ticket as Question
from ticketing.models import Mail, Waiter
from ticketing.models.base import State
from ticketing.toolkit.charts import Amount, Chart

HOURS = [f"{hour:02}:00" for hour in range(24)]
BUSY = [0, 0, 0, 0, 0, 0, 1, 4, 12, 18, 22, 17, 9, 14, 19, 16, 11, 6, 3, 2, 1, 0, 0, 0]
WEEK = list(WEEKDAYS_ABBR.values())


def charts() -> dict[str, list[Chart]]:
    """For each kind of chart its usual state, and those in which charts tend to break."""
    names = [_("Sales"), _("Something with a name so long that no phone has room for all of it"), "Θεσσαλονίκη, 東京"]
    return {
        "bars": [
            _bars("usual", _("Bars by hour"), HOURS, BUSY),
            _bars("words", _("Bars with long labels"), names, [12, 40, 7], lying=True),
            _bars("huge", _("Bars of huge numbers"), names, [1_234_567_890_123, 9, 0], lying=True),
            _bars("upright", _("Upright bars of huge numbers"), ["2029", "2030", "2031"], [1_200_000, 0, 48_000_000]),
            _bars("one", _("One bar"), ["12:00"], [3]),
            _bars("zeros", _("Bars of nothing"), HOURS, [0] * 24),
            _bars("none", _("No bars"), [], []),
        ],
        "lines": [
            _lines("two", _("Two lines"), HOURS, {_("Asked"): _until(15, BUSY), _("Answered"): _until(15, BUSY[::-1])}),
            _lines("four", _("Four lines"), WEEK, {f"{n}": [n * 3 + day for day in range(7)] for n in range(4)}),
            _lines("point", _("One point"), ["12:00"], {_("Asked"): [3]}),
            _lines("empty", _("No line"), [], {_("Asked"): []}),
        ],
        "heat": [
            _lines("week", _("Heat map of a week"), WEEK, {f"{hour:02}": _heat(hour) for hour in range(7, 19)}),
            _lines("hot", _("Heat map of huge numbers"), WEEK[:2], {"A": [0, 12_000_000], "B": [None, 3_400_000]}),
            _lines("cold", _("Heat map of nothing"), WEEK[:2], {"A": [0, 0], "B": [0, 0]}),
        ],
    }


def pills() -> list[tuple[Any, list[State]]]:
    """Every state of the things that pages are about, as their rows say it."""
    now = timezone.now()
    clock = [(False, False), (True, False), (True, True)]  # is over, has expired
    return [
        (_("Questions"), [Question(status=status).state for status in Question.Status]),
        (_("Priority"), [Question(priority=priority).urgency for priority in Priority]),
        (_("Agents"), list(PRESENCES.values())),
        (_("Bookings"), [_booking(*passed).state for passed in clock]),
        (_("What is on"), [TicketOption(capacity=40, taken=taken).state for taken in (0, 37, 40)]),
        (_("Tickets"), [Ticket(valid=valid, admitted_at=at).state for valid, at in [(1, None), (1, now), (0, None)]]),
        (_("Waiting lists"), [Waiter(state=state).standing for state in Waiter.State]),
        (
            capfirst(Mail._meta.verbose_name_plural),
            [Mail(**sent).state for sent in ({}, {"sent_at": now}, {"dead_at": now})],
        ),
    ]


def month() -> Month:
    """A month whose days are in every state that a day can be in, around one that is today."""
    free = [_("3 free times"), _("1 free time"), _("many free times")]
    words = [*map(str, IN_A_WORD.values()), *free]
    days = [_day(number, words[number % len(words)]) for number in range(30)]
    cells: list[DayOfMonth | None] = [*days, *[None] * 5]
    weeks = [cells[first : first + 7] for first in range(0, 35, 7)]
    return Month(_("September"), weeks, (_("August"), "#content"), (_("October"), "#content"))


def _day(number: int, words: str) -> DayOfMonth:
    address = "" if words in map(str, IN_A_WORD.values()) else "#content"
    return DayOfMonth(date(2031, 9, 1 + number), words, address, number == 8)


def weekdays() -> list[Any]:
    """Monday and so on."""
    return list(WEEKDAYS.values())


def _booking(is_over: bool, expired: bool) -> Booking:
    booking = Booking()
    booking.is_over, booking.expired = is_over, expired
    return booking


def _lines(name: str, title: Any, labels: Sequence[str], series: dict[str, Any]) -> Chart:
    return Chart(name, title, _("Time"), labels, series)


def _bars(name: str, title: Any, labels: Sequence[str], numbers: Sequence[Amount], **how: Any) -> Chart:
    return Chart(name, title, _("Label"), labels, {_("Number"): numbers}, **how)


def _until(hour: int, numbers: list[int]) -> list[Amount]:
    """What is known at that hour."""
    return [*numbers[:hour], *[None] * (len(numbers) - hour)]


def _heat(hour: int) -> list[Amount]:
    return [BUSY[hour] * (7 - day) * 3 for day in range(7)]
