"""Programs that call the API with a token pass by what serves people: sessions, messages, languages."""

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest

API, ITS_PAGES = "/api/v1/", "/api/v1/docs/"


def comes_with_token(request: HttpRequest) -> bool:
    """Whether a token alone decides who calls: beside one, be it wrong, the API looks at no cookie."""
    path = request.path_info
    return "HTTP_AUTHORIZATION" in request.META and path.startswith(API) and not path.startswith(ITS_PAGES)


class _ForPeople:
    """Passed by whoever comes with a token."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if comes_with_token(request):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]  # of the middleware beside it


class Sessions(_ForPeople, SessionMiddleware):
    """Whose browser it is."""


class Messages(_ForPeople, MessageMiddleware):
    """What to say to them on the next page."""


class Accounts(AuthenticationMiddleware):
    """Who is logged in there; nobody until the token is looked at."""

    def process_request(self, request: HttpRequest) -> None:
        """Say so."""
        if comes_with_token(request):
            request.user = AnonymousUser()
        else:
            super().process_request(request)
