"""Several who come together, on the booking pages: said once and kept, and only times with room are open."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from booking.actions import create_resource, create_service
from booking.models import Booking
from booking.tests.factories import BookingFactory
from booking.tests.walking import visit
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

PAGE = "/panel/book/"
DAY, NINE = "2031-09-12", datetime(2031, 9, 12, 9, tzinfo=UTC)
THE_DAY = f"{PAGE}?date={DAY}"
PERSON = {"firstname": "Ishan", "lastname": "Dixit", "phone_number": "9927898022"}
TYPED = {**PERSON, "service": "tour", "date": DAY, "time": "09:00"}
QUARTER = timedelta(minutes=15)


def tours(**terms):
    usual = {"name": "Tour", "slot_capacity": 5, "largest_party": 4, "grid_minutes": 15, "duration_minutes": 15}
    return create_service(slug="tour", by=None, **{**usual, **terms})


def radio(page, value):
    return re.search(rf'<input[^>]*name="time"[^>]*value="{value}"[^>]*>[^<]*(<small[^>]*>[^<]*)?', page.html)[0]


def as_shown(client, address):
    """What the form of a booking sends if nobody touches it."""
    form = visit(client, address).form("lastname")
    return {field["name"]: field.get("value", "") for field in form.fields if field.get("name")}


@pytest.fixture
def customer(client, production):
    person = UserFactory()
    client.force_login(person)
    return person


def test_a_party_of_three_books_by_links_and_forms_alone(client, customer):
    service = tours()
    BookingFactory(service=service, starts_at=NINE, party=3)
    days = visit(client, PAGE).forms[0].send(party="3")
    assert days.here == ["Day"]
    times = days.forms[1].send(date=DAY)
    assert times.address == f"{PAGE}?party=3&date={DAY}"
    assert "09:00" not in times.form("time").values("time")
    assert "only 2 left" in radio(times, "09:00")
    details = times.form("time").send(time="09:15")
    assert "How many come3" in details.words
    assert details.follow("Change how many come").address == f"{PAGE}?date={DAY}&party=3"
    refused = details.form("firstname").send(**{**PERSON, "phone_number": "12"})
    done = refused.form("firstname").send(**PERSON)
    assert "How many come3" in done.words
    booking = Booking.objects.get(firstname="Ishan", starts_at=NINE + QUARTER)
    assert (booking.party, booking.slot.taken) == (3, 3)
    assert "3 people" in visit(client, "/panel/bookings/").words
    assert "How many come3" in done.follow("See it, move it or cancel it").words


def test_how_many_come_is_kept_by_every_way_through_the_steps(client):
    tours()
    create_service(slug="other", name="Other", by=None)
    address = f"{THE_DAY}&service=tour&party=2"
    times = visit(client, address)
    days = [href for name, href in times.links.items() if "date=" in href]
    assert days
    assert all(href.endswith("&party=2") for href in days)
    assert times.forms[1].send(date="2031-09-13").address.count("party=2") == 1
    details = times.form("time").send(time="10:00")
    assert "How many come2" in details.words
    assert "party=2" in details.follow("Change the day").address
    assert "party" not in details.follow("Choose something else").follow("Other").address


@pytest.mark.parametrize(
    ("party", "sentence"),
    [
        ("0", "At least one person comes."),
        ("-1", "At least one person comes."),
        ("", "Say how many come."),
        ("two", "Write how many come as a whole number, such as 2."),
        ("1.5", "Write how many come as a whole number, such as 2."),
        ("%00", "Write how many come as a whole number, such as 2."),
        ("9" * 5000, "Write how many come as a whole number, such as 2."),
        ("5", "So many cannot come together."),
        (str(10**30), "So many cannot come together."),
    ],
)
def test_so_many_as_make_no_sense_choose_nothing_and_are_said_at_the_field(client, party, sentence):
    tours()
    for address, step in ((f"{PAGE}?party={party}", "Day"), (f"{THE_DAY}&time=09:00&party={party}", "Time")):
        with nothing_changes():
            shown = visit(client, address)
        assert shown.here == [step]
        assert sentence in shown.words
        assert 'aria-invalid="true"' in re.search(r'<input[^>]*name="party"[^>]*id="step_party"[^>]*>', shown.html)[0]
    with nothing_changes():
        assert party == "" or sentence in visit(client, PAGE, {**TYPED, "party": party}).words


def test_where_everybody_comes_alone_nobody_is_asked_and_more_are_refused(client):
    tours(largest_party=1)
    assert "How many come" not in visit(client, THE_DAY).words
    assert "So many cannot come together." in visit(client, f"{THE_DAY}&party=2").words
    with nothing_changes():
        assert "So many cannot come together." in visit(client, PAGE, {**TYPED, "party": "2"}).words
    visit(client, PAGE, TYPED)
    assert Booking.objects.get().party == 1


def test_too_few_places_are_said_at_the_field_of_the_steps(client):
    BookingFactory(service=tours(), starts_at=NINE, party=3)
    shown = visit(client, f"{THE_DAY}&time=09:00&party=3")
    assert shown.here == ["Time"]
    assert "There are not that many places left at this time." in shown.words
    assert visit(client, f"{THE_DAY}&time=09:00&party=2").here == ["Details"]


def test_too_few_places_meanwhile_leave_the_choice_between_fewer_people_and_another_time(client):
    service = tours()
    details = visit(client, f"{THE_DAY}&time=09:00&party=3")
    BookingFactory(service=service, starts_at=NINE, party=3)
    BookingFactory(service=service, starts_at=NINE + QUARTER, party=3)
    with nothing_changes():
        refused = details.form("firstname").send(**PERSON)
    assert "There are not that many places left at this time." in refused.words
    assert "Free times nearby for 3 people" in refused.words
    form = refused.form("time")
    assert form.values("time") == ["08:30", "08:45", "09:00", "09:30"]
    assert "only 2 left" in radio(refused, "09:00")
    assert " checked" in radio(refused, "09:00")
    assert form.send(party="2").here == ["Done"]
    assert Booking.objects.filter(starts_at=NINE, party=2).count() == 1
    again = visit(client, PAGE, {**TYPED, "party": "3"})
    assert again.form("time").send(time="09:30").here == ["Done"]
    assert Booking.objects.filter(starts_at=NINE + 2 * QUARTER, party=3).count() == 1


def test_a_day_without_room_for_all_says_so_and_leads_to_one_with_room(client):
    service = tours(slot_capacity=4, grid_minutes=360)
    for hour in range(0, 24, 6):
        BookingFactory(service=service, starts_at=NINE.replace(hour=hour), party=2)
    assert len(visit(client, f"{THE_DAY}&party=2").form("time").values("time")) == 4
    full = visit(client, f"{THE_DAY}&party=3")
    assert "No time on this day has places for so many." in full.words
    assert full.follow("Saturday 13 September 2031").address == f"{PAGE}?date=2031-09-13&party=3"


def test_a_change_shows_how_many_come_and_lets_them_be_more_or_fewer(client, customer):
    booking = BookingFactory(service=tours(), starts_at=NINE, party=2, by=customer)
    one = f"/panel/bookings/{booking.pk}/"
    form = visit(client, one).form("party")
    assert {field["value"] for field in form.shown() if field.get("name") == "party"} == {"2"}
    form.send(party="4")
    booking.refresh_from_db()
    assert (booking.party, booking.slot.taken) == (4, 4)
    with nothing_changes():
        refused = visit(client, one).form("party").send(party="5")
    assert "So many cannot come together." in refused.words
    visit(client, one).form("lastname").send(lastname="Rao")
    booking.refresh_from_db()
    assert (booking.party, booking.lastname) == (4, "Rao")


def test_a_change_for_more_than_there_is_room_for_offers_times_nearby_and_the_one_it_has(client, customer):
    service = tours()
    booking = BookingFactory(service=service, starts_at=NINE, party=2, by=customer)
    BookingFactory(service=service, starts_at=NINE, party=2)
    one = f"/panel/bookings/{booking.pk}/"
    with nothing_changes():
        refused = visit(client, one).form("party").send(party="4")
    assert "There are not that many places left at this time." in refused.words
    form = refused.form("time")
    assert form.values("time") == ["08:30", "08:45", "09:00", "09:15"]
    assert "as it is" in radio(refused, "09:00")
    form.send(time="09:15")
    booking.refresh_from_db()
    assert (booking.party, booking.starts_at) == (4, NINE + QUARTER)
    BookingFactory.create_batch(2, service=service, starts_at=NINE + 2 * QUARTER, party=2)
    short = visit(client, one, {**as_shown(client, one), "time": "09:30"})
    assert "only 1 left" in radio(short, "09:30")
    assert "as it is" in radio(short, "09:15")
    short.form("time").send(party="1")
    booking.refresh_from_db()
    assert (booking.party, booking.starts_at) == (1, NINE + 2 * QUARTER)


def test_a_move_into_a_closed_or_full_time_offers_what_is_free_on_that_day(client, customer):
    service = tours()
    booking = BookingFactory(service=service, starts_at=NINE, by=customer)
    BookingFactory.create_batch(5, service=service, starts_at=NINE + timedelta(days=1))
    one = f"/panel/bookings/{booking.pk}/"
    with nothing_changes():
        refused = visit(client, one, {**as_shown(client, one), "date": "2031-09-13"})
    assert "This time is fully booked. Choose another one." in refused.words
    assert refused.form("time").values("time") == ["08:30", "08:45", "09:15"]
    assert "No visit begins at this time." in visit(client, one, {**as_shown(client, one), "time": "09:07"}).words


def test_a_party_that_needs_one_room_needs_a_place_for_each_and_no_room_for_each(client):
    tours(needs_resource=True, resources=[create_resource(name="Blue room", by=None)])
    details = visit(client, f"{THE_DAY}&party=3").form("time").send(time="09:00")
    assert details.form("firstname").send(**PERSON).here == ["Done"]
    assert Booking.objects.get().party == 3
    assert "full" in radio(visit(client, f"{THE_DAY}&party=1"), "09:00")


def test_several_places_that_were_given_back_are_several(client, customer):
    one = BookingFactory(service=tours(), starts_at=NINE, party=2, by=customer)
    asked = visit(client, f"/panel/bookings/{one.pk}/cancel/")
    assert "and its places are given back." in visit(client, asked.address, {}).html
