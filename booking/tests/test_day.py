"""The day at the front desk: who came, who did not, who came without a booking."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from booking.actions import (
    check_in,
    create_resource,
    create_service,
    mark_missed,
    purge_expired,
    undo_check_in,
    undo_walk_in,
    walk_in,
)
from booking.errors import AlreadyArrived, Closed, NotArrived, NotToday, NotWalkedIn, SlotFull, TooEarly, TooFewPlaces
from booking.models import Booking, Slot, Tally
from booking.policies import local
from booking.tests.books import broken
from booking.tests.factories import NOON, BookingFactory, ServiceFactory, past
from booking.tests.test_races import outcomes
from ticketing.actions import create_calendar
from ticketing.clocks import database_now
from ticketing.errors import Invalid, LogInFirst, NotAllowed, NotFound
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

GUEST = {"firstname": "Ishan", "lastname": "Dixit"}


def today(**more):
    """A booking whose time is in the middle of today, or later: one that is eight hours past is purged."""
    now = local(database_now())
    hour = 12 if now.hour < 18 else 17
    return BookingFactory(starts_at=now.replace(hour=hour, minute=0, second=0, microsecond=0), **more)


def party(number, capacity=10):
    return today(service=ServiceFactory(largest_party=9, slot_capacity=capacity), party=number)


@pytest.fixture
def agent():
    return UserFactory(role="agent")


def test_whoever_comes_is_checked_in_once(agent):
    booking = check_in(today(), by=agent)
    assert booking.arrived_at is not None
    with nothing_changes(), pytest.raises(AlreadyArrived):
        check_in(booking, by=agent)
    assert Activity.objects.about(booking).last().details == {"came": 1}


def test_two_desks_check_one_booking_in_once(transactional_db):
    booking = today()
    got = outcomes(*[lambda: check_in(booking, by=None)] * 8)
    assert got.count(AlreadyArrived) == 7
    assert Activity.objects.filter(operation="booking.check_in").count() == 1


def test_fewer_than_expected_give_their_places_back_and_more_take_some(agent):
    fewer, more = party(4), party(2)
    assert check_in(fewer, came=1, by=agent).party == 1
    assert check_in(more, came=3, by=agent).party == 3
    assert sorted(Slot.objects.values_list("taken", flat=True)) == [1, 3]
    assert broken() == {}


def test_more_than_there_is_room_for_are_not_checked_in(agent):
    booking = party(2, capacity=3)
    with nothing_changes(), pytest.raises(TooFewPlaces):
        check_in(booking, came=4, by=agent)
    with nothing_changes(), pytest.raises(Invalid):
        check_in(booking, came=0, by=agent)


def test_another_days_booking_is_not_checked_in(agent):
    for booking in (BookingFactory(starts_at=NOON), past(timedelta(days=2))):
        with nothing_changes(), pytest.raises(NotToday):
            check_in(booking, by=agent)


def test_a_check_in_is_undone_and_done_again(agent):
    booking = check_in(today(), by=agent)
    assert undo_check_in(booking, by=agent).arrived_at is None
    with nothing_changes(), pytest.raises(NotArrived):
        undo_check_in(booking, by=agent)
    assert check_in(booking, by=agent).arrived_at is not None


def test_whoever_was_checked_in_with_too_few_is_expected_whole_again(agent):
    booking = party(3, capacity=4)
    undone = undo_check_in(check_in(booking, came=1, by=agent), by=agent)
    assert (undone.party, undone.slot.taken, broken()) == (3, 3, {})
    undone = undo_check_in(check_in(booking, came=4, by=agent), by=agent)
    assert (undone.party, undone.slot.taken, broken()) == (3, 3, {})
    assert undo_check_in(check_in(booking, by=agent), by=agent).party == 3


def test_where_others_got_the_places_those_are_expected_who_came(agent):
    booking = party(3, capacity=3)
    check_in(booking, came=1, by=agent)
    other = today(service=booking.slot.service, party=1)
    undone = undo_check_in(booking, by=agent)
    assert (undone.party, Slot.objects.get().taken, broken()) == (1, 2, {})
    assert Booking.objects.filter(pk=other.pk).exists()


def test_nobody_is_missed_before_the_grace_time_is_over(agent):
    late, early = past(timedelta(minutes=16)), past(timedelta(minutes=14))
    assert mark_missed(late, by=agent).missed_at is not None
    with nothing_changes(), pytest.raises(TooEarly):
        mark_missed(early, by=agent)
    with pytest.raises(TooEarly):
        mark_missed(past(timedelta(minutes=16), service=ServiceFactory(grace_minutes=30)), by=agent)


def test_who_is_marked_twice_is_missed_since_the_first_time(agent):
    booking = mark_missed(past(timedelta(hours=1)), by=agent)
    with nothing_changes():
        assert mark_missed(booking, by=agent).missed_at == booking.missed_at


def test_whoever_was_missed_and_comes_after_all_is_checked_in(agent):
    booking = past(timedelta(minutes=16))
    if local(booking.starts_at).date() != local(database_now()).date():
        pytest.skip("It is just after midnight.")
    came = check_in(mark_missed(booking, by=agent), by=agent)
    assert (came.missed_at, came.arrived_at is None) == (None, False)
    with nothing_changes(), pytest.raises(AlreadyArrived):
        mark_missed(came, by=agent)


def test_the_database_keeps_how_many_were_expected_of_those_who_came_only():
    booking = today()
    for wrong in ({"expected": 2}, {"expected": 0, "arrived_at": Now()}):
        with pytest.raises(IntegrityError, match="others_came"), transaction.atomic():
            Booking.objects.filter(pk=booking.pk).update(**wrong)


def test_the_database_lets_nobody_arrive_and_be_missed():
    booking = today()
    with pytest.raises(IntegrityError, match="arrived_or_missed"), transaction.atomic():
        Booking.objects.filter(pk=booking.pk).update(arrived_at=Now(), missed_at=Now())


@pytest.mark.parametrize("role", [None, "customer", "gate"])
def test_only_staff_do_any_of_this(role):
    person, booking = UserFactory(role=role) if role else AnonymousUser(), today()
    for verb in (check_in, undo_check_in, mark_missed, undo_walk_in):
        with nothing_changes(), pytest.raises((NotAllowed, LogInFirst)):
            verb(booking, by=person)
    with nothing_changes(), pytest.raises((NotAllowed, LogInFirst)):
        walk_in(**GUEST, by=person)


def test_a_booking_that_is_gone_is_not_found(agent):
    gone = Booking(pk=today().pk)
    Booking.objects.all().delete()
    for verb in (check_in, undo_check_in, mark_missed, undo_walk_in):
        with pytest.raises(NotFound):
            verb(gone, by=agent)


# Without a booking


def test_somebody_walks_in_to_the_slot_that_is_running(agent):
    service = create_service(slug="s", name="S", duration_minutes=480, grid_minutes=60, by=None)
    booking = walk_in(service=service, **GUEST, by=agent)
    assert Activity.objects.about(booking).get().details == {"walked_in": True}
    assert booking.starts_at <= database_now() < booking.ends_at
    assert database_now() - booking.starts_at < timedelta(hours=1)
    assert (booking.walked_in, booking.phone, booking.arrived_at is None) == (True, "", False)
    assert broken() == {}


def test_somebody_who_was_let_in_by_mistake_was_never_there(agent):
    service = ServiceFactory(largest_party=3, duration_minutes=480, slot_capacity=3)
    booking = walk_in(service=service, **GUEST, party=2, by=agent)
    undo_walk_in(booking, by=agent)
    assert not Booking.objects.exists()
    assert (Slot.objects.get().taken, Tally.objects.count(), broken()) == (0, 0, {})
    assert Activity.objects.about(booking).last().operation == "booking.undo_walk_in"
    with nothing_changes():
        undo_walk_in(booking, by=agent)  # pressed twice, or at two desks


def test_two_desks_undo_one_walk_in_once(transactional_db):
    booking = walk_in(service=ServiceFactory(duration_minutes=480), **GUEST, by=None)
    assert outcomes(*[lambda: undo_walk_in(booking, by=None)] * 8) == [None] * 8
    assert Activity.objects.filter(operation="booking.undo_walk_in").count() == 1
    assert (Slot.objects.get().taken, broken()) == (0, {})


def test_a_booking_is_no_walk_in_to_be_undone(agent):
    booking = check_in(today(), by=agent)
    with nothing_changes(), pytest.raises(NotWalkedIn):
        undo_walk_in(booking, by=agent)


def test_a_walk_in_whose_check_in_was_undone_can_still_be_removed(agent):
    booking = undo_check_in(walk_in(service=ServiceFactory(duration_minutes=480), **GUEST, by=agent), by=agent)
    undo_walk_in(booking, by=agent)
    assert not Booking.objects.exists()


def test_where_nothing_runs_or_no_place_is_left_nobody_walks_in(agent):
    closed = create_calendar(slug="c", name="C", time_zone="UTC", by=None)
    shut = create_service(slug="shut", name="Shut", calendar=closed, by=None)
    with nothing_changes(), pytest.raises(Closed):
        walk_in(service=shut, **GUEST, by=agent)
    rooms = {"needs_resource": True, "resources": [create_resource(name="Room", by=None)]}
    small = create_service(slug="small", name="Small", duration_minutes=480, **rooms, by=None)
    walk_in(service=small, **GUEST, by=agent)
    with nothing_changes(), pytest.raises(SlotFull):
        walk_in(service=small, **GUEST, by=agent)


def test_only_who_walked_in_may_have_no_phone():
    booking = today()
    with pytest.raises(IntegrityError, match="phone_ten_digits"), transaction.atomic():
        Booking.objects.filter(pk=booking.pk).update(phone="")


def test_the_purge_counts_who_came_and_who_did_not(agent):
    came, missed, _neither = past(timedelta(hours=9)), past(timedelta(hours=9)), past(timedelta(hours=9))
    Booking.objects.filter(pk=came.pk).update(arrived_at=Now())
    Booking.objects.filter(pk=missed.pk).update(missed_at=Now())
    purge_expired()
    counted = [sum(column) for column in zip(*Tally.objects.values_list("visits", "came", "missed"), strict=True)]
    assert counted == [3, 1, 1]


# Pages


@pytest.fixture
def desk(client, agent):
    client.force_login(agent)
    return client


def test_the_page_shows_today_by_slot_and_checks_in(desk):
    booking, _other_day = party(3), BookingFactory(starts_at=NOON, firstname="Tomorrow")
    page = desk.get("/panel/day/").content.decode()
    assert f"{booking.firstname} {booking.lastname}" in page
    assert "Tomorrow" not in page
    answer = desk.post(f"/panel/day/{booking.pk}/check-in/", {"came": "2"})
    assert (answer.status_code, answer["Location"]) == (302, f"/panel/day/#booking-{booking.pk}")
    booking.refresh_from_db()
    assert booking.party == 2
    assert "2 of 2 people are here." in " ".join(desk.get("/panel/day/").content.decode().split())
    desk.post(f"/panel/day/{booking.pk}/undo/")
    booking.refresh_from_db()
    assert booking.arrived_at is None


@pytest.mark.parametrize("typed", ["{id}", "https://tickets.example.org/panel/day/?code={id}", "dix", "Ishan Dix"])
def test_somebody_is_found_by_a_code_or_a_name(desk, typed):
    booking, _other = today(), today(firstname="Noor", lastname="Ali")
    page = desk.get("/panel/day/", {"code": typed.format(id=booking.pk)})
    assert list(page.context["page"]) == [booking]


@pytest.mark.parametrize("query", ["?show=nonsense", "?code=%00", "?code=" + "x" * 600, "?after=x~y~z", "?show="])
def test_nonsense_in_the_address_finds_nobody_or_everybody_and_never_fails(desk, query):
    today()
    assert desk.get(f"/panel/day/{query}").status_code in (200, 400, 404)


def test_refusals_of_the_desk_are_said(desk):
    booking = BookingFactory(starts_at=NOON)
    with nothing_changes():
        refused = desk.post(f"/panel/day/{booking.pk}/check-in/", follow=True)
    assert "another day" in refused.content.decode()


def test_somebody_is_let_in_from_the_page_once(desk):
    page = desk.get("/panel/day/")
    typed = {**GUEST, "form_key": page.context["form"]["form_key"].value()}
    for _ in range(2):
        assert desk.post("/panel/day/walk-in/", typed).status_code == 302
    assert Booking.objects.filter(walked_in=True).count() == 1
    bad = desk.post("/panel/day/walk-in/", {**typed, "firstname": " ", "phone": "12"})
    assert set(bad.context["form"].errors) >= {"phone"}


def test_a_walk_in_is_undone_from_the_page_also_when_the_button_is_pressed_twice(desk):
    ServiceFactory(slug="default", duration_minutes=480)
    desk.post("/panel/day/walk-in/", GUEST)
    booking = Booking.objects.get()
    undo = f"/panel/day/{booking.pk}/undo-walk-in/"
    page = desk.get("/panel/day/").content.decode()
    assert f'action="{undo}"' in page
    assert f'action="/panel/day/{booking.pk}/undo/"' not in page
    for _ in range(2):
        answer = desk.post(undo, follow=True)
        assert answer.redirect_chain == [("/panel/day/", 302)]
        assert "The entry is removed, and its place is given back." in answer.content.decode()
    assert not Booking.objects.exists()
    with nothing_changes():
        assert desk.post(f"/panel/day/{uuid4()}/undo-walk-in/").status_code == 404


@pytest.mark.parametrize("role", [None, "customer", "gate"])
def test_others_do_not_see_the_day(client, role):
    if role:
        client.force_login(UserFactory(role=role))
    assert client.get("/panel/day/").status_code in (302, 403)


def test_the_day_costs_the_same_for_one_visitor_and_for_thirty(desk):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert desk.get("/panel/day/").status_code == 200
        return len(queries)

    today()
    one = cost()
    for number in range(30):
        today(service=ServiceFactory() if number % 3 else None)
    assert cost() == one <= 20


@pytest.mark.parametrize(("role", "shown"), [("agent", False), ("supervisor", True)])
def test_the_day_leads_whoever_may_read_it_to_the_report(client, production, role, shown):
    client.force_login(UserFactory(role=role))
    assert ('href="/panel/reports/bookings/"' in client.get("/panel/day/").content.decode()) == shown
