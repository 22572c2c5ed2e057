"""The panel's pages of the gate: which one it is, showing codes there, and undoing an admission."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from allocation.actions import scan, undo_admission
from allocation.forms import CodeForm, GateForm, PlaceForm, UndoForm
from allocation.models import Event, Scan, TicketOption
from ticketing import rights
from ticketing.rights import Role
from ticketing.toolkit.panel import operation, refusals_on, render_page, wants_part, with_camera

EVENTS_AT_ONCE = 50
LAST_SCANS = 10


@operation("allocation.admit")
@never_cache
@require_safe
def gates(request: HttpRequest) -> HttpResponse:
    """Which event somebody admits to, and what the gate is called; then the page of that gate."""
    served = Event.objects.visible_to(request.user, "allocation.admit").at_the_gates().order_by("starts_at", "pk")
    events = list(served[:EVENTS_AT_ONCE])
    form = GateForm(events, request.GET or None, initial={"gate": _usual_name(request.user)})
    if form.is_valid():
        return redirect(_address(form.cleaned_data["event"], form.cleaned_data["gate"]))
    return render(request, "allocation/gates.html", {"events": events, "form": form})


def _usual_name(person: Any) -> str:
    """What the gate is probably called: an account of a gate is named for it."""
    return person.name[: Scan.GATE_LIMIT] if person.role == Role.GATE else ""


def _address(event: UUID, gate: str) -> str:
    return f"{reverse('allocation:gate', args=[event])}?{urlencode({'gate': gate})}"


@operation("allocation.admit")
@with_camera
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def gate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Codes are shown here one after the other: who may come in, and how many have. The counts refresh themselves."""
    event = get_object_or_404(Event.objects.visible_to(request.user, "allocation.admit"), pk=pk)
    place = PlaceForm(request.GET)
    if not place.is_valid():
        return redirect(f"{reverse('allocation:gates')}?{urlencode({'event': pk, 'gate': ''})}")
    name = place.cleaned_data["gate"]
    context = {"event": event, "gate": name, "form": CodeForm(), "address": _address(pk, name)}
    if request.method == "POST":
        context |= _shown(request, event, name)
    part = "allocation/_gate.html" if request.method == "POST" else "allocation/_gate_now.html"
    return render_page(request, "allocation/gate.html", part, context | _now(request, event))


def _shown(request: HttpRequest, event: Event, gate: str) -> dict[str, Any]:
    """What became of the code, or why it was not read at all."""
    form = CodeForm(request.POST)
    if form.is_valid():
        with refusals_on(form):
            return {"scanned": scan(**form.cleaned_data, gate=gate, by=request.user, event=event)}
    return {"problems": [error for errors in form.errors.values() for error in errors]}


def _now(request: HttpRequest, event: Event) -> dict[str, Any]:
    """How many came in, and the last scans that this person may see; the page asks for them once more on its own."""
    scans = Scan.objects.filter(event=event)
    seen = Scan.objects.visible_to(request.user, "allocation.see_scans").filter(event=event).with_people()
    return {
        "admitted": scans.admissions().count(),
        "sold": TicketOption.objects.filter(event=event).tickets_sold(),
        "per_gate": scans.per_gate(),
        "scans": seen.order_by("-created_at", "-pk")[:LAST_SCANS],
        "may_undo": bool(rights.scope(request.user, "allocation.undo_admission")),
        "is_part": wants_part(request),
    }


@operation("allocation.undo_admission")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Why nobody was admitted after all; the ticket admits again then."""
    rows = Scan.objects.visible_to(request.user, "allocation.undo_admission").with_people()
    scanned = get_object_or_404(rows.select_related("event"), pk=pk)
    form = UndoForm(request.POST if request.method == "POST" else None)
    back = _way_back(request, scanned)
    if form.is_valid():
        with refusals_on(form):
            undo_admission(scanned, **form.cleaned_data, by=request.user)
            messages.success(request, _("The admission is undone. The ticket admits again."))
            return redirect(back)
        scanned.refresh_from_db()
    return render(request, "allocation/undo.html", {"scanned": scanned, "form": form, "back": back})


def _way_back(request: HttpRequest, scanned: Scan) -> str:
    """The gate from which somebody came to undo the scan."""
    place = PlaceForm(request.GET)
    if scanned.event_id and place.is_valid():
        return _address(scanned.event_id, place.cleaned_data["gate"])
    return reverse("allocation:gates")
