"""Commands: a refusal is one sentence on stderr and exit 1; progress is shown on a terminal."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from tqdm import tqdm

from ticketing.errors import Busy, Refused
from ticketing.toolkit.database import trouble

_Item = TypeVar("_Item")


class DomainCommand(BaseCommand):
    """A command around a verb, which an operator runs as the site itself."""

    operation = "site.operate"

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run, and let a refusal end in its sentence and exit 1."""
        try:
            return super().execute(*args, **options)
        except Refused as refusal:
            raise CommandError(str(refusal.message), returncode=1) from refusal
        except Error as error:
            if isinstance(trouble(error), Busy):
                raise CommandError(str(Busy.message), returncode=1) from error
            raise  # to manage.py, which says whether the database is away


def with_progress(items: Iterable[_Item], *, total: int | None = None, unit: str = " rows") -> Iterator[_Item]:
    """`items`, with a bar on stderr while they are worked through if a person is watching."""
    return iter(tqdm(items, total=total, unit=unit, disable=not sys.stderr.isatty(), leave=False))
