"""Verbs that move the ticket options, purchases and tickets of other systems in; see ticketing/actions/moving_in.py."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from allocation.actions.sales import MAX_AT_ONCE
from allocation.errors import SoldOut, TooManyAtOnce
from allocation.models import Purchase, Ticket, TicketOption
from ticketing.actions.moving_in import (
    NotHere,
    Outcome,
    again_if_others_interfere,
    begin,
    newcomers,
    refuse,
    refuse_future,
    settle,
)
from ticketing.errors import Invalid
from ticketing.rights import Actor

BATCH = 5_000  # tickets in one INSERT

Bought = tuple[UUID | None, UUID | None]  # a purchase and an option


@again_if_others_interfere
@transaction.atomic
def move_in_options(options: Sequence[TicketOption], *, source: str, by: Actor) -> Outcome:
    """Put options on sale with all that they ever had: what is left there, and what is sold and moves in next."""
    now = begin(by)
    outcome = Outcome()
    new = newcomers(options, compared=("name", "description", "capacity"), outcome=outcome)
    refuse_future(new, now, outcome)
    for position, option in list(new.items()):
        if option.capacity < 1:
            refuse(new, position, Invalid(_("Nothing of it is left, and nothing was sold.")), outcome)
    TicketOption.objects.bulk_create(new.values())
    settle("allocation.move_in_options", new, outcome, source=source, by=by)
    return outcome


@again_if_others_interfere
@transaction.atomic
def move_in_purchases(purchases: Sequence[Purchase], *, source: str, by: Actor) -> Outcome:
    """Add purchases with as many tickets as were bought, taken from their options; SoldOut where none is left."""
    now = begin(by)
    outcome = Outcome()
    new = newcomers(purchases, compared=("option_id", "buyer", "quantity"), outcome=outcome)
    refuse_future(new, now, outcome)
    named = {purchase.option_id for purchase in new.values()}
    options = TicketOption.objects.filter(pk__in=named).select_for_update(no_key=True).order_by("pk")
    left = {option.pk: option.left for option in options}
    for position, purchase in list(new.items()):
        _take(new, position, purchase, left, outcome)
    Purchase.objects.bulk_create(new.values())
    for batch in _batches(_tickets_of(new.values())):
        Ticket.objects.bulk_create(batch)
    settle("allocation.move_in_purchases", new, outcome, source=source, by=by)
    _count_buyers(new.values())
    for option, sold in sorted(_sold(new.values()).items()):
        TicketOption.objects.filter(pk=option).update(taken=F("taken") + sold)
    return outcome


def _take(new: dict[int, Purchase], position: int, purchase: Purchase, left: dict[UUID, int], outcome: Outcome) -> None:
    if purchase.option_id not in left:
        refuse(new, position, NotHere(_("The ticket option it belongs to is not here."), field="option"), outcome)
    elif purchase.quantity > MAX_AT_ONCE:
        refuse(new, position, TooManyAtOnce(field="quantity"), outcome)
    elif purchase.quantity > left[purchase.option_id]:
        refuse(new, position, SoldOut(field="quantity"), outcome)
    else:
        left[purchase.option_id] -= purchase.quantity


def _sold(purchases: Iterable[Purchase]) -> Counter[UUID]:
    sold: Counter[UUID] = Counter()
    for purchase in purchases:
        if purchase.option_id:
            sold[purchase.option_id] += purchase.quantity
    return sold


_COUNT = """
INSERT INTO allocation_buyercount AS had (option_id, buyer, taken)
SELECT option, buyer, sum(quantity)
FROM unnest(%(options)s::uuid[], %(buyers)s::uuid[], %(quantities)s::int[]) AS bought (option, buyer, quantity)
GROUP BY option, buyer ORDER BY option, buyer
ON CONFLICT (option_id, buyer) DO UPDATE SET taken = had.taken + excluded.taken
"""


def _count_buyers(purchases: Collection[Purchase]) -> None:
    """What moves in counts for the limit per customer, and may be above it."""
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {
                "options": [purchase.option_id for purchase in purchases],
                "buyers": [purchase.buyer for purchase in purchases],
                "quantities": [purchase.quantity for purchase in purchases],
            },
        )


def _tickets_of(purchases: Iterable[Purchase]) -> Iterator[Ticket]:
    for purchase in purchases:
        for number in range(1, purchase.quantity + 1):
            yield Ticket(
                pk=_unnamed(purchase.pk, number),
                option_id=purchase.option_id,
                purchase=purchase,
                holder_id=purchase.account_id,
                number=number,
                created_at=purchase.created_at,
                updated_at=purchase.created_at,
            )


def _batches(tickets: Iterator[Ticket]) -> Iterator[list[Ticket]]:
    while batch := list(islice(tickets, BATCH)):
        yield batch


def _unnamed(purchase: UUID, number: int) -> UUID:
    """The id of a ticket that the source gave none: the same every time, and a secret like any that admits (E7)."""
    mac = salted_hmac("allocation.moved_ticket", f"{purchase}:{number}", secret=settings.SECRET_KEY, algorithm="sha256")
    return UUID(bytes=mac.digest()[:16], version=4)


_RENAME = """
UPDATE allocation_ticket AS ticket SET id = named.id, created_at = named.created_at, updated_at = named.updated_at
FROM unnest(%(unnamed)s::uuid[], %(ids)s::uuid[], %(created)s::timestamptz[], %(updated)s::timestamptz[])
    AS named (unnamed, id, created_at, updated_at)
WHERE ticket.id = named.unnamed
"""


@again_if_others_interfere
@transaction.atomic
def move_in_bought_tickets(tickets: Sequence[Ticket], *, source: str, by: Actor) -> Outcome:
    """Give tickets of purchases the ids they had, the first numbers first."""
    now = begin(by)
    outcome = Outcome()
    new = newcomers(tickets, compared=("option_id", "purchase_id"), outcome=outcome)
    refuse_future(new, now, outcome)
    for position, ticket in list(new.items()):
        if ticket.pk.version != 4:
            sentence = _("The id of a ticket that admits somebody must be random (UUID version 4).")
            refuse(new, position, Invalid(sentence, field="id"), outcome)
    free = _unnamed_tickets(new.values())
    renamed = []
    for position, ticket in list(new.items()):
        waiting = free.get((ticket.purchase_id, ticket.option_id))
        if not waiting:
            sentence = _("Its purchase is not here, or all tickets of it have their ids.")
            refuse(new, position, NotHere(sentence, field="purchase"), outcome)
            continue
        renamed.append((waiting.pop(0), ticket))
    _rename(renamed)
    settle("allocation.move_in_bought_tickets", new, outcome, source=source, by=by)
    return outcome


def _unnamed_tickets(tickets: Iterable[Ticket]) -> dict[Bought, list[UUID]]:
    """By purchase and option, as many tickets without an id of the source as are wanted, the first numbers first."""
    wanted = Counter((ticket.purchase_id, ticket.option_id) for ticket in tickets)
    free: dict[Bought, list[UUID]] = {key: [] for key in wanted}
    rows = Ticket.objects.filter(purchase__in={purchase for purchase, _option in wanted}, admitted_at=None)
    columns = rows.order_by("number").values_list("pk", "number", "purchase_id", "option_id")
    for pk, number, purchase, option in columns.iterator(chunk_size=BATCH):
        found = free.get((purchase, option), [])
        if len(found) < wanted[purchase, option] and purchase and number and pk == _unnamed(purchase, number):
            found.append(pk)
    return free


def _rename(pairs: list[tuple[UUID, Ticket]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _RENAME,
            {
                "unnamed": [unnamed for unnamed, _ticket in pairs],
                "ids": [ticket.pk for _unnamed, ticket in pairs],
                "created": [ticket.created_at for _unnamed, ticket in pairs],
                "updated": [ticket.updated_at for _unnamed, ticket in pairs],
            },
        )


@again_if_others_interfere
@transaction.atomic
def move_in_tickets(tickets: Sequence[Ticket], *, source: str, by: Actor) -> Outcome:
    """Add tickets that nobody bought, valid or not as they were."""
    now = begin(by)
    outcome = Outcome()
    new = newcomers(tickets, compared=("purchase_id", "created_at", "valid"), outcome=outcome)
    refuse_future(new, now, outcome)
    Ticket.objects.bulk_create(new.values())
    settle("allocation.move_in", new, outcome, source=source, by=by)
    return outcome
