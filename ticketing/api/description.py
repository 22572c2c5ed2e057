"""What /api/v1/ says of itself: for programs, and as a page for people."""

from functools import cache
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language, override
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ticketing import rights
from ticketing.toolkit.api import AlwaysJSON
from ticketing.toolkit.panel import operation
from ticketing.toolkit.reference import Reader, Reference


class Description(APIView):
    """The API in OpenAPI 3.1."""

    http_method_names = ["get", "head"]
    authentication_classes = []
    permission_classes = []
    content_negotiation_class = AlwaysJSON
    metadata_class = None
    schema = None

    def get(self, request: Request) -> Response:
        """Every noun and verb, whoever asks; who may do what stands beside each."""
        return Response(described(rights.mode(), get_language()))


WRITING = Lock()


@cache
def described(mode: str, language: str | None) -> dict[str, Any]:
    """The description in one mode and language; it takes a quarter of a second to write."""
    with WRITING:  # drf-spectacular finds its extensions the first time, which fails for a thread that comes meanwhile
        return SchemaGenerator().get_schema(public=True)


@cache
def reference(mode: str) -> Reference:
    """The same for people; always in the words that programs are answered in."""
    with override(settings.LANGUAGE_CODE):
        document = described(mode, settings.LANGUAGE_CODE)
    return Reader(document, settings.SITE_URL).read()


@operation("site.visit")
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """How to call the API, and its parts."""
    told = reference(rights.mode())
    return render(
        request,
        "api/docs.html",
        {"parts": told.parts, "problem": told.problem, "refusals": told.refusals(), "site": settings.SITE_URL},
    )


@operation("site.visit")
@require_safe
def docs_of(request: HttpRequest, part: str) -> HttpResponse:
    """Every operation of one part."""
    told = reference(rights.mode())
    for known in told.parts:
        if known.name == part:
            return render(request, "api/part.html", {"part": known, "parts": told.parts})
    raise Http404
