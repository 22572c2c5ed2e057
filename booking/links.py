"""Where the links in mails lead: the manage token is in the mail alone, never in a table, a log or a task."""

from collections.abc import Collection
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from booking.models import Booking, manage_token
from ticketing.models import User
from ticketing.toolkit.times import in_full


def address_of(pk: str, version: int) -> str:
    """The page of one booking, for whoever has the mail; void once the token has a new version."""
    return reverse("booking:link", args=[pk, manage_token(UUID(pk), version)])


def address_of_feed(token: str) -> str:
    """Where calendar programs read a private calendar, in full: whoever has it can read it."""
    return f"{settings.SITE_URL}{reverse('booking:feed_read', args=[token])}"


def bookings_of(pks: Collection[UUID], account: User) -> dict[UUID, tuple[str, str]]:
    """What the account's bookings among these are called, and their pages."""
    bookings = Booking.objects.filter(pk__in=pks, account=account)
    words = _("Booking on %(time)s")
    return {
        row.pk: (words % {"time": in_full(row.starts_at)}, reverse("booking:detail", args=[row.pk])) for row in bookings
    }
