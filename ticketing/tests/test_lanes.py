"""Long lists wait for one another, and nobody else for them: the bridge's lanes and the contracts' use of them."""

import json
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from django.test import RequestFactory

from support.compat.ticketing_system import Tickets
from support.tests.factories import TicketFactory
from ticketing.runtime import server
from ticketing.runtime.server import BULK, DEFER, LANE, LONG_KNOWN, QUICK, _LongAnswers, command
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.test_server import PROJECT, eventually, free_port
from ticketing.toolkit import contracts


@pytest.fixture(scope="module")
def get():
    port = free_port()
    process = subprocess.Popen(
        command("ticketing.tests.lanes:served", host="127.0.0.1", port=port, processes=1), cwd=PROJECT
    )

    def get(path, body=None):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", body, timeout=20) as answer:
            return answer.read(), answer.headers

    def is_up():
        try:
            return get("/short")
        except OSError:
            return False

    eventually(is_up)
    yield get
    process.terminate()
    process.wait(10)


def test_short_answers_pass_by_long_ones(get):
    with ThreadPoolExecutor(20) as pool:
        long_ones = [pool.submit(get, f"/long?{number}") for number in range(20)]
        for _ in range(20):
            assert get("/short")[0] == b"short"
        assert not all(one.done() for one in long_ones)
        for one in long_ones:
            body, headers = one.result()
            assert (body, headers["X-Lane"], headers[DEFER]) == (b"long", BULK, None)


def test_a_list_known_to_be_long_does_not_pass_through_the_quick_lane_again(get):
    get("/long?again")
    before = get("/heads")[0]
    get("/long?again")
    assert get("/heads")[0] == before
    get("/long?another")
    assert get("/heads")[0] != before


def test_a_long_answer_to_a_post_is_made_from_the_same_body_and_not_remembered(get):
    before = int(get("/heads")[0])
    assert [get("/long", b"asked")[0] for _ in range(2)] == [b"asked"] * 2
    assert int(get("/heads")[0]) == before + 2


def test_what_is_remembered_is_bounded_and_forgotten(monkeypatch):
    known = _LongAnswers()
    scopes = [{"method": "GET", "raw_path": b"/", "query_string": b"%d" % n} for n in range(LONG_KNOWN + 1)]
    for scope in scopes:
        known.remember(scope)
    assert [known.lane_of(scope) for scope in (scopes[0], scopes[-1])] == [QUICK, BULK]
    later = time.monotonic() + server.LONG_FOR + 1
    monkeypatch.setattr(server, "time", SimpleNamespace(monotonic=lambda: later))
    assert known.lane_of(scopes[-1]) == QUICK


def test_the_contracts_and_the_bridge_use_the_same_words():
    assert (contracts.LANE, contracts.QUICK, contracts.DEFER.lower()) == (LANE, QUICK, DEFER)


@pytest.mark.django_db
def test_only_a_list_that_is_long_leaves_the_quick_lane(monkeypatch):
    monkeypatch.setattr(contracts, "ROWS_AT_ONCE", 2)
    user = UserFactory()
    headers = bearer(user)

    def ask(lane):
        return Tickets.as_view()(RequestFactory().get("/tickets", headers=headers, **{LANE: lane}))

    TicketFactory.create_batch(2, by=user)
    assert len(json.loads(ask(QUICK).content)) == 2
    TicketFactory(by=user)
    assert ask(QUICK)[DEFER] == "1"
    answer = ask(BULK)
    assert DEFER not in answer
    assert len(json.loads(b"".join(answer.streaming_content))) == 3
