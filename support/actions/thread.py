"""Verbs about a ticket's conversation, among those who are on it at the same time."""

from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from support.errors import ThreadMovedOn
from support.models import Reader, Reply, Ticket
from support.policies import READER_LEASE
from support.querysets import ReplyQuerySet
from ticketing import rights
from ticketing.errors import NotFound
from ticketing.models import User

SHOWN_AT_ONCE = 100  # of what came in between


class Seen(NamedTuple):
    """How far somebody had read when they wrote: the last reply or note they saw, None before the first."""

    last: UUID | None


@transaction.atomic
def look_at_ticket(ticket: Ticket, *, by: User) -> None:
    """Let colleagues know for a moment that one has the ticket open. The trail has no line of it."""
    rights.require(by, "support.triage")
    lease = Reader(ticket=ticket, user=by, until=Now() + READER_LEASE)
    Reader.objects.bulk_create(
        [lease], update_conflicts=True, unique_fields=["ticket", "user"], update_fields=["until"]
    )


def forget_readers() -> int:
    """Delete leases that lapsed long ago; returns how many."""
    return Reader.objects.outlived().delete()[0]


def require_seen(ticket: Ticket, seen: Seen, *, by: User) -> None:
    """Nothing if the writer saw all that they may see of the conversation, else ThreadMovedOn with what they missed.

    The ticket is locked: whatever is said later is said after this.
    """
    said = Reply.objects.visible_to(by, "support.reply").filter(ticket=ticket)
    if missed := list(
        said_since(said, seen).select_related("author", "ticket").prefetch_related("files")[:SHOWN_AT_ONCE]
    ):
        raise ThreadMovedOn(missed)


def said_since(said: ReplyQuerySet, seen: Seen) -> ReplyQuerySet:
    """What was said after the last thing seen; NotFound if that is none of it."""
    if seen.last is None:
        return said.order_by("created_at", "pk")
    if last := said.filter(pk=seen.last).first():
        return said.after(last)
    raise NotFound(field="seen")
