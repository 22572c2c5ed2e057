"""Connections of the pool: whose server has gone is seen without asking, and who rested is asked."""

import pytest
from django.db import connection
from psycopg_pool import ConnectionPool

from ticketing.runtime.pooled import base

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pooled():
    """The test database as a web process has it, on three connections."""
    options = {**connection.settings_dict["OPTIONS"], "pool": {"min_size": 3, "max_size": 3, "timeout": 5}}
    wrapper = base.DatabaseWrapper(
        {**connection.settings_dict, "OPTIONS": options, "CONN_HEALTH_CHECKS": False}, "pooled"
    )
    wrapper.pool.open(wait=True)
    yield wrapper
    wrapper.close()
    wrapper.close_pool()


@pytest.fixture
def asked(monkeypatch):
    """Who was asked whether anybody is there."""
    check, pids = ConnectionPool.check_connection, []

    def ask(connection):
        check(connection)
        pids.append(connection.info.backend_pid)

    monkeypatch.setattr(ConnectionPool, "check_connection", ask)
    return pids


def one_request(wrapper):
    """The process at the server that answered it."""
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    wrapper.close()
    return pid


def end(pids):
    """As when the server is killed: each says goodbye and hangs up."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) AS pid", [sorted(pids)])


def test_connections_that_the_server_ended_are_replaced_before_anybody_notices(pooled):
    before = {one_request(pooled) for _ in range(9)}
    assert len(before) == 3
    end(before)
    assert not before & {one_request(pooled) for _ in range(9)}


def test_who_worked_a_moment_ago_is_not_asked_again(pooled, asked):
    pids = {one_request(pooled) for _ in range(9)}
    assert sorted(asked) == sorted(pids)


def test_who_rested_is_asked(pooled, asked, monkeypatch):
    monkeypatch.setattr(base, "TRUSTED", 0)
    assert [one_request(pooled) for _ in range(6)] == asked
