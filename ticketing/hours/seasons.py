"""The weeks of a calendar one after the other: which hours hold from which day to which."""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from ticketing.hours.arithmetic import WeeklyOpening
from ticketing.hours.rules import Shift

DAY = timedelta(days=1)


class Season(NamedTuple):
    """A span of days in which one week holds throughout; None is no end on that side."""

    first: date | None
    last: date | None
    week: dict[int, list[Shift]]

    def holds_on(self, day: date) -> bool:
        """Whether the day lies in it."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


def seasons(openings: Iterable[WeeklyOpening]) -> list[Season]:
    """Every season in order; together they are all days, so a calendar without hours has one, with an empty week."""
    rows = sorted(openings, key=lambda row: (row.weekday, row.opens))
    starts = {row.first for row in rows if row.first} | {row.last + DAY for row in rows if row.last}
    edges = [None, *sorted(starts), None]
    return [_season(rows, first, after - DAY if after else None) for first, after in pairwise(edges)]


def season_on(openings: Iterable[WeeklyOpening], day: date) -> Season:
    """The season in which a day lies."""
    return next(season for season in seasons(openings) if season.holds_on(day))


def _season(rows: list[WeeklyOpening], first: date | None, last: date | None) -> Season:
    week: dict[int, list[Shift]] = {}
    for row in rows:
        if row.counts_on(first or last or date.min):  # any day of it will do: no row begins or ends within it
            week.setdefault(row.weekday, []).append((row.opens, row.closes))
    return Season(first, last, week)
