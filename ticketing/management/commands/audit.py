"""manage.py audit"""

import sys
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction

import allocation.audit
import booking.audit
import support.audit
import ticketing.audit
from ticketing.toolkit.commands import DomainCommand, with_progress

CHECKS = [*allocation.audit.CHECKS, *booking.audit.CHECKS, *support.audit.CHECKS, *ticketing.audit.CHECKS]
SHOWN, LIMIT = 5, 1000


class Command(DomainCommand):
    help = "Check on live data that every promise holds. One line per promise; exit 1 if one is untrue."

    def handle(self, *args: Any, **options: Any) -> None:
        untrue = 0
        for identity, promise, damaged in _checked():
            untrue += bool(damaged)
            verdict = self.style.ERROR("UNTRUE") if damaged else "true  "
            self.stdout.write(f"{verdict}  {identity}  {promise}")
            if damaged:
                self.stdout.write(f"        {_count(damaged)}, such as {', '.join(map(str, damaged[:SHOWN]))}")
        self.stdout.write(f"{len(CHECKS) - untrue} of {len(CHECKS)} promises hold.")
        if untrue:
            sys.exit(1)


def _checked() -> Iterator[tuple[str, str, list[Any]]]:
    outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if outermost:
            # One snapshot for all checks, so that they do not contradict each other while the site works.
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for identity, promise, sql in with_progress(CHECKS, unit=" promises"):
            cursor.execute(f"SELECT * FROM ({sql}) damaged LIMIT {LIMIT}")
            yield identity, promise, [row[0] for row in cursor.fetchall()]


def _count(damaged: list[Any]) -> str:
    return f"{len(damaged)} rows" if len(damaged) < LIMIT else f"{LIMIT} rows or more"
