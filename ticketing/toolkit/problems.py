"""Failures of /api/v1/ as problem documents (RFC 9457); the DRF exception handler."""

from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.db import Error
from django.http import Http404, HttpResponse
from rest_framework import exceptions, views
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error

from ticketing.errors import Invalid, LogInFirst, NotFound, Refused
from ticketing.toolkit.database import trouble

PROBLEM = "application/problem+json"


def exception_handler(exception: Exception, context: dict[str, Any]) -> Response | None:
    """The problem document of a refusal, of a DRF error or of a database that is away; None lets a defect be a 500."""
    if isinstance(exception, Error):
        exception = trouble(exception) or exception
    if isinstance(exception, Http404):
        exception = NotFound()
    if isinstance(exception, ModelValidationError):
        exception = exceptions.ValidationError(as_serializer_error(exception))
    if isinstance(exception, Refused):
        return _of_refusal(exception)
    return _of_framework(exception, context)


def _of_refusal(refusal: Refused) -> Response:
    views.set_rollback()
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    if isinstance(refusal, LogInFirst):
        headers["WWW-Authenticate"] = "Bearer"
    errors = {field: [str(text)] for field, text in refusal.errors.items()}
    return _problem(refusal.status, refusal.code, str(refusal.message), errors, headers)


def _of_framework(exception: Exception, context: dict[str, Any]) -> Response | None:
    response = views.exception_handler(exception, context)
    if response is None or not isinstance(exception, exceptions.APIException):
        return None
    headers = {name: value for name, value in response.items() if name in ("WWW-Authenticate", "Retry-After", "Allow")}
    if isinstance(exception, exceptions.ValidationError):
        said = response.data if isinstance(response.data, dict) else {"non_field_errors": response.data}
        errors = {field: _sentences(saying) for field, saying in said.items()}
        return _problem(400, Invalid.code, str(Invalid.message), errors, headers)
    return _problem(response.status_code, exception.default_code, str(exception.detail), {}, headers)


def _sentences(said: Any) -> list[str]:
    """What was said of a field and of whatever is inside it, one after the other."""
    if isinstance(said, dict):
        said = list(said.values())
    return [sentence for part in said for sentence in _sentences(part)] if isinstance(said, list) else [str(said)]


def problem_response(refusal: Refused) -> HttpResponse:
    """A refusal where no view of the API was reached."""
    shown = _of_refusal(refusal)
    headers = {**dict(shown.items()), "Content-Type": PROBLEM}
    return HttpResponse(JSONRenderer().render(shown.data), status=shown.status_code, headers=headers)


def _problem(status: int, code: str, detail: str, errors: Any, headers: dict[str, str]) -> Response:
    title = code.replace("_", " ").capitalize()
    body = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail, "errors": errors}
    return Response(body, status=status, headers=headers, content_type=PROBLEM)
