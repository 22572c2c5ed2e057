"""The terms of a service on the booking pages: what is open, what is closed and when it is free next, in words."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from booking.actions import create_resource, create_service
from booking.models import Booking
from booking.policies import local
from booking.tests.factories import BookingFactory
from booking.tests.walking import visit
from ticketing.actions import add_closure, create_calendar, set_week
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

PAGE = "/panel/book/"
FRIDAY, SATURDAY, MONDAY = "2031-09-12", "2031-09-13", "2031-09-15"
NINE = datetime(2031, 9, 12, 9, tzinfo=UTC)
PERSON = {"firstname": "Ishan", "lastname": "Dixit", "phone_number": "9927898022"}
ADVICE = {**PERSON, "service": "advice"}
WORKDAYS = {weekday: [(9 * 60, 12 * 60)] for weekday in range(5)}
ALWAYS = {weekday: [(0, 24 * 60)] for weekday in range(7)}


def office(week=WORKDAYS, **terms):
    calendar = create_calendar(slug="office", name="Office", time_zone="UTC", by=None)
    set_week(calendar, week=week, by=None)
    usual = {"name": "Advice", "grid_minutes": 15, "duration_minutes": 45, "calendar": calendar}
    return create_service(slug="advice", by=None, **{**usual, **terms})


def words(page):
    """Without the spaces that do not break, which stand within spans of time."""
    return " ".join(page.words.split())


def of_day(client, day, **more):
    return visit(client, f"{PAGE}?date={day}", **more)


def in_days(number):
    return local(timezone.now()).date() + timedelta(days=number)


def test_only_what_is_open_until_the_end_of_a_visit_is_offered_and_nothing_else_can_be_typed(client):
    office()
    times = of_day(client, FRIDAY)
    [pick] = [form for form in times.forms if form.values("time")]
    assert pick.values("time") == [f"{9 + n // 4:02}:{n % 4 * 15:02}" for n in range(10)]
    assert "step_time" not in times.html
    details = pick.send(time="11:15")
    assert details.here == ["Details"]
    assert "Duration45 minutes" in words(details)
    done = details.form("firstname").send(**PERSON)
    assert "EndsFriday 12 September 2031, 12:00" in words(done)


@pytest.mark.parametrize("grid", [2, 3, 4])
def test_a_grid_that_is_finer_than_the_usual_steps_is_shown_whole(client, grid):
    office(grid_minutes=grid, duration_minutes=grid)
    times = of_day(client, FRIDAY)
    assert len(times.form("time").values("time")) == 180 // grid
    assert "step_time" not in times.html


@pytest.mark.parametrize(
    ("clock", "sentence"),
    [
        ("09:07", "No visit begins at this time. Choose one of the times that are offered."),
        ("08:00", "It is not open at this time, or not for long enough."),
        ("11:30", "It is not open at this time, or not for long enough."),
    ],
)
def test_a_time_that_is_none_of_the_services_is_said_at_the_times_and_with_free_ones_when_it_is_sent(
    client, clock, sentence
):
    office()
    shown = of_day(client, f"{FRIDAY}&time={clock}")
    assert shown.here == ["Time"]
    assert sentence in shown.words
    with nothing_changes():
        refused = visit(client, PAGE, {**ADVICE, "date": FRIDAY, "time": clock})
    assert sentence in refused.words
    form = refused.form("time")
    assert len(form.values("time")) == 3
    assert form.send(time=form.values("time")[0]).here == ["Done"]


def test_a_closed_day_says_so_and_leads_to_the_next_one_with_free_times(client):
    add_closure(office().calendar, first_day=date(2031, 9, 15), by=None)
    closed = of_day(client, SATURDAY)
    assert closed.here == ["Time"]
    assert "It is closed on this day." in closed.words
    times = closed.follow("Tuesday 16 September 2031")
    assert times.address == f"{PAGE}?date=2031-09-16"
    assert "closed" not in times.words
    details = times.form("time").send(time="09:00")
    assert details.form("firstname").send(**PERSON).here == ["Done"]
    assert Booking.objects.get().starts_at == datetime(2031, 9, 16, 9, tzinfo=UTC)


def test_a_full_day_says_so_and_leads_on(client):
    service = office(week={4: [(9 * 60, 10 * 60)], 0: [(9 * 60, 10 * 60)]}, slot_capacity=1)
    for minutes in (0, 15):
        BookingFactory(service=service, starts_at=NINE + timedelta(minutes=minutes))
    full = of_day(client, FRIDAY)
    assert "No time is free any more on this day." in full.words
    assert full.follow("Monday 15 September 2031").form("time").values("time") == ["09:00", "09:15"]


@pytest.mark.parametrize("day", [SATURDAY, "9999-12-31", "9999-12-30", "9990-01-01", "8999-12-31"])
def test_where_nothing_opens_again_that_is_said(client, day):
    office(week={})
    closed = of_day(client, day)
    assert "It is closed on this day." in closed.words
    assert "In the two months after it no day has free times." in closed.words
    assert "No day of the next two months has free times." in closed.words


def test_the_days_that_are_offered_are_days_with_free_places(client):
    monday = in_days(0) + timedelta(days=7 - in_days(0).weekday())
    service = office(week={0: [(9 * 60, 9 * 60 + 45)]}, slot_capacity=1)
    BookingFactory(service=service, starts_at=datetime(monday.year, monday.month, monday.day, 9, tzinfo=UTC))
    days = [href for href in visit(client, PAGE).links.values() if "?date=" in href]
    assert days == [f"{PAGE}?date={monday + timedelta(days=7 * week)}" for week in range(1, 7)]


def test_the_terms_are_said_before_anything_is_chosen_and_only_to_whom_they_bind(client, production):
    office(lead_minutes=120, horizon_days=30, deadline_minutes=24 * 60)
    said = words(visit(client, PAGE))
    bound = [
        "Book at least 2 hours ahead.",
        "Book at most 30 days ahead.",
        "You can change or cancel until 1 day before it begins.",
    ]
    assert [sentence for sentence in ["A visit lasts 45 minutes.", *bound] if sentence not in said] == []
    client.force_login(UserFactory(role="agent"))
    said = words(visit(client, PAGE))
    assert "A visit lasts 45 minutes." in said
    assert [sentence for sentence in bound if sentence in said] == []


def test_a_service_without_terms_says_none(client):
    assert 'class="terms' not in visit(client, PAGE).html
    assert 'class="terms' not in of_day(client, FRIDAY).html


@pytest.mark.parametrize(
    ("terms", "day", "sentence"),
    [
        ({"lead_minutes": 5 * 24 * 60}, 2, "It is too late to book a time on this day."),
        ({"horizon_days": 3}, 4, "Times on this day cannot be booked yet."),
    ],
)
def test_lead_time_and_horizon_bind_customers_and_not_staff_who_book_for_them(client, production, terms, day, sentence):
    office(week=ALWAYS, **terms)
    assert sentence in of_day(client, in_days(day)).words
    refused = of_day(client, f"{in_days(day)}&time=10:00")
    assert refused.here == ["Time"]
    with nothing_changes():
        visit(client, PAGE, {**ADVICE, "date": in_days(day), "time": "10:00"})
    client.force_login(UserFactory(role="agent"))
    details = of_day(client, in_days(day)).form("time").send(time="10:00")
    assert details.form("firstname").send(**PERSON).here == ["Done"]


def test_until_when_it_can_be_changed_stands_wherever_the_booking_does(client, production):
    office(deadline_minutes=60)
    client.force_login(UserFactory())
    details = of_day(client, FRIDAY).form("time").send(time="09:00")
    until = "You can change or cancel it until Friday 12 September 2031, 08:00."
    assert until in details.words
    done = details.form("firstname").send(**PERSON)
    assert until in done.words
    assert until in done.follow("See it, move it or cancel it").words


def test_after_the_deadline_customers_are_told_whom_to_ask_and_staff_go_on(client, production):
    service = office(week=ALWAYS, deadline_minutes=7 * 24 * 60)
    customer = UserFactory()
    client.force_login(customer)
    day = in_days(2)
    details = of_day(client, day).form("time").send(time="10:00")
    assert "It is too late to change or cancel a visit at this time yourself." in details.words
    booking = BookingFactory(
        service=service, starts_at=datetime(day.year, day.month, day.day, 10, tzinfo=UTC), by=customer
    )
    one = f"/panel/bookings/{booking.pk}/"
    sentence = "It is too late to change or cancel this booking yourself. Ask us to do it for you."
    for address in (one, f"{one}cancel/"):
        shown = visit(client, address)
        assert sentence in shown.words
        assert "Cancel the booking" not in shown.links
        assert shown.forms == []
    with nothing_changes():
        assert sentence in visit(client, one, {**PERSON, "firstname": "Late", "date": day, "time": "11:00"}).words
        assert client.post(f"{one}cancel/").status_code in (302, 409)
    client.force_login(UserFactory(role="agent"))
    visit(client, one).form("lastname").send(lastname="Rao")
    assert Booking.objects.get().lastname == "Rao"


def test_the_room_or_person_is_named_wherever_the_booking_stands_and_nowhere_before(client, production):
    office(needs_resource=True, resources=[create_resource(name="Blue <room>", by=None)])
    client.force_login(UserFactory())
    times = of_day(client, FRIDAY)
    assert "A room or a person is kept free for you." in times.words
    details = times.form("time").send(time="09:00")
    assert "Blue" not in times.words + details.words
    done = details.form("firstname").send(**PERSON)
    one = done.follow("See it, move it or cancel it")
    for page in (done, one, one.follow("Cancel the booking"), visit(client, "/panel/bookings/")):
        assert "Blue <room>" in page.words
    assert "No time" not in of_day(client, FRIDAY).words
    assert "09:00" not in of_day(client, FRIDAY).form("time").values("time")
