"""manage.py audit"""

import sys
from argparse import ArgumentParser
from typing import Any

import allocation.audit
import booking.audit
import support.audit
import ticketing.audit
from allocation.recount import in_words, option_named, recount
from ticketing.audit import Finding, findings, note, one_moment
from ticketing.querysets import MOST_NAMED
from ticketing.toolkit.commands import DomainCommand, with_progress

CHECKS = [*allocation.audit.CHECKS, *booking.audit.CHECKS, *support.audit.CHECKS, *ticketing.audit.CHECKS]
SHOWN = 5


class Command(DomainCommand):
    help = (
        "Check on live data that every promise holds, and note when. One line per promise; exit 1 if one is untrue. "
        "With --explain, recount the tickets of one option step by step instead; exit 1 if its books are wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the option to recount."""
        parser.add_argument(
            "--explain", metavar="OPTION", help="A ticket option: its id, or its name if only one has it."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        is_well = self._explain(options["explain"]) if options["explain"] is not None else self._check()
        if not is_well:
            sys.exit(1)

    def _explain(self, named: str) -> bool:
        with one_moment() as at:
            counted = recount(option_named(named))
        self.stdout.write("\n".join(in_words(counted, at)))
        return counted.agrees

    def _check(self) -> bool:
        with one_moment() as at:
            found = list(map(self._told, findings(with_progress(CHECKS, unit=" promises"))))
        note(found, at=at)
        untrue = sum(bool(finding.damaged) for finding in found)
        self.stdout.write(f"{len(CHECKS) - untrue} of {len(CHECKS)} promises hold.")
        return not untrue

    def _told(self, finding: Finding) -> Finding:
        """Say what was found."""
        damaged = finding.damaged
        verdict = self.style.ERROR("UNTRUE") if damaged else "true  "
        self.stdout.write(f"{verdict}  {finding.identity}  {finding.promise}")
        if damaged:
            self.stdout.write(f"        {_count(damaged)}, such as {', '.join(damaged[:SHOWN])}")
        return finding


def _count(damaged: list[str]) -> str:
    return f"{len(damaged)} rows" if len(damaged) < MOST_NAMED else f"{MOST_NAMED} rows or more"
