"""Pages: a refusal on the form that caused it, and a page or just its part."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.db import Error, transaction
from django.db.models import Model
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from django_htmx.http import HttpResponseClientRedirect

from ticketing import rights
from ticketing.actions.keys import claim_key, settle_key
from ticketing.errors import KeyReused, Refused
from ticketing.toolkit.throttles import throttle


@contextmanager
def refusals_on(form: BaseForm) -> Iterator[None]:
    """Show a refusal raised inside the block on the field to blame, or on the form."""
    try:
        yield
    except ValidationError as error:
        form.add_error(None, error)
    except Refused as refusal:
        name = refusal.field if refusal.field in form.fields else None
        form.add_error(name, _as_labelled(str(refusal.message), form, name) if name else str(refusal.message))


def _as_labelled(sentence: str, form: BaseForm, name: str) -> str:
    """The sentence with the field's label wherever it quotes the name that programs use."""
    label = str(form[name].label)
    return re.sub(f"(?<=[“„]){re.escape(name)}(?=[”“])", lambda quoted: label, sentence)


class SentBefore(KeyReused):
    """A form came again with other answers than the first time, as after a step back in the browser."""

    message = _("This form was sent before, with other answers, and those stand. Open the page anew to send another.")


class OnceForm(forms.Form):
    """A form with a hidden key: sent twice, it has one effect (see `once`)."""

    form_key = forms.UUIDField(initial=uuid4, widget=forms.HiddenInput, required=False)


def once(request: HttpRequest, form_key: UUID | None, route: str, make: Callable[[], Model]) -> UUID:
    """The id of what `make` made, of this time or of the first time that the form with this key was sent.

    All in one transaction: a twin waits for the first, and a refused form leaves no key. SentBefore when the answers
    differ from the first time's.
    """
    named = {"caller": str(request.user.pk or ""), "route": route, "key": str(form_key or uuid4())}
    with transaction.atomic():
        try:
            first = claim_key(**named, fingerprint=_fingerprint(request))
        except KeyReused as reused:
            raise SentBefore from reused
        if first and first.made:
            return first.made
        made: UUID = make().pk
        settle_key(**named, made=made, status=302)
        return made


def _fingerprint(request: HttpRequest) -> str:
    answers = sorted((name, values) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken")
    return salted_hmac("ticketing.toolkit.panel", repr(answers), algorithm="sha256").hexdigest()


def render_page(request: HttpRequest, page: str, part: str, context: dict[str, Any]) -> HttpResponse:
    """The whole page, or only its part when htmx asks for it, but for a step back in the browser."""
    response = render(request, part if wants_part(request) else page, context)
    patch_vary_headers(response, ["HX-Request", "HX-History-Restore-Request"])
    return response


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asks for a part that is to replace one on the page."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


View = Callable[..., HttpResponseBase]


def operation(name: str) -> Callable[[View], View]:
    """Say which operation of rights.py a view serves, and ask for it first: whoever lacks an account logs in first."""

    def mark(view: View) -> View:
        @wraps(view)
        def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated and not rights.scope(request.user, name):
                return _log_in_first(request)
            rights.require(request.user, name)
            if request.method == "POST":
                throttle(request, request.user, name)
            return view(request, *args, **kwargs)

        asked.operation = name  # type: ignore[attr-defined]
        return asked

    return mark


def with_camera(view: View) -> View:
    """A page that may use the camera of the device; no other page may."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response["Content-Security-Policy"] = settings.CAMERA_CONTENT_SECURITY_POLICY
        response["Permissions-Policy"] = settings.CAMERA_PERMISSIONS_POLICY
        return response

    return answered


def _log_in_first(request: HttpRequest) -> HttpResponse:
    """The way by the log-in to this page; a part that refreshes itself takes its whole page there."""
    response = redirect_to_login(request.get_full_path())
    return HttpResponseClientRedirect(response.url) if wants_part(request) else response


def site(request: HttpRequest) -> dict[str, Any]:
    """What every page knows: whether this is the demo, and who is logged in."""
    return {"is_demo": rights.is_demo(), "visitor": lambda: visitor(request)}


def visitor(request: HttpRequest) -> Any:
    """The account; None for nobody, and while the database is away, as the page that says so must not fail."""
    user = getattr(request, "user", None)
    try:
        return user if user and user.is_authenticated else None
    except Error:
        return None
