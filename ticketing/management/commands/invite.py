"""manage.py invite"""

from typing import Any

from support.models import Department
from ticketing.actions import ROLES, invite
from ticketing.toolkit.commands import DomainCommand


class Command(DomainCommand):
    help = "Mail somebody an invitation to open an account with a role; the link in it works for a week."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--role", choices=ROLES, required=True)
        parser.add_argument(
            "--department", action="append", default=[], choices=Department.values, help="Of an agent; may be repeated."
        )
        parser.add_argument("--capacity", type=int, help="How many tickets an agent has in work at once.")

    def handle(
        self, *args: Any, email: str, role: str, department: list[str], capacity: int | None, **options: Any
    ) -> None:
        link = invite(email=email, role=role, departments=department, capacity=capacity, by=None)
        self.stdout.write(f"The mail is on its way. Its link works until {link.expires_at:%Y-%m-%d %H:%M} UTC.")
