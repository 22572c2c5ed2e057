"""Today and its hours, as the site's clocks show them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from booking.models import Booking
from booking.tests.factories import book_each
from ticketing import clocks

pytestmark = pytest.mark.django_db

SWITCHES = [
    ("UTC", datetime(2031, 5, 6, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2031, 3, 30, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2031, 10, 26, 1, tzinfo=UTC)),
    ("America/Santiago", datetime(2031, 9, 7, 4, tzinfo=UTC)),  # where this day has no midnight
    ("Atlantic/Azores", datetime(2031, 10, 26, 1, tzinfo=UTC)),  # and this one two
    ("Pacific/Kiritimati", datetime(2031, 5, 6, 10, tzinfo=UTC)),
]


@pytest.mark.parametrize(("zone", "switch"), SWITCHES)
def test_today_is_the_day_that_the_clocks_show_however_they_change(settings, zone, switch):
    settings.TIME_ZONE = zone
    instants = [switch + timedelta(minutes=30 * number, seconds=-1) for number in range(-54, 54)]
    book_each(instants)
    shown = {instant: instant.astimezone(ZoneInfo(zone)) for instant in instants}
    for at in (switch - timedelta(hours=3), switch - timedelta(seconds=1), switch, switch + timedelta(hours=3)):
        today = Booking.objects.filter(clocks.is_today("starts_at", at))
        expected = [one for one in instants if shown[one].date() == at.astimezone(ZoneInfo(zone)).date()]
        assert list(today.order_by("starts_at").values_list("starts_at", flat=True)) == expected


@pytest.mark.parametrize(("zone", "switch"), SWITCHES)
def test_rows_are_counted_by_the_hour_that_the_clocks_show(settings, zone, switch):
    settings.TIME_ZONE = zone
    instants = [switch + timedelta(minutes=20 * number) for number in range(-6, 6)]
    book_each(instants)
    hours = [instant.astimezone(ZoneInfo(zone)).hour for instant in instants]
    assert clocks.by_hour(Booking.objects.in_order(), "starts_at") == {hour: hours.count(hour) for hour in hours}


def test_today_is_found_through_the_index():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "Index Cond: ((starts_at > " in Booking.objects.filter(clocks.is_today("starts_at")).explain()
