"""The steps of a booking in a frame of another site's page (settings.EMBED_ORIGINS).

Browsers send such a frame no cookies, so nothing here reads or sets one: everybody is nobody, and a forged form could
do no more than anybody can by calling the API. The hidden key of the form still makes one booking of two sendings, and
the receipt is at the booking's own link.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from booking.forms import BookForm, StepForm
from booking.models import Booking, manage_token
from booking.steps import way_of
from booking.views import book_typed, changeable_until, next_step, refused_form, services_shown
from ticketing.errors import NotFound
from ticketing.toolkit.middleware import EMBEDDED
from ticketing.toolkit.panel import once, operation, refusals_on

PAGE = "booking:embed"

shown_and_sent = require_http_methods(["GET", "HEAD", "POST"])


def embedded(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A page in a bare layout, for nobody in particular, that the pages of some other sites may frame."""

    @csrf_exempt
    @wraps(view)
    def framed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.user = AnonymousUser()
        setattr(request, EMBEDDED, "booking/embed.html")
        return view(request, *args, **kwargs)

    return framed


@embedded
@operation("booking.book")
@never_cache
@shown_and_sent
def embed(request: HttpRequest) -> HttpResponse:
    """The steps as far as the address says; what is sent is booked."""
    services = services_shown(request)
    if request.method == "POST":
        return _sent(request, BookForm(services, request.POST, by=request.user))
    said = StepForm(services, request.GET, by=request.user, at=timezone.now())
    said.is_valid()  # what makes no sense chooses nothing, and the form says so
    return next_step(request, said, way_of(said)._replace(page=PAGE))


def _sent(request: HttpRequest, form: BookForm) -> HttpResponse:
    if form.is_valid():
        with refusals_on(form):
            key = form.cleaned_data["form_key"]
            made = once(request, key, "panel booking.embed", partial(book_typed, request, form))
            return redirect("booking:embed_done", made, manage_token(made, 1))
    return refused_form(request, form, way_of(form)._replace(page=PAGE))


@embedded
@operation("booking.see_one")
@never_cache
@require_safe
def embed_done(request: HttpRequest, pk: UUID, token: str) -> HttpResponse:
    """The receipt, at the booking's own link, which is told to nobody else."""
    rows = Booking.objects.visible_to(request.user, "booking.see_one", token)
    booking = rows.with_expired().select_related("slot__service", "resource").filter(pk=pk).first()
    if booking is None:
        raise NotFound
    context = {"booking": booking, "token": token, "until": changeable_until(request, booking)}
    response = render(request, "booking/embed_done.html", context)
    response["Referrer-Policy"] = "no-referrer"
    return response
