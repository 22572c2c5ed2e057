"""The panel's pages about waiting for tickets that are sold out."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from allocation.actions import buy_offer
from allocation.forms import OfferForm, WaitForm
from allocation.models import Purchase, TicketOption
from allocation.shown import chosen, standing_of
from ticketing import rights
from ticketing.actions import join_list
from ticketing.errors import NotFound
from ticketing.models import Waiter
from ticketing.rights import Scope
from ticketing.texts import current_language
from ticketing.toolkit.contracts import found
from ticketing.toolkit.panel import once, operation, refusals_on
from ticketing.toolkit.waiting_links import reached_place

shown_and_sent = require_http_methods(["GET", "HEAD", "POST"])


@operation("waiting.join")
@never_cache
@shown_and_sent
def wait(request: HttpRequest, pk: UUID) -> HttpResponse:
    """How many tickets somebody wants, and what waiting means; what is sent joins the list."""
    rows = TicketOption.objects.visible_to(request.user, "allocation.see_options").with_sale()
    option = found(rows, pk=pk)
    known = {**_known_of(request), **chosen(request.GET)}
    form = WaitForm(option, request.POST if request.method == "POST" else None, initial=known)
    if form.is_valid():
        with refusals_on(form):
            key = form.cleaned_data["form_key"]
            return _asked(once(request, key, "panel allocation.wait", partial(_join, request, option, form)))
    context = {
        "form": form,
        "option": option,
        "waiting": Waiter.objects.of(option).waiting().count(),
        "lasts": _hours(settings.WAITING_OFFER_LASTS),
        "standing": standing_of(request),
    }
    return render(request, "allocation/wait.html", context)


def _known_of(request: HttpRequest) -> dict[str, str]:
    """The address of whoever can wait for themselves only."""
    person: Any = request.user
    return {"email": person.email} if rights.scope(person, "waiting.join") == Scope.OWN else {}


def _join(request: HttpRequest, option: TicketOption, form: WaitForm) -> Waiter:
    typed = form.cleaned_data
    wish = {"quantity": typed["quantity"], "least": typed.get("least")}
    return join_list(option, **wish, email=typed["email"], language=current_language(), by=request.user)


def _asked(pk: UUID) -> HttpResponse:
    """To the place, if it counts; else to what is to be done, which is the same for every address."""
    if Waiter.objects.unconfirmed().filter(pk=pk).exists():
        return redirect("allocation:wait_asked")
    return redirect("waiting:place", pk)


@operation("waiting.join")
@never_cache
@require_safe
def wait_asked(request: HttpRequest) -> HttpResponse:
    """Where the mail is with which the place is confirmed."""
    return render(request, "allocation/wait_asked.html", {"lasts": _hours(settings.WAITING_CONFIRM_LASTS)})


def _hours(time: timedelta) -> int:
    return int(time.total_seconds() // 3600)


@operation("waiting.use_link")
@never_cache
@shown_and_sent
def take_up(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What is held for somebody until when; whoever is logged in buys it, or fewer."""
    waiter = reached_place(request, pk)
    if waiter.kind != TicketOption._meta.label_lower:
        raise NotFound
    if request.method == "POST" and not request.user.is_authenticated:
        return redirect_to_login(request.path)
    form = OfferForm(waiter, request.POST if request.method == "POST" else None)
    if form.is_valid():
        with refusals_on(form):
            key = form.cleaned_data["form_key"]
            once(request, key, "panel allocation.take_up", partial(_buy, request, waiter, form))
            return _bought(request, waiter, form.cleaned_data["quantity"])
    if waiter.offered is None or not (form.is_bound or waiter.state == Waiter.State.OFFERED):
        return redirect("waiting:place", pk)
    buys = request.user.is_authenticated and rights.scope(request.user, "allocation.purchase")
    context = {"form": form if buys else None, "waiter": waiter, "stock": waiter.what()}
    return render(request, "allocation/take_up.html", context)


def _buy(request: HttpRequest, waiter: Waiter, form: OfferForm) -> Purchase:
    quantity = form.cleaned_data["quantity"]
    return Purchase(pk=buy_offer(waiter, buyer=request.user.pk, by=request.user, quantity=quantity).id)


def _bought(request: HttpRequest, waiter: Waiter, many: int) -> HttpResponse:
    sentence = ngettext("You have %(count)d ticket for %(name)s.", "You have %(count)d tickets for %(name)s.", many)
    messages.success(request, sentence % {"count": many, "name": waiter.what()})
    return redirect("allocation:tickets")
