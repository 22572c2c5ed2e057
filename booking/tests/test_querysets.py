"""Which bookings a question finds."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from booking.models import Booking
from booking.tests.factories import NOON, BookingFactory, ServiceFactory, book_each, database_now, past
from ticketing.errors import LogInFirst, NotAllowed
from ticketing.tests.factories import UserFactory

pytestmark = pytest.mark.django_db

ALL, OWN, TOKEN, NONE = "all", "own", "token", "none"


@pytest.mark.parametrize(
    ("operation", "anonymous", "customer", "agent", "gate", "supervisor"),
    [
        ("booking.see_one", TOKEN, OWN, ALL, NotAllowed, ALL),
        ("booking.see_by_time", LogInFirst, OWN, ALL, NotAllowed, ALL),
        ("booking.see_all", LogInFirst, OWN, NotAllowed, NotAllowed, ALL),
        ("booking.change", TOKEN, OWN, ALL, NotAllowed, ALL),
        ("booking.cancel", TOKEN, OWN, ALL, NotAllowed, ALL),
    ],
)
def test_in_production_each_role_sees_its_own_part(production, operation, anonymous, customer, agent, gate, supervisor):
    expected = {"customer": customer, "agent": agent, "gate": gate, "supervisor": supervisor}
    actors = {role: UserFactory(role=role) for role in expected} | {"anonymous": AnonymousUser()}
    mine, theirs, nobodys = BookingFactory(by=actors["customer"]), BookingFactory(by=UserFactory()), BookingFactory()
    sets = {ALL: {mine, theirs, nobodys}, OWN: {mine}, TOKEN: set()}
    for role, sees in {**expected, "anonymous": anonymous}.items():
        if isinstance(sees, str):
            assert set(Booking.objects.visible_to(actors[role], operation)) == sets[sees]
            held = Booking.objects.visible_to(actors[role], operation, nobodys.manage_token)
            assert set(held) == sets[sees] | {nobodys}
        else:
            with pytest.raises(sees):
                Booking.objects.visible_to(actors[role], operation)


@pytest.mark.parametrize("operation", ["see_one", "see_by_time", "see_all", "change", "cancel"])
def test_in_the_demo_everybody_reaches_everything(operation):
    booking = BookingFactory(by=UserFactory())
    for actor in (AnonymousUser(), UserFactory(), UserFactory(role="gate"), None):
        assert set(Booking.objects.visible_to(actor, f"booking.{operation}")) == {booking}


SWITCHES = [
    ("Europe/Berlin", datetime(2031, 3, 30, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2031, 10, 26, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2031, 3, 9, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2031, 11, 2, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2031, 4, 5, 15, tzinfo=UTC)),
    ("Pacific/Kiritimati", datetime(2031, 5, 6, 10, tzinfo=UTC)),
    ("Etc/GMT+12", datetime(2031, 5, 6, 12, tzinfo=UTC)),
]


@pytest.mark.parametrize(("zone", "switch"), SWITCHES)
def test_day_and_time_are_asked_as_the_clocks_showed_them(settings, zone, switch):
    settings.TIME_ZONE = zone
    instants = [switch + timedelta(minutes=minutes) for minutes in range(-25 * 60, 25 * 60, 30)]
    instants += [switch + timedelta(seconds=seconds) for seconds in (-1, 1)]
    book_each(instants)
    clocks = {instant: instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for instant in instants}
    for day in {clock.date() for clock in clocks.values()}:
        of_day = sorted(instant for instant, clock in clocks.items() if clock.date() == day)
        assert list(asked(Booking.objects.on_local(day))) == of_day
        for hour in range(24):
            of_hour = [instant for instant in of_day if clocks[instant].hour == hour]
            assert list(asked(Booking.objects.on_local(day).at_local(hour))) == of_hour
    exact = [instant for instant in sorted(clocks) if clocks[instant].time() == clocks[switch].time()]
    clock = clocks[switch]
    assert list(asked(Booking.objects.at_local(clock.hour, clock.minute, clock.second))) == exact


def asked(bookings):
    return bookings.in_order().values_list("starts_at", flat=True)


def test_a_day_is_found_through_the_index():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(*explained(Booking.objects.on_local(date(2031, 5, 6))))
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Cond: ((starts_at > " in plan


def explained(bookings):
    sql, parameters = bookings.query.sql_with_params()
    return f"EXPLAIN {sql}", parameters


def test_the_last_day_of_the_calendar_can_be_asked_for():
    booking = BookingFactory(starts_at=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert list(Booking.objects.on_local(date(9999, 12, 31))) == [booking]


def test_the_order_is_by_time_then_by_booking():
    later, first, second = (BookingFactory(starts_at=NOON + timedelta(seconds=s)) for s in (1, 0, 0))
    assert list(Booking.objects.in_order()) == [first, second, later]


def test_bookings_are_counted_by_the_hour_that_the_clocks_show_and_by_service(settings):
    settings.TIME_ZONE = "Asia/Kolkata"  # 17:30 at noon in UTC
    repair = ServiceFactory(name="Repair")
    for minutes in (0, 29, 30):
        BookingFactory(starts_at=NOON + timedelta(minutes=minutes))
    BookingFactory(starts_at=NOON, service=repair)
    past(timedelta(minutes=1), service=repair)
    rows = Booking.objects.filter(starts_at__gte=NOON).by_hour_and_service()
    assert {(row["hour"], row["service"]): (row["bookings"], row["coming"]) for row in rows} == {
        (17, "Default"): (2, 2),
        (18, "Default"): (1, 1),
        (17, "Repair"): (1, 1),
    }
    [row] = Booking.objects.over().by_hour_and_service()
    assert (row["bookings"], row["coming"]) == (1, 0)


def test_todays_bookings_are_told_from_those_of_other_days():
    now = database_now()
    today = BookingFactory(starts_at=now)
    for days in (-2, 2):
        BookingFactory(starts_at=now + timedelta(days=days))
    assert list(Booking.objects.today()) == [today]
