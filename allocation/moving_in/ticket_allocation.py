"""What ticket-allocation keeps: options, purchases and tickets, as its tables or its API spell them.

`Allocation` there is what is left: every purchase lowers it. Here the capacity is all there ever was, so what was sold
is counted first. Its tickets are one row per purchase, whatever the quantity; here there is one for each place.
"""

from collections import Counter
from functools import partial
from typing import Any
from uuid import UUID

from allocation.actions import MAX_AT_ONCE, MAX_STOCK
from allocation.actions.moving_in import move_in_bought_tickets, move_in_options, move_in_purchases
from allocation.models import Purchase, Ticket, TicketOption
from ticketing.toolkit.tables import Row, Table

NAME = "ticket-allocation"


def tables() -> list[Table]:
    """The tables in the order in which they are moved."""
    sold: Counter[UUID] = Counter()
    option, count = partial(_option, sold=sold), partial(_count, sold=sold)
    bought = "id quantity user_id ticket_option_id"
    return [
        Table("ticket_options", "id name allocation", option, move_in_options, beside="purchases"),
        Table("purchases", bought, _purchase, move_in_purchases, count=count),
        Table("tickets", "id ticket_option_id purchase_id", _ticket, move_in_bought_tickets),
    ]


def _count(purchase: Purchase, *, sold: Counter[UUID]) -> None:
    sold[purchase.option_id] += purchase.quantity


def _option(row: Row, *, sold: Counter[UUID]) -> TicketOption:
    option = row.uuid("id")
    # Below zero is what the source sold twice; whoever bought it has a ticket all the same.
    left = max(row.integer("allocation", least=-MAX_STOCK), 0)
    return TicketOption(
        pk=option,
        name=row.text("name", TicketOption.NAME_LIMIT),
        description=row.text("desc", TicketOption.DESCRIPTION_LIMIT, empty=True, lines=True),
        capacity=min(left + sold[option], MAX_STOCK),
        **_times(row),
    )


def _purchase(row: Row) -> Purchase:
    return Purchase(
        pk=row.uuid("id"),
        option_id=row.uuid("ticket_option_id"),
        buyer=row.uuid("user_id"),
        quantity=row.integer("quantity", most=MAX_AT_ONCE),
        **_times(row),
    )


def _ticket(row: Row) -> Ticket:
    return Ticket(
        pk=row.uuid("id"), option_id=row.uuid("ticket_option_id"), purchase_id=row.uuid("purchase_id"), **_times(row)
    )


def _times(row: Row) -> dict[str, Any]:
    created_at = row.instant("created_at")
    return {"created_at": created_at, "updated_at": row.instant("updated_at") if row.raw("updated_at") else created_at}
