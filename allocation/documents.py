"""What somebody takes along: their tickets as PDF, and the events in their calendar. Nothing of it is stored."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from allocation.errors import NoEvent, TooManyOnPaper
from allocation.models import Event, Ticket
from allocation.shown import title_of
from ticketing import rights
from ticketing.errors import NotFound
from ticketing.rights import Actor
from ticketing.sending import Hopeless
from ticketing.sending.calendar_files import Visit, calendar_file

PDF, CALENDAR = "application/pdf", "text/calendar"
MOST_PAGES = 100  # in one file, which take about a second to draw


def own_tickets(by: Actor, **named: UUID) -> list[Ticket]:
    """The tickets that `by` holds of what is named and that admit somebody, in their order; NotFound if there are none.

    Staff too take along only what is theirs: a code is shown to nobody else.
    """
    rights.require(by, "allocation.take_along")
    tickets = list(_admitting(Ticket.objects.filter(holder=by, **named)))
    if not tickets:
        raise NotFound
    return tickets


def _admitting(tickets: QuerySet[Ticket]) -> Iterable[Ticket]:
    rows = tickets.filter(valid=True, cancelled_at=None).select_related("option__event", "purchase")
    return rows.order_by("purchase", "number", "pk")


def tickets_pdf(tickets: list[Ticket]) -> bytes:
    """One page for each ticket, with its code; TooManyOnPaper."""
    if len(tickets) > MOST_PAGES:
        raise TooManyOnPaper
    from allocation.paper import draw

    return draw(tickets, _title(tickets))


def events_calendar(tickets: list[Ticket]) -> bytes:
    """The events of these tickets, each once; NoEvent when they belong to none."""
    events = {ticket.option.event for ticket in tickets if ticket.option and ticket.option.event}
    if not events:
        raise NoEvent
    return calendar_file(visit_of(event) for event in sorted(events, key=lambda event: (event.starts_at, event.pk)))


def visit_of(event: Event) -> Visit:
    """An event as calendars show it; every change of it counts as a newer version."""
    return Visit(
        uid=f"event-{event.pk}",
        sequence=int((event.updated_at - event.created_at).total_seconds()),
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        changed_at=event.updated_at,
        summary=event.name,
        location=event.venue,
    )


def _title(tickets: Iterable[Ticket]) -> str:
    return title_of(ticket.option for ticket in tickets if ticket.option)


def of_mail(holder: str, what: str, pk: str) -> tuple[dict[str, Any], list[tuple[str, bytes, str]]]:
    """What a mail about tickets says, and the files that go with it, as they are when it is sent.

    `what` is the field of a ticket that names a purchase or the ticket itself. Who holds none of them any more is told
    nothing; too many for paper are left to the page.
    """
    tickets = list(_admitting(Ticket.objects.filter(holder=holder, **{what: pk})))
    if not tickets:
        raise Hopeless("Nobody holds these tickets any more.")
    files = [("tickets.pdf", tickets_pdf(tickets), PDF)] if len(tickets) <= MOST_PAGES else []
    if any(ticket.option and ticket.option.event for ticket in tickets):
        files.append(("events.ics", events_calendar(tickets), f"{CALENDAR}; method=PUBLISH"))
    return {"title": _title(tickets), "many": len(tickets), "has_pdf": len(tickets) <= MOST_PAGES}, files
