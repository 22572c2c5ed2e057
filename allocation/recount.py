"""One option counted again, step by step, beside what its books say (see manage.py audit --explain)."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.db.models.functions import Now
from django.utils import timezone

from allocation.errors import AmbiguousName, NoSuchOption
from allocation.models import HeldItem, Ticket, TicketOption
from ticketing.models import Waiter
from ticketing.toolkit.contracts import parse_uuid

NAMED = 20  # overdue holds, and options of one name


class Overdue(NamedTuple):
    """What is still held although its time is over."""

    what: str
    id: UUID
    quantity: int
    until: datetime


class Held(NamedTuple):
    """What holds, or offers of the waiting list, account for."""

    quantity: int
    number: int
    overdue: list[Overdue]


class Recount(NamedTuple):
    """An option with what there is of it."""

    option: TicketOption
    bought: int
    returned: int
    holds: Held
    offers: Held

    @property
    def sold(self) -> int:
        """How many tickets were bought and not given back."""
        return self.bought - self.returned

    @property
    def held(self) -> int:
        """How many are held, overdue ones included."""
        return self.holds.quantity + self.offers.quantity

    @property
    def taken(self) -> int:
        """How many are sold or held."""
        return self.sold + self.held

    @property
    def left(self) -> int:
        """How many there are still."""
        return self.option.capacity - self.taken

    @property
    def agrees(self) -> bool:
        """Whether the books say the same, and no more is taken than there is."""
        return (self.option.taken, self.option.held) == (self.taken, self.held) and self.left >= 0


def option_named(named: str) -> TicketOption:
    """The option of this id, or the only one of this name; NoSuchOption or AmbiguousName."""
    by_name = Q(name__iexact=named.strip())
    wanted = by_name | Q(pk=pk) if (pk := parse_uuid(named)) else by_name
    found = list(TicketOption.objects.select_related("event").filter(wanted).order_by("created_at", "pk")[:NAMED])
    if not found:
        raise NoSuchOption
    if len(found) > 1:
        raise AmbiguousName.of([str(option.pk) for option in found])
    return found[0]


def recount(option: TicketOption) -> Recount:
    """Count what there is of an option: four queries."""
    tickets = Ticket.objects.filter(option=option).aggregate(
        bought=Count("pk"), returned=Count("pk", filter=Q(cancelled_at__isnull=False))
    )
    return Recount(option, **tickets, holds=_held(option), offers=_offered(option))


def _held(option: TicketOption) -> Held:
    items = HeldItem.objects.filter(option=option, hold__state="held")
    sums = items.aggregate(quantity=Sum("quantity", default=0), number=Count("hold"))
    overdue = items.filter(hold__until__lte=Now()).order_by("hold__until", "hold")
    rows = overdue.values_list("hold", "quantity", "hold__until")[:NAMED]
    return Held(**sums, overdue=[Overdue("hold", *row) for row in rows])


def _offered(option: TicketOption) -> Held:
    offers = Waiter.objects.offered().filter(kind=option._meta.label_lower, stock=option.pk)
    sums = offers.aggregate(quantity=Sum("offered", default=0), number=Count("pk"))
    rows = offers.overdue().order_by("offered_until", "pk").values_list("pk", "offered", "offered_until")[:NAMED]
    return Held(**sums, overdue=[Overdue("offer", *row) for row in rows])


def in_words(counted: Recount, at: datetime) -> Iterator[str]:
    """The steps and the outcome, a line each."""
    option = counted.option
    event = f" of the event “{option.event}”" if option.event else ""
    yield f"“{option}”{event}, option {option.pk}, counted at {_instant(at)}"
    yield _line("allocation", option.capacity)
    yield _line("tickets bought", counted.bought)
    yield _line("of these given back", -counted.returned)
    yield _line("sold", counted.sold)
    yield _line("held by open holds", counted.holds.quantity, counted.holds)
    yield from map(_overdue, counted.holds.overdue)
    yield _line("held by offers of the waiting list", counted.offers.quantity, counted.offers)
    yield from map(_overdue, counted.offers.overdue)
    yield _line("left", counted.left)
    yield _compared("taken", option.taken, counted.taken)
    yield _compared("held", option.held, counted.held)
    if counted.left < 0:
        yield f"UNTRUE  more is taken than the allocation: by {-counted.left}."
    yield "The books are right." if counted.agrees else "The books are wrong."


def _line(what: str, number: int, held: Held | None = None) -> str:
    return f"{number:>8}  {what}" + (f" ({held.number})" if held else "")


def _overdue(one: Overdue) -> str:
    return f"{'':>10}overdue: {one.what} {one.id} of {one.quantity}, until {_instant(one.until)}"


def _compared(name: str, said: int, there: int) -> str:
    if said == there:
        return f"true    the books say {name} {said}, and so it is."
    way = "too many" if said > there else "too few"
    return f"UNTRUE  the books say {name} {said}, but it is {there}: {abs(said - there)} {way}."


def _instant(at: datetime) -> str:
    return timezone.localtime(at).isoformat(sep=" ", timespec="seconds")
