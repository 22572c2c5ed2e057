"""Pages: a refusal on the form that caused it, and a page or just its part."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from ticketing import rights
from ticketing.errors import Refused


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


def site(request: HttpRequest) -> dict[str, Any]:
    """What every page knows: whether this is the demo."""
    return {"is_demo": rights.is_demo()}
