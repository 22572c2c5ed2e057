"""Waiting lists of times with many at once, on real connections."""

import random
import time
from threading import Event

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models.functions import Now

from booking.actions import book_offer, cancel_booking, change_booking, change_slot
from booking.errors import SlotFull
from booking.models import Booking
from booking.tests.factories import NOON, BookingFactory
from booking.tests.test_races import outcomes
from booking.tests.waiting import broken, comes_due, full, join, left, states
from ticketing.actions import NoOffer, confirm_place, decline_offer, join_list, lapse_offers, leave_list
from ticketing.errors import Refused
from ticketing.models import Waiter

pytestmark = pytest.mark.django_db(transaction=True)

OUTSIDERS = 6
CANCELLED, LAPSED = 10, 20
SECONDS = 5


def keep_trying(book, over):
    """Somebody outside the list, who takes a place whenever there is one; how many they got."""
    got = tries = 0
    while not over.is_set() or not tries:
        tries += 1
        try:
            book()
            got += 1
        except SlotFull:
            pass
    return got


def give_up(slot):
    """Each booking of a slot ends in another way: it is cancelled, moved away, or cancelled after a place was added."""
    for number, booking in enumerate(Booking.objects.filter(slot=slot)[:CANCELLED]):
        if number % 3 == 1:
            change_booking(booking, starts_at=NOON.replace(year=2032), by=None)
        else:
            cancel_booking(booking, by=None)
        if number % 3 == 2:
            slot.refresh_from_db()
            change_slot(slot, capacity=slot.capacity + 1, by=None)
        time.sleep(0.02)


def let_offers_lapse(slot):
    """The times of offers pass one by one; most are released by whoever wants to book."""
    for number in range(LAPSED):
        if offered := Waiter.objects.of(slot).offered().filter(offered_until__gt=Now()).first():
            comes_due(offered)
        if number % 5 == 4:
            lapse_offers()
        time.sleep(0.01)


def test_nobody_outside_the_list_gets_a_place_that_is_given_back_while_somebody_waits():
    slot, over = full(capacity=CANCELLED), Event()
    for _ in range(2 * (CANCELLED + LAPSED)):
        join(slot)

    def run():
        try:
            give_up(slot)
            let_offers_lapse(slot)
        finally:
            over.set()

    _, _, *got = outcomes(
        run,
        lambda: let_offers_lapse(slot),
        *[lambda: keep_trying(lambda: BookingFactory(service=slot.service), over)] * OUTSIDERS,
    )
    assert sum(got) == 0
    assert Waiter.objects.filter(state="lapsed").count() > LAPSED / 4
    assert Waiter.objects.waiting().exists()
    assert left(slot) == 0
    assert broken() == set()


def test_of_many_who_take_up_one_offer_at_once_one_books():
    slot = full(capacity=1, largest_party=2)
    change_slot(slot, capacity=2, by=None)
    BookingFactory(service=slot.service)
    waiter = join(slot, 2)
    for booking in Booking.objects.all():
        cancel_booking(booking, by=None)
    other = join(slot)
    person = {"firstname": "Ada", "lastname": "Lovelace", "phone": "5550100009", "party": 1}
    got = outcomes(*[lambda: book_offer(waiter, **person, by=None)] * 6)
    assert got.count(NoOffer) == 5
    assert states(other) == [("offered", 1)]
    assert Booking.objects.count() == 1
    assert broken() == set()


def test_moves_between_two_times_with_lists_do_not_deadlock():
    here = full(capacity=4)
    there = full(capacity=4, starts_at=NOON.replace(hour=13), service=here.service)
    for slot in (here, there):
        for _ in range(12):
            join(slot)
    times = [here.starts_at, there.starts_at]

    def back_and_forth(booking):
        for turn in range(10):
            try:
                change_booking(booking, starts_at=times[turn % 2], by=None)
            except SlotFull:
                offered = Waiter.objects.offered().order_by("?").first()
                comes_due(*[offered] if offered else [])

    outcomes(*[lambda booking=booking: back_and_forth(booking) for booking in Booking.objects.all()])
    lapse_offers()
    assert broken() == set()


def test_everything_at_once_keeps_the_books_of_bookings_and_lists():
    here = full(capacity=6, largest_party=3)
    there = full(capacity=6, starts_at=NOON.replace(hour=13), service=here.service)
    service, slots, times = here.service, [here, there], [here.starts_at, there.starts_at]
    person = {"firstname": "Ada", "lastname": "Lovelace", "phone": "5550100009"}
    end, done = time.monotonic() + SECONDS, []

    def any_booking():
        return Booking.objects.order_by("?")[0]

    def any_waiter(state):
        return Waiter.objects.filter(state=state).order_by("?")[0]

    def ask(dice):
        least = dice.randint(1, 2)
        wish = {"quantity": dice.randint(least, 3), "least": least, "email": f"{dice.random()}@example.org"}
        join_list(dice.choice(slots), **wish, language="en", by=AnonymousUser())

    def confirm(dice):
        waiter = any_waiter("unconfirmed")
        confirm_place(waiter, link=waiter.link, by=AnonymousUser())

    verbs = {
        "book": lambda dice: BookingFactory(service=service, starts_at=dice.choice(times), party=dice.randint(1, 3)),
        "cancel": lambda dice: cancel_booking(any_booking(), by=None),
        "move": lambda dice: change_booking(any_booking(), starts_at=dice.choice(times), by=None),
        "resize": lambda dice: change_booking(any_booking(), party=dice.randint(1, 3), by=None),
        "capacity": lambda dice: change_slot(dice.choice(slots), capacity=dice.randint(5, 8), by=None),
        "ask": ask,
        "confirm": confirm,
        "take up": lambda dice: book_offer(any_waiter("offered"), **person, party=1, by=None),
        "decline": lambda dice: decline_offer(any_waiter("offered"), by=None),
        "leave": lambda dice: leave_list(any_waiter("waiting"), by=None),
        "come due": lambda dice: comes_due(any_waiter("offered")),
        "lapse": lambda dice: lapse_offers(),
    }

    def anything(seed):
        dice = random.Random(seed)
        # On a busy machine it takes longer until each verb had its turn.
        while (now := time.monotonic()) < end or (set(done) != set(verbs) and now < end + 60):
            name = dice.choice([*verbs, "ask", "confirm"])
            try:
                verbs[name](dice)
                done.append(name)
            except (Refused, IndexError):  # there is nothing of the kind
                continue

    before = deadlocks()
    outcomes(*[lambda seed=seed: anything(seed) for seed in range(8)])
    assert set(done) == set(verbs)
    assert deadlocks() == before
    lapse_offers()
    assert broken() == set()


def deadlocks():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]
