"""The panel's pages about bookings."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from booking.actions import book
from booking.forms import BookForm
from booking.models import Booking
from ticketing.toolkit.panel import operation, refusals_on


@operation("booking.book")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def booking_new(request: HttpRequest) -> HttpResponse:
    """The form; after a booking, the form anew with the booking's id above it."""
    form = BookForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        data = form.cleaned_data
        with refusals_on(form):
            booking = book(
                firstname=data["firstname"],
                lastname=data["lastname"],
                phone=data["phone_number"],
                starts_at=data["starts_at"],
                email=data["email"],
                by=request.user,
            )
            messages.success(request, _receipt(booking))
            return redirect("booking:book")
    zone = timezone.get_default_timezone_name().replace("_", " ")
    return render(request, "booking/booking_new.html", {"form": form, "zone": zone})


def _receipt(booking: Booking) -> str:
    """What the person should keep. It is shown once, and never part of an address."""
    return format_html(
        _(
            "Your time is booked. Ticket id: <code>{id}</code>. Manage token: <code>{token}</code>. "
            "Write both down: they are shown this once, and whoever has them can look the booking up again, "
            "move it or cancel it."
        ),
        id=booking.pk,
        token=booking.manage_token,
    )
