"""The panel's pages on which a ticket is handed on by a link. To look changes nothing, as scanners of mails do."""

from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from allocation.actions import accept_transfer, offer_transfer, opened_transfer, withdraw_transfer
from allocation.forms import HandOnForm
from allocation.links import address_of_transfer
from allocation.models import Event, Ticket, Transfer
from allocation.shown import title_of
from ticketing import rights
from ticketing.actions import DeadLink
from ticketing.toolkit.panel import once, operation, refusals_on

LINKS = "transfer_links"  # the session's key: of which offers this browser has shown the link; never the secret

shown_and_sent = require_http_methods(["GET", "HEAD", "POST"])


@operation("allocation.transfer")
@never_cache
@shown_and_sent
def hand_on(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What handing on means, and then the link, which is shown this once."""
    rows = Ticket.objects.visible_to(request.user, "allocation.transfer").select_related("option__event").with_offer()
    ticket = get_object_or_404(rows, pk=pk)
    form = HandOnForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with refusals_on(form):
            key = form.cleaned_data["form_key"]
            made = once(request, key, "panel allocation.transfer", partial(_offer, request, ticket, form))
            return _show_link(request, ticket, made, form.cleaned_data["email"])
    is_possible = not ticket.offered_until and Ticket.objects.transferable().filter(pk=pk).exists()
    context = {**_about(ticket), "form": form if is_possible or form.errors else None}
    return render(request, "allocation/hand_on.html", context)


def _offer(request: HttpRequest, ticket: Ticket, form: HandOnForm) -> Transfer:
    return offer_transfer(ticket, email=form.cleaned_data["email"], by=request.user)


def _show_link(request: HttpRequest, ticket: Ticket, made: UUID, email: str) -> HttpResponse:
    offer = Transfer.objects.get(pk=made)
    address = settings.SITE_URL + address_of_transfer(str(made))
    return render(
        request, "allocation/handed_on.html", {**_about(ticket), "offer": offer, "address": address, "email": email}
    )


def _about(ticket: Ticket) -> dict[str, Any]:
    event: Event | None = ticket.option.event if ticket.option else None
    return {"ticket": ticket, "event": event, "title": title_of([ticket.option] if ticket.option else [])}


@operation("allocation.transfer")
@never_cache
@require_POST
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The ticket stays where it is, and its link is dead."""
    ticket = get_object_or_404(Ticket.objects.visible_to(request.user, "allocation.transfer"), pk=pk)
    withdraw_transfer(ticket, by=request.user)
    messages.success(request, _("The link is dead. You keep the ticket."))
    return redirect("allocation:ticket", pk)


@operation("allocation.see_transfer")
@never_cache
@require_safe
def link(request: HttpRequest, secret: str) -> HttpResponse:
    """Remember that this browser has the link, and go where the address bar does not show it."""
    offer = opened_transfer(secret)
    request.session[LINKS] = [*request.session.get(LINKS, []), str(offer.pk)]
    return redirect("allocation:transfer", offer.pk)


@operation("allocation.see_transfer")
@never_cache
@shown_and_sent
def transfer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Which ticket somebody gives until when, and what happens; whoever is logged in accepts it."""
    offer = Transfer.objects.with_ticket().filter(pk=pk).first() if str(pk) in request.session.get(LINKS, []) else None
    if offer is None:
        raise DeadLink
    return _accept(request, offer) if request.method == "POST" else _show_offer(request, offer)


@operation("allocation.accept_transfer")
def _accept(request: HttpRequest, offer: Transfer) -> HttpResponse:
    """What is sent takes an account."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.path)
    accepted = accept_transfer(offer, by=request.user)
    messages.success(request, _("The ticket is yours. It has a new code; the old one admits nobody any more."))
    return redirect("allocation:ticket", accepted.ticket_id)


def _show_offer(request: HttpRequest, offer: Transfer) -> HttpResponse:
    ticket = offer.ticket
    stands = Transfer.objects.standing().filter(pk=offer.pk).exists()
    context = {
        **_about(ticket),
        "offer": offer,
        "giver": offer.by.get_full_name() if offer.by else "",
        "is_own": bool(request.user.is_authenticated and ticket.holder_id == request.user.pk),
        "stands": stands and Ticket.objects.transferable().filter(pk=ticket.pk).exists(),
        "takes": bool(rights.scope(request.user, "allocation.accept_transfer")),
    }
    return render(request, "allocation/transfer.html", context)
