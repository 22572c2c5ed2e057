"""Hours that many set at once. Each race was seen to go wrong on a version without what prevents it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import IntegrityError, OperationalError, connection

from ticketing import actions
from ticketing.actions.hours import AlreadyOpenThen
from ticketing.errors import Refused
from ticketing.models import Calendar, Opening, SpecialOpening
from ticketing.tests.factories import CalendarFactory
from ticketing.tests.test_hours import MONDAY

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 60  # seconds until a race that hangs counts as lost


def outcomes(*calls):
    """Make the calls at once, each on a connection of its own; what each returned, or the refusal's class."""
    barrier = Barrier(len(calls))

    def run(call):
        try:
            connection.ensure_connection()
            barrier.wait(PATIENCE)
            return call()
        except Refused as refusal:
            return type(refusal)
        except (IntegrityError, OperationalError):  # two that wait for each other are a deadlock, which one survives
            return IntegrityError
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(PATIENCE) for future in [pool.submit(run, call) for call in calls]]


def test_of_openings_that_overlap_the_database_alone_lets_in_one():
    for _ in range(5):
        calendar = CalendarFactory()
        openings = [Opening(calendar=calendar, weekday=0, opens=540 + number, closes=720) for number in range(3)]
        got = outcomes(*[lambda opening=opening: opening.save(force_insert=True) for opening in openings])
        assert got.count(IntegrityError) == 2
        assert calendar.openings.count() == 1


def test_of_special_openings_that_overlap_one_is_made_and_the_others_are_told_why():
    calendar = CalendarFactory()

    def add(number):
        return actions.add_special_opening(calendar, day=MONDAY, opens=540 + number, closes=720, by=None)

    got = outcomes(*[lambda number=number: add(number) for number in range(8)])
    assert got.count(AlreadyOpenThen) == 7
    assert SpecialOpening.objects.count() == 1


def test_of_weeks_that_are_set_at_once_one_stands_whole():
    calendar = CalendarFactory(week={0: [(0, 60)]})
    weeks = [{weekday: [(hour * 60, hour * 60 + 90)] for weekday in range(7)} for hour in range(8)]
    for _ in range(5):
        got = outcomes(*[lambda week=week: actions.set_week(calendar, week=week, by=None) for week in weeks])
        assert got == [calendar] * 8
        rows = Opening.objects.values_list("opens", "weekday")
        assert len(rows) == 7
        assert len({opens for opens, _ in rows}) == 1


def test_the_default_calendar_is_made_once_with_its_week():
    got = outcomes(*[lambda: Calendar.objects.default().openings.count()] * 8)
    assert got == [7] * 8
    assert Calendar.objects.count() == 1
