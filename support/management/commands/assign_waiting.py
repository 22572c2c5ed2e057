"""manage.py assign_waiting"""

from typing import Any

from support import actions
from ticketing.toolkit.commands import DomainCommand


class Command(DomainCommand):
    help = "Hand waiting support tickets to agents with room, once, now. The site does this by itself all the time."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{actions.assign_waiting_tickets()} handed out.")
