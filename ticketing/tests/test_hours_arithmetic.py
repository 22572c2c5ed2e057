"""When it is open, against a plain walk from minute to minute that asks the clocks each time."""

import time
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketing.errors import Invalid
from ticketing.hours import Hours, NoHours, WeeklyOpening
from ticketing.hours.arithmetic import HORIZON, TooFar
from ticketing.hours.public_holidays import public_holidays
from ticketing.hours.seasons import season_on, seasons

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
WINDOW = 3 * DAY
ALWAYS = tuple(WeeklyOpening(weekday, 0, 1440) for weekday in range(7))
OFFICE = tuple(WeeklyOpening(weekday, *shift) for weekday in range(5) for shift in ((540, 720), (780, 1020)))

# The zones, each with days around which its clocks are changed, and one on which nothing happens.
CHANGES = {
    "Europe/Berlin": [date(2031, 3, 30), date(2031, 10, 26), date(2031, 7, 1)],
    "America/New_York": [date(2031, 3, 9), date(2031, 11, 2), date(2028, 2, 29)],
    "Australia/Lord_Howe": [date(2031, 4, 6), date(2031, 10, 5), date(2031, 7, 1)],  # by half an hour
    "Asia/Kathmandu": [date(2031, 7, 1)],
    "UTC": [date(2032, 2, 29), date(2031, 12, 31)],
    "America/St_Johns": [date(2010, 11, 7)],  # from one minute past midnight back into the day before
    "Pacific/Apia": [date(2011, 12, 30)],  # a day that never was
}


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def hours(zone="Europe/Berlin", week=OFFICE, **more):
    return Hours(ZoneInfo(zone), tuple(week), **more)


# The plain model


def plainly_open(hours, at):
    local = at.astimezone(hours.zone)
    day, minute = local.date(), local.hour * 60 + local.minute
    if day in hours.special:
        shifts = hours.special[day]
    elif any(first <= day <= last for first, last in hours.closures):
        shifts = []
    else:
        shifts = [
            (row.opens, row.closes)
            for row in hours.week
            if row.weekday == day.weekday() and (row.first or day) <= day <= (row.last or day)
        ]
    return any(opens <= minute < closes for opens, closes in shifts)


def walk(hours, start, end):
    """Each minute from `start` to `end`, and whether it is open in it."""
    minutes = int((end - start) / MINUTE)
    return [(start + number * MINUTE, plainly_open(hours, start + number * MINUTE)) for number in range(minutes)]


def runs(walked, end):
    """The stretches of open minutes."""
    found = []
    for (at, is_open), (after, _) in pairwise([*walked, (end, False)]):
        if is_open:
            found = [*found[:-1], (found[-1][0], after)] if found and found[-1][1] == at else [*found, (at, after)]
    return found


@st.composite
def shifts(draw):
    edges = draw(st.lists(st.integers(0, 1440), max_size=6, unique=True).map(sorted))
    return list(zip(edges[::2], edges[1::2], strict=False))


@st.composite
def situations(draw):
    """Some hours, and an instant near a day on which the clocks of their zone are changed."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    middle = draw(st.sampled_from(CHANGES[zone]))
    near = st.integers(-3, 3).map(lambda days: middle + days * DAY)
    cut = draw(near)
    spans = draw(st.sampled_from([[(None, None)], [(None, cut), (cut + DAY, None)], [(cut, cut)], [(None, cut)]]))
    week = [WeeklyOpening(weekday, *shift, *span) for weekday in range(7) for span in spans for shift in draw(shifts())]
    closures = [(first, first + draw(st.integers(0, 2)) * DAY) for first in draw(st.lists(near, max_size=2))]
    special = {day: tuple(draw(shifts())) for day in draw(st.lists(near, max_size=2))}
    at = utc(middle.year, middle.month, middle.day) + draw(st.integers(-2880, 2880)) * MINUTE
    return SimpleNamespace(hours=hours(zone, week, closures=tuple(closures), special=special), at=at)


@settings(max_examples=60, deadline=None)
@given(situations())
def test_every_answer_is_that_of_a_walk_from_minute_to_minute(case):
    hours, start, end = case.hours, case.at, case.at + WINDOW
    walked = walk(hours, start, end)
    spans = runs(walked, end)
    assert hours.openings_between(start, end) == spans
    assert hours.working_between(start, end) == sum(is_open for _, is_open in walked) * MINUTE
    assert [hours.is_open(at) for at, _ in walked[::7]] == [is_open for _, is_open in walked[::7]]
    opening = next((begins for begins, _ in spans if begins > start), None)
    closing = next((ends for _, ends in spans if ends < end), None)
    assert found_within(hours.next_opening(start), end) == opening
    assert found_within(hours.next_closing(start), end) == closing


def found_within(found, end):
    return found if found and found < end else None


@settings(max_examples=60, deadline=None)
@given(situations(), st.integers(0, 5000))
def test_time_that_is_added_ends_at_the_earliest_instant_by_which_it_has_passed(case, minutes):
    hours, start = case.hours, case.at
    open_minutes = [at for at, is_open in walk(hours, start, start + WINDOW) if is_open]
    try:
        done = hours.add_working(start, minutes * MINUTE)
    except NoHours:
        assert len(open_minutes) < minutes
        return
    if minutes <= len(open_minutes):
        assert done == (open_minutes[minutes - 1] + MINUTE if minutes else start)
    assert hours.working_between(start, done) == minutes * MINUTE


@settings(max_examples=60, deadline=None)
@given(situations(), st.timedeltas(timedelta(), WINDOW), st.timedeltas(timedelta(), WINDOW))
def test_time_between_adds_up_to_the_microsecond(case, first, second):
    hours, start = case.hours, case.at
    middle, end = start + first, start + first + second
    whole = hours.working_between(start, end)
    assert hours.working_between(start, middle) + hours.working_between(middle, end) == whole
    assert whole == sum((ends - begins for begins, ends in hours.openings_between(start, end)), timedelta())
    assert hours.working_between(end, start) == timedelta() or start == end


@settings(max_examples=60, deadline=None)
@given(situations())
def test_the_seasons_are_all_days_and_each_has_the_hours_of_any_day_in_it(case):
    found = seasons(case.hours.week)
    assert (found[0].first, found[-1].last) == (None, None)
    assert all(earlier.last + DAY == later.first for earlier, later in pairwise(found))
    bare = hours(week=case.hours.week)
    for days in range(-8, 8):
        day = case.at.date() + days * DAY
        assert tuple(season_on(case.hours.week, day).week.get(day.weekday(), ())) == bare.shifts_on(day)


# What a change of the clocks does


@pytest.mark.parametrize(
    ("day", "opens", "closes", "counted"),
    [
        (date(2031, 3, 30), 0, 360, 5),  # from two the clocks go on to three
        (date(2031, 10, 26), 0, 360, 7),  # from three they go back to two
        (date(2031, 3, 30), 120, 180, 0),  # an hour that is skipped
        (date(2031, 10, 26), 120, 180, 2),  # and one that comes twice
        (date(2031, 6, 1), 0, 360, 6),
    ],
)
def test_hours_that_the_clocks_skip_or_double_count_as_long_as_they_are(day, opens, closes, counted):
    berlin = hours(week=[WeeklyOpening(6, opens, closes)])
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Europe/Berlin"))
    assert berlin.working_between(midnight, midnight + 30 * 60 * MINUTE) == counted * 60 * MINUTE


def test_what_closes_within_the_hour_that_comes_twice_opens_twice():
    berlin = hours(week=[WeeklyOpening(6, 60, 150)])  # until half past two, which it is twice
    day = utc(2031, 10, 25, 22), utc(2031, 10, 26, 22)
    assert berlin.openings_between(*day) == [
        (utc(2031, 10, 25, 23), utc(2031, 10, 26, 0, 30)),
        (utc(2031, 10, 26, 1), utc(2031, 10, 26, 1, 30)),
    ]


def test_a_night_shift_is_two_openings_and_one_stretch():
    night = hours(week=[WeeklyOpening(5, 1320, 1440), WeeklyOpening(6, 0, 360)])
    opens, closes = utc(2031, 10, 25, 20), utc(2031, 10, 26, 5)
    assert night.openings_between(opens - DAY, closes + DAY) == [(opens, closes)]  # nine hours, for the clocks go back
    assert (night.next_opening(opens - DAY), night.next_closing(opens)) == (opens, closes)


# Instants


def test_it_is_open_from_the_second_it_opens_until_just_before_it_closes():
    monday = hours("UTC", [WeeklyOpening(0, 540, 1020)])
    opens, closes = utc(2031, 5, 5, 9), utc(2031, 5, 5, 17)
    second = timedelta(microseconds=1)
    asked = [opens - second, opens, closes - second, closes]
    assert [monday.is_open(at) for at in asked] == [False, True, True, False]
    assert monday.next_opening(opens - second) == opens
    assert monday.next_opening(opens) == opens + 7 * DAY
    assert monday.next_closing(closes) == closes + 7 * DAY


def test_eight_hours_from_the_beginning_of_a_day_of_eight_end_on_that_day():
    office = hours("UTC")
    nine = utc(2031, 5, 5, 9)
    assert office.add_working(nine, 7 * 60 * MINUTE) == utc(2031, 5, 5, 17)
    assert office.add_working(nine, 7 * 60 * MINUTE + MINUTE) == utc(2031, 5, 6, 9, 1)
    assert office.add_working(utc(2031, 5, 3, 12), MINUTE) == utc(2031, 5, 5, 9, 1)  # on Saturday nobody works
    assert office.add_working(utc(2031, 5, 3, 12), timedelta()) == utc(2031, 5, 3, 12)


def test_an_instant_is_the_same_in_whatever_zone_it_is_said():
    office = hours("Asia/Kathmandu")
    at = utc(2031, 5, 5, 3)
    there = at.astimezone(ZoneInfo("America/New_York"))
    assert office.add_working(there, 100 * MINUTE) == office.add_working(at, 100 * MINUTE)
    assert office.openings_between(there, there + DAY) == office.openings_between(at, at + DAY)
    assert office.is_open(there) == office.is_open(at)


# Days that are otherwise


def test_a_special_day_goes_before_a_closure_and_a_closure_before_the_week():
    monday = date(2031, 5, 5)
    closed = hours(closures=((monday, monday + DAY),))
    assert [closed.shifts_on(monday + days * DAY) for days in range(3)] == [(), (), ((540, 720), (780, 1020))]
    opened = hours(closures=((monday, monday + DAY),), special={monday: ((600, 660),)})
    assert opened.shifts_on(monday) == ((600, 660),)
    assert opened.shifts_on(monday + DAY) == ()


def test_closures_that_touch_overlap_or_lie_within_another_close_their_days_and_no_others():
    first = date(2031, 5, 5)
    spans = ((3, 9), (0, 1), (4, 5), (2, 2), (12, 12))
    closed = hours(week=ALWAYS, closures=tuple((first + a * DAY, first + b * DAY) for a, b in spans))
    days = [days for days in range(-2, 15) if closed.is_closed_on(first + days * DAY)]
    assert days == [*range(10), 12]


def test_public_holidays_of_the_country_and_of_its_part_are_closed():
    assumption, unity, monday = date(2031, 8, 15), date(2031, 10, 3), date(2031, 8, 18)
    week = ALWAYS
    germany, bavaria = (hours(week=week, country="DE", subdivision=part) for part in ("", "BY"))
    corpus_christi = date(2031, 6, 12)
    assert [bool(germany.shifts_on(day)) for day in (unity, corpus_christi, monday)] == [False, True, True]
    assert [bool(bavaria.shifts_on(day)) for day in (unity, corpus_christi, monday)] == [False, False, True]
    assert bool(hours(week=week).shifts_on(assumption))
    opened = hours(week=week, country="DE", special={unity: ((600, 840),)})
    assert opened.shifts_on(unity) == ((600, 840),)


def test_holidays_are_named_in_the_countrys_own_language_whatever_the_machine_speaks(monkeypatch):
    public_holidays.cache_clear()
    monkeypatch.setenv("LANGUAGE", "en_US")
    assert hours(country="DE").holiday_on(date(2031, 1, 1)) == "Neujahr"
    assert hours(country="US").holiday_on(date(2031, 7, 4)) == "Independence Day"
    assert hours(country="DE").holiday_on(date(2031, 1, 2)) == ""
    assert hours().holiday_on(date(2031, 1, 1)) == ""


def test_holidays_at_the_turn_of_the_year_are_found_year_by_year():
    # New Year's Day of 2033 is a Saturday, and the day off is the Friday before it.
    assert hours(country="US").holiday_on(date(2032, 12, 31)) == "New Year's Day (observed)"


# Bounds


def test_where_it_is_never_open_nothing_is_looked_for_without_end():
    never = hours(week=())
    at = utc(2031, 5, 5)
    assert (never.is_open(at), never.next_opening(at), never.next_closing(at)) == (False, None, None)
    assert (never.openings_between(at, at + DAY), never.working_between(at, at + DAY)) == ([], timedelta())
    with pytest.raises(NoHours):
        never.add_working(at, MINUTE)
    assert never.add_working(at, timedelta()) == at


def test_where_it_is_always_open_it_neither_opens_nor_closes():
    always, at = hours(week=ALWAYS), utc(2031, 5, 5)
    assert (always.is_open(at), always.next_opening(at), always.next_closing(at)) == (True, None, None)
    assert always.add_working(at, 365 * DAY) == at + 365 * DAY
    with pytest.raises(NoHours):
        always.add_working(at, HORIZON + MINUTE)


def test_hours_that_begin_beyond_the_horizon_are_not_found():
    later = hours("UTC", [WeeklyOpening(0, 540, 1020, first=date(2040, 1, 1))])
    assert later.next_opening(utc(2031, 5, 5)) is None
    assert later.next_opening(utc(2038, 5, 5)) == utc(2040, 1, 2, 9)


def test_less_than_nothing_cannot_be_added():
    with pytest.raises(Invalid):
        hours().add_working(utc(2031, 5, 5), -MINUTE)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_ends_of_the_calendar_are_refused_and_the_years_before_them_are_not(zone):
    always = hours(zone, ALWAYS)
    for at in (utc(9999, 12, 31, 23, 59), datetime.min.replace(tzinfo=UTC), utc(1899, 12, 31)):
        for asked in (always.is_open, always.next_opening, always.next_closing):
            with pytest.raises(TooFar):
                asked(at)
        with pytest.raises(TooFar):
            always.add_working(at, MINUTE)
        with pytest.raises(TooFar):
            always.openings_between(at, at)
    for at in (utc(9990, 12, 31, 23, 59), utc(1900, 1, 1)):
        assert always.is_open(at)
        assert always.next_opening(at) is None
    assert always.add_working(utc(9990, 12, 1), DAY) == utc(9990, 12, 2)


def test_ten_thousand_minutes_are_added_in_milliseconds_and_five_years_searched_in_some_more():
    office, at = hours(), utc(2031, 5, 5)

    def quickest(ask):
        taken = []
        for _ in range(5):
            began = time.perf_counter()
            ask()
            taken.append(time.perf_counter() - began)
        return min(taken)

    assert quickest(lambda: office.add_working(at, 10_000 * MINUTE)) < 0.01
    assert quickest(lambda: hours(week=()).next_opening(at)) < 0.25


def test_the_hours_cannot_be_changed_and_equal_ones_are_one():
    with pytest.raises(AttributeError):
        hours().country = "DE"
    assert hours() == hours()
    assert len({hours(), hours(), hours("UTC")}) == 2
