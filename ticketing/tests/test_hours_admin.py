"""Business hours in the administration: a calendar is one page, with its week as a week."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ticketing import actions
from ticketing.models import Activity, Calendar, Closure, SpecialOpening
from ticketing.tests.factories import CalendarFactory, UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

CALENDARS = "/admin/ticketing/calendar/"
WEEK = dict.fromkeys(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], "")
NO_DAYS = {f"{name}-{count}_FORMS": "0" for name in ("closures", "special") for count in ("TOTAL", "INITIAL")}
BLANK = {**WEEK, **NO_DAYS, "valid_from": "", "valid_until": "", "country": "", "subdivision": ""}
NEW = {**BLANK, "slug": "desk", "name": "Desk", "time_zone": "Europe/Berlin"}
OFFICE = {weekday: [(540, 720), (780, 1020)] for weekday in range(5)}
TODAY = timezone.now().date()
DAY = timedelta(days=1)


@pytest.fixture
def boss(client):
    client.force_login(UserFactory(role="supervisor"))
    return client


@pytest.fixture
def office():
    return CalendarFactory(slug="office", name="Office", week=OFFICE)


def page(calendar):
    return f"{CALENDARS}{calendar.pk}/change/"


def sent(client, calendar, **said):
    """What the page holds, with some fields typed anew."""
    form = client.get(page(calendar)).context["adminform"].form
    names = [name for name in form.fields if name != "slug"]
    shown = {name: form[name].value() for name in names}
    shown = {name: "" if value is None else value for name, value in shown.items()}
    shown |= {name: form.fields[name].prepare_value(shown[name]) for name in WEEK}
    return client.post(page(calendar), {**shown, **NO_DAYS, **said})


def errors(response):
    assert response.status_code == 200
    return response.context["adminform"].form.errors


def rows(calendar):
    found = calendar.openings.order_by("valid_from", "weekday", "opens")
    return [(o.weekday, o.opens, o.closes, o.valid_from, o.valid_until) for o in found]


def test_a_calendar_is_made_with_its_week_as_people_write_it(boss):
    form = {**NEW, "country": "DE", "subdivision": "BY", "monday": "9-12, 13:00 – 17:00", "sunday": "22:00-24:00"}
    assert boss.post(f"{CALENDARS}add/", form).status_code == 302
    calendar = Calendar.objects.get()
    assert (calendar.slug, calendar.time_zone, calendar.subdivision) == ("desk", "Europe/Berlin", "BY")
    assert rows(calendar) == [(0, 540, 720, None, None), (0, 780, 1020, None, None), (6, 1320, 1440, None, None)]
    assert [line.operation for line in Activity.objects.about(calendar)] == ["hours.create_calendar", "hours.set_week"]


def test_the_page_shows_the_week_and_saving_it_untouched_leaves_it(boss, office):
    shown = boss.get(page(office)).content.decode()
    assert shown.count('value="09:00-12:00, 13:00-17:00"') == 5
    before = rows(office)
    with CaptureQueriesContext(connection) as queries:
        assert sent(boss, office, name="Front desk").status_code == 302
    assert not any("ticketing_opening" in query["sql"] and "DELETE" in query["sql"] for query in queries)
    assert rows(office) == before
    assert Calendar.objects.get().name == "Front desk"


def test_a_day_is_changed_in_its_line(boss, office):
    assert sent(boss, office, monday="", saturday="10-14").status_code == 302
    assert {row[0] for row in rows(office)} == {1, 2, 3, 4, 5}


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("tuesday", "nine to five", "Write hours like 09:00-12:00, 13:00-17:00."),
        ("tuesday", "9-25", "Write times of day like 09:00"),
        ("tuesday", "17-9", "Closing must come after opening."),
        ("sunday", "9-12, 11-13", "Two of these openings overlap."),
        ("time_zone", "Europe/Atlantis", "Select a valid choice."),
        ("country", "XX", "No public holidays are known of this country."),
        ("subdivision", "Bavaria", "Leave it empty"),
        ("name", "", "This field is required."),
        ("valid_until", "1890-01-01", "Choose a day from 1970 to 8999."),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field_and_changes_nothing(boss, office, field, typed, said):
    actions.change_calendar(office, country="DE", by=None)
    with nothing_changes():
        response = sent(boss, office, **{field: typed, "monday": "8-9" if field != "monday" else typed})
    assert list(errors(response)) == [field]
    assert said in str(errors(response)[field])
    assert 'value="8-9"' in response.content.decode()  # what was typed is not lost


def test_two_refusals_are_said_at_once(boss, office):
    response = sent(boss, office, monday="x", sunday="y", country="XX")
    assert set(errors(response)) == {"monday", "sunday", "country"}


def test_another_week_from_a_day_on_leaves_the_days_before_as_they_were(boss, office):
    later = TODAY + 60 * DAY
    assert sent(boss, office, valid_from=later.isoformat(), **{**WEEK, "monday": "10-11"}).status_code == 302
    assert [row for row in rows(office) if row[3] == later] == [(0, 600, 660, later, None)]
    assert len([row for row in rows(office) if row[4] == later - DAY]) == 10
    shown = boss.get(page(office)).content.decode()
    assert 'value="09:00-12:00, 13:00-17:00"' in shown  # today's
    assert f"?on={later.isoformat()}" in shown
    then = boss.get(f"{page(office)}?on={later.isoformat()}").content.decode()
    assert 'value="10:00-11:00"' in then
    assert 'value="09:00-12:00, 13:00-17:00"' not in then


@pytest.mark.parametrize("on", ["x", "2031-02-30", "9999-12-31", ""])
def test_a_day_that_is_none_shows_todays_week(boss, office, on):
    assert 'value="09:00-12:00, 13:00-17:00"' in boss.get(f"{page(office)}?on={on}").content.decode()


def test_todays_week_is_changed_within_its_own_days(boss, office):
    summer = {"valid_from": TODAY - DAY, "valid_until": TODAY + DAY}
    actions.set_week(office, week={0: [(0, 60)]}, **summer, by=None)
    assert sent(boss, office, monday="1-2").status_code == 302
    assert len(rows(office)) == 21
    assert (0, 60, 120, *summer.values()) in rows(office)


def test_a_short_name_that_is_taken_is_said_at_its_field(boss, office):
    with nothing_changes():
        response = boss.post(f"{CALENDARS}add/", {**NEW, "slug": "office"})
    assert list(errors(response)) == ["slug"]


# Days that are otherwise


def added(noun, **said):
    named = {f"{noun}-0-{name}": value for name, value in said.items()}
    return {f"{noun}-TOTAL_FORMS": "1", f"{noun}-INITIAL_FORMS": "0", **named}


def test_days_are_added_and_taken_back_on_the_same_page(boss, office):
    said = {
        **added("closures", first_day="2031-12-24", last_day="2031-12-31", reason="Holidays"),
        **added("special", day="2031-12-30", hours="9-12, 13-14", reason="Stocktaking"),
    }
    assert sent(boss, office, **said).status_code == 302
    closure = Closure.objects.get()
    assert (closure.first_day, closure.last_day, closure.reason) == (date(2031, 12, 24), date(2031, 12, 31), "Holidays")
    special = SpecialOpening.objects.order_by("opens")
    assert [(row.day.day, row.hours) for row in special] == [(30, "09:00-12:00"), (30, "13:00-14:00")]
    assert "09:00-12:00" in boss.get(page(office)).content.decode()
    gone = {
        "closures-TOTAL_FORMS": "1",
        "closures-INITIAL_FORMS": "1",
        "closures-0-id": str(closure.pk),
        "closures-0-calendar": str(office.pk),
        "closures-0-DELETE": "on",
    }
    assert sent(boss, office, **gone).status_code == 302
    assert not Closure.objects.exists()
    assert Activity.objects.filter(operation="hours.remove_closure", object_id=office.pk).count() == 1


def test_a_closure_of_one_day_needs_no_last_one(boss, office):
    assert sent(boss, office, **added("closures", first_day="2031-12-24", last_day="", reason="")).status_code == 302
    assert Closure.objects.get().last_day == date(2031, 12, 24)


def test_a_new_calendar_can_have_its_closures_at_once(boss):
    form = {**NEW, **added("closures", first_day="2031-12-24", last_day="", reason="")}
    assert boss.post(f"{CALENDARS}add/", form).status_code == 302
    assert Closure.objects.get().calendar.slug == "desk"


@pytest.mark.parametrize(
    ("noun", "field", "said"),
    [
        ("closures", "last_day", {"first_day": "2031-12-24", "last_day": "2031-12-23"}),
        ("closures", "first_day", {"first_day": "9999-12-31"}),
        ("special", "hours", {"day": "2031-12-24", "hours": "12-9"}),
        ("special", "hours", {"day": "2031-12-24", "hours": ""}),
        ("special", "day", {"day": "1492-10-12", "hours": "9-12"}),
    ],
)
def test_a_day_that_makes_no_sense_is_said_at_its_field(boss, office, noun, field, said):
    with nothing_changes():
        response = sent(boss, office, name="Desk", **added(noun, **said))
    assert response.status_code == 200
    [formset] = [shown.formset for shown in response.context["inline_admin_formsets"] if shown.formset.prefix == noun]
    assert field in formset.errors[0]


def test_special_openings_that_overlap_change_nothing_and_say_why(boss, office):
    actions.add_special_opening(office, day=date(2031, 12, 30), opens=540, closes=720, by=None)
    said = added("special", day="2031-12-30", hours="10-11", reason="")
    with nothing_changes():
        response = sent(boss, office, name="Desk", **said)
    follow = boss.get(response["Location"]) if response.status_code == 302 else response
    assert "A special opening of that day has some of these hours." in follow.content.decode()


def standing(closure, **said):
    """A closure that is there, as the page sends it, with some of its fields typed anew."""
    row = {"id": closure.pk, "calendar": closure.calendar_id, "reason": closure.reason, **said}
    row = {"first_day": closure.first_day, "last_day": closure.last_day, **row}
    return {**added("closures", **row), "closures-INITIAL_FORMS": "1"}


def test_a_closure_is_changed_in_its_line(boss, office):
    closure = actions.add_closure(office, first_day=date(2031, 12, 24), reason="Hollidays", by=None)
    assert sent(boss, office, **standing(closure, last_day="2031-12-26", reason="Holidays")).status_code == 302
    changed = Closure.objects.get()
    assert (changed.pk, changed.last_day, changed.reason) == (closure.pk, date(2031, 12, 26), "Holidays")
    assert sent(boss, office, **standing(changed, last_day="")).status_code == 302
    assert Closure.objects.get().last_day == date(2031, 12, 24)
    lines = Activity.objects.filter(operation="hours.change_closure", object_id=office.pk)
    assert [line.details["fields"] for line in lines.order_by("pk")] == [["last_day", "reason"], ["last_day"]]


def test_a_closure_that_is_not_touched_is_not_written(boss, office):
    closure = actions.add_closure(office, first_day=date(2031, 12, 24), by=None)
    assert sent(boss, office, **standing(closure)).status_code == 302
    assert not Activity.objects.filter(operation="hours.change_closure").exists()
    with nothing_changes():
        response = sent(boss, office, **standing(closure, first_day="2031-12-31"))
    assert "last_day" in str(response.context["inline_admin_formsets"][0].formset.errors)


def test_special_openings_that_are_there_are_not_changed(boss, office):
    special = actions.add_special_opening(office, day=date(2031, 12, 24), opens=540, closes=720, by=None)
    row = {"id": special.pk, "calendar": office.pk, "day": "2040-01-01", "hours": "10-11"}
    assert sent(boss, office, **{**added("special", **row), "special-INITIAL_FORMS": "1"}).status_code == 302
    assert SpecialOpening.objects.get().day == date(2031, 12, 24)


def test_a_week_that_is_still_to_come_is_shown_after_it_is_saved(boss, office):
    later = (TODAY + 60 * DAY).isoformat()
    said = {**WEEK, "valid_from": later, "valid_until": "", "monday": "10-11"}
    answer = sent(boss, office, **said, _continue="1")
    assert answer["Location"] == f"{page(office)}?on={later}"
    assert 'value="10:00-11:00"' in boss.get(answer["Location"]).content.decode()
    listed = boss.get(sent(boss, office, **{**said, "monday": "10-12"})["Location"]).content.decode()
    assert f'href="{page(office)}?on={later}"' in listed
    assert sent(boss, office, name="Desk", _continue="1")["Location"] == page(office)


# Who may


@pytest.mark.parametrize("role", ["customer", "agent", "gate"])
def test_nobody_but_supervisors_comes_here(client, production, office, role):
    client.force_login(UserFactory(role=role))
    with nothing_changes():
        assert client.get(page(office)).status_code == 302
        assert client.post(page(office), {**BLANK, "name": "x"}).status_code == 302
        assert client.post(f"{CALENDARS}add/", NEW).status_code == 302


def test_nobody_deletes_a_calendar(boss, office):
    with nothing_changes():
        assert boss.post(f"{CALENDARS}{office.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_front_page_names_the_hours_once(boss):
    shown = boss.get("/admin/").content.decode()
    assert "/admin/ticketing/calendar/" in shown
    for part in ("opening", "closure", "specialopening"):
        assert f"/admin/ticketing/{part}/" not in shown


def test_the_page_costs_the_same_for_one_closure_and_for_twenty(boss, office):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            boss.get(page(office))
        return len(queries)

    def one_more(number):
        day = date(2031, 1, 1) + number * DAY
        actions.add_closure(office, first_day=day, by=None)
        actions.add_special_opening(office, day=day, opens=0, closes=60, by=None)

    one_more(0)
    cost()
    first = cost()
    for number in range(1, 20):
        one_more(number)
    assert cost() == first
