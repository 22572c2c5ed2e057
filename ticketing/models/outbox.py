"""What leaves the site: mails, and events for the programs of others. Rows are written with the change they tell of."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from ticketing import querysets
from ticketing.models.accounts import EmailLink, User
from ticketing.models.base import Record, State
from ticketing.models.trail import Activity
from ticketing.models.waiting import Waiter


class Outgoing(models.Model):
    """One thing to send once, due at `next_at`; an attempt moves that on before it begins, so that no two send it."""

    id = models.BigAutoField(_("number"), primary_key=True)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), db_default=0, editable=False)
    next_at = models.DateTimeField(_("next attempt"), db_default=Now(), editable=False)
    sent_at = models.DateTimeField(_("sent"), null=True, editable=False)
    dead_at = models.DateTimeField(
        _("given up"), null=True, editable=False, help_text=_("After the last attempt; it can be sent again by hand.")
    )
    last_error = models.CharField(_("last error"), max_length=200, blank=True, db_default="", editable=False)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(sent_at=None) | Q(dead_at=None), name="%(app_label)s_%(class)s_sent_or_dead"
            )
        ]
        indexes = [
            models.Index(
                fields=["next_at", "id"], condition=Q(sent_at=None, dead_at=None), name="%(app_label)s_%(class)s_due"
            )
        ]

    @property
    def state(self) -> State:
        """What became of it; what waits after an attempt shows that."""
        if self.sent_at:
            return State("good", _("Sent"))
        if self.dead_at:
            return State("bad", _("Given up"))
        return State("warn" if self.attempts else "calm", _("Waiting"))


class Mail(Outgoing):
    """A mail from a template in `templates/mail/`, in the language of the person."""

    to = models.EmailField(_("to"))
    template = models.CharField(_("template"), max_length=60)
    language = models.CharField(_("language"), max_length=5, default="en")
    context = models.JSONField(_("context"), default=dict, help_text=_("What the template needs; no secrets."))
    link = models.ForeignKey(EmailLink, null=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("link"))
    waiter = models.ForeignKey(
        Waiter,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("place on a waiting list"),
        help_text=_("Whose link the mail holds."),
    )

    objects = querysets.MailQuerySet.as_manager()

    class Meta(Outgoing.Meta):
        verbose_name = _("mail")
        verbose_name_plural = _("mails")

    def __str__(self) -> str:
        return f"{self.template} {self.pk}"


class Webhook(Record):
    """Where a program of somebody else wants to hear what happens (Standard Webhooks)."""

    url = models.URLField(_("address"), max_length=500)
    description = models.CharField(_("description"), max_length=200, blank=True)
    operations = ArrayField(
        models.CharField(max_length=60),
        verbose_name=_("operations"),
        default=list,
        blank=True,
        help_text=_("Operations of the audit trail, such as booking.book. Empty means all."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    secret_version = models.PositiveSmallIntegerField(_("version of the secret"), default=1, editable=False)
    made_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False, verbose_name=_("made by")
    )

    objects = querysets.WebhookQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.description or self.url

    @property
    def state(self) -> State:
        """Whether anything is sent there."""
        return State("good", _("Active")) if self.is_active else State("", _("Switched off"))

    @property
    def key(self) -> bytes:
        """The 32 bytes that sign deliveries: derived, so that no table holds them."""
        return self.keys[0]

    @property
    def keys(self) -> list[bytes]:
        """This key and the one before it, with which a receiver goes on that was not yet told of the new one."""
        versions = [self.secret_version, self.secret_version - 1][: self.secret_version]
        names = [f"{self.pk}:{version}" for version in versions]
        return [salted_hmac("ticketing.webhook", name, algorithm="sha256").digest() for name in names]


class Delivery(Outgoing):
    """One line of the audit trail for one webhook; the lines about one object go out in their order."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries", verbose_name=_("webhook"))
    # Written by a trigger on the trail's table, so that no change can forget it (migration 0003).
    activity = models.ForeignKey(
        Activity, on_delete=models.CASCADE, related_name="+", db_index=False, verbose_name=_("activity")
    )
    about = models.UUIDField(_("object"), null=True, editable=False)

    objects = querysets.DeliveryQuerySet.as_manager()

    class Meta(Outgoing.Meta):
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            *Outgoing.Meta.constraints,
            models.UniqueConstraint(fields=["activity", "webhook"], name="ticketing_delivery_once"),
        ]
        indexes = [
            *Outgoing.Meta.indexes,
            models.Index(
                fields=["webhook", "about", "id"],
                condition=Q(sent_at=None, dead_at=None),
                name="ticketing_delivery_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.activity_id} {self.webhook_id}"
