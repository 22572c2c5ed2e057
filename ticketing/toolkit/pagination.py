"""Pages of a list by cursor: the next page begins behind the last row, so the thousandth costs what the first does."""

import base64
import json
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, Func, Model, TextField, Value
from django.db.models.lookups import GreaterThan, LessThan
from django.utils.translation import gettext_lazy as _
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from ticketing.errors import Invalid

DEFAULT_LIMIT, MAX_LIMIT = 50, 200


class BadCursor(Invalid):
    """Not a cursor that this list gave."""

    code = "bad_cursor"
    message = _("This is not a cursor of this list. Follow the links in “next”, or begin again without one.")


class Row(Func):
    """Several columns compared as one, which one index answers however many rows share the first."""

    function = "ROW"
    output_field = TextField()


class Keyset(BasePagination):
    """`limit` rows at a time in the order the caller chose; `next` is the address of the following page, or null."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The rows of this page."""
        self.request, self.limit = request, _limit(request)
        self.columns, descending = _order(request, view)
        if cursor := request.query_params.get("cursor"):
            at = Row(*_decoded(cursor, self.columns, queryset.model))
            columns = Row(*map(F, self.columns))
            queryset = queryset.filter(LessThan(columns, at) if descending else GreaterThan(columns, at))
        sign = "-" if descending else ""
        rows = list(queryset.order_by(*(sign + column for column in self.columns))[: self.limit + 1])
        self.is_last = len(rows) <= self.limit
        return rows[: self.limit]

    def get_paginated_response(self, data: Any, last: Model | None = None) -> Response:
        """The page with the address of the next one."""
        return Response({"next": self.next_link(last), "results": data})

    def next_link(self, last: Any) -> str | None:
        """Where the list goes on behind its `last` row."""
        if self.is_last or last is None:
            return None
        values = [last._meta.get_field(column).value_to_string(last) for column in self.columns]
        cursor = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()
        return replace_query_param(self.request.build_absolute_uri(), "cursor", cursor)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The shape of a page."""
        link = {"type": ["string", "null"], "format": "uri", "description": "The address of the next page."}
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {"next": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """What a caller may say about pages."""
        orderings = [sign + name for name in view.orderings for sign in ("", "-")]
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}
        return [
            _parameter("cursor", {"type": "string", "pattern": "^[A-Za-z0-9_=-]+$"}, "From the link in `next`."),
            _parameter("limit", limit, "Rows per page; 50 if unsaid."),
            _parameter("ordering", {"type": "string", "enum": orderings}, f"`{view.default_ordering()}` if unsaid."),
        ]


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    raise Invalid(_("“limit” must be a whole number from 1 to %(most)d.") % {"most": MAX_LIMIT}, field="limit")


def _order(request: Request, view: Any) -> tuple[tuple[str, ...], bool]:
    """The columns of the order, the unique one last, and whether it descends."""
    wanted = request.query_params.get("ordering", view.default_ordering())
    name = wanted.removeprefix("-")
    if name not in view.orderings:
        choices = ", ".join(sign + name for name in view.orderings for sign in ("", "-"))
        raise Invalid(_("“ordering” must be one of %(choices)s.") % {"choices": choices}, field="ordering")
    return view.orderings[name], wanted.startswith("-")


def _decoded(cursor: str, columns: tuple[str, ...], model: type[Model]) -> list[Value]:
    try:
        values = json.loads(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True))
        fields: list[Any] = [model._meta.get_field(column) for column in columns]
        pairs = [(field, field.to_python(value)) for field, value in zip(fields, values, strict=True)]
    except (ValueError, TypeError, ValidationError, RecursionError) as error:
        raise BadCursor(field="cursor") from error
    if any(not isinstance(text, str) or "\0" in text for text in values) or None in [value for _, value in pairs]:
        raise BadCursor(field="cursor")
    return [Value(value, output_field=field) for field, value in pairs]
