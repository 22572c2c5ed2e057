"""What tickets-api keeps: bare tickets, with the moment at which each was made in seconds since 1970."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from allocation.actions.moving_in import move_in_tickets
from allocation.models import Ticket
from ticketing.toolkit.tables import Row, Table

NAME = "tickets-api"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECONDS = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?")
LATEST = 2**34  # seconds: the year 2514


def tables() -> list[Table]:
    """The one table."""
    return [Table("tickets", "id timestamp valid", _ticket, move_in_tickets)]


def _ticket(row: Row) -> Ticket:
    made_at = _made_at(row)
    return Ticket(pk=row.uuid("id"), valid=row.boolean("valid"), created_at=made_at, updated_at=made_at)


def _made_at(row: Row) -> datetime:
    text = str(row.required("timestamp")).strip()
    if not SECONDS.fullmatch(text) or (seconds := Decimal(text)) >= LATEST:
        raise row.wrong("timestamp", _("“%(field)s” must be a number of seconds since 1970."))
    return EPOCH + timedelta(microseconds=round(seconds * 1_000_000))
