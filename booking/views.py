"""The panel's pages about bookings."""

from functools import partial
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from booking.actions import book, cancel_booking, change_booking
from booking.forms import BookForm, ChangeForm, FindForm
from booking.models import Booking
from booking.policies import email_as_seen, phone_as_seen
from ticketing import rights
from ticketing.toolkit.panel import once, operation, refusals_on
from ticketing.toolkit.windows import window

HELD = "booking_tokens"  # the session's key for the manage tokens that this browser has shown
AT_ONCE = 24

shown_and_sent = require_http_methods(["GET", "HEAD", "POST"])


@operation("booking.book")
@never_cache
@shown_and_sent
def booking_new(request: HttpRequest) -> HttpResponse:
    """The form; after a booking, the form anew with the booking's id above it."""
    form = BookForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with refusals_on(form):
            made = once(request, form.cleaned_data["form_key"], "panel booking.book", partial(_book, request, form))
            messages.success(request, _receipt(get_object_or_404(Booking, pk=made)))
            return redirect("booking:book")
    return render(request, "booking/booking_new.html", {"form": form, "zone": _zone()})


def _book(request: HttpRequest, form: BookForm) -> Booking:
    typed = form.cleaned_data
    names = {name: typed[name] for name in ("firstname", "lastname", "email", "starts_at")}
    return book(**names, phone=typed["phone_number"], by=request.user)


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


def _zone() -> str:
    """The site's zone as people read it."""
    return timezone.get_default_timezone_name().replace("_", " ")


@operation("booking.see_all")
@never_cache
@require_safe
def booking_list(request: HttpRequest) -> HttpResponse:
    """One's own bookings, also of somebody who may see everybody's: what comes, and what is over."""
    if not request.user.is_authenticated:  # the demo lets strangers see all, but nothing is theirs
        return redirect_to_login(request.get_full_path())
    own = Booking.objects.visible_to(request.user, "booking.see_all").filter(account=request.user)
    rows = own.with_state().select_related("slot__service").in_order()
    page = window(rows.upcoming(), request.GET, AT_ONCE, ("starts_at", "created_at", "id"))
    over = rows.over().reverse()[:AT_ONCE]
    return render(request, "booking/booking_list.html", {"page": page, "over": over, "zone": _zone()})


@operation("booking.see_one")
@never_cache
@shown_and_sent
def booking_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One booking, and the form that changes it."""
    sent = request.method == "POST"
    booking = _reached(request, pk, "booking.change" if sent else "booking.see_one")
    sight = rights.require(request.user, "booking.see_one")
    form = ChangeForm(booking, sight, request.POST if sent else None)
    if form.is_valid():
        with refusals_on(form):
            change_booking(booking, **form.changes(), by=request.user)
            messages.success(request, _("The booking is as you wanted it."))
            return redirect("booking:detail", pk)
    seen = {"phone": phone_as_seen(booking.phone, sight), "email": email_as_seen(booking.email, sight)}
    return render(request, "booking/booking_detail.html", {"booking": booking, "form": form, "zone": _zone(), **seen})


@operation("booking.cancel")
@never_cache
@shown_and_sent
def booking_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Whether it is meant, and then the end of the booking."""
    booking = _reached(request, pk, "booking.cancel")
    if request.method == "POST":
        cancel_booking(booking, by=request.user)
        messages.success(request, _("The booking is cancelled. Its place is free for somebody else."))
        return redirect("booking:list" if request.user.is_authenticated else "booking:book")
    return render(request, "booking/booking_cancel.html", {"booking": booking, "zone": _zone()})


@operation("booking.see_one")
@sensitive_post_parameters("token")
@never_cache
@shown_and_sent
def booking_find(request: HttpRequest) -> HttpResponse:
    """The way to a booking without an account: its id and manage token, which this browser remembers."""
    form = FindForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        pk, token = form.cleaned_data["booking"], form.cleaned_data["token"]
        if Booking.objects.visible_to(request.user, "booking.see_one", token).filter(pk=pk).exists():
            request.session[HELD] = {**request.session.get(HELD, {}), str(pk): token}
            return redirect("booking:detail", pk)
        form.add_error(None, _("There is no booking with this id and token. Check both, letter by letter."))
    return render(request, "booking/booking_find.html", {"form": form})


def _reached(request: HttpRequest, pk: UUID, name: str) -> Booking:
    """The booking, if it is theirs or this browser has shown its token; missing and foreign ones answer alike."""
    held = request.session.get(HELD, {}).get(str(pk), "")
    rows = Booking.objects.visible_to(request.user, name, held)
    return get_object_or_404(rows.with_state().select_related("slot__service"), pk=pk)
