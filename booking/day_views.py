"""The page of the day: who comes when, who came, and who came without a booking."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from booking.actions import check_in, mark_missed, undo_check_in, undo_walk_in, walk_in
from booking.forms import RULES, PartyForm, PhoneField, ServiceForm
from booking.models import NAME_LENGTH, Booking, Service
from booking.policies import clean_phone
from booking.views import services_shown
from ticketing import rights
from ticketing.toolkit.contracts import found
from ticketing.toolkit.panel import OnceForm, once, operation, refusals_on, render_page
from ticketing.toolkit.windows import window

AT_ONCE = 100
ORDER = ("starts_at", "created_at", "id")
SHOWN = {"": "all", "expected": "expected", "arrived": "arrived", "missed": "missed"}  # and which adjective it is


class LookForm(forms.Form):
    """Which bookings of the day the page shows."""

    show = forms.ChoiceField(
        label=gettext_lazy("Show"),
        choices=[
            ("", gettext_lazy("Everybody")),
            ("expected", gettext_lazy("Still expected")),
            ("arrived", gettext_lazy("Arrived")),
            ("missed", gettext_lazy("Not come")),
        ],
        required=False,
    )
    code = forms.CharField(
        label=gettext_lazy("Name, ticket id or scanned code"),
        required=False,
        max_length=500,
        widget=forms.TextInput({"autocomplete": "off", "type": "search"}),
    )


class WalkInForm(OnceForm, PartyForm, ServiceForm):
    """Who came without a booking."""

    firstname = forms.CharField(label=gettext_lazy("First name"), max_length=NAME_LENGTH)
    lastname = forms.CharField(label=gettext_lazy("Last name"), max_length=NAME_LENGTH)
    phone = PhoneField(
        label=gettext_lazy("Phone number"),
        required=False,
        help_text=gettext_lazy("Ten digits, or nothing."),
        widget=forms.TextInput({"type": "tel", "autocomplete": "off", "inputmode": "numeric"}),
    )
    field_order = ("service", "firstname", "lastname", "phone", "party")

    def __init__(self, services: list[Service], data: Any = None) -> None:
        super().__init__(services, data, auto_id="walk_%s")
        self.limit_party(max((service.largest_party for service in services), default=1))

    def clean(self) -> dict[str, Any]:
        """Names and number as the rules have them."""
        cleaned = super().clean()
        rules = {**RULES, "phone": clean_phone}
        for name in ("firstname", "lastname", "phone"):
            if cleaned.get(name):
                with refusals_on(self):
                    cleaned[name] = rules[name](cleaned[name], field=name)
        return cleaned


@operation("booking.check_in")
@never_cache
@require_safe
def day(request: HttpRequest) -> HttpResponse:
    """Who comes today, in the order of their times; by a name or a code those who are meant."""
    return _day(request, WalkInForm(services_shown(request)))


def _day(request: HttpRequest, form: WalkInForm) -> HttpResponse:
    look = LookForm(request.GET)
    look.is_valid()
    said = look.cleaned_data
    rows = Booking.objects.visible_to(request.user, "booking.check_in").today()
    rows = getattr(rows, SHOWN[said.get("show", "")])().called(said.get("code", ""))
    rows = rows.with_state().with_grace().select_related("slot__service", "resource")
    counts = Booking.objects.visible_to(request.user, "booking.check_in").today().tally()
    page = window(rows, request.GET, AT_ONCE, ORDER)
    may_report = bool(rights.scope(request.user, "booking.report"))
    context = {"page": page, "look": look, "counts": counts, "form": form, "may_report": may_report}
    return render_page(request, "booking/day.html", "booking/_day.html", context)


@operation("booking.check_in")
@never_cache
@require_http_methods(["POST"])
def day_walk_in(request: HttpRequest) -> HttpResponse:
    """Let somebody in without a booking."""
    form = WalkInForm(services_shown(request), request.POST)
    if form.is_valid():
        with refusals_on(form):
            once(request, form.cleaned_data["form_key"], "panel booking.walk_in", partial(_let_in, request, form))
            messages.success(request, _("They are checked in."))
            return redirect("booking:day")
    return _day(request, form)


def _let_in(request: HttpRequest, form: WalkInForm) -> Booking:
    typed = form.cleaned_data
    named = {name: typed[name] for name in ("service", "firstname", "lastname", "phone")}
    return walk_in(**named, party=form.people, by=request.user)


class ArrivalForm(forms.Form):
    """How many came."""

    came = forms.IntegerField(required=False, min_value=1, max_value=1000)


@operation("booking.check_in")
@never_cache
@require_POST
def day_check_in(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Check somebody in, with as many as came."""
    form = ArrivalForm(request.POST)
    came = form.cleaned_data["came"] if form.is_valid() else 0  # which the verb refuses
    return _done(request, pk, partial(check_in, came=came), _("%(name)s is checked in."))


@operation("booking.check_in")
@never_cache
@require_POST
def day_undo(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take it back."""
    return _done(request, pk, undo_check_in, _("%(name)s is expected again."))


@operation("booking.check_in")
@never_cache
@require_POST
def day_missed(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Note that nobody came."""
    return _done(request, pk, mark_missed, _("It is noted that %(name)s did not come."))


@operation("booking.check_in")
@never_cache
@require_POST
def day_undo_walk_in(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Remove somebody who was let in by mistake; also when the button is pressed twice."""
    booking = Booking.objects.visible_to(request.user, "booking.check_in").filter(pk=pk).first()
    undo_walk_in(booking or Booking(pk=pk), by=request.user)
    messages.success(request, _("The entry is removed, and its place is given back."))
    return redirect("booking:day")


def _done(request: HttpRequest, pk: UUID, verb: Callable[..., Booking], sentence: str) -> HttpResponse:
    booking = found(Booking.objects.visible_to(request.user, "booking.check_in"), pk=pk)
    verb(booking, by=request.user)
    messages.success(request, sentence % {"name": f"{booking.firstname} {booking.lastname}"})
    return redirect(f"{reverse('booking:day')}#booking-{pk}")
