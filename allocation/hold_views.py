"""The panel's pages of tickets that are held for the visitor: the way to pay for them, and to give them back."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from allocation.actions import confirm_hold, release_hold
from allocation.models import Hold
from allocation.shown import title_of
from ticketing.toolkit.panel import OnceForm, operation


@operation("allocation.hold")
@never_cache
@require_safe
def hold(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What is held until when, or what became of it."""
    shown = _own(request, pk)
    is_over = shown.state == Hold.State.HELD and shown.time_left <= timedelta()
    context = {
        "hold": shown,
        "title": _title(shown),
        "event": _event(shown),
        "state": Hold.State.LAPSED if is_over else shown.state,
        "seconds": int(shown.time_left.total_seconds()) + 1,
        "form": OnceForm(),
    }
    return render(request, "allocation/hold.html", context)


@operation("allocation.hold")
@never_cache
@require_POST
def hold_buy(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Buy what is held; the form sent twice is one purchase."""
    shown = _own(request, pk)
    form = OnceForm(request.POST)
    key = form.cleaned_data["form_key"] if form.is_valid() else None
    many = confirm_hold(shown, by=request.user, key=str(key or "")).quantity
    sentence = ngettext("You have %(count)d ticket for %(name)s.", "You have %(count)d tickets for %(name)s.", many)
    messages.success(request, sentence % {"count": many, "name": _title(shown)})
    return redirect("allocation:tickets")


@operation("allocation.hold")
@never_cache
@require_POST
def hold_release(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Let others have what was held, and go back to where it was chosen."""
    shown = _own(request, pk)
    release_hold(shown, by=request.user)
    messages.success(request, _("Nothing is held for you any more. Others can have these tickets."))
    event = _event(shown)
    return redirect("allocation:event", event.pk) if event else redirect("allocation:events")


def _own(request: HttpRequest, pk: UUID) -> Any:
    """A hold of the visitor's own, also of somebody who may see everybody's."""
    rows = Hold.objects.visible_to(request.user, "allocation.hold").filter(account=request.user)
    return get_object_or_404(rows.with_time_left().prefetch_related("items__option__event"), pk=pk)


def _title(shown: Hold) -> str:
    return title_of(item.option for item in shown.items.all())


def _event(shown: Hold) -> Any:
    """The event, if all of it belongs to one."""
    events = {item.option.event for item in shown.items.all()}
    return events.pop() if len(events) == 1 else None
