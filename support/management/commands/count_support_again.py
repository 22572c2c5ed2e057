"""manage.py count_support_again"""

from typing import Any

from support import actions
from ticketing.toolkit.commands import DomainCommand


class Command(DomainCommand):
    help = (
        "Make the tallies that the reports of the support desk are read from anew, from what happened to each ticket. "
        "May run at any time; reports are whole meanwhile. The site does this by itself when TIME_ZONE changes."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{actions.count_milestones_again()} milestones counted again.")
