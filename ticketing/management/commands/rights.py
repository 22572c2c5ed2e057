"""manage.py rights"""

from typing import Any

from ticketing.rights import RIGHTS, Role, cell, is_demo
from ticketing.toolkit.commands import DomainCommand


class Command(DomainCommand):
    help = "Print who may do what, as this site's mode has it: one line per operation, one column per role."
    requires_system_checks = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--mode", choices=["demo", "production"], help="Print the matrix of this mode, not of the site's own."
        )

    def handle(self, *args: Any, mode: str | None = None, **options: Any) -> None:
        demo = is_demo() if mode is None else mode == "demo"
        self.stdout.write(_line("operation", list(Role)))
        for operation in RIGHTS:
            self.stdout.write(_line(operation, [cell(role, operation, demo=demo) or "-" for role in Role]))


def _line(first: str, cells: list[Any]) -> str:
    return f"{first:<28}" + "".join(f"{cell!s:<12}" for cell in cells).rstrip()
