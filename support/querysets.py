"""The words in which the support desk's tables are asked."""

from __future__ import annotations

from typing import Self

from django.db.models.functions import Now

from ticketing import rights
from ticketing.querysets import RecordQuerySet, StockQuerySet
from ticketing.rights import Actor, Scope


class AgentQuerySet(StockQuerySet):
    """People who answer."""

    def present(self) -> Self:
        """Agents whose lease has not lapsed and whose account is active."""
        return self.filter(online_until__gt=Now(), user__is_active=True)


class TicketQuerySet(RecordQuerySet):
    """Tickets, waiting, in work and closed."""

    def visible_to(self, actor: Actor, operation: str = "support.list") -> Self:
        """The tickets this operation reaches for the actor."""
        reached = rights.require(actor, operation)
        return self if reached == Scope.ALL else self.filter(user_id=actor.pk if actor else None)

    def closed(self) -> Self:
        """Completed or rejected."""
        return self.filter(status__in=["completed", "rejected"])

    def open(self) -> Self:
        """Waiting or in work."""
        return self.filter(status__in=["created", "in_progress"])

    def waiting(self) -> Self:
        """Without an agent, in the order in which they are handed out (invariant S4)."""
        return self.filter(status="created").order_by("queue_at", "id")

    def newest_first(self) -> Self:
        """With the account that raised each, newest first."""
        return self.select_related("user").order_by("-created_at", "-id")


class ReplyQuerySet(RecordQuerySet):
    """What was said about a ticket."""

    def newest_first(self) -> Self:
        """With author and ticket, newest first."""
        return self.select_related("author", "ticket").order_by("-created_at", "-id")
