"""The panel's pages of tickets that were bought: their codes, and giving them back."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from allocation.actions import cancel_purchase, cancel_ticket
from allocation.errors import TicketCancelled, TicketUsed, TooLateToCancel
from allocation.models import Event, Purchase, Ticket, TicketOption
from allocation.shown import standing_of, title_of
from ticketing import rights
from ticketing.rights import Actor, Scope
from ticketing.toolkit.codes import grouped, qr
from ticketing.toolkit.panel import operation
from ticketing.toolkit.windows import window

TICKETS_AT_ONCE = 60

asked_and_done = require_http_methods(["GET", "HEAD", "POST"])


class Bought(NamedTuple):
    """A purchase with the tickets of it that a page shows, each kind under its option."""

    purchase: Purchase
    title: str
    kinds: list[tuple[TicketOption, list[Ticket]]]
    event: Event | None
    is_returnable: bool
    is_to_take: bool
    has_event: bool


@operation("allocation.list_tickets")
@never_cache
@require_safe
def tickets(request: HttpRequest) -> HttpResponse:
    """One's own tickets by purchase, newest first, also of somebody who may see everybody's."""
    if not request.user.is_authenticated:  # the demo lets strangers see all, but nothing is theirs
        return redirect_to_login(request.get_full_path())
    own = Ticket.objects.visible_to(request.user, "allocation.list_tickets").filter(holder=request.user)
    rows = own.with_offer().select_related("purchase", "option__event").annotate(last_first=-F("number"))
    order = ("-purchase__created_at", "-purchase_id", "-last_first")
    page = window(rows, request.GET, TICKETS_AT_ONCE, order)
    context = {"page": page, "purchases": _by_purchase(page, request.user), "standing": standing_of(request)}
    return render(request, "allocation/tickets.html", context)


def _by_purchase(page: Iterable[Ticket], by: Actor) -> list[Bought]:
    rows: Any = [(purchase, list(those)) for purchase, those in groupby(page, key=lambda ticket: ticket.purchase)]
    named = [purchase.pk for purchase, _those in rows]
    own = Purchase.objects.filter(pk__in=named, account=by)
    returnable = set(own.returnable(by).values_list("pk", flat=True))
    return [_bought(purchase, those, purchase.pk in returnable) for purchase, those in rows]


def _bought(purchase: Purchase, those: list[Any], is_returnable: bool) -> Bought:
    kinds = [(option, list(some)) for option, some in groupby(those, key=lambda ticket: ticket.option)]
    events = {option.event for option, _some in kinds}
    event = next(iter(events)) if len(events) == 1 else None
    title = title_of(option for option, _some in kinds)
    is_to_take = any(ticket.valid and not ticket.cancelled_at for ticket in those)
    return Bought(purchase, title, kinds, event, is_returnable, is_to_take, any(events))


@operation("allocation.see_ticket")
@never_cache
@require_safe
def ticket(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One ticket with its code; where it comes from is shown to whoever holds it."""
    rows = Ticket.objects.visible_to(request.user, "allocation.see_ticket").select_related("purchase", "option__event")
    found = get_object_or_404(rows.with_offer(), pk=pk)
    is_own = bool(request.user.is_authenticated and found.holder_id == request.user.pk)
    code = found.code_for(request.user)
    context = {
        "ticket": found,
        "is_own": is_own,
        "title": title_of([found.option] if found.option else []),
        "event": found.option.event if found.option else None,
        "is_returnable": _may(request, "allocation.cancel", found) and rows.returnable().filter(pk=pk).exists(),
        "is_transferable": _may(request, "allocation.transfer", found) and rows.transferable().filter(pk=pk).exists(),
        "code": qr(code) if code else "",
        "typed": " ".join(grouped(code)) if code else "",
    }
    return render(request, "allocation/ticket.html", context)


def _may(request: HttpRequest, operation: str, ticket: Ticket) -> bool:
    """Whether the visitor may do this to the ticket: to any, or to what they hold."""
    reached = rights.scope(request.user, operation)
    return bool(reached) and (reached == Scope.ALL or ticket.holder_id == request.user.pk)


@operation("allocation.cancel")
@never_cache
@asked_and_done
def ticket_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Whether it is meant, and then the end of one ticket."""
    rows = Ticket.objects.visible_to(request.user, "allocation.cancel").select_related("option__event")
    found = get_object_or_404(rows.filter(purchase__isnull=False), pk=pk)
    if request.method == "POST":
        cancel_ticket(found, by=request.user)
        _say_given_back(request, 1)
        return redirect("allocation:ticket", pk)
    return _ask(request, [found], Ticket.objects.filter(pk=pk).returnable().exists())


@operation("allocation.cancel")
@never_cache
@asked_and_done
def purchase_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Whether it is meant, and then the end of all tickets of a purchase."""
    purchase = get_object_or_404(Purchase.objects.visible_to(request.user, "allocation.cancel"), pk=pk)
    held = purchase.tickets.visible_to(request.user, "allocation.cancel")
    going = held.filter(cancelled_at=None).select_related("option__event").order_by("number")
    if request.method == "POST":
        many = going.count()
        cancel_purchase(purchase, by=request.user)
        _say_given_back(request, many)
        return redirect("allocation:tickets")
    return _ask(request, list(going), Purchase.objects.filter(pk=pk).returnable(request.user).exists())


def _say_given_back(request: HttpRequest, many: int) -> None:
    if not many:  # pressed twice: it was said the first time
        return
    sentence = ngettext("%(count)d ticket is given back.", "%(count)d tickets are given back.", many)
    messages.success(request, sentence % {"count": many})


def _ask(request: HttpRequest, going: list[Any], is_returnable: bool) -> HttpResponse:
    options = [ticket.option for ticket in going]
    kinds = [(option, list(some)) for option, some in groupby(going, key=lambda ticket: ticket.option)]
    context = {
        "title": title_of(options),
        "kinds": [(option, len(some)) for option, some in kinds],
        "ticket": going[0] if len(going) == 1 else None,
        "many": len(going),
        "settled": "" if is_returnable else _what_settled(going),
    }
    return render(request, "allocation/cancel.html", context)


def _what_settled(going: list[Any]) -> str:
    """Why nothing can be given back any more."""
    if all(ticket.cancelled_at for ticket in going):
        return str(TicketCancelled.message)
    return str(TicketUsed.message if any(ticket.admitted_at for ticket in going) else TooLateToCancel.message)
