"""The supervisors' board: what happens now, and why what waits is waiting."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from booking.querysets import EXPIRES_AFTER
from support.models import Agent, Department, Priority
from support.policies import explain
from ticketing.toolkit.charts import Amount, Chart
from ticketing.toolkit.panel import operation, render_page
from ticketing.views import figures

HOURS, SERVICES_AT_MOST = range(24), 10
PARTS = {
    "database": gettext_lazy("Database"),
    "cluster": gettext_lazy("Tasks in the background"),
    "sweep": gettext_lazy("Handing out and clearing up"),
    "outbox": gettext_lazy("Sending"),
    "queue": gettext_lazy("Tasks that wait"),
    "mail": gettext_lazy("Mails that wait"),
    "webhooks": gettext_lazy("Events that wait for webhooks"),
}


@operation("site.board")
@never_cache
@require_safe
def board(request: HttpRequest) -> HttpResponse:
    """Everything on one page, which refreshes itself unless the address says to hold it still."""
    now = timezone.localtime()
    context = {"now": now, "is_still": "still" in request.GET, **_desk(request, now), **_counters(request, now)}
    return render_page(request, "board.html", "_board.html", context)


def _desk(request: HttpRequest, now: datetime) -> dict[str, Any]:
    """The queue and the agents."""
    queue, flow, agents = figures.queue(request.user), figures.flow(request.user), figures.agents(request.user) or []
    return {
        "queue": queue,
        "waits": explain(figures.longest_waiting(request.user) or []),
        "departments": queue and _by_department(queue.departments),
        "priorities": queue and _by_priority(queue.priorities),
        "flow": flow and _flow(flow, now),
        "load": figures.load(request.user),
        "agents": [(agent, _answered_by(agent)) for agent in agents[: figures.AGENTS_AT_MOST]],
        "are_more_agents": len(agents) > figures.AGENTS_AT_MOST,
    }


def _counters(request: HttpRequest, now: datetime) -> dict[str, Any]:
    """Bookings, sales and the parts of the site."""
    bookings, sales, parts = figures.bookings(request.user), figures.sales(request.user), figures.parts(request.user)
    return {
        "bookings": bookings,
        "booked": bookings and _booked(bookings, now),
        "services": bookings and _services(bookings),
        "kept_since": _kept_since(now),
        "sales": sales,
        "sold": sales and _sold(sales, now),
        "options": figures.newest_options(request.user),
        "parts": [(PARTS[part.name], part) for part in parts or []],
        "untrue": figures.untrue(request.user),
        "is_well": all(part.word == "ok" for part in parts or []),
    }


def _answered_by(agent: Agent) -> str:
    """The departments in words; empty for all of them."""
    return ", ".join(str(Department(department).label) for department in agent.departments)


def _by_department(counted: Mapping[str, int]) -> Chart:
    labels = [capfirst(label) for label in Department.labels] + [_("Any agent’s")]
    numbers = [counted[value] for value in (*Department.values, "")]
    return Chart("departments", _("By department"), _("Department"), labels, {_("Waiting"): numbers}, lying=True)


def _by_priority(counted: Mapping[str, int]) -> Chart:
    priorities = reversed(Priority.choices)
    labels, numbers = zip(*((capfirst(label), counted[value]) for value, label in priorities), strict=True)
    return Chart("priorities", _("By priority"), _("Priority"), labels, {_("Waiting"): numbers}, lying=True)


def _flow(flow: figures.Flow, now: datetime) -> Chart:
    series = {_("Asked"): _until(now, flow.raised), _("Closed"): _until(now, flow.closed)}
    return Chart("flow", _("Questions asked and closed today"), _("Hour"), _clock(), series)


def _booked(bookings: figures.Bookings, now: datetime) -> Chart:
    kept = _kept_since(now)
    numbers = _by_hour(bookings.hours, lambda hour: not kept or hour > kept.hour)
    return Chart("booked", _("Bookings by hour"), _("Hour"), _clock(), {_("Bookings"): numbers})


def _services(bookings: figures.Bookings) -> Chart:
    """The services with the most bookings."""
    names = sorted(bookings.services, key=lambda name: (-bookings.services[name], name))[:SERVICES_AT_MOST]
    numbers = [bookings.services[name] for name in names]
    return Chart("services", _("Bookings by service"), _("Service"), names, {_("Bookings"): numbers}, lying=True)


def _sold(sales: figures.Sales, now: datetime) -> Chart:
    return Chart("sold", _("Tickets sold by hour"), _("Hour"), _clock(), {_("Tickets"): _until(now, sales.hours)})


def _clock() -> list[str]:
    return [f"{hour:02}:00" for hour in HOURS]


def _until(now: datetime, counted: Mapping[int, int]) -> list[Amount]:
    """The number of each hour that has begun."""
    return _by_hour(counted, lambda hour: hour <= now.hour)


def _by_hour(counted: Mapping[int, int], is_known: Callable[[int], bool]) -> list[Amount]:
    return [counted.get(hour, 0) if is_known(hour) else None for hour in HOURS]


def _kept_since(now: datetime) -> datetime | None:
    """The time of today before which bookings are deleted; None as long as none are."""
    then = now - EXPIRES_AFTER
    return then if then.date() == now.date() else None
