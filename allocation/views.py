"""The panel's pages about what is on, and the tickets for it."""

from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from allocation.actions import purchase
from allocation.forms import NarrowForm, PurchaseForm
from allocation.models import Ticket, TicketOption
from ticketing import rights
from ticketing.toolkit.codes import qr
from ticketing.toolkit.panel import operation, refusals_on, render_page
from ticketing.toolkit.windows import window

OPTIONS_AT_ONCE, TICKETS_AT_ONCE = 24, 60


class Offer(NamedTuple):
    """An option as a page shows it; without a form to whoever cannot buy it."""

    option: TicketOption
    form: PurchaseForm | None


@operation("allocation.see_options")
@never_cache
@require_safe
def events(request: HttpRequest) -> HttpResponse:
    """What is on sale, newest first, as the address narrows it; what is left of it refreshes itself."""
    form = NarrowForm(request.GET)
    form.is_valid()  # what makes no sense narrows nothing, and the form says so
    seen = TicketOption.objects.visible_to(request.user, "allocation.see_options")
    page = window(_narrowed(seen, form.cleaned_data), request.GET, OPTIONS_AT_ONCE)
    buys = request.user.is_authenticated and rights.scope(request.user, "allocation.purchase")
    offers = [Offer(option, PurchaseForm(option) if buys and option.left else None) for option in page]
    context = {"page": page, "offers": offers, "form": form, "is_narrowed": bool(request.GET)}
    return render_page(request, "allocation/events.html", "allocation/_offers.html", context)


def _narrowed(rows: Any, wanted: dict[str, Any]) -> QuerySet:
    """The rows that fit what was typed."""
    rows = rows.called(wanted["name"]) if wanted.get("name") else rows
    return rows.with_room() if wanted.get("left") else rows


@operation("allocation.purchase")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def buy(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One option with its form; whoever buys needs an account, in the demo too, to find the tickets again."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    option = get_object_or_404(TicketOption.objects.visible_to(request.user, "allocation.purchase"), pk=pk)
    form = PurchaseForm(option, request.POST if request.method == "POST" else None)
    if form.is_valid():
        with refusals_on(form):
            return _bought(request, option, form)
        option.refresh_from_db()
        form.tell(option)
        form.renew()
    return render(request, "allocation/buy.html", {"offer": Offer(option, form)})


def _bought(request: HttpRequest, option: TicketOption, form: PurchaseForm) -> HttpResponse:
    """Buy; the same form with another quantity, after a step back, is another purchase."""
    quantity, form_key = form.cleaned_data["quantity"], form.cleaned_data["form_key"]
    key = f"{form_key} {quantity}" if form_key else ""
    purchase(option.pk, quantity=quantity, buyer=request.user.pk, by=request.user, key=key)
    sentence = ngettext("You have %(count)d ticket for %(name)s.", "You have %(count)d tickets for %(name)s.", quantity)
    messages.success(request, sentence % {"count": quantity, "name": option.name})
    return redirect("allocation:tickets")


@operation("allocation.list_tickets")
@never_cache
@require_safe
def tickets(request: HttpRequest) -> HttpResponse:
    """One's own tickets by purchase, newest first, also of somebody who may see everybody's."""
    if not request.user.is_authenticated:  # the demo lets strangers see all, but nothing is theirs
        return redirect_to_login(request.get_full_path())
    own = Ticket.objects.visible_to(request.user, "allocation.list_tickets").filter(purchase__account=request.user)
    rows = own.select_related("purchase__option").annotate(last_first=-F("number"))
    page = window(rows, request.GET, TICKETS_AT_ONCE, ("-purchase__created_at", "-purchase_id", "-last_first"))
    return render(request, "allocation/tickets.html", {"page": page})


@operation("allocation.see_ticket")
@never_cache
@require_safe
def ticket(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One ticket with its code; where it comes from is shown to whoever bought it."""
    rows = Ticket.objects.visible_to(request.user, "allocation.see_ticket").select_related("purchase", "option")
    found = get_object_or_404(rows, pk=pk)
    is_own = bool(request.user.is_authenticated and found.purchase and found.purchase.account_id == request.user.pk)
    context = {"ticket": found, "is_own": is_own, "code": qr(str(found.pk))}
    return render(request, "allocation/ticket.html", context)
