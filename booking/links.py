"""Where the links in mails lead: the manage token is in the mail alone, never in a table, a log or a task."""

from uuid import UUID

from django.conf import settings
from django.urls import reverse

from booking.models import manage_token


def address_of(pk: str, version: int) -> str:
    """The page of one booking, for whoever has the mail; void once the token has a new version."""
    return reverse("booking:link", args=[pk, manage_token(UUID(pk), version)])


def address_of_feed(token: str) -> str:
    """Where calendar programs read a private calendar, in full: whoever has it can read it."""
    return f"{settings.SITE_URL}{reverse('booking:feed_read', args=[token])}"
