"""What the desk did: held against a table that was worked out by hand, however much of it is counted already."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from support import actions
from support.models import AgentTally, DurationTally, Milestone, Tally, Ticket
from support.reports import Times, in_short, report_of
from support.tallies import STEP, quantile
from support.tests.factories import ReplyFactory, TicketFactory, online_agent
from ticketing.errors import LogInFirst, NotAllowed
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory, bearer

pytestmark = pytest.mark.django_db

PAGE, API = "/panel/desk/reports/", "/api/v1/support/reports/desk/"
SUNDAY = date(2025, 10, 26)  # on which the clocks of Berlin go back
TABLES = ("departments", "hours", "priorities", "days", "agents")


@pytest.fixture
def berlin(settings):
    settings.TIME_ZONE = "Europe/Berlin"


@pytest.fixture
def boss(client):
    user = UserFactory(role="supervisor")
    client.force_login(user)
    return user


def utc(clock, day=26, month=10):
    return datetime(2025, month, day, *map(int, clock.split(":")), tzinfo=UTC)


def happened(what, at, asked, **fields):
    fields = {"ticket_id": uuid4(), "department": "technical", "priority": "medium", **fields}
    return Milestone.objects.create(what=what, at=at, asked_at=asked, **fields)


def a_day_by_hand():
    """In UTC: Berlin is two hours ahead until one, and one hour from then on."""
    nine, noon = utc("8:00"), utc("11:00")
    happened("asked", nine, nine)
    happened("handed", utc("8:10"), nine)
    happened("answered", utc("8:30"), nine, in_time=True)
    happened("closed", utc("9:00"), nine)
    happened("again", noon, noon)
    happened("handed", utc("11:20"), noon)
    happened("closed", utc("12:00"), noon)
    for half_past_two in (utc("0:30"), utc("1:30")):
        happened("asked", half_past_two, half_past_two, priority="high")
        happened("handed", utc("8:00"), half_past_two, priority="high")
    happened("answered", utc("8:05"), utc("0:30"), priority="high", in_time=False)
    happened("closed", utc("8:30"), utc("1:30"), priority="high", in_time=False)
    happened("asked", utc("23:30"), utc("23:30"))  # on the next day of Berlin


def about(times, median, p90):
    assert times.median == pytest.approx(median, rel=0.05)
    assert times.p90 == pytest.approx(p90, rel=0.05)
    return True


@pytest.mark.parametrize("counted", [0, 5, 100])
def test_a_day_on_which_the_clocks_go_back_equals_the_table_by_hand(berlin, counted):
    a_day_by_hand()
    actions.count_milestones(limit=counted)
    told = report_of(SUNDAY, SUNDAY, by=None)
    total = told.total
    assert (total.asked, total.again, total.handed, total.answered, total.closed) == (4, 1, 4, 2, 3)
    assert (total.in_time, total.late, total.in_time_share) == (1, 2, 33)
    assert about(total.waiting, 20 * 60, 7.5 * 3600)
    assert about(total.response, 30 * 60, 7 * 3600 + 35 * 60)
    assert about(total.handling, 3600, 7 * 3600)
    assert {line.key: line.asked for line in told.hours if line.has_some} == {2: 2, 9: 1, 12: 1}
    assert about(told.hours[2].waiting, 6.5 * 3600, 7.5 * 3600)
    assert about(told.hours[12].waiting, 20 * 60, 20 * 60)
    assert {key: number for key, number in told.arrivals.items() if number} == {(7, 2): 2, (7, 9): 1, (7, 12): 1}
    assert {line.key: (line.asked, line.in_time, line.late) for line in told.priorities} == {
        "low": (0, 0, 0),
        "medium": (2, 1, 0),
        "high": (2, 0, 2),
    }
    week = report_of(SUNDAY - timedelta(days=1), SUNDAY + timedelta(days=1), by=None)
    assert [(day.asked, day.came, day.went, day.open) for day in week.days] == [
        (0, 0, 0, 0),
        (4, 4, 3, 1),
        (1, 1, 0, 2),
    ]
    assert report_of(SUNDAY + timedelta(days=1), SUNDAY + timedelta(days=1), by=None).open_before == 1


def test_a_day_on_which_the_clocks_go_forward_has_no_hour_two(berlin):
    for clock in ("0:59", "1:00"):
        happened("asked", utc(clock, 30, 3), utc(clock, 30, 3))
    told = report_of(date(2025, 3, 30), date(2025, 3, 30), by=None)
    assert {line.key: line.asked for line in told.hours if line.has_some} == {1: 1, 3: 1}


def test_whole_months_and_single_days_come_to_the_same():
    begin = datetime(2025, 1, 20, 12, tzinfo=UTC)
    for number in range(60):
        asked = begin + timedelta(days=number)
        happened("asked", asked, asked)
        happened("handed", asked + timedelta(minutes=number), asked)
    fresh = report_of(date(2025, 1, 25), date(2025, 3, 10), by=None).total.waiting
    actions.count_milestones()
    assert DurationTally.objects.filter(is_month=True).exists()
    assert report_of(date(2025, 1, 25), date(2025, 3, 10), by=None).total.waiting == fresh
    assert about(fresh, 27 * 60, 45 * 60)


def test_no_percentile_is_wrong_by_more_than_it_says():
    for seconds in (1, 1.5, 59, 3600, 86_399, 31_536_000):
        happened("handed", utc("0:00") + timedelta(seconds=seconds), utc("0:00"), department="sales")
        told = report_of(SUNDAY, SUNDAY, department="sales", by=None).total.waiting
        assert told.median == pytest.approx(seconds, rel=STEP**0.5 - 1 + 1e-9)
        Milestone.objects.all().delete()
    assert (quantile({}, 0.5), quantile({0: 3}, 0.9), quantile({1: 1, 50: 1}, 0.5)) == (None, 0, STEP**0.5)


def test_durations_are_said_in_two_units():
    said = [in_short(seconds) for seconds in (0.4, 59, 61, 3600, 3700, 86_400, 200_000)]
    assert said == ["0 s", "59 s", "1 min", "1 h", "1 h 2 min", "1 d", "2 d 7 h"]
    assert Times().in_words is None


# What the verbs write down


def milestones(ticket):
    return list(Milestone.objects.filter(ticket=ticket).order_by("id").values_list("what", flat=True))


def test_each_thing_that_happens_is_written_down_once():
    agent, boss = online_agent(), UserFactory(role="supervisor")
    ticket = TicketFactory()
    actions.assign_waiting_tickets()
    for _ in range(2):
        actions.reply_to_ticket(ticket, message="Try again.", by=agent.user)
    actions.release_ticket(ticket, by=agent.user)
    actions.assign_ticket(ticket, to=agent, by=boss)
    actions.close_ticket(ticket, by=agent.user)
    actions.close_ticket(ticket, by=agent.user)
    assert milestones(ticket) == ["asked", "handed", "answered", "closed"]
    actions.reopen_ticket(ticket, by=ticket.user)
    actions.assign_waiting_tickets()
    actions.reply_to_ticket(ticket, message="And now?", by=agent.user)
    actions.reject_ticket(ticket, reason="Enough.", by=agent.user)
    assert milestones(ticket)[4:] == ["again", "handed", "closed"]
    told = report_of(*today(), by=None)
    assert [(line.agent, line.handed, line.closed) for line in told.agents] == [(agent, 2, 2)]


def today():
    day = Ticket.objects.latest("created_at").created_at.date()
    return day - timedelta(days=1), day + timedelta(days=1)


def test_waiting_begins_when_it_is_asked_whatever_its_priority_becomes():
    ticket = TicketFactory(priority="low")
    Ticket.objects.update(queue_at=utc("8:00"), created_at=utc("8:00"))
    actions.triage_ticket(ticket, priority="high", by=None)
    online_agent()
    actions.assign_waiting_tickets()
    assert Milestone.objects.get(what="handed").asked_at == utc("8:00")


@pytest.mark.parametrize(("minutes", "in_time"), [(60, True), (-60, False), (None, None)])
def test_in_time_is_by_the_promise_as_it_stands(minutes, in_time):
    ticket = TicketFactory(priority="high")
    if minutes:
        level = actions.create_level(department="", priority="high", first_response=90, by=None)
        actions.triage_ticket(ticket, department="sales", by=None)
        late = ticket.created_at + timedelta(minutes=minutes)
        ticket.refresh_from_db()
        type(ticket.promise).objects.update(respond_by=late)
        actions.change_level(level, first_response=1, by=None)
    actions.reply_to_ticket(ticket, message="Yes.", by=UserFactory(role="agent"))
    assert Milestone.objects.get(what="answered").in_time is in_time


def test_what_is_closed_unanswered_after_it_was_due_is_late():
    actions.create_level(department="", priority="medium", first_response=90, by=None)
    answered, due, early = TicketFactory.create_batch(3)
    actions.reply_to_ticket(answered, message="Yes.", by=UserFactory(role="agent"))
    for ticket in (answered, due):
        ticket.promise.respond_by = ticket.created_at
        ticket.promise.save()
    for ticket in (answered, due, early):
        actions.close_ticket(ticket, by=None)
    closed = dict(Milestone.objects.filter(what="closed").values_list("ticket", "in_time"))
    assert closed == {answered.pk: None, due.pk: False, early.pk: None}


def test_what_is_open_moves_with_the_department():
    moved, closed = TicketFactory.create_batch(2, department="sales")
    actions.close_ticket(closed, by=None)
    for ticket in (moved, closed):
        actions.triage_ticket(ticket, department="security", by=None)
    assert milestones(moved) == ["asked", "left", "came"]
    assert milestones(closed) == ["asked", "closed"]
    actions.count_milestones()
    for department, number in (("sales", 0), ("security", 1), (None, 1)):
        assert report_of(*today(), department=department, by=None).days[-1].open == number


def test_what_is_moved_in_is_open_or_not_and_says_nothing_of_durations():
    from support.actions.moving_in import move_in_tickets

    old = {"subject": "Old", "message": "Old.", "priority": "low", "created_at": utc("8:00"), "updated_at": utc("9:00")}
    over = Ticket(**old, status="completed", closed_at=utc("9:00"))
    move_in_tickets([over, Ticket(**old)], source="elsewhere", by=None)
    told = report_of(SUNDAY, SUNDAY, by=None)
    assert (told.total.asked, told.total.closed, told.total.handling.median) == (2, 0, None)
    assert told.days[-1].open == 1


def test_open_at_the_end_is_what_is_open_now_whatever_was_done():
    online_agent(capacity=20)
    for number, ticket in enumerate(TicketFactory.create_batch(12)):
        steps = [actions.close_ticket, actions.reopen_ticket, actions.close_ticket, actions.reopen_ticket]
        for step in steps[: number % 5]:
            step(ticket, by=None)
        if number % 3 == 0:
            actions.triage_ticket(ticket, department=["sales", "security", ""][number % 2], by=None)
        actions.count_milestones(limit=4)
    for department in ("sales", "technical", "security", ""):
        open_now = Ticket.objects.open().filter(department=department).count()
        assert report_of(*today(), department=department, by=None).days[-1].open == open_now


# Counting


def tallies():
    return [list(model.objects.order_by("id").values()) for model in (Tally, DurationTally, AgentTally)]


def test_counting_twice_counts_once():
    a_day_by_hand()
    assert actions.count_milestones(limit=4) == 4
    assert actions.count_milestones() == Milestone.objects.count() - 4
    before = tallies()
    assert actions.count_milestones() == 0
    assert tallies() == before


def without_numbers(rows):
    return [sorted(str({**row, "id": None}) for row in table) for table in rows]


def test_all_can_be_counted_again():
    a_day_by_hand()
    happened("asked", utc("9:00"), utc("9:00"))
    actions.count_milestones()
    before = without_numbers(tallies())
    happened("asked", utc("10:00"), utc("10:00"))
    Tally.objects.update(asked=99)
    DurationTally.objects.all().delete()
    assert actions.count_milestones_again() == Milestone.objects.count() - 1
    assert without_numbers(tallies()) == before
    assert Activity.objects.filter(operation="support.count_again").count() == 1
    assert actions.count_milestones() == 1


def test_on_the_clocks_of_another_zone_all_is_counted_again(settings):
    settings.TIME_ZONE = "Asia/Kathmandu"  # five hours and three quarters ahead
    a_day_by_hand()
    actions.count_milestones()
    settings.TIME_ZONE = "Europe/Berlin"
    happened("asked", utc("13:00"), utc("13:00"))
    actions.count_milestones()
    told = report_of(SUNDAY, SUNDAY, by=None)
    assert {line.key: line.asked for line in told.hours if line.has_some} == {2: 2, 9: 1, 12: 1, 14: 1}
    assert set(Tally.objects.values_list("zone", flat=True)) == {"Europe/Berlin"}


def test_what_is_known_from_before_is_written_down():
    from importlib import import_module

    agent = online_agent()
    waits, answered = TicketFactory(), ReplyFactory(by=UserFactory(role="agent")).ticket
    actions.assign_waiting_tickets()
    actions.close_ticket(answered, by=None)
    written = set(Milestone.objects.values_list("ticket", "what", "asked_at", "department", "agent"))
    Milestone.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(import_module("support.migrations.0021_what_happened_before").MILESTONES)
    found = set(Milestone.objects.values_list("ticket", "what", "asked_at", "department", "agent"))
    assert {row[:4] for row in found} == {row[:4] for row in written}
    assert (waits.pk, "handed", agent.pk) in {(row[0], row[1], row[4]) for row in found}


# The surfaces


def cost(request):
    with CaptureQueriesContext(connection) as queries:
        answer = request()
        assert answer.status_code == 200
        assert len(b"".join(answer)) > 2
    return len(queries)


def test_a_report_costs_the_same_for_few_and_for_many(client, boss):
    paths = (PAGE, API, *(f"{PAGE}{name}.csv" for name in TABLES))
    a_day_by_hand()
    one = [cost(lambda path=path: client.get(path)) for path in paths]
    for number in range(20):
        online_agent()
        asked = utc("8:00") + timedelta(hours=number)
        happened("asked", asked, asked, department="sales")
        actions.count_milestones(limit=2)
    assert [cost(lambda path=path: client.get(path)) for path in paths] == one
    assert max(one) <= 12


def test_the_page_the_api_and_the_tables_tell_the_same(client, boss, berlin):
    a_day_by_hand()
    span = f"?first={SUNDAY}&last={SUNDAY}"
    page = client.get(f"{PAGE}{span}").content.decode()
    assert "33 %" in page
    assert "once again" in page
    told = client.get(f"{API}{span}").json()
    assert (told["total"]["asked"], told["total"]["late"], told["open_before"]) == (4, 2, 0)
    assert told["arrivals"] == [
        {"weekday": 7, "hour": 2, "asked": 2},
        {"weekday": 7, "hour": 9, "asked": 1},
        {"weekday": 7, "hour": 12, "asked": 1},
    ]
    rows = {name: table(client, name, span) for name in TABLES}
    assert [row["asked"] for row in rows["departments"]] == ["0", "4", "0", "0"]
    assert rows["departments"][1]["waiting_median"] == str(round(told["total"]["waiting"]["median"]))
    assert [row["open_at_end"] for row in rows["days"]] == ["1"]
    assert [row["in_time_share"] for row in rows["priorities"]] == ["", "100", "0"]
    assert [row["hour"] for row in rows["hours"] if row["asked"] != "0"] == ["2", "9", "12"]


def table(client, name, span=""):
    answer = client.get(f"{PAGE}{name}.csv{span}")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))


def test_one_department_alone_and_those_of_none(client, boss):
    happened("asked", utc("8:00"), utc("8:00"), department="sales")
    happened("asked", utc("8:00"), utc("8:00"), department="")
    span = f"?first={SUNDAY}&last={SUNDAY}"
    for word, departments in (("sales", ["sales"]), ("none", [""])):
        told = client.get(f"{API}{span}&department={word}").json()
        assert ([line["department"] for line in told["departments"]], told["total"]["asked"]) == (departments, 1)
        assert [row["department"] for row in table(client, "departments", f"{span}&department={word}")] == departments
    assert "department=none" in client.get(f"{PAGE}{span}&department=none").content.decode()


def test_no_name_is_a_formula(client, boss):
    online_agent(first_name="=1+1", last_name="")
    assert [row["name"] for row in table(client, "agents")] == ["'=1+1"]
    assert "=1+1" in client.get(PAGE).content.decode()


@pytest.mark.parametrize(
    "query", ["?first=x", "?first=2031-01-02&last=2031-01-01", "?department=x", "?last=9999-12-31"]
)
def test_what_makes_no_sense_is_said_and_the_usual_days_shown(client, boss, query):
    answer = client.get(f"{PAGE}{query}")
    assert answer.status_code == 200
    assert bool(answer.context["form"].errors) == ("9999" not in query)
    assert client.get(f"{PAGE}days.csv{query}").status_code == 200
    assert client.get(f"{PAGE}nothing.csv").status_code == 404


def test_the_api_says_what_it_does_not_understand(client):
    headers = bearer(UserFactory(role="supervisor"))
    for query, status in (("first=x", 400), ("department=x", 400), ("x=1", 400), ("department=", 400)):
        assert client.get(f"{API}?{query}", headers=headers).status_code == status
    for query in ("first=2031-01-02&last=2031-01-01", "first=1990-01-01&last=2031-01-01"):
        answer = client.get(f"{API}?{query}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "span_misfit")
    assert client.get(f"{API}?last=2999-12-31", headers=headers).status_code == 200


@pytest.mark.parametrize("role", ["customer", "agent", "gate", None])
def test_only_supervisors_read_it(client, role, production):
    from django.contrib.auth.models import AnonymousUser

    person = UserFactory(role=role) if role else AnonymousUser()
    with pytest.raises((NotAllowed, LogInFirst)):
        report_of(SUNDAY, SUNDAY, by=person)
    if role:
        client.force_login(person)
    for path in (PAGE, *(f"{PAGE}{name}.csv" for name in TABLES)):
        assert client.get(path).status_code == (403 if role else 302)
    assert client.get(API).status_code == (403 if role else 401)
    for model in ("milestone", "tally", "durationtally", "agenttally"):
        assert client.get(f"/admin/support/{model}/").status_code in (302, 403, 404)


def test_nothing_asked_is_said(client, boss):
    assert "Nothing was asked" in client.get(f"{PAGE}?first={SUNDAY}&last={SUNDAY}").content.decode()


def test_board_and_admin_lead_there(client, production):
    client.force_login(UserFactory(role="supervisor"))
    for page in ("/admin/", "/panel/board/"):
        assert f'href="{PAGE}"' in client.get(page).content.decode()


def test_a_report_begins_no_earlier_than_days_for_programs_do(client):
    headers = bearer(UserFactory(role="supervisor"))
    told = client.get("/api/v1/support/reports/desk/?last=1970-01-05", headers=headers).json()
    assert (told["first"], told["last"]) == ("1970-01-01", "1970-01-05")
