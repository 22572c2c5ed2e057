"""Pages: a refusal on the form that caused it, and a page or just its part."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.db import Error
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from ticketing import rights
from ticketing.errors import Refused
from ticketing.toolkit.throttles import throttle


@contextmanager
def refusals_on(form: Form) -> Iterator[None]:
    """Show a refusal raised inside the block on the field to blame, or on the form."""
    try:
        yield
    except ValidationError as error:
        form.add_error(None, error)
    except Refused as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.message))


def render_page(request: HttpRequest, page: str, part: str, context: dict[str, Any]) -> HttpResponse:
    """The whole page, or only its part when htmx asks for it."""
    response = render(request, part if "HX-Request" in request.headers else page, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


View = Callable[..., HttpResponseBase]


def operation(name: str) -> Callable[[View], View]:
    """Say which operation of rights.py a view serves, and ask for it first: whoever lacks an account logs in first."""

    def mark(view: View) -> View:
        @wraps(view)
        def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated and not rights.scope(request.user, name):
                return redirect_to_login(request.get_full_path())
            rights.require(request.user, name)
            if request.method == "POST":
                throttle(request, request.user, name)
            return view(request, *args, **kwargs)

        asked.operation = name  # type: ignore[attr-defined]
        return asked

    return mark


def site(request: HttpRequest) -> dict[str, Any]:
    """What every page knows: whether this is the demo, and who is logged in."""
    return {"is_demo": rights.is_demo(), "visitor": lambda: _visitor(request)}


def _visitor(request: HttpRequest) -> Any:
    """The account; None for nobody, and while the database is away, as the page that says so must not fail."""
    user = getattr(request, "user", None)
    try:
        return user if user and user.is_authenticated else None
    except Error:
        return None
