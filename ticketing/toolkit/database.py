"""What the database's own refusals mean to a caller, busy or away; and statements that it plans once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, Error, InterfaceError, OperationalError, connection
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper

from ticketing.errors import Busy, Unavailable

# PostgreSQL's SQLSTATE classes and codes (its documentation, appendix A).
_BUSY = {
    "55P03": "lock_not_available",
    "40P01": "deadlock_detected",
    "40001": "serialization_failure",
    "57014": "query_canceled",
}


@contextmanager
def refusing_database_trouble() -> Iterator[None]:
    """Turn a lock or statement time-out into Busy, and a database that is away into Unavailable; neither is a 500."""
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        refusal = trouble(error)
        if refusal is None:
            raise
        raise refusal from error


def trouble(error: Error) -> Busy | Unavailable | None:
    """The refusal that a database error amounts to, or None when it is a defect of ours."""
    sqlstate = getattr(error.__cause__, "sqlstate", None)
    if sqlstate in _BUSY:
        return Busy()
    # No SQLSTATE: the connection broke or none was to be had. 08: connection, 57P: shut down, 53: out of resources.
    if sqlstate is None:
        return Unavailable() if isinstance(error, OperationalError | InterfaceError) else None
    return Unavailable() if sqlstate[:2] in {"08", "53"} or sqlstate.startswith("57P") else None


@contextmanager
def planned_once() -> Iterator[CursorWrapper]:
    """A cursor whose statements are planned once by each connection of a web process, for what every call asks again.

    Their values travel apart from them. Planning takes the database longer than finding a row.
    """
    connection.ensure_connection()
    bare: Any = ServerBindingCursor(connection.connection)  # type: ignore[call-arg]
    with connection.make_debug_cursor(bare) if connection.queries_logged else connection.make_cursor(bare) as cursor:
        yield cursor
