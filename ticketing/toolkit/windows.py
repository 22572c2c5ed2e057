"""Pages of a list that people leaf through: each begins beside a row, so no page costs more than the first."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import DateTimeField, F, QuerySet, UUIDField, Value
from django.db.models.lookups import GreaterThan, LessThan
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from ticketing.errors import Invalid
from ticketing.toolkit.contracts import parse_uuid
from ticketing.toolkit.pagination import Row

_AT = "%Y%m%dT%H%M%S%f"


class BadPlace(Invalid):
    """Not a place in a list that a link of ours names."""

    code = "bad_place"
    message = _("There is no such page of this list. Begin again with its first page.")


class Window(NamedTuple):
    """Some rows, newest first, and what to say as `after` or `before` for those beside them; empty at the ends."""

    rows: list[Any]
    newer: str
    older: str


def window(rows: QuerySet, address: QueryDict, size: int) -> Window:
    """The `size` rows that the address asks for by `after` or `before`, or else the newest; BadPlace for nonsense."""
    columns = Row(F("created_at"), F("id"))
    if after := address.get("after"):
        found = list(rows.filter(GreaterThan(columns, _row(after))).order_by("created_at", "id")[: size + 1])
        here = found[:size][::-1]
        return Window(here, newer=_place(here[:1]) if len(found) > size else "", older=_place(here[-1:]))
    if before := address.get("before"):
        rows = rows.filter(LessThan(columns, _row(before)))
    found = list(rows.order_by("-created_at", "-id")[: size + 1])
    here = found[:size]
    return Window(here, newer=_place(here[:1]) if before else "", older=_place(here[-1:]) if len(found) > size else "")


def _place(rows: list[Any]) -> str:
    return "".join(f"{row.created_at.astimezone(UTC):{_AT}}~{row.pk}" for row in rows)


def _row(place: str) -> Row:
    at, _tilde, pk = place.partition("~")
    try:
        instant = datetime.strptime(at, _AT).replace(tzinfo=UTC)
    except ValueError as error:
        raise BadPlace from error
    if not (known := parse_uuid(pk)):
        raise BadPlace
    return Row(Value(instant, output_field=DateTimeField()), Value(known, output_field=UUIDField()))
