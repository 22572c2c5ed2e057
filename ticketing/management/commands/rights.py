"""manage.py rights"""

from collections.abc import Iterator
from typing import Any

from django.conf import settings

from ticketing.rights import CONTRACTS, DEMO, RIGHTS, SCOPES, WORDS, Role, cell, is_demo
from ticketing.toolkit.commands import DomainCommand


class Command(DomainCommand):
    help = "Print who may do what, as this site's mode has it: one line per operation, one column per role."
    requires_system_checks = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--mode", choices=["demo", "production"], help="Print the matrix of this mode, not of the site's own."
        )

        parser.add_argument("--markdown", action="store_true", help="Print docs/rights.md, which holds for both modes.")

    def handle(self, *args: Any, mode: str | None = None, markdown: bool = False, **options: Any) -> None:
        if markdown:
            self.stdout.write("\n".join(_page()))
            return
        demo = is_demo() if mode is None else mode == "demo"
        self.stdout.write(_line("operation", list(Role)))
        for operation in RIGHTS:
            self.stdout.write(_line(operation, [cell(role, operation, demo=demo) or "-" for role in Role]))
        for contract in settings.OPEN_CONTRACTS:
            self.stdout.write(f"open to everybody by the paths of {contract}: {', '.join(CONTRACTS[contract]) or '-'}")


def _page() -> Iterator[str]:
    yield "# Who may do what"
    yield ""
    yield "Written by `manage.py rights --markdown` from the table in `ticketing/rights.py`, which is all that decides."
    yield "What is not listed is denied: nobody logged in gets 401, a role that lacks the function 403, and what is"
    yield "somebody else's exactly like what is missing, 404. The column *demo* holds for everybody, in demo mode only."
    yield ""
    yield from (f"- `{scope}`: {words}" for scope, words in SCOPES.items())
    yield ""
    yield "| operation | what | " + " | ".join(Role) + " | demo |"
    yield "|---" * (len(Role) + 3) + "|"
    for operation, row in RIGHTS.items():
        cells = [str(row[role] or "–") for role in Role] + [str(DEMO.get(operation, ""))]
        yield f"| `{operation}` | {WORDS[operation]} | " + " | ".join(cells) + " |"
    yield ""
    yield "`OPEN_CONTRACTS` lets the column *demo* hold in production for the paths of the contracts it names:"
    yield ""
    for contract, opened in CONTRACTS.items():
        named = ", ".join(f"`{operation}`" for operation in opened)
        yield f"- `{contract}`: {named or 'nothing more than is open anyway'}"


def _line(first: str, cells: list[Any]) -> str:
    return f"{first:<28}" + "".join(f"{cell!s:<12}" for cell in cells).rstrip()
