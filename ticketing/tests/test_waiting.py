"""Waiting lists by their verbs, on both real stocks: minutes that are booked, and ticket options."""

import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from booking.models import Slot
from ticketing import actions, tasks
from ticketing.errors import Invalid, NotAllowed, NotFound, TooManyRequests
from ticketing.models import Activity, Mail, Waiter
from ticketing.sending import mails
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes
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
    order,
    raise_capacity,
    states,
    take_up,
)

pytestmark = pytest.mark.django_db

ANYBODY = AnonymousUser()


@pytest.fixture(autouse=True)
def lists(settings):
    settings.WAITING_LISTS = LISTS


@pytest.fixture(params=list(KINDS))
def stock(request):
    return full(request.param)


@pytest.fixture
def slot():
    return full()


@pytest.fixture
def boss():
    return UserFactory(role="supervisor")


def offer_of(waiter):
    waiter.refresh_from_db()
    return waiter.offered


# To join


def test_whoever_joins_is_told_by_mail_and_stands_last(stock):
    first, second = join(stock), join(stock, quantity=3, least=2, email="Ada@Example.org")
    assert (second.kind, second.stock) == (stock._meta.label_lower, stock.pk)
    assert (second.quantity, second.least, second.email, second.state) == (3, 2, "ada@example.org", "waiting")
    assert order(stock) == [first.email, "ada@example.org"]
    mail = Mail.objects.latest("id")
    assert (mail.to, mail.template, mail.waiter) == ("ada@example.org", "waiting_joined", second)
    assert Activity.objects.about(second).get().details == {"stock": str(stock.pk), "quantity": 3, "least": 2}
    assert broken() == set()


def test_whoever_gives_no_least_wants_all(slot):
    assert join(slot, quantity=3).least == 3


def test_nobody_waits_for_what_is_free(stock):
    give_back(stock, 2)
    with nothing_changes():
        for wish in ({"quantity": 1}, {"quantity": 2}, {"quantity": 4, "least": 2}):
            with pytest.raises(actions.ThereIsRoom):
                join(stock, **wish)
    assert join(stock, quantity=3).state == "waiting"
    assert left(stock) == 2


def test_nobody_joins_twice_in_whatever_spelling_but_may_come_again(stock):
    waiter = join(stock, email="ada@example.org")
    with nothing_changes(), pytest.raises(actions.AlreadyWaiting) as refused:
        join(stock, email=" ADA@example.org")
    assert set(refused.value.errors) == {"email"}
    give_back(stock)
    with nothing_changes(), pytest.raises(actions.AlreadyWaiting):
        join(stock, email="ada@example.org")
    actions.leave_list(waiter, by=None)
    raise_capacity(stock, -1)
    assert join(stock, email="ada@example.org").pk != waiter.pk
    assert join(full(), email="ada@example.org")


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": -1}, "quantity"),
        ({"quantity": 5}, "quantity"),
        ({"quantity": 10**12, "least": 1}, "quantity"),
        ({"quantity": 3, "least": 0}, "least"),
        ({"quantity": 3, "least": 4}, "least"),
        ({"email": "ada@"}, "email"),
        ({"email": "a\x00@example.org"}, "email"),
        ({"language": "tlh"}, "language"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_by_name(stock, wish, field):
    with nothing_changes(), pytest.raises(Invalid) as refused:
        join(stock, **wish)
    assert set(refused.value.errors) == {field}


def test_what_nobody_turns_offers_into_has_no_list(slot, settings):
    settings.WAITING_LISTS = {"allocation.ticketoption": LISTS["allocation.ticketoption"]}
    with nothing_changes(), pytest.raises(actions.NoWaitingList):
        join(slot)


def test_what_is_gone_cannot_be_waited_for(slot):
    with nothing_changes(), pytest.raises(NotFound):
        join(Slot())


def test_a_customer_has_the_place_and_so_has_whoever_proves_the_address_later(slot):
    customer, agent = UserFactory(), UserFactory(role="agent")
    assert join(slot, by=customer).account == customer
    assert join(slot, by=agent).account is None
    proven = UserFactory(email="proven@example.org", email_confirmed_at=timezone.now())
    assert join(slot, email="PROVEN@example.org", by=agent).account == proven
    waiter = join(slot, email="later@example.org")
    actions.sign_up(email="later@example.org", language="en", by=ANYBODY)
    link = Mail.objects.latest("id").link
    user = actions.open_account(
        link, secret=link.secret, first_name="Ada", last_name="", password="a long enough one", by=ANYBODY
    )
    waiter.refresh_from_db()
    assert waiter.account == user


def test_gate_staff_may_not_join(slot):
    with nothing_changes(), pytest.raises(NotAllowed):
        join(slot, by=UserFactory.build(role="gate"))


def test_strangers_let_one_mailbox_ring_five_times_an_hour_and_its_owner_as_often_as_they_like(slot):
    owner = UserFactory(email="ada@example.org", email_confirmed_at=timezone.now())
    for _ in range(5):
        join(full(capacity=1), email="ada@example.org", by=ANYBODY)
    with nothing_changes(), pytest.raises(TooManyRequests):
        join(slot, email="ada@example.org", by=ANYBODY)
    assert join(slot, email="ada@example.org", by=owner)


# To confirm


def test_what_a_stranger_asks_for_counts_from_the_confirmation_on_in_the_order_of_asking(stock):
    asked = ask(stock, email="ada@example.org", by=ANYBODY)
    other = join(stock)
    assert (asked.state, asked.account) == ("unconfirmed", None)
    assert Mail.objects.filter(waiter=asked).get().template == "waiting_confirm"
    assert order(stock) == [other.email]
    waiter = actions.confirm_place(asked, link=asked.link, by=ANYBODY)
    assert order(stock) == ["ada@example.org", other.email]
    assert Activity.objects.about(waiter).last().operation == "waiting.confirm"
    with nothing_changes():
        actions.confirm_place(asked, link=asked.link, by=ANYBODY)
    give_back(stock)
    assert states(waiter, other) == [("offered", 1), ("waiting", None)]
    assert broken() == set()


def test_nothing_is_held_for_an_address_whose_owner_did_not_confirm(stock):
    asked = ask(stock, by=ANYBODY)
    assert give_back(stock) == 0
    assert (states(asked), left(stock)) == ([("unconfirmed", None)], 1)
    actions.confirm_place(asked, link=asked.link, by=ANYBODY)
    assert (states(asked), left(stock)) == ([("offered", 1)], 0)
    assert broken() == set()


def test_only_the_link_or_the_proven_address_confirms(slot):
    customer = UserFactory()
    asked, other = ask(slot, email="ada@example.org", by=customer), ask(slot, by=ANYBODY)
    assert (asked.state, asked.account) == ("unconfirmed", customer)
    with nothing_changes():
        for link in (None, other.link, (asked.pk, 2)):
            for by in (customer, ANYBODY):
                with pytest.raises(actions.LinkNeeded):
                    actions.confirm_place(asked, link=link, by=by)
    owner = UserFactory(email="ada@example.org", email_confirmed_at=timezone.now())
    waiter = actions.confirm_place(asked, link=None, by=owner)
    assert (waiter.state, waiter.account) == ("waiting", owner)


def test_a_proven_address_and_staff_need_not_confirm(slot):
    owner = UserFactory(email="ada@example.org", email_confirmed_at=timezone.now())
    assert ask(slot, email="ADA@example.org", by=owner).state == "waiting"
    assert ask(slot, by=UserFactory(role="agent")).state == "waiting"
    assert ask(slot, by=owner).state == "unconfirmed"


def test_a_stranger_is_not_told_that_an_address_is_on_the_list_and_its_owner_is(slot):
    waiter = join(slot, email="ada@example.org")
    asked = ask(slot, 3, email="ada@example.org", by=ANYBODY)
    assert (asked.state, asked.account) == ("unconfirmed", None)
    mail = Mail.objects.latest("id")
    assert (mail.template, mail.waiter) == ("waiting_already", waiter)
    with nothing_changes(), pytest.raises(actions.AlreadyWaiting):
        actions.confirm_place(asked, link=asked.link, by=ANYBODY)
    assert broken() == set()


def test_of_several_that_were_asked_for_with_one_address_the_first_to_be_confirmed_counts(slot):
    first, second = (ask(slot, number, email="ada@example.org", by=ANYBODY) for number in (1, 2))
    actions.confirm_place(second, link=second.link, by=ANYBODY)
    with nothing_changes(), pytest.raises(actions.AlreadyWaiting):
        actions.confirm_place(first, link=first.link, by=ANYBODY)
    assert states(first, second) == [("unconfirmed", None), ("waiting", None)]


def test_what_nobody_confirms_in_time_lapses_without_a_mail(slot, settings):
    settings.WAITING_CONFIRM_LASTS = timedelta(hours=3)
    old, new, waiter = ask(slot, by=ANYBODY), ask(slot, by=ANYBODY), join(slot)
    Waiter.objects.filter(pk=old.pk).update(created_at=Now() - timedelta(hours=3))
    with nothing_changes(), pytest.raises(actions.NotOnTheList):
        actions.confirm_place(old, link=old.link, by=ANYBODY)
    mails = Mail.objects.count()
    assert actions.lapse_offers() == 0
    assert states(old, new, waiter) == [("lapsed", None), ("unconfirmed", None), ("waiting", None)]
    assert Mail.objects.count() == mails
    with nothing_changes():
        actions.lapse_offers()


def test_an_unconfirmed_place_can_be_left(slot):
    asked = ask(slot, by=ANYBODY)
    assert actions.leave_list(asked, by=ANYBODY).state == "left"
    with nothing_changes(), pytest.raises(actions.NotOnTheList):
        actions.confirm_place(asked, link=asked.link, by=ANYBODY)


def test_what_only_people_on_a_list_are_sent_does_not_count_where_strangers_are_told_to_wait(slot):
    join(slot, email="ada@example.org")
    give_back(slot)
    for name in ("ada", "eve"):
        for _ in range(5):
            ask(slot, email=f"{name}@example.org", by=ANYBODY)
        with pytest.raises(TooManyRequests):
            ask(slot, email=f"{name}@example.org", by=ANYBODY)


# Offers


def test_what_is_given_back_is_offered_in_the_same_transaction_to_whoever_joined_first(stock):
    first, second = join(stock), join(stock)
    assert give_back(stock) == 1
    assert states(first, second) == [("offered", 1), ("waiting", None)]
    assert left(stock) == 0
    mail = Mail.objects.latest("id")
    assert (mail.to, mail.template) == (first.email, "waiting_offered")
    assert Activity.objects.about(first).last().operation == "waiting.offer"
    assert broken() == set()


def test_an_offer_lasts_as_long_as_the_setting_says_by_the_databases_clock(slot, settings):
    settings.WAITING_OFFER_LASTS = timedelta(hours=3)
    waiter = join(slot)
    give_back(slot)
    row = Waiter.objects.annotate(now=Now()).get(pk=waiter.pk)
    assert timedelta(hours=2, minutes=59) < row.offered_until - row.now <= timedelta(hours=3)


def test_each_gets_what_they_want_as_far_as_it_reaches_and_whoever_would_not_take_so_few_keeps_the_place(stock):
    big, flexible, small = join(stock, 4), join(stock, 3, least=2), join(stock)
    assert give_back(stock) == 1
    assert states(big, flexible, small) == [("waiting", None), ("waiting", None), ("offered", 1)]
    assert give_back(stock, 2) == 2
    assert states(big, flexible) == [("waiting", None), ("offered", 2)]
    assert order(stock) == [big.email]
    actions.decline_offer(flexible, by=None)
    assert left(stock) == 2
    actions.leave_list(small, by=None)
    assert (states(big), left(stock)) == ([("waiting", None)], 3)
    give_back(stock)
    assert (states(big), left(stock)) == ([("offered", 4)], 0)
    assert broken() == set()


def test_what_fits_nobody_is_free_for_everybody(stock):
    join(stock, 3)
    give_back(stock, 2)
    assert left(stock) == 2
    kind_of(stock).take(stock)
    assert left(stock) == 1
    assert broken() == set()


def test_several_are_served_at_once_and_the_last_gets_the_rest(stock):
    waiters = [join(stock), join(stock, 4), join(stock, 3, least=1), join(stock)]
    assert give_back(stock, 3) == 3
    assert states(*waiters) == [("offered", 1), ("waiting", None), ("offered", 2), ("waiting", None)]


def test_whom_the_rest_does_not_fit_is_passed_over_for_whom_it_does(stock):
    waiters = [join(stock, 2), join(stock, 2), join(stock, 1)]
    assert give_back(stock, 3) == 3
    assert states(*waiters) == [("offered", 2), ("waiting", None), ("offered", 1)]


def test_added_places_are_offered_like_returned_ones(stock):
    waiter = join(stock, 2)
    assert raise_capacity(stock, 2) == 2
    assert states(waiter) == [("offered", 2)]


def test_without_anybody_who_waits_nothing_is_held(stock):
    assert give_back(stock, 2) == 0
    assert left(stock) == 2
    assert not Mail.objects.exists()


def test_another_stock_with_the_same_id_has_a_list_of_its_own(slot):
    waiter = join(slot)
    Waiter.objects.filter(pk=waiter.pk).update(kind="allocation.ticketoption")
    assert give_back(slot) == 0


def test_offers_show_on_the_stock_they_hold(stock):
    join(stock, 2)
    join(stock)
    give_back(stock, 3)
    assert kind_of(stock).model.objects.with_offered().get(pk=stock.pk).offered == 3
    assert kind_of(stock).model.objects.with_offered().get(pk=full(stock._meta.label_lower).pk).offered == 0


# Answers


def test_an_accepted_offer_becomes_rows_of_the_app_without_taking_anything_again(stock):
    waiter = join(stock, 2)
    give_back(stock, 2)
    take_up(waiter)
    assert states(waiter) == [("accepted", 2)]
    assert left(stock) == 0
    assert broken() == set()
    with nothing_changes():
        for verb in (actions.use_offer, actions.decline_offer):
            with pytest.raises(actions.NoOffer):
                verb(waiter, by=None)
        with pytest.raises(actions.NotOnTheList):
            actions.leave_list(waiter, by=None)


def test_an_offer_that_is_not_used_in_the_end_stands_as_before(stock):
    waiter = join(stock)
    give_back(stock)
    with nothing_changes(), pytest.raises(ZeroDivisionError), transaction.atomic():
        take_up(waiter)
        raise ZeroDivisionError


def test_the_app_that_keeps_the_stock_is_asked_where_the_person_goes_on(slot, settings):
    waiter = join(slot)
    with nothing_changes(), pytest.raises(actions.NoOffer):
        actions.accept_offer(waiter, by=None)
    give_back(slot)
    settings.WAITING_LISTS = {}
    with nothing_changes(), pytest.raises(actions.NoWaitingList):
        actions.accept_offer(waiter, by=None)
    settings.WAITING_LISTS = LISTS
    assert actions.accept_offer(waiter, by=None) == "/panel/bookings/"
    assert states(waiter) == [("accepted", 1)]


@pytest.mark.parametrize("verb", [actions.decline_offer, actions.leave_list])
def test_what_is_declined_goes_to_the_next_at_once(stock, verb):
    first, second = join(stock), join(stock)
    give_back(stock)
    verb(first, by=None)
    assert states(first, second) == [("declined" if verb is actions.decline_offer else "left", 1), ("offered", 1)]
    assert left(stock) == 0
    with nothing_changes(), pytest.raises((actions.NoOffer, actions.NotOnTheList)):
        verb(first, by=None)
    assert broken() == set()


def test_whoever_leaves_while_waiting_gives_nothing_back(stock):
    waiter = join(stock)
    actions.leave_list(waiter, by=None)
    assert (states(waiter), left(stock)) == ([("left", None)], 0)
    with nothing_changes(), pytest.raises(actions.NoOffer):
        actions.decline_offer(waiter, by=None)


# Time


def test_what_is_past_its_time_is_released_by_whoever_needs_the_stock_and_offered_on(stock):
    first, second = join(stock), join(stock)
    give_back(stock)
    assert actions.release_overdue(stock) == 0
    comes_due(first)
    assert actions.release_overdue(stock) == 1
    assert states(first, second) == [("lapsed", 1), ("offered", 1)]
    assert left(stock) == 0
    told = Mail.objects.filter(to=first.email).latest("id")
    assert told.template == "waiting_lapsed"
    assert broken() == set()


def test_nobody_can_use_an_offer_that_is_past_its_time_though_nothing_has_released_it(stock):
    waiter = join(stock)
    give_back(stock)
    comes_due(waiter)
    with nothing_changes():
        for verb in (actions.use_offer, actions.accept_offer):
            with pytest.raises(actions.NoOffer):
                verb(waiter, by=None)


def test_whoever_joins_comes_behind_those_to_whom_an_overdue_offer_goes(stock):
    first, second = join(stock), join(stock)
    give_back(stock)
    comes_due(first)
    third = join(stock)
    assert states(first, second, third) == [("lapsed", 1), ("offered", 1), ("waiting", None)]


def test_to_look_for_what_is_overdue_costs_one_query_where_nothing_is(slot):
    join(slot)
    give_back(slot)
    with CaptureQueriesContext(connection) as queries:
        assert actions.release_overdue(slot) == 0
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 1


@pytest.mark.parametrize("way", ["verb", "task", "sweep"])
def test_everything_overdue_is_released_stock_by_stock(way):
    stocks = [full(kind) for kind in KINDS for _ in range(2)]
    first, second = [join(stock) for stock in stocks], [join(stock) for stock in stocks]
    for stock in stocks:
        give_back(stock)
    comes_due(*first[:3])
    if way == "sweep":
        call_command("sweep", once=True, stdout=io.StringIO())
    else:
        assert {"verb": actions.lapse_offers, "task": tasks.lapse_offers}[way]() == 3
    assert states(*first) == [("lapsed", 1)] * 3 + [("offered", 1)]
    assert states(*second) == [("offered", 1)] * 3 + [("waiting", None)]
    assert actions.lapse_offers() == 0
    assert broken() == set()


def test_a_stock_whose_books_are_wrong_stops_nobody_else(caplog):
    stocks = sorted((full() for _ in range(3)), key=lambda stock: stock.pk)
    waiters = [join(stock) for stock in stocks]
    for stock in stocks:
        give_back(stock)
    comes_due(*waiters)
    Slot.objects.filter(pk=stocks[0].pk).update(taken=0)
    assert actions.lapse_offers() == 2
    assert states(*waiters) == [("offered", 1), ("lapsed", 1), ("lapsed", 1)]
    assert str(stocks[0].pk) in caplog.text


def test_nothing_is_offered_of_what_is_over_and_offers_end_with_it(slot, monkeypatch):
    monkeypatch.setattr(Slot, "waiting_ends", "starts_at")
    soon, waiter, other = timedelta(hours=1), join(slot), join(slot)
    Slot.objects.filter(pk=slot.pk).update(starts_at=F("starts_at") - (slot.starts_at - in_an_hour()))
    give_back(slot)
    assert waiter.what().starts_at == Waiter.objects.get(pk=waiter.pk).offered_until < timezone.now() + soon
    Slot.objects.filter(pk=slot.pk).update(starts_at=F("starts_at") - timedelta(hours=2))
    comes_due(waiter)
    assert actions.lapse_offers() == 1
    assert states(waiter, other) == [("lapsed", 1), ("lapsed", None)]
    assert left(slot) == 1
    raise_capacity(slot)
    slot.refresh_from_db()
    with nothing_changes(), pytest.raises(actions.TooLate):
        join(slot, 3)
    assert broken() - {"B2 a booking's time lies in the minute of its slot"} == set()


def in_an_hour():
    return (timezone.now() + timedelta(hours=1)).replace(second=0, microsecond=0)


def test_nobody_waits_for_what_is_no_longer_there(stock):
    waiter = join(stock)
    Waiter.objects.filter(pk=waiter.pk).update(stock=waiter.pk)
    assert actions.lapse_offers() == 0
    assert states(waiter) == [("lapsed", None)]
    with nothing_changes():
        actions.lapse_offers()


# The order


def test_a_supervisor_moves_somebody_for_a_reason_and_those_who_are_passed_move_by_one(stock, boss):
    waiters = [join(stock, 2, email=f"{letter}@example.org") for letter in "abcde"]
    a, b, c, d, e = waiters
    actions.move_waiter(d, before=b, reason="  Needs a seat without steps. ", by=boss)
    assert "".join(email[0] for email in order(stock)) == "adbce"
    actions.move_waiter(e, reason="Was promised.", by=boss)
    assert "".join(email[0] for email in order(stock)) == "eadbc"
    actions.move_waiter(e, before=c, reason="It was a mistake.", by=boss)
    assert "".join(email[0] for email in order(stock)) == "adbec"
    rows = Waiter.objects.in_bulk([waiter.pk for waiter in waiters])
    assert [bool(rows[waiter.pk].moved_at) for waiter in waiters] == [False, False, False, True, True]
    assert rows[d.pk].moved_reason == "Needs a seat without steps."
    assert [line.details for line in Activity.objects.filter(operation="waiting.move")] == [
        {"was": 4, "now": 2},
        {"was": 5, "now": 1},
        {"was": 1, "now": 4},
    ]
    f = join(stock, 2, email="f@example.org")
    assert order(stock)[-1] == f.email
    give_back(stock, 2)
    assert states(a) == [("offered", 2)]


def test_to_move_somebody_to_where_they_stand_changes_nothing(slot, boss):
    a, b = join(slot), join(slot)
    with nothing_changes():
        actions.move_waiter(a, reason="For fun.", by=boss)
        actions.move_waiter(a, before=b, reason="For fun.", by=boss)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 251, "a\x07b"])
def test_nobody_is_moved_without_a_reason(slot, boss, reason):
    join(slot)
    waiter = join(slot)
    with nothing_changes(), pytest.raises(Invalid) as refused:
        actions.move_waiter(waiter, reason=reason, by=boss)
    assert set(refused.value.errors) == {"reason"}


def test_only_people_who_wait_on_the_same_list_are_moved_and_by_supervisors_only(slot, boss):
    offered, first, last, elsewhere = join(slot), join(slot), join(slot), join(full())
    give_back(slot)
    with nothing_changes():
        for waiter, before in ((offered, None), (last, offered), (last, elsewhere), (last, last)):
            with pytest.raises(actions.NotWaiting):
                actions.move_waiter(waiter, before=before, reason="Why not.", by=boss)
        for role in ("customer", "agent", "gate"):
            with pytest.raises(NotAllowed):
                actions.move_waiter(last, reason="Why not.", by=UserFactory.build(role=role))
    actions.move_waiter(last, before=first, reason="Why not.", by=boss)
    assert order(slot) == [last.email, first.email]


def test_positions_count_those_who_wait_for_the_same(stock):
    join(full(), 1)
    waiters = [join(stock, 4), join(stock), join(stock), join(stock)]
    give_back(stock)
    rows = {row.pk: row.position for row in Waiter.objects.with_position()}
    assert [rows[one.pk] for one in waiters] == [1, None, 2, 3]


# What the database keeps


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"quantity": 0, "least": 0}, "(quantity_positive|least_within_quantity)"),  # both say it
        ({"least": 0}, "least_within_quantity"),
        ({"least": 3}, "least_within_quantity"),
        ({"state": "lost", "offered": 2, "offered_until": Now()}, "state_known"),
        ({"offered": 1}, "offer_fits_state"),
        ({"state": "offered"}, "offer_fits_state"),
        ({"state": "accepted", "offered": 2}, "offer_fits_state"),
        ({"state": "unconfirmed", "offered": 2, "offered_until": Now()}, "offer_fits_state"),
        ({"state": "offered", "offered": 3, "offered_until": Now()}, "offer_fits_wish"),
        ({"moved_at": Now()}, "moved_for_a_reason"),
        ({"moved_at": Now(), "moved_reason": "  "}, "moved_for_a_reason"),
        ({"moved_reason": "x"}, "moved_for_a_reason"),
        ({"email": "FIRST@example.org"}, "once"),
    ],
)
def test_the_database_refuses_rows_that_make_no_sense(slot, change, name):
    join(slot, email="first@example.org")
    waiter = join(slot, 2)
    with pytest.raises(IntegrityError, match=f"ticketing_waiter_{name}"), transaction.atomic():
        Waiter.objects.filter(pk=waiter.pk).update(**change)


@pytest.mark.parametrize(
    ("promise", "damage"),
    [
        ("E1", "UPDATE allocation_ticketoption SET taken = taken - 1 WHERE taken = capacity"),
        ("W1 what", "UPDATE allocation_ticketoption SET taken = 0, held = 0"),
        ("W1 what", "UPDATE ticketing_waiter SET stock = gen_random_uuid() WHERE state = 'offered'"),
        ("W1 nobody", "UPDATE ticketing_waiter SET offered = 2 WHERE state = 'offered'"),
        ("W1 nobody", "UPDATE ticketing_waiter SET email = 'a@example.org'"),
        ("W2 what", "UPDATE allocation_ticketoption SET capacity = capacity + 1"),
        ("W2 no offer", "UPDATE ticketing_waiter SET offered_until = now() - interval '3 minutes' WHERE offered > 0"),
    ],
)
def test_planted_damage_is_found(promise, damage):
    option = full("allocation.ticketoption")
    join(option)
    join(option)
    give_back(option)
    assert broken() == set()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE ticketing_waiter DROP CONSTRAINT ticketing_waiter_offer_fits_wish")
        cursor.execute("DROP INDEX ticketing_waiter_once")
        cursor.execute(damage)
    assert [found for found in broken() if found.startswith(promise)]


def test_a_list_of_what_is_over_is_no_damage(slot, monkeypatch):
    join(slot)
    raise_capacity(slot, 0)
    Slot.objects.filter(pk=slot.pk).update(capacity=5)
    assert [found[:2] for found in broken()] == ["W2"]


def test_what_ended_a_month_ago_is_forgotten(slot):
    waiter, waits, lately = join(slot), join(slot), join(slot)
    for one in (waiter, lately):
        actions.leave_list(one, by=None)
    for one in (waiter, waits):
        Waiter.objects.filter(pk=one.pk).update(updated_at=Now() - timedelta(days=31))
    actions.forget_outlived()
    assert set(Waiter.objects.all()) == {waits, lately}


# Mails and the link


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    "template", ["waiting_confirm", "waiting_already", "waiting_joined", "waiting_offered", "waiting_lapsed"]
)
def test_each_mail_names_what_is_waited_for_and_has_the_link_of_that_moment(slot, settings, template, language):
    settings.SITE_URL = "https://tickets.example.org"
    by = ANYBODY if template == "waiting_confirm" else None
    waiter = ask(slot, 2, email="ada@example.org", language=language, by=by)
    if template == "waiting_already":
        ask(slot, email="ada@example.org", language=language, by=ANYBODY)
    if template in ("waiting_offered", "waiting_lapsed"):
        give_back(slot, 2)
        comes_due(waiter)
        actions.release_overdue(slot)
    mail = Mail.objects.get(template=template)
    message = mails.render(mail)
    html = message.alternatives[0].content
    with translation.override(language):
        assert slot.title in message.subject
        assert slot.title in message.body
    assert not {"{{", "{%", "None"} & set(message.body.split())
    address = f"https://tickets.example.org/panel/waiting/{waiter.pk}/{waiter.secret}/"
    assert (address in message.body.splitlines()) == (f'<a href="{address}">' in html) == (template != "waiting_lapsed")
    assert waiter.secret not in str(list(Mail.objects.values()))
    assert f'<html lang="{language}">' in html


def test_a_new_link_makes_the_old_one_void(slot, boss):
    waiter = join(slot)
    old = waiter.secret
    assert waiter.opens_with(old)
    assert not waiter.opens_with(old[:-1] + "é")
    renewed = actions.renew_link(waiter, by=boss)
    assert not renewed.opens_with(old)
    assert [mail.template for mail in Mail.objects.order_by("id")] == ["waiting_joined"] * 2
    give_back(slot)
    actions.renew_link(waiter, by=boss)
    assert Mail.objects.latest("id").template == "waiting_offered"
    actions.leave_list(waiter, by=None)
    with nothing_changes():
        with pytest.raises(actions.NotOnTheList):
            actions.renew_link(waiter, by=boss)
        with pytest.raises(NotAllowed):
            actions.renew_link(waiter, by=UserFactory.build(role="agent"))
