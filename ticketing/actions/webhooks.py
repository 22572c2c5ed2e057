"""The verbs of webhooks: who is told what happens on the site."""

import base64
import re
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from ticketing import rights
from ticketing.errors import Invalid, NotFound
from ticketing.models import Activity, Delivery, User, Webhook
from ticketing.sending import addresses

SWITCHED_OFF = "The webhook is switched off."


@transaction.atomic
def create_webhook(
    *, url: str, by: rights.Actor, description: str = "", operations: Sequence[str] = (), is_active: bool = True
) -> tuple[Webhook, str]:
    """Make a webhook; it and its secret, which is shown this once."""
    rights.require(by, "site.webhooks")
    webhook = Webhook.objects.create(
        **_checked(url, operations),
        description=description,
        is_active=is_active,
        made_by=by if isinstance(by, User) else None,
    )
    Activity.objects.record("site.create_webhook", webhook, by=by)
    return webhook, _secret(webhook)


@transaction.atomic
def change_webhook(
    webhook: Webhook, *, url: str, description: str, operations: Sequence[str], is_active: bool, by: rights.Actor
) -> None:
    """Change where it leads and what it hears; what waits for one that is switched off is given up."""
    rights.require(by, "site.webhooks")
    _change(webhook, **_checked(url, operations), description=description, is_active=is_active)
    if not is_active:
        _give_up_what_waits(webhook)
    Activity.objects.record("site.change_webhook", webhook, by=by, is_active=is_active)


@transaction.atomic
def switch_off_webhook(webhook: Webhook, *, by: rights.Actor, why: str = SWITCHED_OFF) -> None:
    """Send nothing there any more and give up what waits; twice is harmless."""
    rights.require(by, "site.webhooks")
    if Webhook.objects.filter(pk=webhook.pk, is_active=True).change(is_active=False):
        _give_up_what_waits(webhook, why)
        Activity.objects.record("site.switch_off_webhook", webhook, by=by)


@transaction.atomic
def rotate_webhook_secret(webhook: Webhook, *, by: rights.Actor) -> str:
    """Make a new secret, which is shown this once; until the next one, the old one signs as well."""
    rights.require(by, "site.webhooks")
    _change(webhook, secret_version=F("secret_version") + 1)
    Activity.objects.record("site.rotate_webhook_secret", webhook, by=by)
    return _secret(Webhook.objects.get(pk=webhook.pk))


@transaction.atomic
def remove_webhook(webhook: Webhook, *, by: rights.Actor) -> None:
    """Delete it with everything that waits for it or was sent there; twice is harmless."""
    rights.require(by, "site.webhooks")
    with connection.cursor() as cursor:
        # Wait for changes that are writing a line for this webhook: theirs would fail at their end without it.
        cursor.execute("LOCK TABLE ticketing_delivery IN SHARE ROW EXCLUSIVE MODE")
    if Webhook.objects.filter(pk=webhook.pk).delete()[0]:
        Activity.objects.record("site.remove_webhook", webhook, by=by)


def _checked(url: str, operations: Sequence[str]) -> dict[str, Any]:
    addresses.checked(url)
    for operation in operations:
        if not re.fullmatch(r"[a-z_]+\.[a-z_]+", operation):
            raise Invalid(_("Operations look like booking.book. Empty means all."), field="operations")
    return {"url": url, "operations": list(operations)}


def _change(webhook: Webhook, **fields: Any) -> None:
    if not Webhook.objects.filter(pk=webhook.pk).change(**fields):
        raise NotFound


def _give_up_what_waits(webhook: Webhook, why: str = SWITCHED_OFF) -> None:
    Delivery.objects.unsent().filter(webhook=webhook).update(dead_at=Now(), last_error=why)


def _secret(webhook: Webhook) -> str:
    return "whsec_" + base64.b64encode(webhook.key).decode()
