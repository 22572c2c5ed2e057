"""The panel's files of tickets: for paper, and for calendars."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from allocation.documents import CALENDAR, PDF, events_calendar, own_tickets, tickets_pdf
from ticketing.toolkit.panel import operation


def file_answer(content: bytes, media: str, name: str) -> HttpResponse:
    """A file to keep, which no cache on the way keeps too."""
    disposition = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type=media, headers=disposition)


@operation("allocation.take_along")
@never_cache
@require_safe
def ticket_pdf(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One ticket for paper."""
    return file_answer(tickets_pdf(own_tickets(request.user, pk=pk)), PDF, "ticket.pdf")


@operation("allocation.take_along")
@never_cache
@require_safe
def ticket_calendar(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The event of one ticket for calendars."""
    return file_answer(events_calendar(own_tickets(request.user, pk=pk)), CALENDAR, "event.ics")


@operation("allocation.take_along")
@never_cache
@require_safe
def purchase_pdf(request: HttpRequest, pk: UUID) -> HttpResponse:
    """All tickets that the visitor holds of a purchase, for paper."""
    return file_answer(tickets_pdf(own_tickets(request.user, purchase=pk)), PDF, "tickets.pdf")


@operation("allocation.take_along")
@never_cache
@require_safe
def purchase_calendar(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Their events for calendars."""
    return file_answer(events_calendar(own_tickets(request.user, purchase=pk)), CALENDAR, "events.ics")
