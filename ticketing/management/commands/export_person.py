"""manage.py export_person"""

import sys
from typing import Any

from django.core.management.base import CommandError

from ticketing.actions import export_person, person_called
from ticketing.toolkit.commands import DomainCommand


class Command(DomainCommand):
    help = "Write a ZIP with all that the site has of somebody: export_person amara > amara.zip"

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("who", metavar="WHO", help="A username, an e-mail address or a phone number.")
        parser.add_argument("--internal", action="store_true", help="With what staff wrote among themselves.")
        parser.add_argument("--to", metavar="FILE", help="Write it there and not to the standard output.")

    def handle(self, *args: Any, who: str, internal: bool, to: str | None, **options: Any) -> None:
        person = person_called(who)
        if to is None and sys.stdout.isatty():
            raise CommandError("Say where to write it: --to FILE, or > FILE.", returncode=1)
        if to is None:
            export_person(person, by=None, into=sys.stdout.buffer, internal=internal)
            return
        try:
            into = open(to, "xb")  # noqa: SIM115 - closed below
        except OSError as error:
            raise CommandError(f"{to} cannot be written: {error.strerror}.", returncode=1) from error
        with into:
            export_person(person, by=None, into=into, internal=internal)
