import threading
from datetime import timedelta

import pytest
from django.db import connections

from ticketing.actions.keys import Rate, spend
from ticketing.errors import TooManyRequests
from ticketing.models import Allowance
from ticketing.tests.factories import UserFactory, bearer
from ticketing.toolkit.throttles import parse_rate

HOURLY = Rate(10, timedelta(hours=1))


def spends(times, key="somebody", rate=HOURLY):
    done = 0
    for _ in range(times):
        try:
            spend(key, rate)
            done += 1
        except TooManyRequests:
            pass
    return done


@pytest.mark.django_db
def test_so_many_pass_and_then_no_more():
    assert spends(12) == 10
    assert spends(12, key="somebody else") == 10


@pytest.mark.django_db
def test_each_comes_back_after_its_part_of_the_time():
    spends(10)
    Allowance.objects.update(spent_until=Allowance.objects.get().spent_until - timedelta(minutes=13))
    assert spends(5) == 2


@pytest.mark.django_db
def test_the_refusal_says_how_long_to_wait():
    spends(10)
    with pytest.raises(TooManyRequests) as refused:
        spend("somebody", HOURLY)
    assert 355 <= refused.value.retry_after <= 361


@pytest.mark.django_db(transaction=True)
def test_many_at_once_pass_exactly_as_often_as_allowed():
    passed, start = [], threading.Barrier(8)

    def run():
        start.wait()
        passed.append(spends(5))
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 10


@pytest.mark.parametrize("text", ["", "10", "10/fortnight", "0/minute", "-1/minute", "1.5/minute", "10/minute "])
def test_a_rate_that_makes_no_sense_is_refused(text):
    with pytest.raises(ValueError, match="is not a rate"):
        parse_rate(text)


@pytest.mark.django_db
def test_questions_without_an_account_are_throttled_by_address_over_a_contract_too(client, production, settings):
    settings.THROTTLES = {"anonymous": "100/hour", "support.raise_unverified": "2/hour"}
    asked = {"user_id": "1", "phone": "2", "query": "hey"}

    def ask(**more):
        path = "/api/customer/ticket/generate"
        return client.post(path, asked, content_type="application/json", **more).status_code

    assert [ask(), ask(), ask()] == [200, 200, 429]
    assert ask(REMOTE_ADDR="2001:db8:1:2::1") == 200
    assert ask(REMOTE_ADDR="2001:db8:1:2:ffff::2") == 200
    assert ask(REMOTE_ADDR="2001:db8:1:2:aaaa::3") == 429
    assert ask(REMOTE_ADDR="2001:db8:1:3::1") == 200
    assert ask(headers=bearer(UserFactory())) == 200
    assert client.get("/health").status_code == 200


@pytest.mark.django_db
def test_nobody_guesses_the_password_of_a_session_they_found(client, production, settings):
    settings.THROTTLES = {"account": "100/hour", "account.profile": "2/hour"}
    client.force_login(UserFactory())
    guess = {"old": "guess", "new": "correct horse battery stapler"}

    def change():
        return client.post("/api/v1/account/password/", guess, content_type="application/json").status_code

    assert [change(), change(), change()] == [400, 400, 429]
    assert client.get("/api/v1/account/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/password-resets/", "/api/v1/sign-ups/"])
@pytest.mark.parametrize("with_token", [True, False])
def test_mails_to_strangers_are_rare_with_and_without_an_account(client, production, settings, path, with_token):
    settings.THROTTLES = {"anonymous": "100/hour", "account": "100/hour", "account.sign_up": "2/hour"}
    headers = bearer(UserFactory()) if with_token else {}

    def ask(name):
        body = {"email": f"{name}@example.org"}
        return client.post(path, body, content_type="application/json", headers=headers).status_code

    assert [ask("a"), ask("b"), ask("c")] == [202, 202, 429]


@pytest.mark.django_db
def test_a_page_that_is_asked_for_too_often_says_so_with_its_status(client, production, settings):
    settings.THROTTLES = {"account.sign_up": "1/hour"}
    answers = [
        client.post(
            "/account/forgot/", {"email": "a@example.org"}, headers={"Referer": "https://testserver/"}, secure=True
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [302, 429]
    assert int(answers[1]["Retry-After"]) > 3000
