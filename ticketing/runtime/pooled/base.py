"""Connections from a pool, of which only those are asked whether they still work that have rested for a while."""

import select
from time import monotonic
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Error
from psycopg_pool import ConnectionPool

# Seconds for which a connection that worked is trusted unless it hangs up. A machine that loses its power and a
# firewall that forgets end connections without a word; who finds out is the first to come after a rest.
TRUSTED = 1


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, with another look at what the pool gives."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that works; for each that does not, the pool makes another."""
        connection: Any = super().get_new_connection(conn_params)
        while not works(connection):
            connection.close()
            connection._pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        connection.worked_at = monotonic()
        return connection


def works(connection: Any) -> bool:
    """Whether the server is still there. One that ends hangs up, even when killed: that is seen without asking."""
    try:
        if monotonic() - getattr(connection, "worked_at", 0) > TRUSTED or _has_heard(connection):
            ConnectionPool.check_connection(connection)
    except Error:
        return False
    return True


def _has_heard(connection: Any) -> bool:
    """Whether something came that nobody asked for: a goodbye, or the news of another setting."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
