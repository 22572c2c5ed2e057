"""Service levels: what is promised in the desk's business hours, when it is due, and what becomes of what is late."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from support import actions
from support.actions import levels
from support.errors import LevelExists, LevelMisfit
from support.models import Promise, ServiceLevel, Ticket
from support.policies import with_waited
from support.tests.factories import ReplyFactory, TicketFactory, online_agent
from ticketing.actions import add_closure, create_calendar, set_week
from ticketing.errors import Invalid, NotAllowed
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

MORNING, NOON, ONE, EVENING = 9 * 60, 12 * 60, 13 * 60, 17 * 60
SPLIT = {weekday: [(MORNING, NOON), (ONE, EVENING)] for weekday in range(5)}  # Monday to Friday, seven hours
HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def clock(monkeypatch):
    """The hands of the database's clock as the verbs read it; move them by setting `clock.now`."""

    class Clock:
        now = datetime(2031, 5, 5, 8, tzinfo=UTC)

    monkeypatch.setattr(levels, "_now", lambda: Clock.now)
    return Clock


def desk(zone="Europe/Berlin", country=""):
    calendar = create_calendar(slug="default", name="Desk", time_zone=zone, country=country, by=None)
    set_week(calendar, week=SPLIT, by=None)
    return calendar


def level(first_response=None, resolution=None, priority="medium", department=""):
    minutes = {"first_response": first_response, "resolution": resolution}
    return actions.create_level(department=department, priority=priority, **minutes, by=None)


def on_clocks(text, zone=BERLIN):
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("asked", "minutes", "due"),
    [
        # Reckoned by hand, on the clocks of Berlin: 9 to 12 and 13 to 17, Monday to Friday.
        ("2031-05-05 09:00", 60, "2031-05-05 10:00"),  # a Monday
        ("2031-05-05 11:30", 60, "2031-05-05 13:30"),  # over the split shift
        ("2031-05-05 12:15", 30, "2031-05-05 13:30"),  # asked in the break
        ("2031-05-05 16:30", 60, "2031-05-06 09:30"),  # over night
        ("2031-05-09 16:00", 120, "2031-05-12 10:00"),  # over the weekend
        ("2031-05-10 11:00", 60, "2031-05-12 10:00"),  # asked on a Saturday
        ("2031-04-30 16:30", 60, "2031-05-02 09:30"),  # over the first of May, a holiday in Germany
        ("2031-05-01 10:00", 420, "2031-05-02 17:00"),  # asked on the holiday, a whole day
        ("2031-03-28 16:00", 120, "2031-03-31 10:00"),  # over the Sunday on which the clocks go forward
        ("2031-10-24 16:00", 120, "2031-10-27 10:00"),  # over the Sunday on which they go back
        ("2031-05-05 09:00", 2100, "2031-05-09 17:00"),  # a whole week of five times seven hours
    ],
)
def test_a_promise_over_nights_weekends_holidays_and_changes_of_the_clocks_is_what_one_reckons_by_hand(
    clock, asked, minutes, due
):
    desk(country="DE")
    level(first_response=minutes, resolution=minutes)
    clock.now = on_clocks(asked)
    promise = TicketFactory().promise
    assert (promise.respond_by, promise.resolve_by) == (on_clocks(due), on_clocks(due))


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ("2031-03-30 00:30", "2031-03-30 04:30"),  # three hours; the clocks skip the one from two to three
        ("2031-10-26 00:30", "2031-10-26 02:30"),  # they show it twice: the second half past two
    ],
)
def test_a_desk_that_is_open_in_the_night_of_the_change_counts_real_hours(clock, asked, due):
    calendar = create_calendar(slug="default", name="Night desk", time_zone="Europe/Berlin", by=None)
    set_week(calendar, week={6: [(0, 24 * 60)]}, by=None)
    level(first_response=180)
    clock.now = on_clocks(asked)
    expected = on_clocks(due).replace(fold=1).astimezone(UTC)
    assert TicketFactory().promise.respond_by == expected == clock.now.astimezone(UTC) + 3 * HOUR


def test_without_a_calendar_the_desk_is_always_open_and_without_a_level_nothing_is_promised(clock):
    level(first_response=60, priority="high")
    assert TicketFactory(priority="high").promise.respond_by == clock.now + HOUR
    assert not Promise.objects.filter(ticket=TicketFactory(priority="low")).exists()


def test_a_department_has_a_level_of_its_own_or_that_of_all(clock):
    level(first_response=60)
    level(first_response=30, department="technical")
    due = [TicketFactory(department=name).promise.respond_by for name in ("technical", "sales", "")]
    assert due == [clock.now + HOUR / 2, clock.now + HOUR, clock.now + HOUR]


def test_the_clock_of_the_resolution_rests_while_the_customer_is_to_reply(clock):
    desk()
    level(first_response=60, resolution=120)
    clock.now = on_clocks("2031-05-05 09:00")
    ticket, agent = TicketFactory(), online_agent().user
    clock.now = on_clocks("2031-05-05 09:30")
    actions.reply_to_ticket(ticket, message="Which version?", by=agent)
    promise = Promise.objects.get()
    assert (promise.resolve_by, promise.rests, promise.clock_spent) == (None, True, HOUR / 2)
    assert Ticket.objects.get().first_answered_at is not None
    clock.now = on_clocks("2031-05-06 08:00")  # before it opens
    ReplyFactory(ticket=ticket)
    assert Promise.objects.get().resolve_by == on_clocks("2031-05-06 10:30")
    clock.now = on_clocks("2031-05-06 09:15")
    actions.reply_to_ticket(ticket, message="And now?", by=agent)
    assert Promise.objects.get().clock_spent == HOUR * 3 / 4
    first = Ticket.objects.get().first_answered_at
    actions.reply_to_ticket(ticket, message="Well?", by=agent)
    assert (Promise.objects.get().clock_spent, Ticket.objects.get().first_answered_at) == (HOUR * 3 / 4, first)


def test_another_priority_is_another_promise_from_when_it_was_asked(clock):
    level(first_response=60, resolution=120)
    level(first_response=30, resolution=60, priority="high")
    ticket, begun = TicketFactory(), clock.now
    clock.now += HOUR / 4
    actions.triage_ticket(ticket, priority="high", by=None)
    promise = Promise.objects.get()
    assert (promise.respond_by, promise.resolve_by) == (begun + HOUR / 2, begun + HOUR)
    actions.triage_ticket(ticket, priority="low", by=None)
    assert not Promise.objects.exists()


def test_a_closed_question_that_is_asked_again_is_promised_anew(clock):
    level(first_response=60, resolution=120)
    ticket = TicketFactory()
    actions.close_ticket(ticket, by=None)
    assert Promise.objects.get().ended_at
    clock.now += 24 * HOUR
    actions.reopen_ticket(ticket, by=None)
    promise = Promise.objects.get()
    assert promise.ended_at is None
    assert (promise.respond_by, promise.resolve_by) == (clock.now + HOUR, clock.now + 2 * HOUR)


def test_what_is_promised_does_not_change_with_the_level_or_the_hours(clock):
    calendar, promised = desk(), level(resolution=60)
    clock.now = on_clocks("2031-05-05 11:30")
    ticket = TicketFactory()
    actions.change_level(promised, resolution=10, by=None)
    add_closure(calendar, first_day=clock.now.date(), by=None)
    assert ticket.promise.resolve_by == on_clocks("2031-05-05 13:30")
    actions.remove_level(promised, by=None)
    assert Promise.objects.get().resolve_by == on_clocks("2031-05-05 13:30")


def overdue(**fields):
    """A ticket whose promises are a minute late by the database's clock."""
    ticket = TicketFactory(**fields)
    for due in ("respond_by", "resolve_by"):
        Promise.objects.filter(ticket=ticket).exclude(**{due: None}).update(**{due: Now() - timedelta(minutes=1)})
    return ticket


def test_what_is_late_is_noted_once_and_overtakes():
    level(first_response=60, resolution=120, priority="low")
    fresh, ticket = TicketFactory(), overdue(priority="low")
    assert [row.pk for row in Ticket.objects.waiting()] == [fresh.pk, ticket.pk]
    assert actions.escalate_late_tickets() == 2
    with nothing_changes():
        assert actions.escalate_late_tickets() == 0
    assert [row.pk for row in Ticket.objects.waiting()] == [ticket.pk, fresh.pk]
    told = Activity.objects.filter(operation="support.escalate", object_id=ticket.pk)
    assert [row.details for row in told] == [{"missed": "response"}, {"missed": "resolution"}]
    assert [(row.pk, row.priority) for row in Ticket.objects.late()] == [(ticket.pk, "high")]
    assert with_waited(Ticket.objects.filter(pk=ticket.pk)).get().waited < HOUR


def test_an_answer_ends_that_a_response_is_late_but_not_that_a_resolution_is():
    level(first_response=60)
    ticket, agent = overdue(), online_agent().user
    actions.escalate_late_tickets()
    actions.reply_to_ticket(ticket, message="Sorry.", by=agent)
    assert not Ticket.objects.late().exists()
    level(resolution=60, priority="high")
    ticket = overdue(priority="high")
    actions.reply_to_ticket(ticket, message="Wait.", by=agent)  # nobody stops a clock that has run out
    assert actions.escalate_late_tickets() == 1
    assert Ticket.objects.late().get() == ticket
    actions.close_ticket(ticket, by=None)
    assert not Ticket.objects.late().exists()
    assert set(Ticket.objects.not_late()) == set(Ticket.objects.all())
    assert Promise.objects.get(ticket=ticket).resolution_missed_at
    actions.triage_ticket(ticket, priority="low", by=None)
    actions.triage_ticket(ticket, priority="high", by=None)
    assert Promise.objects.get(ticket=ticket).ended_at  # what is promised to a closed question is promised no more


def test_nothing_is_late_that_is_answered_closed_or_rests():
    level(first_response=60, resolution=60)
    agent = online_agent().user
    answered, closed = TicketFactory(), overdue()
    actions.reply_to_ticket(answered, message="Here you are.", by=agent)
    Promise.objects.filter(ticket=answered).update(respond_by=Now() - HOUR)
    actions.close_ticket(closed, by=None)
    assert actions.escalate_late_tickets() == 0


def test_the_sweep_notes_what_is_late():
    level(first_response=60)
    overdue()
    call_command("sweep", "--once")
    assert Promise.objects.get().response_missed_at


@pytest.mark.parametrize(
    ("minutes", "refusal", "field"),
    [
        ({}, LevelMisfit, "first_response"),
        ({"first_response": 120, "resolution": 60}, LevelMisfit, "resolution"),
        ({"first_response": 0}, Invalid, "first_response"),
        ({"resolution": 10**7}, Invalid, "resolution"),
    ],
)
def test_a_level_that_makes_no_sense_is_refused(minutes, refusal, field):
    with nothing_changes(), pytest.raises(refusal) as refused:
        actions.create_level(department="", priority="low", **minutes, by=None)
    assert refused.value.field == field


def test_there_is_one_level_for_each_priority_and_department_and_supervisors_set_it():
    made = level(first_response=60)
    with nothing_changes(), pytest.raises(LevelExists):
        level(resolution=60)
    agent = UserFactory(role="agent")
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.change_level(made, first_response=5, by=agent)
    with nothing_changes(), pytest.raises(LevelMisfit):
        actions.change_level(made, first_response=None, by=None)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_promise_the_same_at_once_one_does_and_the_others_are_refused():
    def promise(_):
        try:
            return level(first_response=60).pk
        except LevelExists:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(promise, range(8)))
    assert len([pk for pk in made if pk]) == ServiceLevel.objects.count() == 1


def test_levels_and_promises_over_the_api():
    boss, customer = UserFactory(role="supervisor"), UserFactory()
    told = {"priority": "medium", "first_response": 60, "resolution": 480}
    made = Client().post("/api/v1/support/levels/", told, "application/json", headers=bearer(boss))
    assert (made.status_code, made.json()["department"]) == (201, "")
    ticket = overdue(by=customer)
    actions.escalate_late_tickets()
    shown = Client().get(f"/api/v1/support/tickets/{ticket.code}/", headers=bearer(customer)).json()
    assert (shown["promise"]["late"], shown["promise"]["resting"]) == (True, False)
    listed = Client().get("/api/v1/support/tickets/?late=true", headers=bearer(boss)).json()
    assert [row["code"] for row in listed["results"]] == [ticket.code]
    assert Client().get("/api/v1/support/tickets/?late=false", headers=bearer(boss)).json()["results"] == []
    assert Client().delete(f"/api/v1/support/levels/{made.json()['id']}/", headers=bearer(boss)).status_code == 204
    assert not ServiceLevel.objects.exists()


def test_due_times_stand_on_the_page_and_what_is_late_is_marked(client):
    level(first_response=60, resolution=120)
    ticket, staff = overdue(), UserFactory(role="agent")
    client.force_login(ticket.user)
    page = client.get(f"/panel/questions/{ticket.code}/").content.decode()
    assert "Answer due" in page
    client.force_login(staff)
    actions.escalate_late_tickets()
    for path in (f"/panel/questions/{ticket.code}/", "/panel/questions/?late=on"):
        assert ">Late</span>" in client.get(path).content.decode()
    actions.reply_to_ticket(TicketFactory(subject="In time"), message="Yes.", by=staff)
    assert "In time" not in client.get("/panel/questions/?late=on").content.decode()
    assert "In time" in client.get("/panel/questions/").content.decode()
