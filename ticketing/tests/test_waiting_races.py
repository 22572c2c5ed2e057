"""Waiting lists with many at once, on real connections."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client

from booking.models import Slot
from ticketing import actions
from ticketing.errors import Conflict, Refused
from ticketing.models import Waiter
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.waiting import (
    KINDS,
    LISTS,
    ask,
    broken,
    comes_due,
    full,
    give_back,
    join,
    kind_of,
    left,
    raise_capacity,
    states,
    take_up,
)

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 60  # seconds until a race that hangs counts as lost
OUTSIDERS = 8
SECONDS = 3


@pytest.fixture(autouse=True)
def lists(settings):
    settings.WAITING_LISTS = LISTS


@pytest.fixture(params=list(KINDS))
def kind(request):
    return request.param


def at_once(*calls):
    """What each call returned, or the class of its refusal; all start together, each on a connection of its own."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        try:
            connection.ensure_connection()
            barrier.wait(PATIENCE)
            return call()
        except Refused as refusal:
            return type(refusal)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(PATIENCE) for future in [pool.submit(run, call) for call in calls]]


def deadlocks():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]


def await_locks(number):
    """Return once that many others wait for a lock."""
    deadline = time.monotonic() + PATIENCE
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0] >= number:
                return
            time.sleep(0.01)
    raise TimeoutError


def keep_trying(stock, over):
    """Somebody outside the list, who takes one place whenever there is one; how many they got."""
    got = tries = 0
    while not over.is_set() or not tries:
        tries += 1
        try:
            kind_of(stock).take(stock)
            got += 1
        except Conflict:
            pass
    return got


def test_nobody_outside_the_list_can_snatch_a_returned_place(kind):
    stock, over = full(kind, capacity=20), threading.Event()
    waiters = [join(stock) for _ in range(15)]

    def cancel():
        try:
            for _ in range(10):
                give_back(stock)
                time.sleep(0.02)
        finally:
            over.set()

    _, *got = at_once(cancel, *[lambda: keep_trying(stock, over)] * OUTSIDERS)
    assert sum(got) == 0
    assert states(*waiters) == [("offered", 1)] * 10 + [("waiting", None)] * 5
    assert left(stock) == 0
    assert broken() == set()


def test_what_fits_somebody_goes_to_the_list_and_only_the_rest_to_everybody_else(kind):
    stock, over = full(kind, capacity=60), threading.Event()
    dice = random.Random(7)
    for _ in range(25):
        quantity = dice.randint(1, 4)
        join(stock, quantity, least=dice.randint(1, quantity))
    [promise] = [sql for name, words, sql in audit_of_lists() if words == "what is free fits nobody who waits for it"]
    seen = []

    def cancel():
        try:
            for _ in range(10):
                give_back(stock, dice.randint(1, 3))
                time.sleep(0.02)
        finally:
            over.set()

    def watch():
        while not over.is_set():
            with connection.cursor() as cursor:
                cursor.execute(promise)
                seen.append(cursor.fetchall())
            time.sleep(0.005)

    at_once(cancel, watch, *[lambda: keep_trying(stock, over)] * OUTSIDERS)
    assert len(seen) > 5
    assert not any(seen)
    assert Waiter.objects.offered().exists()
    assert broken() == set()


def audit_of_lists():
    from ticketing.audit import CHECKS

    return CHECKS


def test_an_offer_that_is_used_and_released_in_the_same_moment_ends_once(kind):
    dice = random.Random(3)
    for _ in range(25):
        stock = full(kind, capacity=1)
        waiter = join(stock)
        give_back(stock)
        almost_over = Waiter.objects.filter(pk=waiter.pk)
        soon = Now() + timedelta(milliseconds=40)
        now = threading.Barrier(2, action=lambda row=almost_over, soon=soon: row.update(offered_until=soon))

        def near_the_end(verb, now=now):
            now.wait(PATIENCE)
            time.sleep(dice.uniform(0, 0.04))
            return verb()

        used, released = at_once(
            lambda run=near_the_end, waiter=waiter: run(lambda: actions.use_offer(waiter, by=None)),
            lambda run=near_the_end, stock=stock: run(lambda: actions.release_overdue(stock)),
        )
        [(state, _)] = states(waiter)
        assert (used, state) in [(1, "accepted"), (actions.NoOffer, "lapsed"), (actions.NoOffer, "offered")]
        assert (released == 1) == (state == "lapsed") == (left(stock) == 1)


@pytest.mark.parametrize("round_", range(5))
def test_of_many_answers_to_one_offer_one_counts(kind, round_):
    stock = full(kind, capacity=2)
    first, second = join(stock), join(stock)
    give_back(stock)
    answers = at_once(
        *[lambda: take_up(first)] * 3,
        *[lambda: actions.decline_offer(first, by=None).state] * 3,
        *[lambda: actions.leave_list(first, by=None).state] * 3,
    )
    won = [answer for answer in answers if not isinstance(answer, type)]
    [(state, _)] = states(first)
    assert won == [{"accepted": "/panel/bookings/"}.get(state, state)]
    assert states(second) == ([("waiting", None)] if state == "accepted" else [("offered", 1)])
    assert left(stock) == 0
    assert broken() == set()


def test_one_address_that_joins_many_times_at_once_stands_there_once(kind):
    stock = full(kind)
    answers = at_once(*[lambda: join(stock, email="ada@example.org")] * 8)
    assert answers.count(actions.AlreadyWaiting) == 7
    assert Waiter.objects.count() == 1


def test_whoever_joins_while_a_place_is_given_back_has_it_or_is_told_of_it(kind):
    for _ in range(20):
        stock = full(kind, capacity=1)
        joined, places = at_once(lambda stock=stock: join(stock), lambda stock=stock: give_back(stock))
        if joined is actions.ThereIsRoom:
            assert (places, left(stock)) == (0, 1)
        else:
            assert (states(joined), places, left(stock)) == ([("offered", 1)], 1, 0)
    assert broken() == set()


def test_whoever_confirms_while_a_place_is_given_back_is_offered_it(kind):
    dice = random.Random(5)

    def confirm(asked):
        time.sleep(dice.uniform(0, 0.02))
        actions.confirm_place(asked, link=asked.link, by=AnonymousUser())

    for _ in range(20):
        stock = full(kind, capacity=1)
        asked = ask(stock, by=AnonymousUser())
        at_once(lambda asked=asked: confirm(asked), lambda stock=stock: give_back(stock))
        assert (states(asked), left(stock)) == ([("offered", 1)], 0)
    assert broken() == set()


def test_of_places_with_one_address_that_are_confirmed_at_once_one_counts(kind):
    stock = full(kind)
    asked = [ask(stock, email="ada@example.org", by=AnonymousUser()) for _ in range(4)]
    answers = at_once(*[lambda one=one: actions.confirm_place(one, link=one.link, by=AnonymousUser()) for one in asked])
    assert answers.count(actions.AlreadyWaiting) == 3
    assert Waiter.objects.open().count() == 1


@pytest.mark.parametrize("verb", ["decline", "leave", "move", "use", "leave with If-Match"])
def test_whoever_changes_a_place_waits_for_the_stock_before_touching_it(verb):
    """The one who holds the stock comes to the row at last, which nobody holds who waits for the stock."""
    stock, boss = full(), UserFactory(role="supervisor")
    waiter, other = join(stock), join(stock)
    if verb in ("decline", "use"):
        give_back(stock)
    path, headers = f"/api/v1/waiting/{waiter.pk}/", bearer(boss)
    tag = Client().get(path, headers=headers)["ETag"]
    verbs = {
        "decline": lambda: actions.decline_offer(waiter, by=None),
        "leave": lambda: actions.leave_list(waiter, by=None),
        "move": lambda: actions.move_waiter(other, before=waiter, reason="Why not.", by=None),
        "use": lambda: actions.use_offer(waiter, by=None),
        "leave with If-Match": lambda: Client().post(
            f"{path}leave/", headers={**headers, "If-Match": tag}, content_type="application/json"
        ),
    }
    held = threading.Event()

    def hold():
        with transaction.atomic():
            Slot.objects.select_for_update(no_key=True).get(pk=stock.pk)
            held.set()
            await_locks(1)
            return Waiter.objects.filter(pk=waiter.pk).update(language="de")

    def change():
        assert held.wait(PATIENCE)
        return verbs[verb]()

    before = deadlocks()
    assert at_once(hold, change)[0] == 1
    assert deadlocks() == before


def test_whoever_gives_back_places_of_several_stocks_does_not_block_others_for_good():
    stocks = [full(kind, capacity=12) for kind in KINDS for _ in range(2)]
    for stock in stocks:
        for _ in range(30):
            join(stock)
    before = deadlocks()

    def several(seed):
        dice = random.Random(seed)
        for _ in range(4):
            chosen = sorted(dice.sample(stocks, 3), key=lambda stock: stock.pk)
            try:
                with transaction.atomic():
                    for stock in chosen:
                        kind_of(stock).model.objects.select_for_update().get(pk=stock.pk)
                        if kind_of(stock).model.objects.filter(pk=stock.pk).with_offered().get().offered < 10:
                            give_back(stock)
            except AssertionError:  # nothing is left to give back
                continue

    def answer(seed):
        dice = random.Random(seed)
        for _ in range(6):
            for waiter in Waiter.objects.offered().order_by("?")[:2]:
                verb = dice.choice([actions.decline_offer, actions.leave_list])
                try:
                    verb(waiter, by=None)
                except Refused:
                    continue

    at_once(
        *[lambda seed=seed: several(seed) for seed in range(8)], *[lambda seed=seed: answer(seed) for seed in range(8)]
    )
    assert deadlocks() == before
    assert broken() == set()


def test_everything_at_once_keeps_the_books_and_never_deadlocks():
    stocks = [full(kind, capacity=8) for kind in KINDS for _ in range(2)]
    end, before, done = time.monotonic() + SECONDS, deadlocks(), []

    def somebody(dice, **state):
        return Waiter.objects.filter(**state).order_by("?").first()

    def with_one(verb, **state):
        def run(stock, dice):
            if waiter := somebody(dice, **state):
                verb(waiter)

        return run

    def move(stock, dice):
        line = list(Waiter.objects.of(stock).waiting().order_by("?")[:2])
        if len(line) == 2:
            actions.move_waiter(line[0], before=dice.choice([None, line[1]]), reason="Why not.", by=None)

    def shrink(stock, dice):
        kind_of(stock).model.objects.filter(pk=stock.pk, taken__lt=F("capacity")).update(capacity=F("capacity") - 1)

    verbs = {
        "join": lambda stock, dice: join(stock, dice.randint(1, 3), least=1),
        "join for more": lambda stock, dice: join(stock, dice.randint(2, 3)),
        "give back": lambda stock, dice: give_back(stock),
        "come": lambda stock, dice: [kind_of(stock).take(stock) for _ in range(3)],
        "add": lambda stock, dice: raise_capacity(stock),
        "shrink": shrink,
        "move": move,
        "decline": with_one(lambda waiter: actions.decline_offer(waiter, by=None), state="offered"),
        "leave": with_one(lambda waiter: actions.leave_list(waiter, by=None), state="waiting"),
        "leave with offer": with_one(lambda waiter: actions.leave_list(waiter, by=None), state="offered"),
        "accept": with_one(take_up, state="offered"),
        "come due": with_one(comes_due, state="offered"),
        "release": lambda stock, dice: actions.release_overdue(stock),
        "lapse": lambda stock, dice: actions.lapse_offers(),
    }

    def anything(seed):
        dice = random.Random(seed)
        while time.monotonic() < end:
            name = dice.choice([*verbs, "join", "come"])
            try:
                verbs[name](dice.choice(stocks), dice)
                done.append(name)
            except (Refused, AssertionError):  # nothing is left to give back
                continue

    at_once(*[lambda seed=seed: anything(seed) for seed in range(16)])
    assert set(done) == set(verbs)
    assert deadlocks() == before
    actions.lapse_offers()
    assert broken() == set()
    for stock in stocks:
        stock.refresh_from_db()
        assert 0 <= stock.taken <= stock.capacity
