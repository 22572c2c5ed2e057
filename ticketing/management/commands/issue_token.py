"""manage.py issue_token"""

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from ticketing.actions import issue_token
from ticketing.errors import NotFound
from ticketing.models import User
from ticketing.toolkit.commands import DomainCommand


class Command(DomainCommand):
    help = "Make an API token for an account and print its secret, which is shown this once."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("username", metavar="USERNAME", help="The account's username or e-mail address.")
        parser.add_argument("name", metavar="NAME", help="What the token is called.")
        parser.add_argument("--days", type=int, help="How long it lasts; without it until it is revoked.")

    def handle(self, *args: Any, username: str, name: str, days: int | None, **options: Any) -> None:
        user = User.objects.named(username)
        if user is None:
            raise NotFound(_("There is no such account."))
        lasts = None if days is None else timedelta(days=days)
        self.stdout.write(issue_token(user, name=name, lasts=lasts, by=None))
