"""The figures of the day, for pages that show how the site does: each is None to whoever lacks its operation."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar

from django.db.models import Count, Max, Sum

from allocation.models import Purchase, TicketOption
from booking.models import Booking
from support.models import Agent, Ticket
from support.policies import with_waited
from ticketing import clocks, health, rights
from ticketing.rights import Actor
from ticketing.runtime.heartbeat import BEATING

AGENTS_AT_MOST, TICKETS_AT_MOST, OPTIONS_AT_MOST = 100, 10, 10

_T = TypeVar("_T")


def _of(operation: str) -> Callable[[Callable[[Actor], _T]], Callable[[Actor], _T | None]]:
    """Gather the figures for whoever has the operation."""

    def mark(gather: Callable[[Actor], _T]) -> Callable[[Actor], _T | None]:
        @wraps(gather)
        def gathered(actor: Actor) -> _T | None:
            return gather(actor) if rights.scope(actor, operation) else None

        return gathered

    return mark


@dataclass(frozen=True)
class Queue:
    """How many tickets wait, in all and where, and how many are in work."""

    waiting: int
    longest: timedelta | None
    in_work: int
    late: int
    departments: Counter[str]
    priorities: Counter[str]


@_of("support.list")
def queue(actor: Actor) -> Queue:
    """Three queries: one row for each department and priority, what is in work, and what is late."""
    seen: Any = Ticket.objects.visible_to(actor, "support.list")
    rows = with_waited(seen.waiting()).order_by().values_list("department", "priority")
    departments: Counter[str] = Counter()
    priorities: Counter[str] = Counter()
    longest = []
    for department, priority, tickets, waited in rows.annotate(Count("pk"), Max("waited")):
        departments[department] += tickets
        priorities[priority] += tickets
        longest.append(waited)
    open_ones = (seen.in_work().count(), seen.late().count())
    return Queue(departments.total(), max(longest, default=None), *open_ones, departments, priorities)


@dataclass(frozen=True)
class Flow:
    """How many tickets were raised and closed in each hour of today that had any."""

    raised: dict[int, int]
    closed: dict[int, int]


@_of("support.list")
def flow(actor: Actor) -> Flow:
    """Two queries, each by its index."""
    seen: Any = Ticket.objects.visible_to(actor, "support.list")
    return Flow(
        raised=clocks.by_hour(seen.raised_today(), "created_at"),
        closed=clocks.by_hour(seen.closed_today(), "closed_at"),
    )


@_of("support.list")
def longest_waiting(actor: Actor) -> list[Any]:
    """The tickets that have waited longest, with what says why."""
    seen: Any = Ticket.objects.visible_to(actor, "support.list")
    rows = with_waited(seen.waiting().explained().select_related("promise"))
    return list(rows.order_by("-waited", "id")[:TICKETS_AT_MOST])


@_of("support.see_agents")
def load(actor: Actor) -> dict[str, int]:
    """How many agents are online, and how much of their room is taken; whoever is away offers none."""
    return Agent.objects.visible_to(actor, "support.see_agents").available().load()


@_of("support.see_agents")
def agents(actor: Actor) -> list[Agent]:
    """Agents, those who are there first; one more than are shown, if there are more."""
    return list(Agent.objects.visible_to(actor, "support.see_agents").there_first()[: AGENTS_AT_MOST + 1])


@dataclass(frozen=True)
class Bookings:
    """Today's bookings that are not expired: in all, those that come up, by hour and by service."""

    total: int
    coming: int
    hours: Counter[int]
    services: Counter[str]


@_of("booking.see_by_time")
def bookings(actor: Actor) -> Bookings:
    """One query: a row for each hour and service."""
    coming = 0
    hours: Counter[int] = Counter()
    services: Counter[str] = Counter()
    of_today = Booking.objects.visible_to(actor, "booking.see_by_time").current().today()
    for row in of_today.by_hour_and_service():
        coming += row["coming"]
        hours[row["hour"]] += row["bookings"]
        services[row["service"]] += row["bookings"]
    return Bookings(hours.total(), coming, hours, services)


@dataclass(frozen=True)
class Sales:
    """Tickets sold today, in all and by hour, and what is to be had."""

    today: int
    hours: dict[int, int]
    options: dict[str, int]


@_of("allocation.list_purchases")
def sales(actor: Actor) -> Sales:
    """Two queries."""
    made = Purchase.objects.visible_to(actor, "allocation.list_purchases").made_today()
    hours = clocks.by_hour(made, "created_at", Sum("quantity"))
    options = TicketOption.objects.visible_to(actor, "allocation.see_options").in_numbers()
    return Sales(sum(hours.values()), hours, options)


@_of("allocation.see_options")
def newest_options(actor: Actor) -> list[TicketOption]:
    """What was put on sale last."""
    options = TicketOption.objects.visible_to(actor, "allocation.see_options")
    return list(options.order_by("-created_at", "-id")[:OPTIONS_AT_MOST])


@dataclass(frozen=True)
class Part:
    """A part of the site, how it does in a word of health.py, and how long it has been silent or behind."""

    name: str
    word: str
    age: timedelta | None

    @property
    def is_process(self) -> bool:
        """Whether it does something, other than what waits to be done."""
        return self.name in ("database", *BEATING)


@_of("site.health")
def parts(actor: Actor) -> list[Part]:
    """Every part, as /health/ready tells it."""
    ages = health.ages_of_parts()
    return [Part(name, word, ages.get(name)) for name, word in health.words(ages).items()]


@_of("site.outbox")
def untrue(actor: Actor) -> list[str]:
    """The promises that the last audit found untrue."""
    return health.untrue()
