"""Business hours: what the verbs make of them, and what the database refuses whoever writes."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DataError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from ticketing import actions
from ticketing.actions.hours import AlreadyOpenThen, CalendarSlugTaken
from ticketing.audit import CHECKS
from ticketing.errors import Invalid, LogInFirst, NotAllowed, NotFound
from ticketing.hours import Hours
from ticketing.hours.rules import (
    BadDay,
    BadHours,
    BadTime,
    ClosesFirst,
    EndsFirst,
    HoursOverlap,
    UnknownCountry,
    UnknownRegion,
    UnknownZone,
    parse_shifts,
    written,
)
from ticketing.models import Activity, Calendar, Closure, Opening, SpecialOpening
from ticketing.tests.factories import CalendarFactory, UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
MONDAY = date(2031, 5, 5)
OFFICE = {weekday: [(540, 720), (780, 1020)] for weekday in range(5)}


def rows(calendar):
    """The openings of a calendar, as plain tuples."""
    found = calendar.openings.order_by("valid_from", "weekday", "opens")
    return [(o.weekday, o.opens, o.closes, o.valid_from, o.valid_until) for o in found]


def hours(calendar):
    return Hours.load(Calendar.objects.get(pk=calendar.pk))


# Calendars


def test_a_calendar_is_made_with_its_week():
    calendar = CalendarFactory(slug="desk", week={0: [(780, 1020), (540, 720)]}, country="DE", subdivision="BY")
    assert rows(calendar) == [(0, 540, 720, None, None), (0, 780, 1020, None, None)]
    assert (calendar.time_zone, calendar.country, calendar.subdivision) == ("Europe/Berlin", "DE", "BY")
    assert hours(calendar).is_open(datetime(2031, 5, 5, 8, tzinfo=UTC))


def test_a_calendar_without_a_week_is_closed_and_in_the_zone_of_the_site(settings):
    settings.TIME_ZONE = "Asia/Kathmandu"
    calendar = actions.create_calendar(slug="desk", name="Desk", by=None)
    assert (calendar.time_zone, rows(calendar)) == ("Asia/Kathmandu", [])


def test_a_short_name_is_taken_once():
    CalendarFactory(slug="desk")
    with nothing_changes(), pytest.raises(CalendarSlugTaken):
        CalendarFactory(slug="desk")


def test_without_a_calendar_of_ones_own_there_is_one_that_is_always_open(settings):
    settings.TIME_ZONE = "Europe/Berlin"
    calendar = Calendar.objects.default()
    assert (calendar.slug, calendar.time_zone) == ("default", "Europe/Berlin")
    always = hours(calendar)
    at = datetime(2031, 12, 25, tzinfo=UTC)
    assert always.openings_between(at, at + 90 * DAY) == [(at, at + 90 * DAY)]
    with nothing_changes():
        assert Calendar.objects.default() == calendar


def test_hours_that_were_set_for_the_default_calendar_stay():
    actions.set_week(Calendar.objects.default(), week={}, by=None)
    assert rows(Calendar.objects.default()) == []


def test_a_change_of_zone_or_place_changes_no_other_row():
    calendar = CalendarFactory(week=OFFICE, country="DE", subdivision="BY")
    actions.add_closure(calendar, first_day=MONDAY, by=None)
    actions.add_special_opening(calendar, day=MONDAY, opens=600, closes=660, by=None)
    before = [list(model.objects.order_by("pk").values()) for model in (Opening, Closure, SpecialOpening)]
    changed = actions.change_calendar(calendar, time_zone="America/New_York", country="US", subdivision="", by=None)
    assert (changed.time_zone, changed.country, changed.subdivision) == ("America/New_York", "US", "")
    assert [list(model.objects.order_by("pk").values()) for model in (Opening, Closure, SpecialOpening)] == before
    assert hours(changed).is_open(datetime(2031, 5, 5, 14, 30, tzinfo=UTC))


def test_what_is_not_given_stays():
    calendar = CalendarFactory(country="DE", subdivision="BY")
    changed = actions.change_calendar(calendar, name="Desk", by=None)
    assert (changed.name, changed.country, changed.subdivision) == ("Desk", "DE", "BY")
    assert actions.change_calendar(calendar, subdivision="BE", by=None).subdivision == "BE"
    with nothing_changes():
        actions.change_calendar(calendar, by=None)


@pytest.mark.parametrize(
    ("said", "refusal", "field"),
    [
        ({"time_zone": "Europe/Atlantis"}, UnknownZone, "time_zone"),
        ({"time_zone": "localtime"}, UnknownZone, "time_zone"),
        ({"time_zone": "europe/berlin"}, UnknownZone, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, UnknownZone, "time_zone"),
        ({"country": "XX"}, UnknownCountry, "country"),
        ({"country": "de"}, UnknownCountry, "country"),
        ({"country": "DEU"}, UnknownCountry, "country"),
        ({"country": "DE", "subdivision": "Bavaria"}, UnknownRegion, "subdivision"),
        ({"country": "NP", "subdivision": "BY"}, UnknownRegion, "subdivision"),
        ({"country": "", "subdivision": "BY"}, UnknownCountry, "country"),
        ({"name": " "}, Invalid, "name"),
    ],
)
def test_a_zone_a_country_or_a_name_that_is_none_is_refused(said, refusal, field):
    calendar = CalendarFactory()
    with nothing_changes():
        with pytest.raises(refusal) as refused:
            actions.change_calendar(calendar, **said, by=None)
        with pytest.raises(refusal):
            CalendarFactory(**said)
    assert refused.value.field == field


def test_a_part_that_the_new_country_lacks_is_refused_also_where_only_the_country_is_said():
    calendar = CalendarFactory(country="DE", subdivision="BY")
    with nothing_changes(), pytest.raises(UnknownRegion):
        actions.change_calendar(calendar, country="FR", by=None)


# Weeks


def test_a_week_takes_the_place_of_the_whole_one_before():
    calendar = CalendarFactory(week=OFFICE)
    actions.set_week(calendar, week={5: [(600, 840)]}, by=None)
    assert rows(calendar) == [(5, 600, 840, None, None)]


def test_a_week_for_some_days_leaves_the_days_around_them_as_they_were():
    calendar = CalendarFactory(week={0: [(540, 1020)]})
    june, august = date(2031, 6, 1), date(2031, 8, 31)
    actions.set_week(calendar, week={0: [(480, 720)], 1: [(480, 720)]}, valid_from=june, valid_until=august, by=None)
    assert rows(calendar) == [
        (0, 480, 720, june, august),
        (1, 480, 720, june, august),
        (0, 540, 1020, august + DAY, None),
        (0, 540, 1020, None, june - DAY),
    ]
    actions.set_week(calendar, week={}, valid_from=date(2031, 8, 1), by=None)
    assert rows(calendar) == [
        (0, 480, 720, june, date(2031, 7, 31)),
        (1, 480, 720, june, date(2031, 7, 31)),
        (0, 540, 1020, None, june - DAY),
    ]
    actions.set_week(calendar, week={6: [(0, 60)]}, valid_until=date(2031, 6, 30), by=None)
    assert rows(calendar) == [
        (0, 480, 720, date(2031, 7, 1), date(2031, 7, 31)),
        (1, 480, 720, date(2031, 7, 1), date(2031, 7, 31)),
        (6, 0, 60, None, date(2031, 6, 30)),
    ]


def test_a_week_takes_the_first_and_the_last_day_of_its_neighbours():
    calendar = CalendarFactory()
    week = {0: [(540, 1020)]}
    actions.set_week(calendar, week=week, valid_until=MONDAY, by=None)
    actions.set_week(calendar, week=week, valid_from=MONDAY, by=None)
    assert rows(calendar) == [(0, 540, 1020, MONDAY, None), (0, 540, 1020, None, MONDAY - DAY)]
    actions.set_week(calendar, week=week, valid_until=MONDAY, by=None)
    assert rows(calendar) == [(0, 540, 1020, MONDAY + DAY, None), (0, 540, 1020, None, MONDAY)]


def test_one_day_can_be_a_span():
    calendar = CalendarFactory(week={0: [(540, 1020)]})
    actions.set_week(calendar, week={0: [(0, 1440)]}, valid_from=MONDAY, valid_until=MONDAY, by=None)
    week = hours(calendar)
    assert [week.shifts_on(MONDAY + days * DAY) for days in (-7, 0, 7)] == [
        ((540, 1020),),
        ((0, 1440),),
        ((540, 1020),),
    ]


@pytest.mark.parametrize(
    ("week", "refusal"),
    [
        ({0: [(540, 540)]}, ClosesFirst),
        ({0: [(1320, 360)]}, ClosesFirst),
        ({0: [(540, 720), (719, 800)]}, HoursOverlap),
        ({0: [(540, 720), (540, 720)]}, HoursOverlap),
        ({0: [(minute, minute + 1) for minute in range(13)]}, BadHours),
    ],
)
def test_a_week_that_is_none_changes_nothing(week, refusal):
    calendar = CalendarFactory(week=OFFICE)
    with nothing_changes(), pytest.raises(refusal):
        actions.set_week(calendar, week=week, by=None)


@pytest.mark.parametrize(
    ("span", "refusal", "field"),
    [
        ({"valid_from": MONDAY, "valid_until": MONDAY - DAY}, EndsFirst, "valid_until"),
        ({"valid_from": date(1969, 12, 31)}, BadDay, "valid_from"),
        ({"valid_until": date(9999, 12, 31)}, BadDay, "valid_until"),
    ],
)
def test_a_span_that_is_none_is_refused(span, refusal, field):
    calendar = CalendarFactory(week=OFFICE)
    with nothing_changes(), pytest.raises(refusal) as refused:
        actions.set_week(calendar, week={}, **span, by=None)
    assert refused.value.field == field


def test_openings_that_touch_are_two_and_one_stretch():
    calendar = CalendarFactory(time_zone="UTC", week={0: [(540, 720), (720, 1020)]})
    noon = datetime(2031, 5, 5, 12, tzinfo=UTC)
    assert len(hours(calendar).openings_between(noon - DAY, noon + DAY)) == 1


# Days that are otherwise


def test_a_closure_closes_and_its_removal_opens_again():
    calendar = CalendarFactory(week=OFFICE)
    closure = actions.add_closure(calendar, first_day=MONDAY, last_day=MONDAY + DAY, reason="Moving house", by=None)
    assert [bool(hours(calendar).shifts_on(MONDAY + days * DAY)) for days in range(3)] == [False, False, True]
    actions.remove_closure(closure, by=None)
    assert hours(calendar).shifts_on(MONDAY)
    with nothing_changes():
        actions.remove_closure(closure, by=None)


def test_a_closure_of_one_day_needs_no_last_one():
    closure = actions.add_closure(CalendarFactory(), first_day=MONDAY, by=None)
    assert (closure.last_day, closure.reason) == (MONDAY, "")


def test_a_special_opening_opens_on_a_closed_day_and_its_removal_closes_again():
    calendar = CalendarFactory(week=OFFICE)
    actions.add_closure(calendar, first_day=MONDAY, by=None)
    first, second = (
        actions.add_special_opening(calendar, day=MONDAY, opens=opens, closes=opens + 60, by=None)
        for opens in (900, 600)
    )
    assert hours(calendar).shifts_on(MONDAY) == ((600, 660), (900, 960))
    actions.remove_special_opening(first, by=None)
    actions.remove_special_opening(second, by=None)
    assert hours(calendar).shifts_on(MONDAY) == ()
    with nothing_changes():
        actions.remove_special_opening(second, by=None)


def test_special_openings_of_one_day_do_not_overlap():
    calendar, other = CalendarFactory(), CalendarFactory()
    actions.add_special_opening(calendar, day=MONDAY, opens=600, closes=720, by=None)
    with nothing_changes(), pytest.raises(AlreadyOpenThen):
        actions.add_special_opening(calendar, day=MONDAY, opens=719, closes=800, by=None)
    actions.add_special_opening(calendar, day=MONDAY, opens=720, closes=800, by=None)
    actions.add_special_opening(calendar, day=MONDAY + DAY, opens=600, closes=720, by=None)
    actions.add_special_opening(other, day=MONDAY, opens=600, closes=720, by=None)


def test_days_and_hours_that_are_none_are_refused():
    calendar = CalendarFactory()
    with nothing_changes():
        for first, last, refusal in ((MONDAY, MONDAY - DAY, EndsFirst), (date(9000, 1, 1), None, BadDay)):
            with pytest.raises(refusal):
                actions.add_closure(calendar, first_day=first, last_day=last, by=None)
        with pytest.raises(ClosesFirst):
            actions.add_special_opening(calendar, day=MONDAY, opens=600, closes=600, by=None)
        with pytest.raises(BadDay):
            actions.add_special_opening(calendar, day=date(1, 1, 1), opens=600, closes=660, by=None)
        with pytest.raises(Invalid):
            actions.add_closure(calendar, first_day=MONDAY, reason="x" * 201, by=None)


def test_the_version_of_a_calendar_moves_with_all_that_belongs_to_it():
    calendar = CalendarFactory()
    closure = actions.add_closure(calendar, first_day=MONDAY, by=None)
    special = actions.add_special_opening(calendar, day=MONDAY, opens=600, closes=660, by=None)
    for change in (
        lambda: actions.set_week(calendar, week=OFFICE, by=None),
        lambda: actions.add_closure(calendar, first_day=MONDAY, by=None),
        lambda: actions.remove_closure(closure, by=None),
        lambda: actions.add_special_opening(calendar, day=MONDAY, opens=700, closes=760, by=None),
        lambda: actions.remove_special_opening(special, by=None),
    ):
        Calendar.objects.update(updated_at="2020-01-01T00:00:00Z")
        change()
        assert Calendar.objects.get(pk=calendar.pk).updated_at.year > 2020


def test_every_change_has_its_line_about_the_calendar():
    boss = UserFactory(role="supervisor")
    calendar = CalendarFactory(by=boss, week=OFFICE)
    closure = actions.add_closure(calendar, first_day=MONDAY, reason="Grandmother's birthday", by=boss)
    special = actions.add_special_opening(calendar, day=MONDAY, opens=600, closes=660, by=boss)
    actions.remove_closure(closure, by=boss)
    actions.remove_special_opening(special, by=boss)
    actions.change_calendar(calendar, name="Desk", by=boss)
    trail = Activity.objects.about(calendar)
    assert [line.operation for line in trail] == [
        "hours.create_calendar",
        "hours.set_week",
        "hours.add_closure",
        "hours.add_special_opening",
        "hours.remove_closure",
        "hours.remove_special_opening",
        "hours.change_calendar",
    ]
    assert {line.actor for line in trail} == {boss}
    assert trail[2].details == {"closure": str(closure.pk), "first": "2031-05-05", "last": "2031-05-05"}


# Who may


@pytest.mark.parametrize("role", ["anonymous", "customer", "agent", "gate"])
def test_only_supervisors_set_hours(production, role):
    actor = AnonymousUser() if role == "anonymous" else UserFactory(role=role)
    calendar = CalendarFactory()
    closure = actions.add_closure(calendar, first_day=MONDAY, by=None)
    special = actions.add_special_opening(calendar, day=MONDAY, opens=600, closes=660, by=None)
    with nothing_changes():
        for verb in (
            lambda: actions.create_calendar(slug="x", name="x", by=actor),
            lambda: actions.change_calendar(calendar, name="x", by=actor),
            lambda: actions.set_week(calendar, week={}, by=actor),
            lambda: actions.add_closure(calendar, first_day=MONDAY, by=actor),
            lambda: actions.remove_closure(closure, by=actor),
            lambda: actions.add_special_opening(calendar, day=MONDAY, opens=0, closes=1, by=actor),
            lambda: actions.remove_special_opening(special, by=actor),
        ):
            with pytest.raises(LogInFirst if role == "anonymous" else NotAllowed):
                verb()
    assert list(Calendar.objects.visible_to(actor, "hours.see")) == [calendar]
    with pytest.raises((LogInFirst, NotAllowed)):
        Calendar.objects.visible_to(actor, "hours.manage")


def test_a_calendar_that_is_gone_is_not_found():
    gone = CalendarFactory()
    Calendar.objects.filter(pk=gone.pk).delete()
    for verb in (
        lambda: actions.change_calendar(gone, name="x", by=None),
        lambda: actions.set_week(gone, week={}, by=None),
        lambda: actions.add_closure(gone, first_day=MONDAY, by=None),
    ):
        with pytest.raises(NotFound):
            verb()


# What people type


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", []),
        ("  ", []),
        ("09:00-12:00, 13:00-17:00", [(540, 720), (780, 1020)]),
        ("13:00 – 17:00; 9:00 – 12:00", [(540, 720), (780, 1020)]),
        ("9-17", [(540, 1020)]),
        ("00:00-24:00", [(0, 1440)]),
        ("22-24", [(1320, 1440)]),
    ],
)
def test_hours_are_read_as_people_write_them(typed, meant):
    assert parse_shifts(typed, field="monday") == meant
    assert parse_shifts(written(meant), field="monday") == meant


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("closed", BadHours),
        ("9", BadHours),
        ("9-12-15", BadHours),
        ("9-12,", BadHours),
        ("9-25", BadTime),
        ("9-24:01", BadTime),
        ("9:60-10", BadTime),
        ("9:5-10", BadTime),
        ("-9:00-10:00", BadHours),
        ("٩-١٢", BadTime),
        ("nine-ten", BadTime),
        ("17-9", ClosesFirst),
        ("9-12, 11-13", HoursOverlap),
    ],
)
def test_hours_that_make_no_sense_are_refused_at_their_day(typed, refusal):
    with pytest.raises(refusal) as refused:
        parse_shifts(typed, field="monday")
    assert refused.value.field == "monday"


# The database


def test_hours_are_loaded_in_three_queries_or_with_all_calendars_at_once():
    for _ in range(3):
        calendar = CalendarFactory(week=OFFICE)
        actions.add_closure(calendar, first_day=MONDAY, by=None)
        actions.add_special_opening(calendar, day=MONDAY, opens=600, closes=660, by=None)
    with CaptureQueriesContext(connection) as queries:
        one = Hours.load(calendar)
    assert len(queries) == 3
    with CaptureQueriesContext(connection) as queries:
        everyone = {found.pk: Hours.load(found) for found in Calendar.objects.with_hours()}
    assert len(queries) == 4
    assert everyone[calendar.pk] == one
    with CaptureQueriesContext(connection) as queries:
        one.add_working(datetime(2031, 5, 1, tzinfo=UTC), timedelta(hours=40))
    assert len(queries) == 0


def refused_by(constraint, model, calendar, **fields):
    with pytest.raises((IntegrityError, DataError), match=constraint), transaction.atomic():
        model.objects.bulk_create([model(calendar=calendar, **fields)])


def test_the_database_refuses_hours_that_are_none():
    calendar = CalendarFactory()
    for opens, closes in ((540, 540), (541, 540)):
        refused_by("closes_after_opens", Opening, calendar, weekday=0, opens=opens, closes=closes)
        refused_by("closes_after_opens", SpecialOpening, calendar, day=MONDAY, opens=opens, closes=closes)
    refused_by("within_a_day", Opening, calendar, weekday=0, opens=540, closes=1441)
    refused_by("within_a_day", SpecialOpening, calendar, day=MONDAY, opens=540, closes=1441)
    refused_by("weekday_known", Opening, calendar, weekday=7, opens=540, closes=600)
    span = {"valid_from": MONDAY, "valid_until": MONDAY - DAY}
    refused_by("ends_after_it_begins", Opening, calendar, weekday=0, opens=540, closes=600, **span)
    refused_by("ends_after_it_begins", Closure, calendar, first_day=MONDAY, last_day=MONDAY - DAY)


@pytest.mark.parametrize(
    "fields",
    [
        {"slug": ""},
        {"slug": "a b"},
        {"name": " "},
        {"time_zone": ""},
        {"time_zone": "../zone"},
        {"time_zone": "Europe/Berlin; --"},
        {"country": "de"},
        {"country": "", "subdivision": "BY"},
    ],
)
def test_the_database_refuses_a_calendar_that_is_none(fields):
    with pytest.raises(IntegrityError, match="ticketing_calendar_"), transaction.atomic():
        Calendar.objects.bulk_create([Calendar(**{"slug": "a", "name": "a", "time_zone": "UTC", **fields})])


def test_the_database_refuses_openings_that_overlap_and_no_others():
    calendar, other = CalendarFactory(), CalendarFactory()
    first = {"weekday": 0, "opens": 540, "closes": 720}
    Opening.objects.create(calendar=calendar, **first, valid_until=MONDAY)
    for again in (
        first,
        {**first, "opens": 719, "closes": 800},
        {**first, "opens": 0, "closes": 541},
        {**first, "valid_from": MONDAY},
        {**first, "valid_from": MONDAY - 9 * DAY, "valid_until": MONDAY - DAY},
    ):
        refused_by("ticketing_opening_no_overlap", Opening, calendar, **again)
    for beside in (
        {**first, "valid_from": MONDAY + DAY},
        {**first, "weekday": 1},
        {**first, "opens": 720, "closes": 800},
        {**first, "opens": 0, "closes": 540},
    ):
        Opening.objects.create(calendar=calendar, **beside)
    Opening.objects.create(calendar=other, **first)


def test_the_database_refuses_special_openings_that_overlap():
    calendar = CalendarFactory()
    SpecialOpening.objects.create(calendar=calendar, day=MONDAY, opens=540, closes=720)
    overlapping = {"day": MONDAY, "opens": 700, "closes": 730}
    refused_by("ticketing_specialopening_no_overlap", SpecialOpening, calendar, **overlapping)


# The audit


def untrue():
    found = set()
    with connection.cursor() as cursor:
        for identity, promise, sql in CHECKS:
            cursor.execute(sql)
            if cursor.fetchall():
                found.add((identity, promise))
    return {promise for identity, promise in found if identity.startswith("H")}


OVERLAP = "no two openings of one calendar overlap, and each closes after it opens"


@pytest.mark.parametrize(
    ("sql", "table", "constraint"),
    [
        (
            "INSERT INTO ticketing_opening (id, calendar_id, weekday, opens, closes, valid_from)"
            " SELECT gen_random_uuid(), calendar_id, weekday, opens + 1, closes + 1, '2031-01-01'"
            " FROM ticketing_opening WHERE weekday = 0 AND opens = 540",
            "ticketing_opening",
            "ticketing_opening_no_overlap",
        ),
        (
            "INSERT INTO ticketing_specialopening (id, calendar_id, day, opens, closes, reason)"
            " SELECT gen_random_uuid(), calendar_id, day, opens + 1, closes + 1, '' FROM ticketing_specialopening",
            "ticketing_specialopening",
            "ticketing_specialopening_no_overlap",
        ),
        (
            "UPDATE ticketing_opening SET closes = opens WHERE weekday = 0 AND opens = 540",
            "ticketing_opening",
            "ticketing_opening_closes_after_opens",
        ),
    ],
)
def test_damage_is_found_by_the_audit(sql, table, constraint):
    calendar = CalendarFactory(week=OFFICE)
    actions.add_special_opening(calendar, day=MONDAY, opens=600, closes=660, by=None)
    assert untrue() == set()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
        cursor.execute(sql)
    assert untrue() == {OVERLAP}
