"""In which language the site speaks: to a person in theirs, to a program always in the same words."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers

from ticketing.toolkit.panel import visitor
from ticketing.toolkit.programs import comes_with_token


class PageLanguage:
    """Show pages in the language of the account, or else in the one that this browser chose or asks for.

    What answers programs is left in the site's own language, as its sentences are part of what was promised to them.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with translation.override(_before_it_is_known_who_is_asked(request)):
            request.LANGUAGE_CODE = settings.LANGUAGE_CODE
            response = self.get_response(request)
            response.setdefault("Content-Language", request.LANGUAGE_CODE)
        if response.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ["Accept-Language"])
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Decide once it is known who is asked."""
        speak(request, settings.LANGUAGE_CODE if is_for_programs(view) else language_of(request))


def _before_it_is_known_who_is_asked(request: HttpRequest) -> str:
    if comes_with_token(request):
        return str(settings.LANGUAGE_CODE)
    return translation.get_language_from_request(request)


def is_for_programs(view: Any) -> bool:
    """Whether this view answers programs: an API's class, or a function that says so."""
    return hasattr(view, "view_class") or hasattr(view, "cls") or getattr(view, "is_for_programs", False)


def language_of(request: HttpRequest) -> str:
    """The language of the account, or of the browser."""
    person = visitor(request)
    return person.language if person else translation.get_language_from_request(request)


def speak(request: HttpRequest, language: str) -> None:
    """Use this language until the request is answered."""
    translation.activate(language)
    request.LANGUAGE_CODE = language
