"""The panel's pages about bookings."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from booking.actions import book, cancel_booking, change_booking
from booking.errors import DeadlinePassed, PartyTooLarge
from booking.forms import BookForm, ChangeForm, FindForm, StepForm, objection
from booking.held import hold_token, known_of, missing_booking, note_made, reached_booking, take_made
from booking.models import Booking, Service
from booking.policies import email_as_seen, is_settled, phone_as_seen
from booking.steps import (
    Choice,
    Month,
    Way,
    by_part_of_day,
    choices_nearby,
    days,
    deadline,
    month,
    nothing_free,
    steps,
    terms,
    times,
    way_of,
)
from ticketing import rights
from ticketing.toolkit.panel import once, operation, refusals_on, render_page, wants_part
from ticketing.toolkit.times import in_full
from ticketing.toolkit.windows import window

AT_ONCE = 24

shown_and_sent = require_http_methods(["GET", "HEAD", "POST"])


@operation("booking.book")
@never_cache
@shown_and_sent
def booking_new(request: HttpRequest) -> HttpResponse:
    """The steps of a booking, as far as the address says; what is sent is booked, also without any step."""
    services = services_shown(request)
    if request.method == "POST":
        return _booked(request, BookForm(services, request.POST, by=request.user))
    said = StepForm(services, request.GET, by=request.user, at=timezone.now())
    said.is_valid()  # what makes no sense chooses nothing, and the form says so
    return next_step(request, said, way_of(said))


def next_step(request: HttpRequest, said: StepForm, way: Way) -> HttpResponse:
    """Whatever comes next on this way."""
    if way.service and way.starts_at and not wants_part(request):
        chosen = {name: request.GET[name] for name in ("service", "date", "time", "party") if name in request.GET}
        return _ask(request, _blank(request, said.services, **chosen), way)
    if way.service and not way.day and (first := said.cleaned_data.get("month")):
        return whole_month(request, way, month(way, first, by=request.user, at=said.at))
    return _choose(request, said, way)


def services_shown(request: HttpRequest) -> list[Service]:
    """What can be chosen, each with its hours."""
    return list(Service.objects.visible_to(request.user, "booking.see_free").with_calendar().in_order())


def _booked(request: HttpRequest, form: BookForm) -> HttpResponse:
    if form.is_valid():
        with refusals_on(form):
            key = form.cleaned_data["form_key"]
            made = once(request, key, "panel booking.book", partial(book_typed, request, form))
            note_made(request, made)
            if request.user.is_authenticated and Booking.objects.twins_of(made, request.user).exists():
                messages.warning(request, _("You already have a booking at this time. Cancel the one you do not need."))
            return redirect("booking:done")
    return refused_form(request, form, way_of(form))


def refused_form(request: HttpRequest, form: BookForm, way: Way) -> HttpResponse:
    """The form again, with what is wrong, and what is free instead."""
    way = way._replace(service=way.service or Service())
    return _ask(request, form, way, _nearby(request, form, way))


def book_typed(request: HttpRequest, form: BookForm) -> Booking:
    """Book what a form says."""
    typed = form.cleaned_data
    names = {name: typed[name] for name in ("firstname", "lastname", "email", "starts_at", "service")}
    return book(**names, phone=typed["phone_number"], party=form.people, by=request.user)


def _choose(request: HttpRequest, said: StepForm, way: Way) -> HttpResponse:
    """The service, the day or the time; the free places refresh themselves."""
    more = {
        "services": [(service, way.to(service, way.day)) for service in way.services],
        "whole": _blank(request, said.services, **way.said),
    }
    return choose(request, "booking/booking_new.html", said, way, **more)


def choose(request: HttpRequest, page: str, said: StepForm, way: Way, **more: Any) -> HttpResponse:
    """What there is to choose from on this way, on its page or in place."""
    context: dict[str, Any] = {"said": said, "way": way, "here": "service", **more}
    asked = {"by": request.user, "at": said.at}
    if way.service:
        # The days are looked for when the page shows them: the free places that refresh themselves do not.
        context |= {"here": "time" if way.day else "day", "days": partial(days, way, **asked)}
        context["terms"] = terms(way.service, by=request.user)
    if way.service and way.day:
        found = times(way, **asked)
        context |= {"parts": by_part_of_day(found), "comes_twice": any(one.comes_twice for one in found)}
        is_free = any(one.is_open and not one.is_own for one in found)
        context["nothing"] = None if is_free else nothing_free(way, **asked)
    context["steps"] = steps(way, context["here"])
    part = "booking/_free.html" if request.headers.get("HX-Target") == "free" else "booking/_way.html"
    return render_page(request, page, part, context)


def whole_month(request: HttpRequest, way: Way, shown: Month) -> HttpResponse:
    """A day, chosen in its month."""
    context = {"way": way, "month": shown, "steps": steps(way, "day"), "weekdays": list(WEEKDAYS.values())}
    return render(request, "booking/booking_month.html", context)


def _blank(request: HttpRequest, services: list[Service], **chosen: str) -> BookForm:
    """The form for what was chosen; whoever books for themselves finds filled in what their account knows."""
    return BookForm(services, initial={**known_of(request), **chosen}, by=request.user)


def _ask(request: HttpRequest, form: BookForm, way: Way, nearby: list[Choice] | None = None) -> HttpResponse:
    """Whom to expect; day and time stand above the form, unless they are what is wrong."""
    if way.starts_at and nearby != []:
        form.settle()
    if nearby:
        form.choose_among_times()
    context = {"form": form, "way": way, "steps": steps(way, "details"), "nearby": nearby, "party": way.party}
    if way.service and way.starts_at:
        context["until"] = deadline(way.service, way.starts_at, by=request.user, at=timezone.now())
    if nearby == []:
        context["next_days"] = nothing_free(way, by=request.user, at=timezone.now()).get("days", [])
    return render(request, "booking/booking_new_details.html", context)


def _nearby(
    request: HttpRequest, form: BookForm | ChangeForm, way: Way, own: datetime | None = None
) -> list[Choice] | None:
    """What is free around a time that cannot be booked; None where it can, or where so many never can."""
    asked: dict[str, Any] = {"by": request.user, "at": timezone.now()}
    if not (way.service and way.starts_at):
        return None
    refusal = objection(way.service, way.starts_at, way.party, **asked)
    if refusal and not form.non_field_errors() and "party" not in form.errors:
        # Something else was wrong too, so that nobody tried.
        form.add_error("party" if refusal.field == "party" else None, str(refusal.message))
    if not refusal or isinstance(refusal, PartyTooLarge):
        return None
    return choices_nearby(way, refusal, own, **asked)


@operation("booking.book")
@never_cache
@require_GET
def booking_done(request: HttpRequest) -> HttpResponse:
    """What somebody just booked, with what opens it again: shown once, to the browser that booked it."""
    rows = Booking.objects.filter(pk__in=take_made(request)).select_related("slot__service", "resource").in_order()
    way = Way(services_shown(request), None)
    found = [(booking, changeable_until(request, booking)) for booking in rows]
    return render(request, "booking/booking_done.html", {"bookings": found, "way": way, "steps": steps(way, "done")})


def changeable_until(request: HttpRequest, booking: Booking) -> str:
    """Until when whoever asks can change or cancel it, in a sentence; empty for whoever always can."""
    return deadline(booking.slot.service, booking.starts_at, by=request.user, at=timezone.now())


@operation("booking.see_all")
@never_cache
@require_safe
def booking_list(request: HttpRequest) -> HttpResponse:
    """One's own bookings, also of somebody who may see everybody's: what comes, and what is over."""
    if not request.user.is_authenticated:  # the demo lets strangers see all, but nothing is theirs
        return redirect_to_login(request.get_full_path())
    own = Booking.objects.visible_to(request.user, "booking.see_all").filter(account=request.user)
    rows = own.with_state().select_related("slot__service", "resource").in_order()
    page = window(rows.upcoming(), request.GET, AT_ONCE, ("starts_at", "created_at", "id"))
    over = rows.over().reverse()[:AT_ONCE]
    return render(request, "booking/booking_list.html", {"page": page, "over": over})


@operation("booking.see_one")
@never_cache
@shown_and_sent
def booking_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One booking, and the form that changes it."""
    sent = request.method == "POST"
    booking = reached_booking(request, pk, "booking.change" if sent else "booking.see_one")
    if not booking:
        return missing_booking(request)
    sight = rights.require(request.user, "booking.see_one")
    form, nearby = ChangeForm(booking, sight, request.POST if sent else None), None
    if form.is_valid():
        with refusals_on(form):
            change_booking(booking, **form.changes(), by=request.user)
            messages.success(request, _("The booking is as you wanted it."))
            return redirect("booking:detail", pk)
        nearby = _instead(request, booking, form)
    seen = {"phone": phone_as_seen(booking.phone, sight), "email": email_as_seen(booking.email, sight)}
    until = {"settled": _settled(request, booking), "until": changeable_until(request, booking)}
    asked = {"form": form, "nearby": nearby, "party": form.people if nearby else booking.party}
    return render(request, "booking/booking_detail.html", {"booking": booking, **seen, **until, **asked})


def _instead(request: HttpRequest, booking: Booking, form: ChangeForm) -> list[Choice] | None:
    """What is free around the time to which it cannot be moved."""
    way = Way([], booking.slot.service, form.cleaned_data["date"], form.starts_at, form.people)
    nearby = _nearby(request, form, way, booking.starts_at)
    if nearby:
        form.choose_among_times()
    return nearby


def _settled(request: HttpRequest, booking: Booking) -> str:
    """Why this person cannot change or cancel it any more; empty while they can."""
    return str(DeadlinePassed.message) if is_settled(booking, by=request.user) else ""


@operation("booking.cancel")
@never_cache
@shown_and_sent
def booking_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Whether it is meant, and then the end of the booking."""
    booking = reached_booking(request, pk, "booking.cancel")
    if not booking:
        return missing_booking(request)
    settled = _settled(request, booking)
    if request.method == "POST" and not settled:
        cancel_booking(booking, by=request.user)
        sentence = ngettext(
            "The booking for %(when)s is cancelled, and its place is given back.",
            "The booking for %(when)s is cancelled, and its places are given back.",
            booking.party,
        )
        messages.success(request, sentence % {"when": in_full(booking.starts_at)})
        return redirect("booking:list" if request.user.is_authenticated else "booking:book")
    status = 409 if request.method == "POST" else 200
    return render(request, "booking/booking_cancel.html", {"booking": booking, "settled": settled}, status=status)


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
            hold_token(request, pk, token)
            return redirect("booking:detail", pk)
        form.add_error(None, _("There is no booking with this id and token. Check both, letter by letter."))
    return render(request, "booking/booking_find.html", {"form": form})
