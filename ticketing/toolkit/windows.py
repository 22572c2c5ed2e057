"""Pages of a list that people leaf through: each begins beside a row, so no page costs more than the first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Field, QuerySet, Value
from django.db.models.lookups import GreaterThan, LessThan
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from ticketing.errors import Invalid
from ticketing.toolkit.pagination import Row

_AT = "%Y%m%dT%H%M%S%f"
NEWEST_FIRST = ("-created_at", "-id")


class BadPlace(Invalid):
    """Not a place in a list that a link of ours names."""

    code = "bad_place"
    message = _("There is no such page of this list. Begin again with its first page.")


@dataclass(frozen=True)
class Window:
    """Some rows in their order; what to say as `before` or `after` for the page on either side is empty at the ends."""

    rows: list[Any]
    before: str
    after: str

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def window(rows: QuerySet, address: QueryDict, size: int, order: tuple[str, ...] = NEWEST_FIRST) -> Window:
    """The `size` rows beside the one that the address names by `before` or `after`, or else the first.

    The columns of `order` rise together or fall together, and the last one tells all rows apart. BadPlace for nonsense.
    """
    names = [column.removeprefix("-") for column in order]
    columns = Row(*map(F, names))
    ahead, behind = (GreaterThan, LessThan) if order[0].startswith("-") else (LessThan, GreaterThan)
    rows = rows.order_by(*order)
    if place := address.get("before"):
        found = list(rows.filter(ahead(columns, _row(place, rows, names))).reverse()[: size + 1])
        here = found[:size][::-1]
        return Window(here, before=_place(here[:1], names) if len(found) > size else "", after=_place(here[-1:], names))
    if place := address.get("after"):
        rows = rows.filter(behind(columns, _row(place, rows, names)))
    found = list(rows[: size + 1])
    here = found[:size]
    return Window(
        here,
        before=_place(here[:1], names) if place else "",
        after=_place(here[-1:], names) if len(found) > size else "",
    )


def _place(rows: list[Any], names: list[str]) -> str:
    return "".join("~".join(_written(_value(row, name)) for name in names) for row in rows)


def _value(row: Any, name: str) -> Any:
    """What a row holds under a name of its query, which may lead to another table."""
    for part in name.split("__"):
        row = getattr(row, part)
    return row


def _written(value: Any) -> str:
    return f"{value.astimezone(UTC):{_AT}}" if isinstance(value, datetime) else str(value)


def _row(place: str, rows: QuerySet, names: list[str]) -> Row:
    """The values that the place names, each as its column holds it."""
    try:
        pairs = zip(names, place.split("~"), strict=True)
        return Row(*(_read(text, _column(rows, name)) for name, text in pairs))
    except ValueError as error:
        raise BadPlace from error


def _column(rows: QuerySet, name: str) -> Field:
    """The column of a name of this query, annotations included."""
    return rows.query.clone().resolve_ref(name).output_field


def _read(text: str, column: Field) -> Value:
    read = _READERS.get(column.get_internal_type(), UUID)
    return Value(read(text), output_field=column)


def _instant(text: str) -> datetime:
    return datetime.strptime(text, _AT).replace(tzinfo=UTC)


def _number(text: str) -> int:
    number = int(text)
    if not -(2**31) <= number < 2**31:
        raise ValueError
    return number


_READERS: dict[str, Callable[[str], Any]] = {"DateTimeField": _instant, "IntegerField": _number}
