"""Waiting for a full time in the browser, from the times of a day to the booking, without scripts."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from booking.actions import cancel_booking, change_service, change_slot
from booking.models import Booking
from booking.tests.factories import NOON, BookingFactory
from booking.tests.waiting import broken, comes_due, full, join, left, states
from booking.tests.walking import visit
from ticketing.models import Mail, Waiter
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

TIMES = "/panel/book/?date=2031-05-06"
PERSON = {"firstname": "Ada", "lastname": "Lovelace", "phone_number": "5550100009"}


@pytest.fixture
def slot():
    return full(capacity=4, largest_party=4)


def page_of(slot):
    return f"/panel/book/wait/{slot.pk}/"


def mailed(client, waiter=None):
    """The page behind the link of the last mail, or of somebody's."""
    waiter = waiter or Mail.objects.latest("id").waiter
    return visit(client, reverse("waiting:link", args=[waiter.pk, waiter.secret]))


def offered(slot, quantity=1, **more):
    """Somebody for whom so many places are held."""
    waiter = join(slot, quantity, **more)
    for booking in slot.bookings.all()[:quantity]:
        cancel_booking(booking, by=None)
    return waiter


def take_up(waiter):
    return f"/panel/book/offer/{waiter.pk}/"


# To join


def test_a_stranger_waits_for_a_full_time_confirms_accepts_and_books(client, production, slot):
    asking = visit(client, TIMES).follow("Wait for 12:00")
    assert slot.title in asking.words
    assert "Nobody waits yet: you would be the first." in asking.words
    assert "Only what fits nobody on the list is free for everybody." in asking.words
    assert "held for 24 hours, but not beyond Tuesday 6 May 2031, 12:00: from then on" in asking.words
    asked = asking.form("email").send(quantity="3", least="2", email="ada@example.org")
    assert "Look into your mail" in asked.words
    assert "You have 24 hours for that, or less if the time can no longer be booked before then" in asked.words
    waiter = Waiter.objects.get()
    assert (waiter.state, waiter.quantity, waiter.least, waiter.language) == ("unconfirmed", 3, 2, "en")
    [confirm] = [form for form in mailed(client).forms if form.action.endswith("/confirm/")]
    assert "You are number 1" in confirm.send().words
    for booking in slot.bookings.all()[:2]:
        cancel_booking(booking, by=None)
    [accept] = [form for form in mailed(client).forms if form.action.endswith("/accept/")]
    details = accept.send()
    assert "2 places are held for you" in details.words
    done = details.form("firstname").send(**PERSON, party="2")
    booking = Booking.objects.get(lastname="Lovelace")
    assert "Your time is booked" in done.words
    assert booking.manage_token in done.words
    assert (booking.party, booking.email, booking.slot) == (2, "ada@example.org", slot)
    assert "You have accepted 2 places" in mailed(client, waiter).words
    assert broken() == set()


def test_whoever_has_proven_the_address_waits_at_once(client, production, slot):
    owner = UserFactory(email="ada@example.org", email_confirmed_at=timezone.now())
    client.force_login(owner)
    asking = visit(client, page_of(slot))
    place = asking.form("email").send(quantity="1")
    assert "You are number 1" in place.words
    assert Waiter.objects.get().account == owner
    again = visit(client, page_of(slot)).form("email").send(quantity="1")
    assert "This address is on the list already." in again.words


def test_strangers_are_shown_the_same_whether_the_address_is_on_the_list_or_not(client, production, slot):
    join(slot, email="ada@example.org")
    asked = [
        visit(Client(), page_of(slot)).form("email").send(quantity="1", email=f"{name}@example.org")
        for name in ("ada", "eve")
    ]
    assert asked[0].words == asked[1].words
    assert asked[0].address == asked[1].address


def test_a_form_that_is_sent_twice_asks_once(client, slot):
    form = visit(client, page_of(slot)).form("email")
    typed = {"quantity": "1", "email": "ada@example.org"}
    assert form.send(**typed).address == form.send(**typed).address
    assert Waiter.objects.count() == Mail.objects.count() == 1


def test_the_mails_speak_the_language_of_the_page(slot):
    german = Client(headers={"Accept-Language": "de"})
    german.post(page_of(slot), {"quantity": "1", "email": "ada@example.org"})
    assert Waiter.objects.get().language == "de"


def test_what_cannot_be_waited_for_is_said_at_its_field(client, slot):
    change_slot(slot, capacity=5, by=None)
    with nothing_changes():
        for typed, sentence in (
            ({"quantity": "5"}, "So many cannot come together."),
            ({"quantity": "2", "least": "3"}, "must be a whole number from 1 to 2"),
            ({"quantity": "1"}, "There is room for you right now."),
            ({"quantity": "2", "email": "ada@"}, "e-mail address"),
        ):
            page = visit(client, page_of(slot), {"email": "ada@example.org", **typed})
            assert sentence in page.words


def test_there_is_nothing_to_wait_for_where_visits_need_a_resource_or_the_time_is_not_there(client, slot):
    change_service(slot.service, needs_resource=True, by=None)
    assert "Wait for 12:00" not in visit(client, TIMES).links
    missing = BookingFactory()
    with nothing_changes():
        assert client.get(page_of(slot)).status_code == 409
        assert client.get(page_of(missing)).status_code == 404


def test_who_typed_everything_for_a_full_time_finds_the_list_beside_the_free_ones(client, slot):
    typed = {**PERSON, "date": "2031-05-06", "time": "12:00", "service": slot.service.slug}
    refused = visit(client, "/panel/book/", typed)
    assert refused.follow("Wait for a place").address.startswith(page_of(slot))


def test_a_party_waits_for_a_time_that_has_places_for_fewer(client, slot):
    change_slot(slot, capacity=5, by=None)
    assert "Wait for 12:00" not in visit(client, TIMES).links
    asking = visit(client, f"{TIMES}&party=3").follow("Wait for 12:00")
    asking.form("email").send(email="ada@example.org")
    assert Waiter.objects.get().quantity == 3


def test_only_full_times_have_a_list_and_twenty_cost_no_more_than_one(client):
    slot = full(capacity=1, grid_minutes=15)

    def cost():
        with CaptureQueriesContext(connection) as queries:
            client.get(TIMES)
        return len(queries)

    assert [name for name in visit(client, TIMES).links if name.startswith("Wait for")] == ["Wait for 12:00"]
    one = cost()
    for number in range(1, 20):
        full(1, NOON.replace(hour=13 + number // 4, minute=number % 4 * 15), slot.service)
    assert cost() == one


# To take up


def test_opening_the_page_books_nothing_and_strangers_do_not_find_it(client, production, slot):
    waiter = offered(slot)
    with nothing_changes():
        assert client.get(take_up(waiter)).status_code == 404
        assert client.post(take_up(waiter), PERSON).status_code == 404
    mailed(client)
    with nothing_changes():
        page = visit(client, take_up(waiter))
    assert "1 place is held for you" in page.words
    assert states(waiter) == [("offered", 1)]


def test_whoever_books_fewer_leaves_the_rest_to_the_next_and_sending_it_twice_books_once(client, production, slot):
    waiter, other = offered(slot, 3), join(slot, 2)
    mailed(client, waiter)
    form = visit(client, take_up(waiter)).form("party")
    with nothing_changes():
        assert "must be a whole number from 1 to 3" in form.send(**PERSON, party="4").words
    first, again = (form.send(**PERSON, party="1") for _ in range(2))
    assert "Your time is booked" in first.words
    assert "Your time is booked" in again.words
    assert Booking.objects.filter(lastname="Lovelace").count() == 1
    assert (states(other), left(slot)) == ([("offered", 2)], 0)
    assert broken() == set()


def test_an_offer_that_has_ended_leads_back_to_the_place(client, slot):
    owner = UserFactory()
    waiter, waiting = offered(slot), join(slot)
    Waiter.objects.update(account=owner)
    client.force_login(owner)
    form = visit(client, take_up(waiter)).form("firstname")
    comes_due(waiter)
    assert "Nothing is held for you now, or not any more." in form.send(**PERSON).words
    for typed in (None, PERSON, {}):
        with nothing_changes():
            assert visit(client, take_up(waiting), typed).address.startswith(f"/panel/waiting/{waiting.pk}/")


def test_a_customer_finds_filled_in_what_the_account_knows_and_has_the_booking(client, production, slot):
    owner = UserFactory(email="ada@example.org", email_confirmed_at=timezone.now(), first_name="Ada", last_name="King")
    waiter = offered(slot, email="ada@example.org", by=owner)
    client.force_login(owner)
    visit(client, take_up(waiter)).form("firstname").send(phone_number="5550100009")
    assert Booking.objects.get(lastname="King").account == owner
