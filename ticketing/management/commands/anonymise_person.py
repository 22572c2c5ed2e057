"""manage.py anonymise_person"""

from typing import Any

from django.core.management.base import CommandError

from ticketing.actions import anonymise_account, anonymise_contact, person_called
from ticketing.actions.privacy import REASONS
from ticketing.people import ahead_of
from ticketing.toolkit.commands import DomainCommand


class Command(DomainCommand):
    help = "Let nobody be able to tell whose records these are, for good."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("who", metavar="WHO", help="A username, an e-mail address or a phone number.")
        parser.add_argument("--reason", choices=REASONS, default="request")
        parser.add_argument("--end", action="store_true", help="End what is still ahead as well.")
        parser.add_argument("--yes", action="store_true", help="Do it without being asked.")

    def handle(self, *args: Any, who: str, reason: str, end: bool, yes: bool, **options: Any) -> None:
        person = person_called(who)
        if not yes:
            self.stdout.write(f"Still ahead: {', '.join(ahead_of(person)) or 'nothing'}.")
            if not self.is_meant():
                raise CommandError("Nothing is changed.", returncode=1)
        if person.account:
            account = anonymise_account(person.account, by=None, reason=reason, end=end)
            self.stdout.write(f"The account is {account.username} from now on.")
        else:
            rows = anonymise_contact(person, by=None, reason=reason, end=end)
            self.stdout.write(f"{rows} entries name nobody any more.")

    def is_meant(self) -> bool:
        """Whether somebody is there and says so."""
        try:
            return input("Nobody can undo this. Type yes to go on: ") == "yes"
        except EOFError:
            return False
