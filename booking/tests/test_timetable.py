"""When slots begin: held against somebody who looks at the clocks every minute."""

from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from booking import timetable
from booking.actions import change_service, create_service
from booking.models import A_DAY
from booking.timetable import days_span, is_open, number_of, opened, slots_within, starts_at
from ticketing.actions import add_closure, create_calendar, set_week

pytestmark = pytest.mark.django_db

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago", "UTC"]
# Both days of three zones on which clocks change, one on which they do at midnight, a leap day, and a plain one.
DAYS = [
    *(date(2027, 3, 28), date(2027, 10, 31)),
    *(date(2027, 3, 14), date(2027, 11, 7)),
    *(date(2027, 4, 4), date(2027, 10, 3)),
    *(date(2027, 9, 5), date(2028, 2, 29), date(2031, 9, 12)),
]
GRIDS = [grid for grid in range(1, A_DAY + 1) if A_DAY % grid == 0]
SHIFTS = st.tuples(st.integers(0, 95), st.integers(1, 96)).filter(lambda ends: ends[0] < ends[1])


@contextmanager
def undone():
    """What happens inside is forgotten: each example begins with empty tables."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def numbers(service, day):
    span = days_span(day, day)
    return [slot for slots in slots_within(service, span, opened(service, span)) for slot in slots]


def looked_at(service, day, site, shifts):
    """The same by looking at both clocks every minute, and at the door in every minute of the visit."""
    midnight = number_of(datetime.combine(day, time(), UTC))
    office = service.zone

    def is_there(minute):
        shown = starts_at(minute).astimezone(office)
        return shifts is None or any(opens <= shown.hour * 60 + shown.minute < closes for opens, closes in shifts)

    def begins(minute):
        shown = starts_at(minute).astimezone(office)
        return (shown.hour * 60 + shown.minute) % service.grid_minutes == 0

    of_day = (minute for minute in range(midnight - A_DAY, midnight + 2 * A_DAY))
    of_day = [minute for minute in of_day if starts_at(minute).astimezone(site).date() == day]
    visit = range(service.duration_minutes)
    return [one for one in of_day if begins(one) and all(is_there(one + minute) for minute in visit)]


@settings(max_examples=60, deadline=None)
@given(
    site=st.sampled_from(ZONES),
    office=st.sampled_from([None, *ZONES]),
    day=st.sampled_from(DAYS),
    grid=st.sampled_from(GRIDS),
    duration=st.integers(1, 200),
    shift=SHIFTS,
)
def test_slots_are_what_the_clocks_and_the_door_say(site, office, day, grid, duration, shift):
    with undone(), override_settings(TIME_ZONE=site):
        service = create_service(slug="s", name="S", grid_minutes=grid, duration_minutes=duration, by=None)
        shifts = None
        if office:
            shifts = [(15 * shift[0], 15 * shift[1])]
            calendar = create_calendar(slug="c", name="C", time_zone=office, by=None)
            set_week(calendar, week=dict.fromkeys(range(7), shifts), by=None)
            service = change_service(service, calendar=calendar, by=None)
        found = numbers(service, day)
        assert found == looked_at(service, day, ZoneInfo(site), shifts)
        assert all(is_open(service, starts_at(slot)) for slot in found)


def test_a_closed_day_has_no_slots_and_the_day_before_ends_as_usual():
    calendar = create_calendar(slug="c", name="C", time_zone="UTC", by=None)
    set_week(calendar, week={weekday: [(540, 600)] for weekday in range(7)}, by=None)
    add_closure(calendar, first_day=DAYS[-1], last_day=DAYS[-1], reason="", by=None)
    service = create_service(slug="s", name="S", grid_minutes=20, duration_minutes=20, calendar=calendar, by=None)
    assert numbers(service, DAYS[-1]) == []
    assert [f"{starts_at(slot):%H:%M}" for slot in numbers(service, DAYS[-1] - timedelta(days=1))] == [
        "09:00",
        "09:20",
        "09:40",
    ]


def test_a_plain_day_is_a_range_however_fine_its_grid():
    assert timetable.slots_of_day(DAYS[-1], ZoneInfo("Europe/Berlin"), 1) == range(32448840, 32448840 + A_DAY)


def test_beyond_the_years_of_which_hours_are_known_nothing_is_open():
    calendar = create_calendar(slug="c", name="C", time_zone="Pacific/Kiritimati", by=None)
    set_week(calendar, week={weekday: [(0, A_DAY)] for weekday in range(7)}, by=None)
    service = create_service(slug="s", name="S", calendar=calendar, by=None)
    for day in (date(9999, 12, 31), date(9500, 6, 1)):
        assert numbers(service, day) == []
        assert not is_open(service, datetime.combine(day, time(12), UTC))
    assert len(numbers(service, date(8000, 6, 1))) == A_DAY
