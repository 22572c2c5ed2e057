"""The verbs of allocation: put tickets on sale, sell them, and say which of them are valid."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.utils.translation import gettext_lazy as _

from allocation.errors import BelowTaken, NotYourPurchase, SoldOut, TooManyAtOnce
from allocation.models import Ticket, TicketOption
from ticketing import rights
from ticketing.errors import Invalid, KeyReused, NotFound, Refused
from ticketing.models import Activity
from ticketing.querysets import digest
from ticketing.rights import Actor, Scope
from ticketing.texts import clean_text

MAX_STOCK = 2_147_483_647  # what a PostgreSQL integer holds
MAX_AT_ONCE = 10_000  # tickets in one purchase: so many rows are written in about half a second


@dataclass(frozen=True)
class Receipt:
    """What a purchase answers; a replay equals the first answer in everything but `replayed`."""

    id: UUID
    option_id: UUID
    buyer: UUID
    quantity: int
    created_at: datetime
    tickets: list[UUID]
    replayed: bool


@transaction.atomic
def create_option(*, name: str, description: str, allocation: int, by: Actor) -> TicketOption:
    """Put `allocation` tickets on sale."""
    rights.require(by, "allocation.change_options")
    option = TicketOption.objects.create(**_described(name, description), capacity=_counted(allocation, "allocation"))
    Activity.objects.record("allocation.create_option", option, by=by, allocation=allocation)
    return option


@transaction.atomic
def describe_option(option: TicketOption, *, name: str, description: str, by: Actor) -> TicketOption:
    """Change what an option says of itself."""
    rights.require(by, "allocation.change_options")
    described = _described(name, description)
    TicketOption.objects.filter(pk=option.pk).change(**described)
    Activity.objects.record("allocation.describe_option", option, by=by)
    option.name, option.description = described["name"], described["description"]
    return option


@transaction.atomic
def set_allocation(option: TicketOption, *, allocation: int, by: Actor) -> TicketOption:
    """Change how many tickets there are in all, or BelowTaken when more are taken already (invariant E6)."""
    rights.require(by, "allocation.change_options")
    wide_enough = TicketOption.objects.filter(pk=option.pk, taken__lte=_counted(allocation, "allocation"))
    if not wide_enough.change(capacity=allocation):
        raise BelowTaken(field="allocation")
    Activity.objects.record("allocation.set_allocation", option, by=by, allocation=allocation)
    option.capacity = allocation
    return option


@transaction.atomic
def change_option(
    option: TicketOption,
    *,
    by: Actor,
    name: str | None = None,
    description: str | None = None,
    allocation: int | None = None,
) -> TicketOption:
    """Change what is given, wholly or not at all."""
    rights.require(by, "allocation.change_options")
    if name is not None or description is not None:
        texts = {
            "name": option.name if name is None else name,
            "description": option.description if description is None else description,
        }
        describe_option(option, **texts, by=by)
    if allocation is not None:
        set_allocation(option, allocation=allocation, by=by)
    return option


def purchase(option_id: UUID, *, quantity: int, buyer: UUID, by: Actor, key: str = "") -> Receipt:
    """Sell `quantity` tickets to `buyer` in one database call, or SoldOut; the same `key` answers the same again.

    The rule is the function of migration 0002_purchase_function, one transaction of key, tickets, trail and stock.
    """
    reached = rights.require(by, "allocation.purchase")
    caller = by.pk if by is not None else None
    if reached == Scope.OWN and buyer != caller:
        raise NotYourPurchase
    arguments = {
        "wanted_option": option_id,
        "wanted": _counted(quantity, "quantity"),
        "at_most": MAX_AT_ONCE,
        "named_buyer": buyer,
        "on_behalf": _may_name_an_account(by),
        "caller_id": caller,
        "caller_role": rights.role_of(by),
        "key_caller": str(caller or ""),
        "key_route": f"allocation.purchase {option_id}",
        "key_text": key,
        "asked": digest(f"{option_id} {quantity} {buyer}"),
    }
    bought, bought_at, tickets, replayed = _call_purchase(arguments)
    return Receipt(bought, option_id, buyer, quantity, bought_at, tickets, replayed)


@transaction.atomic
def issue_ticket(*, by: Actor) -> Ticket:
    """Make a valid ticket that nobody bought."""
    rights.require(by, "allocation.issue")
    ticket = Ticket.objects.create()
    Activity.objects.record("allocation.issue", ticket, by=by)
    return ticket


@transaction.atomic
def set_validity(ticket: Ticket, *, valid: bool, by: Actor) -> Ticket:
    """Make a ticket valid or invalid; twice is harmless, and an admission stays on record (invariant E4)."""
    rights.require(by, "allocation.set_validity")
    if Ticket.objects.filter(pk=ticket.pk, valid=not valid).change(valid=valid):
        Activity.objects.record("allocation.set_validity", ticket, by=by, valid=valid)
    ticket.valid = valid
    return ticket


def validate(ticket: Ticket, *, by: Actor) -> Ticket:
    """Make a ticket valid."""
    return set_validity(ticket, valid=True, by=by)


def invalidate(ticket: Ticket, *, by: Actor) -> Ticket:
    """Make a ticket invalid."""
    return set_validity(ticket, valid=False, by=by)


def _described(name: str, description: str) -> dict[str, str]:
    return {
        "name": clean_text(name, field="name", limit=TicketOption.NAME_LIMIT),
        "description": clean_text(
            description, field="description", limit=TicketOption.DESCRIPTION_LIMIT, empty=True, lines=True
        ),
    }


def _counted(number: int, field: str) -> int:
    if not 1 <= number <= MAX_STOCK:
        sentence = _("“%(field)s” must be a whole number from 1 to %(limit)d.")
        raise Invalid(sentence % {"field": field, "limit": MAX_STOCK}, field=field)
    return number


def _may_name_an_account(by: Actor) -> bool:
    """Whether `by` may buy on behalf of an account; what the demo lets everybody do proves nobody's account."""
    return rights.cell(rights.role_of(by), "allocation.purchase", demo=False) == Scope.ALL


# What allocation_purchase() raises.
_REFUSALS: dict[str, Callable[[], Refused]] = {
    "TA400": partial(TooManyAtOnce, field="quantity"),
    "TA404": NotFound,
    "TA409": SoldOut,
    "TA422": KeyReused,
}


def _call_purchase(arguments: dict[str, Any]) -> tuple[UUID, datetime, list[UUID], bool]:
    names = ", ".join(f"{name} => %({name})s" for name in arguments)
    # On its own the call is the transaction; inside one, a refusal must leave the rest of it usable.
    guard = transaction.atomic() if connection.in_atomic_block else nullcontext()
    try:
        with guard, connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM allocation_purchase({names})", arguments)
            return cursor.fetchone()
    except DatabaseError as error:
        refusal = _REFUSALS.get(getattr(error.__cause__, "sqlstate", ""))
        if refusal is None:
            raise
        raise refusal() from error
