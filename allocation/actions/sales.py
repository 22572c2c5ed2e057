"""The verb that sells: one call of a function inside the database.

What is overdue, holds and offers of the waiting list, is released by whoever finds too little left, before they say so;
so no timer is needed to be right. Locks are taken in one order everywhere: a hold or tickets, the counts of buyers in
ascending order of (option, buyer), the options in ascending key, each with those who wait for it before the next.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from allocation.actions.options import counted
from allocation.actions.overdue import lapse_holds, release_overdue_of
from allocation.errors import (
    HoldEnded,
    LimitReached,
    NoLongerOnSale,
    NotOnSaleYet,
    NotYourPurchase,
    SoldOut,
    TooManyAtOnce,
    WrongQuantity,
)
from allocation.models import TicketOption
from allocation.querysets import sees_unpublished
from ticketing import rights
from ticketing.errors import Invalid, KeyReused, NotFound, Refused
from ticketing.querysets import digest
from ticketing.rights import Actor, Scope
from ticketing.toolkit.database import planned_once

MAX_AT_ONCE = 10_000  # tickets in one purchase: so many rows are written in about half a second
ROUTE = "allocation.purchase"  # of its idempotency keys

Wanted = Mapping[UUID, int]  # how many of which option
_T = TypeVar("_T")


@dataclass(frozen=True)
class Receipt:
    """What a purchase answers; a replay equals the first answer in everything but `replayed`."""

    id: UUID
    buyer: UUID
    quantity: int
    created_at: datetime
    tickets: list[UUID]
    replayed: bool

    @property
    def pk(self) -> UUID:
        """As of the purchase itself."""
        return self.id

    @property
    def updated_at(self) -> datetime:
        """Nothing has happened to it since."""
        return self.created_at


def purchase(option_id: UUID, *, quantity: int, buyer: UUID, by: Actor, key: str = "") -> Receipt:
    """Sell `quantity` tickets of one option to `buyer`; see `buy`. A `key` of another option is another key."""
    return buy({option_id: quantity}, buyer=buyer, by=by, key=key, route=f"{ROUTE} {option_id}")


def buy(wanted: Wanted, *, buyer: UUID, by: Actor, key: str = "", route: str = ROUTE) -> Receipt:
    """Sell so many of each option to `buyer`, all or nothing; the same `key` of a `route` answers the same again.

    SoldOut, LimitReached, NotOnSaleYet, NoLongerOnSale, WrongQuantity, TooManyAtOnce, NotFound, KeyReused. The rule is
    the functions of migration 0006, one transaction of key, buyer's count, tickets, trail and stocks.
    """
    require_buyer(buyer, "allocation.purchase", by=by)
    require_some(wanted)
    sale = partial(sell, wanted, source="left", buyer=buyer, by=by, key=key, route=route)
    return after_release(sale, buyer=buyer)


def require_buyer(buyer: UUID, operation: str, *, by: Actor) -> None:
    """Whoever reaches only their own buys for themselves, or NotYourPurchase."""
    if rights.require(by, operation) == Scope.OWN and buyer != (by.pk if by is not None else None):
        raise NotYourPurchase


def require_some(wanted: Wanted) -> None:
    """Something is wanted, and of each option a number that can be."""
    if not wanted:
        raise Invalid(_("Choose at least one ticket."), field="items")
    for quantity in wanted.values():
        counted(quantity, "quantity")


def after_release(verb: Callable[[], _T], *, buyer: UUID) -> _T:
    """What the verb returns; what is overdue and in its way is released, once of each option, and it tries again.

    Where too little is left, that is anybody's; where the limit is reached, the buyer's own holds.
    """
    released: set[tuple[str, UUID]] = set()
    while True:
        try:
            return verb()
        except (SoldOut, LimitReached) as refusal:
            option = refusal.option
            if option is None or not option.has_overdue or (refusal.code, option.pk) in released:
                raise
            released.add((refusal.code, option.pk))
            if isinstance(refusal, SoldOut):
                release_overdue_of(option)
            elif not lapse_holds(option, buyer=buyer):
                raise


def sell(
    wanted: Wanted,
    *,
    source: str,
    buyer: UUID,
    by: Actor,
    key: str = "",
    route: str = ROUTE,
    hold: UUID | None = None,
) -> Receipt:
    """One call of the function: from what is `left`, from a `hold`, or from an `offer` that is counted as held."""
    caller = by.pk if by is not None else None
    options = sorted(wanted)
    arguments = {
        "wanted_options": array(options),
        "wanted": array(wanted[option] for option in options),
        "source": source,
        "from_hold": hold,
        "at_most": MAX_AT_ONCE,
        "named_buyer": buyer,
        "on_behalf": _may_name_an_account(by),
        "sees_unpublished": sees_unpublished(by),
        "caller_id": caller,
        "caller_role": rights.role_of(by),
        "key_caller": caller_of(by),
        "key_route": route,
        "key_text": key,
        "asked": fingerprint(wanted, buyer, hold),
    }
    bought, bought_at, total, tickets, replayed = call("allocation_purchase", arguments)
    return Receipt(bought, buyer, total, bought_at, tickets, replayed)


def caller_of(by: Actor) -> str:
    """Whose an idempotency key is; nobody's without an account."""
    return str(by.pk or "") if by is not None else ""


def fingerprint(wanted: Wanted, buyer: UUID, hold: UUID | None = None) -> str:
    """What a request asked for, by which its key is known again."""
    asked = [f"{option} {wanted[option]}" for option in sorted(wanted)]
    return digest(" ".join([*asked, str(buyer), *([str(hold)] if hold else [])]))


def ask(wanted: Wanted, *, buyer: UUID, by: Actor) -> None:
    """Keep the terms of the sale and count the tickets for the buyer, as a purchase does; refuses like it."""
    options = sorted(wanted)
    arguments = {
        "wanted_options": array(options),
        "wanted": array(wanted[option] for option in options),
        "at_most": MAX_AT_ONCE,
        "named_buyer": buyer,
        "sees_unpublished": sees_unpublished(by),
        "from_left": True,
    }
    call("allocation_ask", arguments)


def array(values: Iterable[UUID | int]) -> str:
    """An array as PostgreSQL reads it. The driver would look at each value before it says what they are."""
    return f"{{{','.join(map(str, values))}}}"


def _may_name_an_account(by: Actor) -> bool:
    """Whether `by` may buy on behalf of an account; what the demo lets everybody do proves nobody's account."""
    return rights.cell(rights.role_of(by), "allocation.purchase", demo=False) == Scope.ALL


def sold_out(option: Any) -> SoldOut:
    """With what is left of it; the option says in `has_overdue` whether something could be released."""
    refusal = SoldOut(_left_of(option))
    refusal.option = option
    return refusal


def _left_of(option: TicketOption) -> str:
    if not option.left:
        return _("“%(name)s” is sold out.") % {"name": option.name}
    sentence = ngettext(
        "Only %(left)d ticket of “%(name)s” is left.", "Only %(left)d tickets of “%(name)s” are left.", option.left
    )
    return sentence % {"left": option.left, "name": option.name}


def limit_reached(option: TicketOption) -> LimitReached:
    """With the limit; the option says in `has_overdue` whether something could be released, if that was asked."""
    sentence = _("One customer may have %(limit)d of “%(name)s”, held ones included. Choose fewer.")
    refusal = LimitReached(sentence % {"limit": option.limit or 0, "name": option.name}, field="quantity")
    refusal.option = option
    return refusal


def _not_on_sale_yet(option: TicketOption) -> NotOnSaleYet:
    if not option.on_sale_from:
        return NotOnSaleYet()
    zone = option.event.zone if option.event else None
    begins = date_format(timezone.localtime(option.on_sale_from, zone), "DATETIME_FORMAT")
    return NotOnSaleYet(_("“%(name)s” is on sale from %(begins)s.") % {"name": option.name, "begins": begins})


def wrong_quantity(option: TicketOption) -> WrongQuantity:
    """With what is sold at once."""
    if option.most is None:
        sentence = _("“%(name)s” is sold at least %(least)d at once.")
    else:
        sentence = _("“%(name)s” is sold %(least)d to %(most)d at once.")
    said = {"name": option.name, "least": option.least, "most": option.most}
    return WrongQuantity(sentence % said, field="quantity")


# What the functions raise: of the whole request, and of one option.
_REFUSALS: dict[str, Callable[[], Refused]] = {
    "TA400": partial(TooManyAtOnce, field="quantity"),
    "TA404": NotFound,
    "TA408": HoldEnded,
    "TA422": KeyReused,
}
_OF_OPTION: dict[str, Callable[[TicketOption], Refused]] = {
    "TA409": sold_out,
    "TA410": lambda option: NoLongerOnSale(),
    "TA413": limit_reached,
    "TA416": wrong_quantity,
    "TA425": _not_on_sale_yet,
}


def call(function: str, arguments: dict[str, Any]) -> Any:
    """The row that a function of the database returns; what it raises is refused in our words."""
    names = ", ".join(f"{name} => %({name})s" for name in arguments)
    # On its own the call is the transaction; inside one, a refusal must leave the rest of it usable.
    guard = transaction.atomic() if connection.in_atomic_block else nullcontext()
    try:
        with guard:
            return planned_once(f"SELECT * FROM {function}({names})", arguments)
    except DatabaseError as error:
        if refusal := _refusal(error.__cause__):
            raise refusal from error
        raise


def _refusal(raised: Any) -> Refused | None:
    code = getattr(raised, "sqlstate", "") or ""
    if code in _OF_OPTION:
        options = TicketOption.objects.with_overdue().select_related("event")
        option = options.filter(pk=raised.diag.message_detail).first()
        return _OF_OPTION[code](option) if option else NotFound()
    return _REFUSALS[code]() if code in _REFUSALS else None
