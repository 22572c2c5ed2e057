"""/health/ready: a word for each part, and the numbers for those who look after the site."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.test import Client
from django_q.models import OrmQ

from allocation.tests.factories import TicketOptionFactory
from ticketing.actions import create_webhook
from ticketing.models import Delivery, Heartbeat, Mail
from ticketing.runtime.heartbeat import BEATING, PATIENCE
from ticketing.tests.factories import UserFactory, bearer

pytestmark = pytest.mark.django_db


@pytest.fixture
def beating():
    for name in BEATING:
        Heartbeat.objects.beat(name)


def ask(**headers):
    answer = Client().get("/health/ready", headers=headers)
    return answer.status_code, answer.json()


def test_a_site_at_work_is_ready(beating):
    status, body = ask()
    assert (status, body["status"], body["mode"]) == (200, "ok", "demo")
    assert set(body["parts"].values()) == {"ok"}
    assert {"database", "cluster", "sweep", "queue", "mail", "webhooks"} <= set(body["parts"])


def test_it_says_in_which_mode(beating, production):
    assert ask()[1]["mode"] == "production"


@pytest.mark.parametrize("name", sorted(BEATING))
def test_a_process_that_gives_no_sign_of_life_is_silent(beating, name):
    Heartbeat.objects.filter(name=name).update(at=Now() - PATIENCE - timedelta(seconds=1))
    status, body = ask()
    assert (status, body["parts"].pop(name), set(body["parts"].values())) == (503, "silent", {"ok"})


def test_a_process_that_never_began_is_silent():
    status, body = ask()
    assert (status, body["parts"]["cluster"]) == (503, "silent")


@pytest.mark.parametrize(("minutes", "word"), [(1, "ok"), (3, "late")])
def test_a_task_that_waits_too_long_is_late(beating, minutes, word):
    OrmQ.objects.create(key="ticketing", payload="x", lock=None)
    OrmQ.objects.update(lock=Now() - timedelta(minutes=minutes))
    assert ask()[1]["parts"]["queue"] == word


def test_a_task_at_work_is_not_late(beating):
    OrmQ.objects.create(key="ticketing", payload="x", lock=None)
    OrmQ.objects.update(lock=Now() + timedelta(minutes=1))
    body = ask(**bearer(UserFactory(role="supervisor")))[1]
    assert (body["parts"]["queue"], body["seconds"]["queue"]) == ("ok", None)


@pytest.mark.parametrize(("minutes", "word"), [(1, "ok"), (3, "late"), (-3, "ok")])
def test_a_mail_that_is_due_for_too_long_is_late(beating, minutes, word):
    Mail.objects.create(to="a@example.org", template="x", next_at=Now() - timedelta(minutes=minutes))
    assert ask()[1]["parts"]["mail"] == word


def test_a_mail_that_was_given_up_is_counted_and_makes_nothing_unready(beating):
    Mail.objects.create(to="a@example.org", template="x", next_at=Now() - timedelta(hours=9), dead_at=Now())
    status, body = ask(**bearer(UserFactory(role="supervisor")))
    assert (status, body["given_up"]) == (200, 1)


def test_the_numbers_are_for_those_who_look_after_the_site(beating):
    OrmQ.objects.create(key="ticketing", payload="x", lock=None)
    OrmQ.objects.update(lock=Now() - timedelta(seconds=90))
    for nobody in ({}, bearer(UserFactory()), bearer(UserFactory(role="agent")), {"Authorization": "Bearer x"}):
        assert set(ask(**nobody)[1]) == {"status", "mode", "parts"}
    body = ask(**bearer(UserFactory(role="supervisor")))[1]
    assert 90 <= body["seconds"]["queue"] <= 100
    assert body["seconds"]["mail"] is None


def test_a_database_that_is_away_is_said_and_not_raised(monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError

    monkeypatch.setattr(connection, "cursor", away)
    status, body = ask()
    assert (status, body["parts"]) == (503, {"database": "away"})


def test_it_costs_five_queries(beating, django_assert_num_queries):
    with django_assert_num_queries(5):
        ask()


def test_only_reading_is_answered():
    assert Client().post("/health/ready").status_code == 405


@pytest.mark.parametrize(("fails", "word"), [(True, "ok"), (False, "late")])
def test_what_waits_behind_a_receiver_that_fails_is_not_the_sites_fault(beating, fails, word):
    create_webhook(url="https://example.org/hook", by=None)
    TicketOptionFactory.create_batch(3)
    Delivery.objects.update(next_at=Now() - timedelta(hours=9))
    if fails:
        one = Delivery.objects.first()
        Delivery.objects.filter(pk=one.pk).update(attempts=3, next_at=Now() + timedelta(minutes=1))
    assert ask()[1]["parts"]["webhooks"] == word
