"""The verbs of single tickets: issue them, say which are valid, and give them back."""

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from allocation.actions.overdue import return_places
from allocation.actions.transfers import end_offers
from allocation.errors import HandedOn, NotBought, TicketCancelled, TicketUsed, TooLateToCancel
from allocation.models import Event, Purchase, Ticket, TicketOption
from ticketing import rights
from ticketing.clocks import database_now
from ticketing.models import Activity
from ticketing.rights import Actor, Scope


@transaction.atomic
def issue_ticket(*, by: Actor) -> Ticket:
    """Make a valid ticket that nobody bought."""
    rights.require(by, "allocation.issue")
    ticket = Ticket.objects.create()
    Activity.objects.record("allocation.issue", ticket, by=by)
    return ticket


@transaction.atomic
def set_validity(ticket: Ticket, *, valid: bool, by: Actor) -> Ticket:
    """Make a ticket valid or invalid; twice is harmless, and an admission stays on record (invariant E4).

    TicketCancelled for what was given back: its place may be somebody else's.
    """
    rights.require(by, "allocation.set_validity")
    if Ticket.objects.filter(pk=ticket.pk, valid=not valid, cancelled_at=None).change(valid=valid):
        Activity.objects.record("allocation.set_validity", ticket, by=by, valid=valid)
    elif valid and Ticket.objects.filter(pk=ticket.pk, cancelled_at__isnull=False).exists():
        raise TicketCancelled
    ticket.valid = valid
    return ticket


def validate(ticket: Ticket, *, by: Actor) -> Ticket:
    """Make a ticket valid."""
    return set_validity(ticket, valid=True, by=by)


def invalidate(ticket: Ticket, *, by: Actor) -> Ticket:
    """Make a ticket invalid."""
    return set_validity(ticket, valid=False, by=by)


def cancel_ticket(ticket: Ticket, *, by: Actor) -> Ticket:
    """Give one ticket back; see `cancel_tickets`."""
    cancel_tickets([ticket.pk], by=by)
    return Ticket.objects.get(pk=ticket.pk)


def cancel_purchase(purchase: Purchase, *, by: Actor) -> Purchase:
    """Give all tickets of a purchase back, of which customers reach what they hold; see `cancel_tickets`."""
    cancel_tickets(purchase.tickets.values_list("pk", flat=True), by=by)
    return purchase


@transaction.atomic
def cancel_tickets(named: Iterable[UUID], *, by: Actor) -> int:
    """Give tickets back for good, all or none; returns how many were not given back before.

    They are marked and stay (invariant E2); their places return once, whatever is pressed twice, and go to the waiting
    list first. TicketUsed, NotBought, and for customers TooLateToCancel after the organiser's deadline; what others
    hold by now stays theirs, HandedOn when that is all of it.
    """
    reached = rights.require(by, "allocation.cancel")
    ids = list(named)
    rows = Ticket.objects.visible_to(by, "allocation.cancel").filter(pk__in=ids)
    tickets = list(rows.select_for_update(no_key=True).order_by("pk"))
    if ids and not tickets:
        raise HandedOn
    going = [ticket for ticket in tickets if ticket.cancelled_at is None]
    if any(ticket.purchase_id is None for ticket in going):
        raise NotBought
    if any(ticket.admitted_at for ticket in going):
        raise TicketUsed
    if reached == Scope.OWN:
        _require_in_time(going)
    Ticket.objects.filter(pk__in=[ticket.pk for ticket in going]).change(cancelled_at=Now(), valid=False)
    for ticket in going:
        Activity.objects.record("allocation.cancel", ticket, by=by, option=str(ticket.option_id))
    end_offers(*(ticket.pk for ticket in going))
    _return(going)
    return len(going)


def _require_in_time(tickets: list[Ticket]) -> None:
    events = Event.objects.filter(options__in={ticket.option_id for ticket in tickets})
    now = database_now()
    if any(event.returns_end <= now for event in events):
        raise TooLateToCancel


def _return(tickets: list[Ticket]) -> None:
    rows = Ticket.objects.filter(pk__in=[ticket.pk for ticket in tickets])
    counted = Counter(rows.values_list("option", "purchase__buyer"))
    return_places(counted, TicketOption.objects.give_back)
