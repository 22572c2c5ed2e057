"""The panel's pages about waiting for a time that is full."""

from datetime import timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from booking.actions import book_offer
from booking.held import known_of, note_made
from booking.models import Booking, Slot
from booking.policies import require_list
from booking.waiting_forms import OfferForm, WaitForm
from ticketing.actions import join_list
from ticketing.models import Waiter
from ticketing.texts import current_language
from ticketing.toolkit.contracts import found
from ticketing.toolkit.panel import once, operation, refusals_on
from ticketing.toolkit.waiting_links import reached_place

shown_and_sent = require_http_methods(["GET", "HEAD", "POST"])


@operation("waiting.join")
@never_cache
@shown_and_sent
def wait(request: HttpRequest, pk: UUID) -> HttpResponse:
    """How many want to wait for a time, and what waiting means; what is sent joins the list."""
    slots = Slot.objects.visible_to(request.user, "booking.see_free").with_end()
    slot = found(slots.select_related("service"), pk=pk)
    require_list(slot.service)
    known = known_of(request)
    if (said := request.GET.get("party", "")).isdecimal():
        known["quantity"] = said
    form = WaitForm(slot.service, request.POST if request.method == "POST" else None, initial=known)
    if form.is_valid():
        with refusals_on(form):
            key = form.cleaned_data["form_key"]
            return _asked(once(request, key, "panel waiting.join", partial(_join, request, slot, form)))
    context = {
        "form": form,
        "slot": slot,
        "waiting": Waiter.objects.of(slot).waiting().count(),
        "ends": slot.ends,  # type: ignore[attr-defined]  # by with_end
        "lasts": _hours(settings.WAITING_OFFER_LASTS),
    }
    return render(request, "booking/wait.html", context)


def _join(request: HttpRequest, slot: Slot, form: WaitForm) -> Waiter:
    typed = form.cleaned_data
    wish = {"quantity": typed["quantity"], "least": typed.get("least")}
    return join_list(slot, **wish, email=typed["email"], language=current_language(), by=request.user)


def _asked(pk: UUID) -> HttpResponse:
    """To the place, if it counts; else to what is to be done, which is the same for every address."""
    if Waiter.objects.unconfirmed().filter(pk=pk).exists():
        return redirect("booking:wait_asked")
    return redirect("waiting:place", pk)


@operation("waiting.join")
@never_cache
@require_safe
def wait_asked(request: HttpRequest) -> HttpResponse:
    """Where the mail is with which the place is confirmed."""
    return render(request, "booking/wait_asked.html", {"lasts": _hours(settings.WAITING_CONFIRM_LASTS)})


def _hours(time: timedelta) -> int:
    return int(time.total_seconds() // 3600)


@operation("waiting.use_link")
@never_cache
@shown_and_sent
def take_up(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Whom to expect on the places that are held; what is sent is booked."""
    waiter = reached_place(request, pk)
    form = OfferForm(waiter, request.POST if request.method == "POST" else None, initial=known_of(request))
    if form.is_valid():
        with refusals_on(form):
            key = form.cleaned_data["form_key"]
            made = once(request, key, "panel booking.take_up", partial(_book, request, waiter, form))
            note_made(request, made)
            return redirect("booking:done")
    if waiter.offered is None or not (form.is_bound or waiter.state == Waiter.State.OFFERED):
        return redirect("waiting:place", pk)
    return render(request, "booking/wait_take_up.html", {"form": form, "waiter": waiter, "stock": waiter.what()})


def _book(request: HttpRequest, waiter: Waiter, form: OfferForm) -> Booking:
    typed = form.cleaned_data
    names = {name: typed[name] for name in ("firstname", "lastname", "party")}
    return book_offer(waiter, **names, phone=typed["phone_number"], by=request.user)
