"""The nouns that all apps share."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from ticketing import querysets


class Record(models.Model):
    """A row with a random identity that knows when it was made and changed, by the database's clock."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("changed"), db_default=Now(), editable=False)

    class Meta:
        abstract = True


class Stock(Record):
    """Something scarce: `taken` of `capacity` are given away (invariants E1, B1, S2)."""

    capacity = models.PositiveIntegerField(_("capacity"))
    taken = models.PositiveIntegerField(_("taken"), default=0, editable=False)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(taken__gte=0, taken__lte=F("capacity")),
                name="%(app_label)s_%(class)s_taken_within_capacity",
                violation_error_message=_("The capacity cannot be lower than what is taken already."),
            )
        ]

    @property
    def left(self) -> int:
        """How many are still to be had; none of a stock that is not made yet."""
        return (self.capacity or 0) - self.taken


class User(AbstractUser):
    """One identity for everybody: customer, agent, gate staff or supervisor."""

    class Role(models.TextChoices):
        CUSTOMER = "customer", _("customer")
        AGENT = "agent", _("agent")
        GATE = "gate", _("gate")
        SUPERVISOR = "supervisor", _("supervisor")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.CUSTOMER)
    is_demo = models.BooleanField(
        _("demo account"), default=False, editable=False, help_text=_("Demo accounts are refused in production.")
    )

    objects = querysets.AccountManager()  # type: ignore[misc]  # a manager of our own instead of Django's

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=["customer", "agent", "gate", "supervisor"]), name="ticketing_user_role_known"
            ),
            models.UniqueConstraint(
                Lower("email"),
                condition=~Q(email=""),
                name="ticketing_user_email_once",
                violation_error_message=_("Another account has this e-mail address."),
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def name(self) -> str:
        """What the person is called, or the username where no name is known."""
        return self.get_full_name() or self.username


class ApiToken(Record):
    """A program's key to an account. Only the digest is stored; the token is shown once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = querysets.ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return self.name


class IdempotencyKey(models.Model):
    """One effect per caller, route and key (invariant E3). It refers to what the first request made."""

    caller = models.CharField(_("caller"), max_length=40, help_text=_("The account's id; empty for anonymous callers."))
    route = models.CharField(_("route"), max_length=100)
    key = models.CharField(_("key"), max_length=200)
    fingerprint = models.CharField(_("fingerprint"), max_length=64, help_text=_("SHA-256 of what was asked."))
    made = models.UUIDField(_("made"), help_text=_("The id of what the request made."))
    created_at = models.DateTimeField(_("created"), db_default=Now(), db_index=True)

    objects = querysets.IdempotencyKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")
        constraints = [
            models.UniqueConstraint(fields=["caller", "route", "key"], name="ticketing_idempotency_key_once")
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"


class Activity(models.Model):
    """One line of the audit trail: who did what to which object. No personal data (invariant X2)."""

    at = models.DateTimeField(_("at"), db_default=Now())
    # No database constraint: the trail outlives the account, and the hot purchase locks no account.
    actor = models.ForeignKey(
        User, null=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+", verbose_name=_("actor")
    )
    role = models.CharField(_("role"), max_length=10)
    operation = models.CharField(_("operation"), max_length=60)
    kind = models.CharField(_("kind"), max_length=60, blank=True)
    object_id = models.UUIDField(_("object"), null=True)
    details = models.JSONField(_("details"), default=dict)

    objects = querysets.ActivityQuerySet.as_manager()

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        indexes = [models.Index(fields=["object_id", "id"], name="ticketing_activity_object")]

    def __str__(self) -> str:
        return f"{self.operation} {self.object_id or ''}".strip()


class Heartbeat(models.Model):
    """When a kind of process last gave a sign of life; the watchdog reads it."""

    name = models.CharField(_("name"), max_length=40, primary_key=True)
    at = models.DateTimeField(_("at"))

    objects = querysets.HeartbeatQuerySet.as_manager()

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name
