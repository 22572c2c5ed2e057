"""The panel's pages about what is on, and choosing tickets for it."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from allocation.actions import hold_tickets
from allocation.forms import ChoiceForm, NarrowForm, QuantityForm
from allocation.models import Event, TicketOption
from allocation.shown import chosen, comes_back, standing_of
from ticketing import rights
from ticketing.toolkit.panel import operation, refusals_on, render_page
from ticketing.toolkit.windows import window

OPTIONS_AT_ONCE = 24
AS_THEY_BEGIN = ("begins", "belongs", "rank", "id")

shown_and_sent = require_http_methods(["GET", "HEAD", "POST"])


class Offer(NamedTuple):
    """An option as a page shows it; without a form or a field to whoever cannot have it now."""

    option: Any
    form: QuantityForm | None = None
    field: Any = None


class Group(NamedTuple):
    """What belongs to one event, or to none."""

    event: Event | None
    offers: list[Offer]


@operation("allocation.see_options")
@never_cache
@require_safe
def events(request: HttpRequest) -> HttpResponse:
    """What is on, events as they begin, as the address narrows it; what is left of it refreshes itself."""
    form = NarrowForm(request.GET)
    form.is_valid()  # what makes no sense narrows nothing, and the form says so
    seen = TicketOption.objects.visible_to(request.user, "allocation.see_options").on().with_sale().with_programme()
    page = window(_narrowed(seen, form.cleaned_data), request.GET, OPTIONS_AT_ONCE, AS_THEY_BEGIN)
    buys = request.user.is_authenticated and _may_hold(request)
    offers = [
        Offer(option, QuantityForm(option) if buys and not option.event and _is_to_be_had(option) else None)
        for option in page
    ]
    context = {
        "page": page,
        "offers": offers,
        "groups": _by_event(offers),
        "form": form,
        "is_narrowed": bool(request.GET),
        "waits": _may_wait(request),
        "standing": standing_of(request),
    }
    return render_page(request, "allocation/events.html", "allocation/_offers.html", context)


def _narrowed(rows: Any, wanted: dict[str, Any]) -> QuerySet:
    """The rows that fit what was typed."""
    rows = rows.called(wanted["name"]) if wanted.get("name") else rows
    return rows.with_room().exclude(sale="over") if wanted.get("left") else rows


def _by_event(offers: Iterable[Offer]) -> list[Group]:
    return [Group(event, list(those)) for event, those in groupby(offers, key=lambda offer: offer.option.event)]


def _is_to_be_had(option: Any) -> bool:
    return option.sale == "now" and option.left > 0


def _may_hold(request: HttpRequest) -> bool:
    """Whether this visitor can buy here, if need be after logging in."""
    return not request.user.is_authenticated or bool(rights.scope(request.user, "allocation.hold"))


def _may_wait(request: HttpRequest) -> bool:
    return bool(rights.scope(request.user, "waiting.join"))


@comes_back
@operation("allocation.see_options")
@never_cache
@shown_and_sent
def event(request: HttpRequest, pk: UUID) -> HttpResponse:
    """An event with all its options, of which several are chosen at once."""
    return _choose(request, pk) if request.method == "POST" else _event(request, pk)


@operation("allocation.hold")
def _choose(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What is sent takes more than to look."""
    return _event(request, pk)


def _event(request: HttpRequest, pk: UUID) -> HttpResponse:
    seen = Event.objects.visible_to(request.user, "allocation.see_options").with_audit()
    shown = get_object_or_404(seen, pk=pk)
    options = TicketOption.objects.filter(event=shown).with_sale().order_by("created_at", "pk")
    form = ChoiceForm(options, request.POST if request.method == "POST" else None, chosen(request.GET))
    if form.is_valid():
        with refusals_on(form):
            return _hold(request, form)
        form.options = list(options.all())
        form.renew()
    takes = _may_hold(request)
    offers = [
        Offer(option, field=form[str(option.pk)] if takes and _is_to_be_had(option) else None)
        for option in form.options
    ]
    context = {
        "event": shown,
        "offers": offers,
        "form": form,
        "takes": any(offer.field for offer in offers),
        "waits": _may_wait(request),
        "minutes": _minutes(),
        "standing": standing_of(request),
        "may_report": bool(rights.scope(request.user, "allocation.report")),
    }
    return render(request, "allocation/event.html", context)


def _minutes() -> int:
    return int(settings.HOLD_LASTS.total_seconds() // 60)


def _hold(request: HttpRequest, form: QuantityForm | ChoiceForm) -> HttpResponse:
    """Hold what was chosen; the same form with another choice, after a step back, is another hold."""
    wanted, form_key, person = form.wanted, form.cleaned_data["form_key"], request.user
    said = " ".join(f"{option} {number}" for option, number in sorted(wanted.items()))
    key = str(uuid5(form_key, said)) if form_key else ""
    return redirect("allocation:hold", hold_tickets(wanted, buyer=person.pk, by=person, key=key).pk)


@comes_back
@operation("allocation.hold")
@never_cache
@shown_and_sent
def buy(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The way in for one option; whoever buys needs an account, in the demo too, to find the tickets again."""
    rows = TicketOption.objects.visible_to(request.user, "allocation.see_options").with_sale()
    option = get_object_or_404(rows, pk=pk)
    sent = request.POST if request.method == "POST" else None
    form = QuantityForm(option, sent, chosen(request.GET).get("quantity", ""))
    if form.is_valid():
        with refusals_on(form):
            return _hold(request, form)
        option = rows.get(pk=pk)
        form.tell(option)
        form.renew()
    context = {
        "offer": Offer(option, form if _is_to_be_had(option) or form.errors else None),
        "waits": _may_wait(request),
        "minutes": _minutes(),
        "standing": standing_of(request),
    }
    return render(request, "allocation/buy.html", context)
