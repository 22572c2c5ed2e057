"""Tables of other systems, as CSV or JSON lines: read row by row; what cannot be read is a refusal with its line."""

import codecs
import csv
import re
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from ticketing.actions.moving_in import Outcome
from ticketing.errors import Invalid
from ticketing.texts import clean_text
from ticketing.toolkit import strict_json

MAX_LINE = 1024 * 1024  # bytes
MAX_RECORD = 1000  # lines of one quoted CSV record: a quote that is never closed does not eat the file
MAX_INTEGER = 2_147_483_647

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?( ?(Z|[+-]\d\d(:?\d\d)?))?", re.ASCII)
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_UUID = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}", re.IGNORECASE)
_BOOLEANS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}

Line = tuple[int, str | Invalid]


def canonical(column: str) -> str:
    """A column's name without what the spellings differ in: CreatedAt, created_at and createdAt are one."""
    return column.strip().replace("_", "").lower()


@dataclass(frozen=True)
class Row:
    """One row; each reader returns a value or raises Invalid naming the column as the file spells it."""

    values: Mapping[str, Any]  # by canonical name
    spelled: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> str:
        """A column as the file spells it."""
        return self.spelled.get(canonical(name), name)

    def raw(self, name: str) -> Any:
        """The value as it stands there; None where there is none or the text is empty."""
        value = self.values.get(canonical(name))
        return None if isinstance(value, str) and not value.strip() else value

    def required(self, name: str) -> Any:
        """The value, which must be there."""
        if (value := self.raw(name)) is None:
            raise self.wrong(name, _("“%(field)s” is missing."))
        return value

    def wrong(self, name: str, sentence: Any, **more: Any) -> Invalid:
        """The refusal that blames one column."""
        return Invalid(sentence % {"field": self.column(name), **more}, field=self.column(name))

    def text(self, name: str, limit: int, *, empty: bool = False, lines: bool = False) -> str:
        """A trimmed text; a whole number counts as its digits, nothing at all as the empty text."""
        value = self.raw(name)
        value = "" if value is None else str(value) if type(value) is int else value
        return clean_text(value, field=self.column(name), limit=limit, empty=empty, lines=lines)

    def uuid(self, name: str) -> UUID:
        """A UUID in either case, with its hyphens or, as SQLite keeps it, without."""
        value = self.required(name)
        if isinstance(value, str) and _UUID.fullmatch(value.strip()):
            return UUID(value.strip())
        raise self.wrong(name, _("“%(field)s” must be a UUID."))

    def integer(self, name: str, *, least: int = 1, most: int = MAX_INTEGER) -> int:
        """A whole number between the two."""
        value = self.required(name)
        digits = str(value) if type(value) is int else value.strip() if isinstance(value, str) else ""
        if not _INTEGER.fullmatch(digits) or not least <= int(digits) <= most:
            sentence = _("“%(field)s” must be a whole number from %(least)d to %(most)d.")
            raise self.wrong(name, sentence, least=least, most=most)
        return int(digits)

    def boolean(self, name: str) -> bool:
        """True or false in the spellings of MySQL, PostgreSQL, SQLite and JSON."""
        value = str(self.required(name)).strip().lower()
        if value not in _BOOLEANS:
            raise self.wrong(name, _("“%(field)s” must be true or false."))
        return _BOOLEANS[value]

    def choice(self, name: str, choices: Collection[str]) -> str:
        """One of the listed words, in lower case."""
        value = self.required(name)
        if not isinstance(value, str) or value.strip().lower() not in choices:
            sentence = _("“%(field)s” must be one of %(choices)s.")
            raise self.wrong(name, sentence, choices=", ".join(choices))
        return value.strip().lower()

    def instant(self, name: str) -> datetime:
        """A date and a time of day; where no offset is said it is UTC."""
        value = self.required(name)
        if isinstance(value, str) and _INSTANT.fullmatch(value.strip()):
            try:
                return _aware(datetime.fromisoformat(value.strip().replace(" +", "+").replace(" Z", "Z")))
            except (ValueError, OverflowError):
                pass  # no such day or time: the sentence below says what is wanted
        raise self.wrong(name, _("“%(field)s” must be a date and time that exist, such as 2022-01-05 17:41:08."))


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


@dataclass(frozen=True)
class Table:
    """A table of a source: by which columns it is known, what makes a record of a row, which verb moves records in."""

    name: str
    columns: str  # all of them are needed; what a / parts are alternatives
    read: Callable[[Row], Any]
    move_in: Callable[..., Outcome]  # (records, *, source, by)
    count: Callable[[Any], None] | None = None  # is shown every record before the first table is moved
    beside: str = ""  # another table that must be given with this one

    def fits(self, columns: Collection[str]) -> bool:
        """Whether a file with these columns holds this table."""
        known = {canonical(column) for column in columns}
        return all(any(canonical(one) in known for one in wanted.split("/")) for wanted in self.columns.split())


class TableFile:
    """A file with one table in it, read as often as it is asked for."""

    def __init__(self, path: str) -> None:
        self.path = path
        with _opened(path) as file:
            start = file.read(4096)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise Invalid(_("%(file)s is not in UTF-8. Export it in UTF-8.") % {"file": path})
        start = start.removeprefix(codecs.BOM_UTF8).lstrip()
        if start.startswith(b"["):
            sentence = _("%(file)s is one JSON array. Write one object per line: jq -c '.[]' %(file)s")
            raise Invalid(sentence % {"file": path})
        self.is_json = start.startswith(b"{")

    def columns(self) -> list[str]:
        """The columns of the first row that can be read; none of an empty file."""
        if not self.is_json:
            return self._header()[1]
        return next((list(row.spelled.values()) for _, row in self.rows() if isinstance(row, Row)), [])

    def rows(self) -> Iterator[tuple[int, Row | Invalid]]:
        """Each row with the number of its line, or why it cannot be read."""
        with _opened(self.path) as file:
            lines = _lines(file)
            yield from _json_rows(lines) if self.is_json else _csv_rows(lines)

    def _header(self) -> tuple[int, list[str]]:
        with _opened(self.path) as file:
            for number, record in _records(_lines(file)):
                if isinstance(record, Invalid):
                    raise Invalid(f"{self.path}:{number}: {record.message}")
                return number, record
        return 0, []


def _opened(path: str) -> BinaryIO:
    try:
        if not Path(path).is_file():
            raise Invalid(_("%(file)s is not a file that can be read.") % {"file": path})
        return open(path, "rb")
    except OSError as error:
        raise Invalid(_("%(file)s cannot be read: %(why)s") % {"file": path, "why": error.strerror}) from error


def _lines(file: BinaryIO) -> Iterator[Line]:
    """Each line that is not blank, as text; the whole file is never in memory, nor a line of any length."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            yield number, Invalid(_("The line is longer than 1 MiB."))
            continue
        try:
            text = (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).decode("utf-8")
        except UnicodeDecodeError:
            yield number, Invalid(_("The line is not in UTF-8."))
            continue
        yield number, text


def _json_rows(lines: Iterator[Line]) -> Iterator[tuple[int, Row | Invalid]]:
    for number, line in lines:
        if isinstance(line, Invalid):
            yield number, line
        elif line.strip():
            yield number, _json_row(line)


def _json_row(line: str) -> Row | Invalid:
    try:
        data = strict_json.loads(line.encode())
    except Invalid:
        return Invalid(_("The line is not JSON, or holds what no text may hold."))
    if not isinstance(data, dict):
        return Invalid(_("The line is not a JSON object."))
    return _row(list(data), list(data.values()))


def _csv_rows(lines: Iterator[Line]) -> Iterator[tuple[int, Row | Invalid]]:
    records = _records(lines)
    header = next((record for _, record in records if not isinstance(record, Invalid)), [])
    for number, record in records:
        if isinstance(record, Invalid):
            yield number, record
        elif len(record) != len(header):
            sentence = _("The line has %(found)d columns, the header %(wanted)d.")
            yield number, Invalid(sentence % {"found": len(record), "wanted": len(header)})
        else:
            yield number, _row(header, record)


def _row(columns: list[str], values: list[Any]) -> Row | Invalid:
    spelled = {canonical(column): column for column in columns}
    if len(spelled) < len(columns):
        return Invalid(_("Two columns have the same name."))
    return Row(dict(zip(spelled, values, strict=True)), spelled)


def _records(lines: Iterator[Line]) -> Iterator[tuple[int, list[str] | Invalid]]:
    """Each CSV record with the number of its first line; after one that cannot be read it goes on at the next line."""
    waiting: deque[Line] = deque()
    while True:
        taken: list[Line] = []
        try:
            record = next(csv.reader(_feed(waiting, lines, taken), strict=True))
        except StopIteration:
            return
        except csv.Error as error:
            number, line = taken[0]
            yield number, line if isinstance(line, Invalid) else _broken(error)
            waiting.extendleft(reversed(taken[1:]))
            continue
        if record:
            yield taken[0][0], record


def _feed(waiting: deque[Line], lines: Iterator[Line], taken: list[Line]) -> Iterator[str]:
    while item := waiting.popleft() if waiting else next(lines, None):
        taken.append(item)
        if isinstance(item[1], Invalid) or len(taken) > MAX_RECORD:
            raise csv.Error("a quote is not closed")
        yield item[1]


def _broken(error: csv.Error) -> Invalid:
    return Invalid(_("The line is not CSV: %(why)s.") % {"why": str(error)})
