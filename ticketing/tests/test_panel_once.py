from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import RequestFactory

from ticketing.errors import Conflict
from ticketing.models import IdempotencyKey, User
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes
from ticketing.toolkit.panel import OnceForm, SentBefore, once


def sent(by, **answers):
    """The request of a form."""
    request = RequestFactory().post("/", {"csrfmiddlewaretoken": uuid4().hex, **answers})
    request.user = by
    return request


@pytest.mark.django_db
def test_the_same_form_sent_twice_makes_one_thing_and_answers_with_it_both_times():
    person, key = UserFactory(), uuid4()
    first, second = [once(sent(person, name="Ada"), key, "test", UserFactory) for _ in range(2)]
    assert first == second
    assert User.objects.exclude(pk=person.pk).get().pk == first


@pytest.mark.django_db
def test_keys_are_apart_by_person_route_and_key():
    person, key = UserFactory(), uuid4()
    made = {
        once(sent(person), key, "test", UserFactory),
        once(sent(UserFactory()), key, "test", UserFactory),
        once(sent(AnonymousUser()), key, "test", UserFactory),
        once(sent(person), key, "other", UserFactory),
        once(sent(person), uuid4(), "test", UserFactory),
        once(sent(person), None, "test", UserFactory),
        once(sent(person), None, "test", UserFactory),
    }
    assert len(made) == 7


@pytest.mark.django_db
def test_other_answers_with_the_same_key_are_refused():
    person, key = UserFactory(), uuid4()
    once(sent(person, name="Ada"), key, "test", UserFactory)
    with nothing_changes(), pytest.raises(SentBefore, match="sent before"):
        once(sent(person, name="Grace"), key, "test", UserFactory)


@pytest.mark.django_db
def test_a_refused_form_leaves_no_key_and_may_be_sent_again():
    def refuse():
        raise Conflict

    person, key = UserFactory(), uuid4()
    with nothing_changes(), pytest.raises(Conflict):
        once(sent(person), key, "test", refuse)
    once(sent(person), key, "test", UserFactory)
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_make_one():
    person, key = UserFactory(), uuid4()

    def send(_):
        try:
            return once(sent(person), key, "test", UserFactory)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(send, range(2))
    assert first == second


def test_a_form_has_a_key_of_its_own_each_time_it_is_shown():
    assert OnceForm()["form_key"].value() != OnceForm()["form_key"].value()
