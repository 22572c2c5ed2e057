"""The pages that move a booking: a day, one of its free times, and whether it is meant."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from booking.actions import change_booking
from booking.forms import MoveForm
from booking.held import missing_booking, reached_booking
from booking.policies import is_settled
from booking.steps import Way, deadline, month, steps, way_of
from booking.views import choose, whole_month
from ticketing.toolkit.panel import operation, refusals_on, wants_part
from ticketing.toolkit.times import in_full


@operation("booking.change")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def booking_move(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The steps as far as the address says; the time that is sent is the booking's from then on."""
    booking = reached_booking(request, pk, "booking.change")
    if not booking:
        return missing_booking(request)
    if is_settled(booking, by=request.user):
        return redirect("booking:detail", pk)  # which says why
    sent = request.method == "POST"
    said = MoveForm(booking, request.POST if sent else request.GET, by=request.user, at=timezone.now())
    if said.is_valid() and said.starts_at and sent:
        with refusals_on(said):
            change_booking(booking, starts_at=said.starts_at, by=request.user)
            messages.success(request, _("The booking is moved to %(when)s.") % {"when": in_full(said.starts_at)})
            return redirect("booking:detail", pk)
    return _next_step(request, said, way_of(said))


def _next_step(request: HttpRequest, said: MoveForm, way: Way) -> HttpResponse:
    if way.starts_at and said.is_valid() and not wants_part(request):
        return _confirm(request, way)
    if not way.day and (first := said.cleaned_data.get("month")):
        return whole_month(request, way, month(way, first, by=request.user, at=said.at))
    return choose(request, "booking/booking_move.html", said, way, booking=way.moves)


def _confirm(request: HttpRequest, way: Way) -> HttpResponse:
    assert way.service
    assert way.starts_at
    until = deadline(way.service, way.starts_at, by=request.user, at=timezone.now())
    context = {"way": way, "booking": way.moves, "until": until, "steps": steps(way, "confirm")}
    return render(request, "booking/booking_move_confirm.html", context)
