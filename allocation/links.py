"""Where the links in mails lead; a secret is in the mail alone, never in a table, a log or a task."""

from uuid import UUID

from django.urls import reverse

from allocation.models import Transfer


def address_of_transfer(pk: str) -> str:
    """The page on which whoever has the mail accepts a ticket."""
    return reverse("allocation:transfer_link", args=[Transfer(pk=UUID(pk)).secret])


def address_of_ticket(pk: str) -> str:
    """The page of a ticket, for whoever holds it."""
    return reverse("allocation:ticket", args=[pk])


def address_of_tickets() -> str:
    """All tickets that somebody holds."""
    return reverse("allocation:tickets")
