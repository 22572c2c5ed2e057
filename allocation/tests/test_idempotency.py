import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import F
from django.test import RequestFactory

from allocation import actions
from allocation.errors import SoldOut
from allocation.models import Purchase, TicketOption
from allocation.tests.factories import TicketOptionFactory
from ticketing.errors import Invalid, KeyReused
from ticketing.models import Activity, IdempotencyKey
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes
from ticketing.toolkit.idempotency import idempotency_key

pytestmark = pytest.mark.django_db

ANYBODY = AnonymousUser()
KEY = "3f0c9a4e-6f0b-4b52-9c5e-6f2f1f0f7a11"
BUYER = uuid.uuid4()


def buy(option, quantity=2, *, buyer=BUYER, by=ANYBODY, key=KEY):
    return actions.purchase(option.pk, quantity=quantity, buyer=buyer, by=by, key=key)


def test_the_same_key_again_answers_the_same_and_sells_nothing_more():
    option = TicketOptionFactory()
    first = buy(option)
    with nothing_changes():
        again = buy(option)
    assert again == replace(first, replayed=True)
    known = IdempotencyKey.objects.get()
    assert (known.caller, known.route, known.key) == ("", f"allocation.purchase {option.pk}", KEY)
    assert (known.made, len(known.fingerprint)) == (first.id, 64)


def test_a_replay_answers_even_when_all_is_sold_by_then():
    option = TicketOptionFactory(allocation=2)
    first = buy(option)
    assert buy(option).tickets == first.tickets


@pytest.mark.parametrize("other", [{"quantity": 3}, {"buyer": uuid.uuid4()}, {"quantity": 11}])
def test_the_same_key_for_another_request_is_refused(other):
    option = TicketOptionFactory(allocation=10)
    buy(option)
    with nothing_changes(), pytest.raises(KeyReused):
        buy(option, **other)


def test_without_a_key_every_request_buys():
    option = TicketOptionFactory()
    assert buy(option, key="").id != buy(option, key="").id
    assert not IdempotencyKey.objects.exists()


def test_a_refused_request_may_come_again_with_its_key():
    option = TicketOptionFactory(allocation=1)
    with nothing_changes(), pytest.raises(SoldOut):
        buy(option)
    actions.set_allocation(option, allocation=2, by=None)
    assert not buy(option).replayed


def test_a_key_belongs_to_its_caller_and_its_option():
    option, other = TicketOptionFactory(), TicketOptionFactory()
    ann, bob = UserFactory(), UserFactory()
    receipts = [
        buy(option),
        buy(other),
        buy(option, by=ann),
        buy(option, by=bob),
    ]
    assert len({receipt.id for receipt in receipts}) == 4
    assert not any(receipt.replayed for receipt in receipts)


def test_after_a_day_the_key_means_a_new_request():
    option = TicketOptionFactory()
    first = buy(option)
    age(timedelta(hours=24, seconds=5))
    second = buy(option, quantity=3)
    assert second.id != first.id
    assert not second.replayed
    assert IdempotencyKey.objects.get().made == second.id
    assert buy(option, quantity=3) == replace(second, replayed=True)
    assert Purchase.objects.count() == Activity.objects.filter(operation="allocation.purchase").count() == 2


def test_within_a_day_the_key_is_remembered():
    option = TicketOptionFactory()
    first = buy(option)
    age(timedelta(hours=23, minutes=59))
    assert buy(option) == replace(first, replayed=True)


def test_an_outlived_key_comes_back_when_its_new_request_is_refused():
    option = TicketOptionFactory(allocation=2)
    buy(option)
    age(timedelta(hours=25))
    with nothing_changes(), pytest.raises(SoldOut):
        buy(option)


def age(by):
    IdempotencyKey.objects.update(created_at=F("created_at") - by)


def test_the_replay_does_not_depend_on_what_became_of_the_option():
    option = TicketOptionFactory()
    first = buy(option)
    actions.describe_option(option, name="Renamed", description="", by=None)
    TicketOption.objects.update(capacity=F("taken"))
    assert buy(option) == replace(first, replayed=True)


def header(value, actor=ANYBODY):
    return idempotency_key(RequestFactory().post("/", headers={"Idempotency-Key": value}), actor)


def test_a_request_without_the_header_has_no_key():
    assert idempotency_key(RequestFactory().post("/"), ANYBODY) == ""


@pytest.mark.parametrize("key", ["x" * 22, "x" * 200, KEY, '"8e03978e-40d5-43dd-bc93-6894a57f9324"'])
def test_a_key_of_enough_printable_characters_is_taken_as_it_is(key):
    assert header(key) == key


@pytest.mark.parametrize("key", ["", "x" * 201, "ä" * 30, "a\tb" * 10, "x" * 30 + "\x7f", "x" * 30 + "\n"])
def test_any_other_key_is_refused_for_everybody(key):
    for actor in (ANYBODY, UserFactory()):
        with pytest.raises(Invalid) as refusal:
            header(key, actor)
        assert list(refusal.value.errors) == ["Idempotency-Key"]


def test_a_short_key_is_refused_only_without_an_account():
    assert header("order-1", UserFactory()) == "order-1"
    with pytest.raises(Invalid) as refusal:
        header("x" * 21)
    assert list(refusal.value.errors) == ["Idempotency-Key"]


def test_the_function_remembers_keys_as_long_as_the_site_does():
    """The function and the query set write the same day down; they have to mean the same one."""
    buy(TicketOptionFactory())
    age(timedelta(hours=24, seconds=1))
    assert IdempotencyKey.objects.outlived().count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'allocation_purchase'")
        assert "interval '24 hours'" in cursor.fetchone()[0]
