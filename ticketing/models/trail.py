"""What the site remembers of itself: what was done, which requests came, which processes live, how it is run."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ticketing import querysets
from ticketing.models.accounts import User, role_word
from ticketing.models.base import State


class IdempotencyKey(models.Model):
    """One effect per caller, route and key (invariant E3). It refers to what the first request made."""

    caller = models.CharField(_("caller"), max_length=40, help_text=_("The account's id; empty for anonymous callers."))
    route = models.CharField(_("route"), max_length=100)
    key = models.CharField(_("key"), max_length=200)
    fingerprint = models.CharField(_("fingerprint"), max_length=64, help_text=_("SHA-256 of what was asked."))
    made = models.UUIDField(_("made"), null=True, help_text=_("The id of what the request made or changed."))
    status = models.PositiveSmallIntegerField(
        _("status"), db_default=200, help_text=_("The HTTP status that the first request was answered with.")
    )
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
        indexes = [
            models.Index(fields=["object_id", "id"], name="ticketing_activity_object"),
            # What the retention comes to next; new lines go to its end.
            models.Index(fields=["at"], condition=Q(actor__isnull=False), name="ticketing_activity_to_unname"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.object_id or ''}".strip()

    @property
    def role_word(self) -> str | Promise:
        """What people call the role."""
        return role_word(self.role)


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


class Verdict(models.Model):
    """What the last audit said of one promise: one row for each, written over by the next audit."""

    promise = models.CharField(_("promise"), max_length=10, primary_key=True)
    at = models.DateTimeField(_("counted"))
    damaged = ArrayField(
        models.TextField(),
        verbose_name=_("broken by"),
        blank=True,
        help_text=_("The ids of the rows that break it, the first thousand; empty when it holds."),
    )

    objects = querysets.VerdictQuerySet.as_manager()

    class Meta:
        verbose_name = _("verdict of the audit")
        verbose_name_plural = _("verdicts of the audit")

    def __str__(self) -> str:
        return self.promise

    @property
    def state(self) -> State:
        """Whether it holds."""
        return State("bad", _("untrue")) if self.damaged else State("good", _("true"))


class Site(models.Model):
    """The one row that remembers in which mode this database is used."""

    id = models.PositiveSmallIntegerField(_("number"), primary_key=True, default=1, editable=False)
    mode = models.CharField(_("mode"), max_length=10)

    class Meta:
        verbose_name = _("site")
        verbose_name_plural = _("sites")
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="ticketing_site_once"),
            models.CheckConstraint(condition=Q(mode__in=["demo", "production"]), name="ticketing_site_mode_known"),
        ]

    def __str__(self) -> str:
        return self.mode


class Allowance(models.Model):
    """How far a caller has used up what may be done in a time (a leaky bucket): until then it is spent."""

    key = models.CharField(_("key"), max_length=120, primary_key=True)
    spent_until = models.DateTimeField(_("spent until"), db_index=True)

    objects = querysets.AllowanceQuerySet.as_manager()

    class Meta:
        verbose_name = _("allowance")
        verbose_name_plural = _("allowances")

    def __str__(self) -> str:
        return self.key
