"""A refusal outside a form, as a page; and the headers every answer carries."""

from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import has_vary_header
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ticketing import rights
from ticketing.errors import NotAllowed, Refused, TooManyAttempts
from ticketing.toolkit.database import trouble

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class SiteHeaders:
    """Say on every answer in which mode the site runs, and keep browsers from guessing or leaking."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response["X-Site-Mode"] = settings.SITE_MODE
        if settings.EMBED_ORIGINS and hasattr(request, EMBEDDED):
            del response["X-Frame-Options"]
            response["Content-Security-Policy"] = framed_by(settings.EMBED_ORIGINS)
        response.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        response.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault("X-Content-Type-Options", "nosniff")
        response.setdefault("Cache-Control", "no-store" if is_about_somebody(response) else "private, no-cache")
        return response


EMBEDDED = "layout"  # the mark on a request for a page that pages of other sites may show: the name of its bare layout


def framed_by(origins: Sequence[str]) -> str:
    """The policy of all pages, but for who may frame this one."""
    policy: str = settings.CONTENT_SECURITY_POLICY
    return policy.replace("frame-ancestors 'none'", f"frame-ancestors {' '.join(origins)}")


def is_about_somebody(response: HttpResponseBase) -> bool:
    """Whether no copy may stay behind: data for a program, or a page that depends on who is logged in."""
    return "json" in response.get("Content-Type", "") or has_vary_header(response, "Cookie")


class RealAddress:
    """Behind one's own proxy the caller's address is the one the proxy wrote down last; whatever stands before it
    came from the caller. Without a proxy (BEHIND_PROXY) the header is a forgery and is not read.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        written_last = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if settings.BEHIND_PROXY and _is_address(written_last):
            request.META["REMOTE_ADDR"] = written_last
        return self.get_response(request)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


PAGES_OF_THEIR_OWN = (429, 503)  # to go back would only ask again


class NoPage(Refused):
    """A form's address was opened like a page."""

    code = "no_page"
    status = 405
    message = _("Nothing can be opened at this address: only buttons of other pages send something to it.")


class RefusalPages:
    """Show a refusal to the person: a button's as a message on the page it was on, any other as a page of its own."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code != NoPage.status or not _says_nothing(request, response):
            return response
        page = refusal_page(request, NoPage())
        page["Allow"] = response["Allow"]
        return page

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The answer to a refusal, or None for a defect of ours."""
        refusal = trouble(exception) if isinstance(exception, Error) else exception
        if not isinstance(refusal, Refused):
            return None
        page = "" if refusal.status in PAGES_OF_THEIR_OWN else way_back(request)
        if request.method == "POST" and page and "HX-Request" not in request.headers:
            messages.error(request, str(refusal.message))
            return redirect(page)
        return refusal_page(request, refusal)


def _says_nothing(request: HttpRequest, response: Any) -> bool:
    """Whether this is the bare answer of a page that is asked by another verb."""
    view = getattr(request.resolver_match, "func", None)
    return not response.content and not getattr(view, "is_for_programs", False)


def refusal_page(request: HttpRequest, refusal: Refused) -> HttpResponse:
    """The refusal's sentence with its status and what to do next, as a page; the sentence alone for htmx."""
    template = "partials/_refusal.html" if "HX-Request" in request.headers else "refusal.html"
    roles = who_may(request) if refusal.status == NotAllowed.status else []
    context = {"refusal": refusal, "roles": roles, "wait": _wait(refusal.retry_after)}
    response = render(request, template, context, status=refusal.status)
    if refusal.retry_after is not None:
        response["Retry-After"] = str(refusal.retry_after)
    return response


def who_may(request: HttpRequest) -> list[str]:
    """The roles that have the function of this page, if the visitor's is none of them."""
    operation = getattr(getattr(request.resolver_match, "func", None), "operation", "")
    if not operation or not request.user.is_authenticated or rights.scope(request.user, operation):
        return []
    roles = request.user.Role.choices
    return [str(word) for role, word in roles if rights.cell(role, operation, demo=rights.is_demo())]


def _wait(seconds: int | None) -> str:
    """How long until it is worth trying again."""
    if seconds is None:
        return ""
    if seconds < 100:
        return ngettext("Try again in %d second.", "Try again in %d seconds.", seconds) % seconds
    minutes = -(-seconds // 60)
    return ngettext("Try again in %d minute.", "Try again in %d minutes.", minutes) % minutes


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that was not ours, or whose cookie was lost."""
    return refusal_page(request, NotAllowed(_("The form is too old. Load the page again and send it once more.")))


def locked_out(request: HttpRequest, response: HttpResponse, credentials: Any = None) -> HttpResponse:
    """What a locked log-in answers: the contract's own failure where there is one already, else a page."""
    return response if response.status_code == TooManyAttempts.status else refusal_page(request, TooManyAttempts())


def way_back(request: HttpRequest) -> str:
    """The page the person was on, if it is ours and another one; else empty."""
    page = request.headers.get("referer", "")
    ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return page if ours else ""
