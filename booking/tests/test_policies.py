"""Wall clocks and instants."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from booking.compat.ticket_management_system import DATE, TIME
from booking.errors import BadPhone, NoSuchDay, NoSuchTime
from booking.policies import clean_phone, day_of, instant_of, local, phone_as_seen
from ticketing.rights import Scope

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]
DAYS = st.dates(date(1970, 1, 2), date(2100, 1, 1))
CLOCKS = st.times().map(lambda clock: clock.replace(microsecond=0))


def instants_showing(shown, zone):
    """Every instant at which the zone's clocks show this, found by trying all offsets there can be."""
    offsets = (timedelta(minutes=15 * quarters) for quarters in range(-14 * 4, 15 * 4))
    tried = (shown.replace(tzinfo=UTC) - offset for offset in offsets)
    return sorted(instant for instant in tried if instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == shown)


def check(zone, day, clock):
    shown = datetime.combine(day, clock)
    candidates = instants_showing(shown, zone)
    with override_settings(TIME_ZONE=zone):
        if not candidates:
            with pytest.raises(NoSuchTime):
                instant_of(day, clock)
        else:
            assert instant_of(day, clock) == candidates[0]
            assert local(instant_of(day, clock)).replace(tzinfo=None) == shown
    return len(candidates)


@given(st.sampled_from(ZONES), DAYS, CLOCKS)
def test_an_instant_is_the_first_at_which_the_clocks_show_what_was_said(zone, day, clock):
    check(zone, day, clock)


@pytest.mark.parametrize(
    ("zone", "skipping", "repeating", "hour"),
    [
        ("Europe/Berlin", date(2031, 3, 30), date(2031, 10, 26), 2),
        ("America/New_York", date(2031, 3, 9), date(2031, 11, 2), 1),
    ],
)
def test_on_the_days_when_clocks_change(zone, skipping, repeating, hour):
    minutes = [time(at // 60, at % 60) for at in range(0, 5 * 60)]
    assert [check(zone, skipping, clock) for clock in minutes].count(0) == 60
    assert {clock.hour for clock in minutes if check(zone, repeating, clock) == 2} == {hour}


@given(DAYS, st.booleans())
def test_a_day_reads_back_whichever_way_it_is_padded(day, padded):
    said = f"{day:%d-%m-%Y}" if padded else f"{day.day}-{day.month}-{day.year}"
    shown_day, month, year = DATE.fullmatch(said).groups()
    assert day_of(int(year), int(month), int(shown_day)) == day


@given(CLOCKS, st.integers(1, 3))
def test_a_time_reads_back_with_as_many_parts_as_were_said(clock, parts):
    said = [clock.hour, clock.minute, clock.second][:parts]
    groups = TIME.fullmatch(":".join(map(str, said))).groups()
    assert [int(group) for group in groups if group is not None] == said


ALMOST_PHONES = [
    st.text(alphabet, min_size=9, max_size=11) for alphabet in ("0123456789", st.characters(categories=["Nd"]))
]


@given(st.one_of(st.text(max_size=12), *ALMOST_PHONES))
def test_nothing_but_ten_ascii_digits_is_a_phone_number(text):
    if len(text) == 10 and set(text) <= set("0123456789"):
        assert clean_phone(text) == text
    else:
        with pytest.raises(BadPhone):
            clean_phone(text)


@pytest.mark.parametrize(
    "parts", [(2031, 2, 31), (2031, 13, 1), (2031, 0, 1), (1969, 12, 31), (0, 1, 1), (10_000, 1, 1)]
)
def test_days_that_cannot_be_booked(parts):
    with pytest.raises(NoSuchDay):
        day_of(*parts)


def test_only_the_masked_scope_hides_a_phone_number():
    assert phone_as_seen("9927898022", Scope.MASKED) == "•••••••022"
    assert {phone_as_seen("9927898022", scope) for scope in Scope if scope != Scope.MASKED} == {"9927898022"}
