"""manage.py import_source"""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management import CommandError
from django.db import transaction
from django.utils.translation import gettext as _
from tqdm import tqdm

from allocation.moving_in import ticket_allocation, tickets_api
from booking.moving_in import ticket_management_system
from support.moving_in import ticket_service, ticketing_system
from ticketing import rights
from ticketing.actions.moving_in import Outcome
from ticketing.errors import Invalid, Refused, Text
from ticketing.toolkit.commands import DomainCommand, with_progress
from ticketing.toolkit.tables import Row, Table, TableFile

SOURCES = {
    module.NAME: module.tables
    for module in (ticket_service, ticketing_system, ticket_management_system, ticket_allocation, tickets_api)
}
CHUNK = 1_000  # rows in one transaction
SUMS = ("added", "there already", "kept", "expired, left behind", "tokens kept", "refused")

Place = tuple[str, int]  # a file and a line of it


class Report:
    """What is said of every row that was not simply moved in, on stderr and in the file of refusals; and the sums."""

    def __init__(self, say: Callable[[str], Any], refusals: Any = None) -> None:
        self.say = say
        self.writer = csv.writer(refusals) if refusals else None
        self.counts: dict[str, Counter[str]] = {}
        if self.writer:
            self.writer.writerow(["file", "line", "column", "sentence"])

    def refused(self, table: str, place: Place, refusal: Refused) -> None:
        """One line for people, and one for the next try."""
        self.counts[table]["refused"] += 1
        self.remark(place, refusal.message, refusal.field or "")
        if self.writer:
            self.writer.writerow([*place, refusal.field or "", refusal.message])

    def remark(self, place: Place, sentence: Text, column: str = "") -> None:
        """Something to know about one row."""
        path, line = place
        with tqdm.external_write_mode():
            self.say(": ".join(filter(None, [f"{path}:{line}", column, str(sentence)])))

    def add(self, table: str, places: list[Place], outcome: Outcome) -> None:
        """What became of one chunk."""
        self.counts[table] += outcome.counts
        for position, sentence in outcome.remarks:
            self.remark(places[position], sentence)
        for position, refusal in sorted(outcome.refused.items()):
            self.refused(table, places[position], refusal)


class Command(DomainCommand):
    help = (
        "Move the data of one of the five source systems in, from its tables as CSV or JSON lines; see "
        "docs/moving-in.md. It can be run again: what is here already stays as it is."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("name", metavar="NAME", choices=sorted(SOURCES), help=", ".join(sorted(SOURCES)))
        parser.add_argument("files", metavar="FILE", nargs="+", help="A table as CSV with a header, or as JSON lines.")
        parser.add_argument("--dry-run", action="store_true", help="Report the same, and change nothing.")
        parser.add_argument("--refused", metavar="FILE", help="Write what was refused into this CSV file, too.")

    def handle(self, *args: Any, name: str, files: list[str], **options: Any) -> None:
        rights.require(None, "site.operate")
        tables = SOURCES[name]()
        found = self._recognised(name, files, tables)
        if options["refused"]:
            _no_file_twice([*files, options["refused"]])
        with ExitStack() as stack:
            refusals = stack.enter_context(_written(options["refused"])) if options["refused"] else None
            report = Report(self.stderr.write, refusals)
            if options["dry_run"]:
                stack.enter_context(transaction.atomic())
            for table, file in found:
                _count(table, file)
            for table, file in found:
                _move_in(table, file, report, source=name)
            if options["dry_run"]:
                transaction.set_rollback(True)
        self._sum_up(report, dry_run=options["dry_run"])

    def _recognised(self, name: str, files: list[str], tables: list[Table]) -> list[tuple[Table, TableFile]]:
        """Each file with its table, in the order in which tables are moved."""
        _no_file_twice(files)
        found = [(_recognise(path, name, tables), TableFile(path)) for path in files]
        for table, file in found:
            self.stdout.write(f"{file.path}: {table.name}")
        given = {table.name for table, _file in found}
        for table, _file in found:
            if table.beside not in {"", *given}:
                sentence = _("%(table)s cannot be counted without %(beside)s: name that file, too.")
                raise Invalid(sentence % {"table": table.name, "beside": table.beside})
        return sorted(found, key=lambda pair: tables.index(pair[0]))

    def _sum_up(self, report: Report, *, dry_run: bool) -> None:
        for table, counts in report.counts.items():
            sums = ", ".join(f"{counts[what]} {what}" for what in SUMS if counts[what]) or "nothing"
            self.stdout.write(f"{table}: {sums}")
        if dry_run:
            self.stdout.write(_("This was a dry run: nothing was changed."))
        every: Counter[str] = sum(report.counts.values(), Counter())
        if every and set(every) == {"refused"}:
            raise CommandError(_("Every row was refused. See above."), returncode=1)


def _no_file_twice(paths: list[str]) -> None:
    if len({Path(path).resolve() for path in paths}) < len(paths):
        raise Invalid(_("A file is named twice."))


def _recognise(path: str, name: str, tables: list[Table]) -> Table:
    columns = TableFile(path).columns()
    for table in tables:
        if table.fits(columns):
            return table
    sentence = _("%(file)s is no table of %(source)s. It has the columns: %(columns)s. Known are: %(known)s.")
    known = "; ".join(f"{table.name} ({table.columns})" for table in tables)
    shown = ", ".join(columns)[:500] or "-"
    raise Invalid(sentence % {"file": path, "source": name, "columns": shown, "known": known})


def _written(path: str) -> Any:
    try:
        return open(path, "w", newline="", encoding="utf-8")
    except OSError as error:
        raise Invalid(_("%(file)s cannot be written: %(why)s") % {"file": path, "why": error.strerror}) from error


def _read(table: Table, file: TableFile) -> Iterator[tuple[int, Any]]:
    """Each row's line, and its record or the refusal."""
    for line, row in file.rows():
        try:
            yield line, table.read(row) if isinstance(row, Row) else row
        except Refused as refusal:
            yield line, refusal


def _count(table: Table, file: TableFile) -> None:
    if table.count:
        for _line, record in with_progress(_read(table, file), unit=f" {table.name} counted"):
            if not isinstance(record, Refused):
                table.count(record)


def _move_in(table: Table, file: TableFile, report: Report, *, source: str) -> None:
    """The rows of one file, chunk by chunk; each chunk is one transaction."""
    report.counts.setdefault(table.name, Counter())
    rows = with_progress(_read(table, file), unit=f" {table.name}")
    while chunk := list(islice(rows, CHUNK)):
        for line, record in chunk:
            if isinstance(record, Refused):
                report.refused(table.name, (file.path, line), record)
        read = [((file.path, line), record) for line, record in chunk if not isinstance(record, Refused)]
        if read:
            places, records = zip(*read, strict=True)
            report.add(table.name, list(places), table.move_in(records, source=source, by=None))
