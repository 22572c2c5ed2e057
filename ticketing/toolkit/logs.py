"""What is written to the log: one JSON object per line, with the id of its request and nothing personal.

No line holds what a caller sent: of a request its verb, route pattern, status, time and the caller's role; of a defect
the traceback, which names lines of code and no values, and the error's own words only where they cannot be data.
"""

import json
import logging
import re
import traceback
import uuid
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve
from django.utils.functional import SimpleLazyObject

from ticketing import rights
from ticketing.errors import Refused
from ticketing.toolkit.middleware import GetResponse

logger = logging.getLogger("ticketing.request")

request_id: ContextVar[str] = ContextVar("request_id", default="")
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

# Errors whose words are names in our own code, or what the database's server says of itself.
_SPEAKING = (AttributeError, NameError, ImportError, TypeError, ImproperlyConfigured, OperationalError, Refused)
FIELDS = ("method", "route", "status", "ms", "role")


class RequestLog:
    """Give every request an id, which its answer and all its log lines carry, and log it once it is answered."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = monotonic()
        mark = request_id.set(_id_of(request))
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request_id.get()
            # What is deferred runs again in its own lane, and is logged there.
            if "Bridge-Defer" not in response and logger.isEnabledFor(logging.INFO):
                _log(_about(request, response, began))
            return response
        finally:
            request_id.reset(mark)


def _log(about: dict[str, Any]) -> None:
    is_routine = about["status"] == 200 and about["route"].lstrip("^").startswith("health")
    logger.log(logging.DEBUG if is_routine else logging.INFO, "request", extra=about)


def _id_of(request: HttpRequest) -> str:
    given = request.headers.get("X-Request-ID", "") if settings.BEHIND_PROXY else ""
    return given if _SANE_ID.fullmatch(given) else uuid.uuid4().hex


def _about(request: HttpRequest, response: HttpResponseBase, began: float) -> dict[str, Any]:
    return {
        "method": request.method if request.method in KNOWN_VERBS else "other",
        "route": route_of(request),
        "status": response.status_code,
        "ms": round((monotonic() - began) * 1000),
        "role": _role_of(request),
    }


KNOWN_VERBS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "UPDATE"}


def route_of(request: HttpRequest) -> str:
    """The pattern of the request's address, which holds no ids and no secrets; empty where nothing answers."""
    match = request.resolver_match
    if match is None:
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return ""
    return match.route or "/"


def _role_of(request: HttpRequest) -> str:
    """Of the caller, if the request came so far that somebody asked."""
    user = getattr(request, "user", None)
    if isinstance(user, SimpleLazyObject):
        user = getattr(request, "_cached_user", None)
    return "" if user is None else rights.role_of(user)


def server_error(request: HttpRequest) -> HttpResponse:
    """The page of a defect of ours; its number finds the traceback in the log."""
    return HttpResponse(render_to_string("500.html", {"request_id": request_id.get()}), status=500)


class WithoutPaths(logging.Filter):
    """Put the route in the place of the raw path in what Django says of a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record is kept."""
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest) and isinstance(record.args, tuple):
            hidden = {request.path, request.path_info, request.get_full_path()}
            record.args = tuple(route_of(request) if arg in hidden else arg for arg in record.args)
        return True


class JsonLines(logging.Formatter):
    """One JSON object per record."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, message, request id, the fields of a request, traceback."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
            **{name: getattr(record, name, None) for name in FIELDS},
            "traceback": "\n".join(_trace(record.exc_info[1])) if record.exc_info and record.exc_info[1] else "",
        }
        return json.dumps({name: value for name, value in line.items() if value not in ("", None)}, ensure_ascii=False)


def _trace(error: BaseException) -> Iterator[str]:
    """The traceback of an error and of what caused it, the cause first."""
    if cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        yield from _trace(cause)
        yield ""
    yield from (line.rstrip("\n") for line in traceback.format_tb(error.__traceback__))
    yield type(error).__qualname__ + _words(error)


def _words(error: BaseException) -> str:
    """What the error says, unless it may quote what somebody entered: PostgreSQL does, with an SQLSTATE."""
    speaks = isinstance(error, _SPEAKING) and not getattr(error.__cause__ or error, "sqlstate", None)
    return f": {error}" if speaks else ""
