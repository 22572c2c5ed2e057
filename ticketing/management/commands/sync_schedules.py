"""manage.py sync_schedules"""

from typing import Any

from ticketing.schedules import sync_schedules
from ticketing.toolkit.commands import DomainCommand


class Command(DomainCommand):
    help = "Write the cluster's schedules as ticketing/schedules.py lists them; anything else is removed."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{sync_schedules()} schedules written.")
