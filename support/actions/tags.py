"""Verbs about the words by which staff find tickets again.

The ticket stays unchanged for everybody else, so that its customer learns of no tag by the time of its last change.
"""

from django.db import transaction

from support.actions.tickets import locked
from support.errors import TooManyTags
from support.models import MOST_TAGS, Ticket
from support.policies import clean_tag
from ticketing import rights
from ticketing.models import Activity
from ticketing.rights import Actor


@transaction.atomic
def tag_ticket(ticket: Ticket, *, tag: str, by: Actor) -> Ticket:
    """Put a tag on the ticket; twice is harmless."""
    rights.require(by, "support.triage")
    tag, ticket = clean_tag(tag), locked(ticket)
    if tag in ticket.tags:
        return ticket
    if len(ticket.tags) >= MOST_TAGS:
        raise TooManyTags(field="tag")
    return _write(ticket, sorted([*ticket.tags, tag]), "support.tag", by=by)


@transaction.atomic
def untag_ticket(ticket: Ticket, *, tag: str, by: Actor) -> Ticket:
    """Take a tag off the ticket; twice is harmless."""
    rights.require(by, "support.triage")
    tag, ticket = clean_tag(tag), locked(ticket)
    if tag not in ticket.tags:
        return ticket
    return _write(ticket, [other for other in ticket.tags if other != tag], "support.untag", by=by)


def _write(ticket: Ticket, tags: list[str], operation: str, *, by: Actor) -> Ticket:
    Ticket.objects.filter(pk=ticket.pk).update(tags=tags)
    ticket.tags = tags
    Activity.objects.record(operation, ticket, by=by, tags=len(tags))
    return ticket
