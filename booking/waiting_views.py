"""The panel's pages about waiting for a time that is full."""

from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from booking.actions import book_offer
from booking.models import Booking
from booking.views import JUST_MADE
from booking.waiting_forms import OfferForm
from ticketing import rights
from ticketing.models import Waiter
from ticketing.rights import Scope
from ticketing.toolkit.panel import once, operation, refusals_on
from ticketing.toolkit.waiting_links import reached_place

shown_and_sent = require_http_methods(["GET", "HEAD", "POST"])


@operation("waiting.use_link")
@never_cache
@shown_and_sent
def take_up(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Whom to expect on the places that are held; what is sent is booked."""
    waiter = reached_place(request, pk)
    form = OfferForm(waiter, request.POST if request.method == "POST" else None, initial=_known(request))
    if form.is_valid():
        with refusals_on(form):
            key = form.cleaned_data["form_key"]
            made = once(request, key, "panel booking.take_up", partial(_book, request, waiter, form))
            request.session[JUST_MADE] = [*request.session.get(JUST_MADE, []), str(made)]
            return redirect("booking:done")
    if not form.is_bound and waiter.state != Waiter.State.OFFERED:
        return redirect("waiting:place", pk)
    return render(request, "booking/wait_take_up.html", {"form": form, "waiter": waiter, "stock": waiter.what()})


def _known(request: HttpRequest) -> dict[str, Any]:
    """What the account knows of whoever books for themselves."""
    person: Any = request.user
    is_own = rights.scope(person, "booking.book") == Scope.OWN
    return {"firstname": person.first_name, "lastname": person.last_name} if is_own else {}


def _book(request: HttpRequest, waiter: Waiter, form: OfferForm) -> Booking:
    typed = form.cleaned_data
    names = {name: typed[name] for name in ("firstname", "lastname", "party")}
    return book_offer(waiter, **names, phone=typed["phone_number"], by=request.user)
