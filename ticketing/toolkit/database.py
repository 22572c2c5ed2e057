"""What the database's own refusals mean to a caller, busy or away; and statements that it plans once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from django.db import DEFAULT_DB_ALIAS, DatabaseError, Error, InterfaceError, OperationalError, connections
from django.db.backends.postgresql.base import ServerBindingCursor
from psycopg.pq import Format

from ticketing.errors import Busy, Unavailable

Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any]

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


def planned_once(statement: str, parameters: Parameters) -> tuple[Any, ...] | None:
    """The first row of a statement that each connection of a web process plans once, for what every call asks again.

    Its values travel apart from it, as planning takes the database longer than finding a row; and what comes back is
    in binary, as reading an instant from text takes us longer than all the rest of the row.
    """
    database = connections[DEFAULT_DB_ALIAS]
    database.ensure_connection()
    cursor: Any = ServerBindingCursor(database.connection)  # type: ignore[call-arg]
    cursor.format = Format.BINARY
    if database.queries_logged or database.execute_wrappers:  # somebody looks on
        cursor = (database.make_debug_cursor if database.queries_logged else database.make_cursor)(cursor)
    database.validate_no_broken_transaction()
    with database.wrap_database_errors:
        cursor.execute(statement, parameters)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row
