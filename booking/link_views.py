"""A booking by the link in its mails: to look changes nothing, so scanners of mails may follow it as they like."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from booking.actions import renew_link
from booking.actions.telling import visit_of
from booking.held import hold_token, missing_booking, reached_booking
from booking.models import Booking
from ticketing import rights
from ticketing.rights import Scope
from ticketing.sending.calendar_files import calendar_file
from ticketing.toolkit.panel import operation


@operation("booking.see_one")
@never_cache
@require_safe
def link(request: HttpRequest, pk: UUID, token: str) -> HttpResponse:
    """Remember that this browser has the link, and go where the address bar does not show it."""
    if not Booking.objects.visible_to(request.user, "booking.see_one", token).filter(pk=pk).exists():
        return missing_booking(request)
    hold_token(request, pk, token)
    return redirect("booking:detail", pk)


@operation("booking.change")
@never_cache
@require_POST
def renew(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Make every link that was given out void, and show the new token to whoever asked for it."""
    booking = reached_booking(request, pk, "booking.change")
    if not booking:
        return missing_booking(request)
    booking = renew_link(booking, by=request.user)
    hold_token(request, pk, booking.manage_token)
    if rights.scope(request.user, "booking.see_one") not in (Scope.ALL, Scope.DEMO):  # whom no token need be shown
        messages.success(request, _("Older links and the older manage token open this booking no more."))
    return render(request, "booking/booking_renewed.html", {"booking": booking})


@operation("booking.see_one")
@never_cache
@require_safe
def calendar(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The visit as a file for one's calendar."""
    booking = reached_booking(request, pk, "booking.see_one")
    if not booking:
        return missing_booking(request)
    content = calendar_file([visit_of(booking)])
    disposition = {"Content-Disposition": 'attachment; filename="visit.ics"'}
    return HttpResponse(content, content_type="text/calendar; charset=utf-8", headers=disposition)
