"""Where the links in mails lead; a secret is in the mail alone, never in a table, a log or a task."""

from collections.abc import Collection
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from allocation.models import Purchase, Ticket, Transfer
from ticketing.models import User


def address_of_transfer(pk: str) -> str:
    """The page on which whoever has the mail accepts a ticket."""
    return reverse("allocation:transfer_link", args=[Transfer(pk=UUID(pk)).secret])


def address_of_ticket(pk: str) -> str:
    """The page of a ticket, for whoever holds it."""
    return reverse("allocation:ticket", args=[pk])


def address_of_tickets() -> str:
    """All tickets that somebody holds."""
    return reverse("allocation:tickets")


def purchases_of(pks: Collection[UUID], account: User) -> dict[UUID, tuple[str, str]]:
    """What the account's purchases among these are called, and the page that shows their tickets."""
    purchases = Purchase.objects.filter(pk__in=pks, account=account).select_related("option")
    words = _("Purchase: %(what)s")
    return {row.pk: (words % {"what": row}, reverse("allocation:tickets")) for row in purchases}


def tickets_of(pks: Collection[UUID], account: User) -> dict[UUID, tuple[str, str]]:
    """What the tickets among these that the account holds are called, and their pages."""
    tickets = Ticket.objects.filter(pk__in=pks, holder=account).select_related("option")
    words = _("Ticket: %(what)s")
    return {
        row.pk: (words % {"what": row.option or row.pk}, reverse("allocation:ticket", args=[row.pk])) for row in tickets
    }
