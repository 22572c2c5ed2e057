"""The verbs of what leaves the site.

A row is written in the transaction of the change it tells of. A sender claims it (one attempt counted, the next one
put past the time that sending may take), commits, sends, and marks it. Whoever dies between sending and marking leaves
a row that is sent again with the same identity: `Message-ID` for a mail, `webhook-id` for an event. That is at least
once, and once for whoever drops repetitions; without a crash it is once, however many senders run.
"""

import logging
import random
from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Now
from django.template.loader import get_template
from django.utils.translation import gettext_lazy as _

from ticketing import rights
from ticketing.actions.webhooks import SWITCHED_OFF, switch_off_webhook
from ticketing.errors import Conflict, Invalid
from ticketing.models import Activity, Delivery, EmailLink, Mail, Waiter, Webhook
from ticketing.querysets import DeliveryQuerySet, OutgoingQuerySet
from ticketing.sending import Gone, Hopeless, NotSent, mails, webhooks

logger = logging.getLogger(__name__)

ATTEMPTS = 12  # with the pauses below about four days
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 86_400.0  # seconds; each is four times the one before
# Longer than an attempt can take: eleven time-outs of ten seconds in a talk with a mail server, fifteen seconds in all
# for an event. After that whoever claimed the row is taken for dead.
MAIL_CLAIM = timedelta(minutes=2)
DELIVERY_CLAIM = timedelta(seconds=25)

_Row = TypeVar("_Row", Mail, Delivery)


class Outcome(Enum):
    """What became of an attempt."""

    SENT = "sent"
    FAILED = "failed"  # the mail server or the webhook did, so the next one may fail as well
    REFUSED = "refused"  # this one, for good


class NotGivenUp(Conflict):
    """It was sent, or it is still being tried."""

    code = "not_given_up"
    message = _("Only what was given up can be sent again.")


class SwitchedOff(Conflict):
    """Nothing is sent to a webhook that is switched off."""

    code = "switched_off"
    message = _("This webhook is switched off. Switch it on first.")


def post_mail(
    *,
    to: str,
    template: str,
    language: str,
    context: dict[str, Any] | None = None,
    link: EmailLink | None = None,
    waiter: Waiter | None = None,
) -> Mail:
    """Write a mail in the caller's transaction; `context` holds no secrets, whose secret link it has is named."""
    get_template(mails.template_name(template))  # a typo fails here and not in the sender
    try:
        validate_email(to)
    except ValidationError as error:
        raise Invalid(_("This is not an e-mail address."), field="email") from error
    return Mail.objects.create(
        to=to, template=template, language=language, context=context or {}, link=link, waiter=waiter
    )


@transaction.atomic
def resend(row: Mail | Delivery, *, by: rights.Actor) -> None:
    """Begin anew with a mail or an event that was given up, or refuse with NotGivenUp or SwitchedOff."""
    rights.require(by, "site.outbox")
    if isinstance(row, Delivery) and not row.webhook.is_active:
        raise SwitchedOff
    rows: OutgoingQuerySet = type(row)._default_manager.filter(pk=row.pk)
    if not rows.dead().update(dead_at=None, attempts=0, next_at=Now(), last_error=""):
        raise NotGivenUp
    Activity.objects.record("site.resend", by=by, kind=row._meta.model_name, number=row.pk)


def send_due_mails() -> tuple[int, int]:
    """Send every mail that is due; how many were sent and how many were not."""
    return _tally(send_next_mail)


def send_due_deliveries() -> tuple[int, int]:
    """Send every event that is due; how many were sent and how many were not."""
    return _tally(send_next_delivery)


def send_next_mail() -> Outcome | None:
    """Try the mail that has been due longest; None when none is due."""
    mail = _claim(Mail.objects.select_related("link", "waiter"), MAIL_CLAIM)
    return mail and _attempt(mail, lambda: _mail(mail))


def send_next_delivery(webhook: UUID | None = None) -> Outcome | None:
    """Try the event that has been due longest, of this webhook if one is named; None when none is due."""
    deliveries: DeliveryQuerySet = Delivery.objects.select_related("webhook", "activity")
    delivery = _claim(deliveries.filter(webhook=webhook) if webhook else deliveries, DELIVERY_CLAIM)
    return delivery and _attempt(delivery, lambda: _deliver(delivery))


def webhooks_to_serve() -> list[UUID]:
    """The webhooks for which an event is due."""
    # One row of each, found by index: as EXISTS, the database would join all that waits with itself.
    due = Delivery.objects.due().filter(webhook=OuterRef("pk")).order_by()
    first = Subquery(due.values("pk")[:1])
    return list(Webhook.objects.alias(first=first).exclude(first=None).values_list("pk", flat=True))


def _tally(send_next: Callable[[], Outcome | None]) -> tuple[int, int]:
    outcomes = list(iter(send_next, None))
    sent = outcomes.count(Outcome.SENT)
    return sent, len(outcomes) - sent


@transaction.atomic
def _claim(rows: Any, lasts: timedelta) -> Any:
    """The row that has been due longest, which is now nobody else's for that time; None when none is due."""
    row = rows.due().select_for_update(skip_locked=True, of=("self",)).annotate(now=Now()).first()
    if row:
        row.attempts += 1
        rows.filter(pk=row.pk).update(attempts=row.attempts, next_at=Now() + lasts)
    return row


def _attempt(row: Any, send: Callable[[], None]) -> Outcome:
    """Send a claimed row outside any transaction and write down what became of it."""
    rows = type(row).objects.filter(pk=row.pk)
    try:
        send()
    except Hopeless as failure:
        rows.unsent().update(dead_at=Now(), last_error=str(failure))
        return Outcome.REFUSED
    except NotSent as failure:
        _put_off(row, str(failure))
    except Exception as error:
        # Neither its message nor its trace: they can quote the address or the link.
        logger.error("outbox: %s %s could not be made: %s", row._meta.label, row.pk, type(error).__name__)
        _put_off(row, f"The site could not make it ({type(error).__name__}).")
    else:
        # Also when it was given up in between: it has arrived.
        rows.update(sent_at=Now(), dead_at=None, last_error="")
        return Outcome.SENT
    return Outcome.FAILED


def _put_off(row: Any, why: str) -> None:
    """Try again later, or give up after the last attempt; whoever claimed the row since then decides instead."""
    rows = type(row).objects.unsent().filter(pk=row.pk, attempts=row.attempts)
    if row.attempts >= ATTEMPTS:
        rows.update(dead_at=Now(), last_error=why)
    else:
        rows.update(next_at=Now() + pause(row.attempts), last_error=why)


def pause(attempts: int) -> timedelta:
    """How long to wait after so many attempts, give or take a fifth, so that not all come back at once."""
    seconds = min(FIRST_PAUSE * 4 ** (attempts - 1), LONGEST_PAUSE)
    return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 - nothing secret


def _mail(mail: Mail) -> None:
    if mail.link and not EmailLink.objects.live().filter(pk=mail.link.pk).exists():
        raise Hopeless("Its link has ended.")
    mails.send(mail)


def _deliver(delivery: Any) -> None:
    if not delivery.webhook.is_active:
        raise Hopeless(SWITCHED_OFF)
    try:
        webhooks.send(delivery, now=delivery.now)
    except Gone as failure:
        switch_off_webhook(delivery.webhook, by=None, why=str(failure))
        raise
