"""Somebody is forgotten while something is made for them, on real connections."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from allocation.actions import buy
from allocation.tests.factories import EventFactory, TicketOptionFactory
from booking.actions import book
from booking.tests.factories import NOON
from support.actions import close_ticket, open_ticket, reply_to_ticket
from ticketing import actions
from ticketing.errors import Refused
from ticketing.tests.factories import UserFactory
from ticketing.tests.lives import naming
from ticketing.toolkit.database import refusing_database_trouble

pytestmark = pytest.mark.django_db(transaction=True)

MARK, ROUNDS = "zephyrine", 6


def person():
    return UserFactory(username=f"{MARK}.name", first_name=f"{MARK}first", email=f"{MARK}@mail.example")


def ask(account):
    open_ticket(subject=f"{MARK}subject", message=f"{MARK}message", department="", priority="low", by=account)


def visit(account):
    book(firstname=f"{MARK}a", lastname=f"{MARK}b", phone="5559876543", starts_at=NOON, by=account)


def shop(account):
    option = TicketOptionFactory(event=EventFactory())
    buy({option.pk: 1}, buyer=account.pk, by=account)


def token(account):
    actions.issue_token(account, name=f"{MARK}laptop", by=account)


def run(call):
    """The class of its refusal, or None."""
    try:
        with refusing_database_trouble():
            call()
    except Refused as refusal:
        return type(refusal)
    finally:
        connection.close()


@pytest.mark.parametrize("make", [ask, visit, shop, token])
def test_what_is_made_while_somebody_is_forgotten_waits_and_is_refused(make):
    account = person()
    forgotten, go = threading.Event(), threading.Event()

    def forget():
        with transaction.atomic():
            actions.anonymise_account(account, by=None, reason="request")
            forgotten.set()
            go.wait(1)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run, forget)
        forgotten.wait(10)
        second = pool.submit(run, lambda: make(account))
        go.wait(0.3)
        assert not second.done()
        go.set()
        assert first.result(30) is None
        assert second.result(30).code == "busy"
    assert naming(MARK) == []


@pytest.mark.parametrize("make", [ask, visit, shop])
def test_what_was_being_made_is_waited_for_and_stands_against_it(make):
    account = person()
    made, go = threading.Event(), threading.Event()

    def slowly():
        with transaction.atomic():
            make(account)
            made.set()
            go.wait(1)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run, slowly)
        made.wait(10)
        second = pool.submit(run, lambda: actions.anonymise_account(account, by=None, reason="request"))
        go.wait(0.3)
        assert not second.done()
        go.set()
        assert first.result(30) is None
        assert second.result(30) is actions.StillAhead


def test_nothing_is_left_of_a_talk_that_goes_on_at_the_same_moment():
    desk = UserFactory(role="agent")
    for number in range(ROUNDS):
        account = person()
        question = open_ticket(subject=MARK, message=MARK, department="", priority="low", by=account)
        close_ticket(question, by=None)
        calls = [
            lambda account=account: actions.anonymise_account(account, by=None, reason="request", end=True),
            lambda question=question: reply_to_ticket(question, message=f"{MARK} one", by=desk),
            lambda question=question, account=account: reply_to_ticket(question, message=f"{MARK} two", by=account),
        ]
        with ThreadPoolExecutor(3) as pool:
            refusals = list(pool.map(run, calls[number % 3 :] + calls[: number % 3]))
        run(lambda account=account: actions.anonymise_account(account, by=None, reason="request", end=True))
        account.refresh_from_db()
        assert account.anonymised_at, refusals
        assert naming(MARK) == []


def test_two_at_once_forget_somebody_once():
    account = person()
    with ThreadPoolExecutor(2) as pool:
        calls = [lambda: actions.anonymise_account(account, by=None, reason="request")] * 2
        assert list(pool.map(run, calls)) == [None, None]
    assert naming(MARK) == []
    call_command("audit")
