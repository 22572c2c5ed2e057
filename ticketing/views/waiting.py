"""One's place on a waiting list, by the link that was mailed or from one's account. To look changes nothing."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ticketing import actions
from ticketing.models import Waiter
from ticketing.toolkit.panel import operation, render_page
from ticketing.toolkit.waiting_links import reached_place, remember_link, shown_link

SHOWN = 50  # of those who wait, from the first

asked_and_done = require_http_methods(["GET", "HEAD", "POST"])


@operation("waiting.use_link")
@never_cache
@require_safe
def link(request: HttpRequest, pk: UUID, secret: str) -> HttpResponse:
    """Remember that this browser has the link, and go where the address bar does not show it."""
    waiter = Waiter.objects.filter(pk=pk).first()
    if waiter is None or not waiter.opens_with(secret):
        raise actions.DeadLink
    remember_link(request, waiter)
    return redirect("waiting:place", pk)


@operation("waiting.use_link")
@never_cache
@require_safe
def place(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What is offered, how many are ahead, and the order of all who wait, without their names."""
    waiter = reached_place(request, pk)
    line = Waiter.objects.beside(waiter).waiting()
    context = {
        "waiter": waiter,
        "stock": waiter.what(),
        "can_confirm": actions.may_confirm(waiter, link=shown_link(request, pk), by=request.user),
        "can_accept": waiter.kind in settings.WAITING_LISTS,
        "line": line.in_order()[:SHOWN] if waiter.is_open else [],
        "waiting": line.count(),
        "offers": Waiter.objects.beside(waiter).offered().count(),
        "ends": waiter.ends,
        "lasts": int(settings.WAITING_OFFER_LASTS.total_seconds() // 3600),
    }
    return render_page(request, "waiting/place.html", "waiting/_place.html", context)


@operation("waiting.use_link")
@never_cache
@require_POST
def confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
    """From now on the place counts. Only the form does this: whatever opens the links in mails confirms nothing."""
    actions.confirm_place(reached_place(request, pk), link=shown_link(request, pk), by=request.user)
    messages.success(request, _("Your place on the waiting list is confirmed."))
    return redirect("waiting:place", pk)


@operation("waiting.use_link")
@never_cache
@asked_and_done
def leave(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Whether it is meant, and then the end of the place."""
    return _end(request, pk, actions.leave_list, _("You have left the waiting list."), "waiting/leave.html")


@operation("waiting.use_link")
@never_cache
@asked_and_done
def decline(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Whether it is meant, and then the offer goes to the next."""
    done = _("You have declined. The places are offered to the next.")
    return _end(request, pk, actions.decline_offer, done, "waiting/decline.html")


@operation("waiting.use_link")
@never_cache
@require_POST
def accept(request: HttpRequest, pk: UUID) -> HttpResponse:
    """On to where the places become a booking or a purchase."""
    return redirect(actions.accept_offer(reached_place(request, pk), by=request.user))


def _end(request: HttpRequest, pk: UUID, verb: Callable[..., Any], done: str, template: str) -> HttpResponse:
    waiter = reached_place(request, pk)
    if request.method == "POST":
        verb(waiter, by=request.user)
        messages.success(request, done)
        return redirect("waiting:place", pk)
    return render(request, template, {"waiter": waiter, "stock": waiter.what()})
