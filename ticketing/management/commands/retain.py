"""manage.py retain"""

from typing import Any

from ticketing.actions.retention import outlived, retain
from ticketing.toolkit.commands import DomainCommand

AN_HOUR = 3600.0


class Command(DomainCommand):
    help = "Forget what is older than RETENTION_DAYS says, as the site does by itself every hour."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Say only how much it is.")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        said = "to forget" if dry_run else "forgotten"
        found = outlived() if dry_run else retain(patience=AN_HOUR)
        for name, count in found.items():
            self.stdout.write(f"{name}: {count} {said}.")
        if not found:
            self.stdout.write("RETENTION_DAYS is not set: everything is kept.")
