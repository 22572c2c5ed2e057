"""What happened to questions, and how often."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from support import querysets
from support.models.agents import Agent
from support.models.kinds import Department, Priority
from support.models.tickets import Ticket


class Milestone(models.Model):
    """Something that happened to a ticket, as it was then: what reports are counted from (see tallies.py)."""

    class What(models.TextChoices):
        ASKED = "asked", _("asked")
        AGAIN = "again", _("asked again")
        HANDED = "handed", _("handed to an agent")
        ANSWERED = "answered", _("first answered")
        CLOSED = "closed", _("closed")
        CAME = "came", _("moved here")
        LEFT = "left", _("moved away")

    id = models.BigAutoField(_("number"), primary_key=True)
    # No database constraints: what is counted outlives the ticket, and nobody waits for a lock on it.
    ticket = models.ForeignKey(
        Ticket,
        db_constraint=False,
        db_index=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
        verbose_name=pgettext_lazy("support", "ticket"),
    )
    what = models.CharField(_("what happened"), max_length=8, choices=What)
    at = models.DateTimeField(_("at"))
    asked_at = models.DateTimeField(_("asked"), help_text=_("Or asked again: from then on the durations are counted."))
    department = models.CharField(_("department"), max_length=10, choices=Department, blank=True)
    priority = models.CharField(_("priority"), max_length=6, choices=Priority)
    agent = models.ForeignKey(
        Agent,
        null=True,
        db_constraint=False,
        db_index=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
        verbose_name=_("agent"),
    )
    in_time = models.BooleanField(
        _("first response within target"),
        null=True,
        help_text=_("By the promise as it stood; unknown where nothing was promised."),
    )
    counted = models.BooleanField(_("counted"), db_default=False)

    objects = querysets.MilestoneQuerySet.as_manager()

    class Meta:
        verbose_name = _("milestone")
        verbose_name_plural = _("milestones")
        constraints = [
            models.CheckConstraint(
                condition=Q(what__in=["asked", "again", "handed", "answered", "closed", "came", "left"]),
                name="support_milestone_known",
            )
        ]
        indexes = [models.Index(fields=["id"], condition=Q(counted=False), name="support_milestone_fresh")]

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.get_what_display()}"


def _tally(name: Any, help_text: Any = "") -> models.PositiveIntegerField:
    return models.PositiveIntegerField(name, default=0, db_default=0, help_text=help_text)


class Tally(models.Model):
    """What the tickets of an hour, a department and a priority came to, in numbers alone."""

    id = models.BigAutoField(_("number"), primary_key=True)
    zone = models.CharField(_("time zone"), max_length=64, help_text=_("On whose clocks days and hours are counted."))
    day = models.DateField(_("day"))
    hour = models.PositiveSmallIntegerField(_("hour"))
    department = models.CharField(_("department"), max_length=10, choices=Department, blank=True)
    priority = models.CharField(_("priority"), max_length=6, choices=Priority)
    asked = _tally(pgettext_lazy("number", "asked"), _("Asked or re-opened in this hour."))
    again = _tally(pgettext_lazy("number", "asked again"), _("Re-opened, of these."))
    handed = _tally(pgettext_lazy("number", "handed to an agent"), _("Those of this hour that somebody has had."))
    answered = _tally(pgettext_lazy("number", "first answered"), _("Those of this hour to which staff have replied."))
    in_time = _tally(pgettext_lazy("number", "answered in time"), _("Of those that a service level was for."))
    late = _tally(pgettext_lazy("number", "answered late"), _("Or closed without an answer after it was due."))
    closed = _tally(pgettext_lazy("number", "closed"), _("Those of this hour that are closed since."))
    came = _tally(pgettext_lazy("number", "became open"), _("In this hour, whenever asked."))
    went = _tally(pgettext_lazy("number", "ceased to be open"), _("In this hour, whenever asked."))

    objects = querysets.ReportQuerySet.as_manager()

    class Meta:
        verbose_name = _("tally")
        verbose_name_plural = _("tallies")
        constraints = [
            models.UniqueConstraint(fields=["day", "hour", "department", "priority"], name="support_tally_once"),
            models.CheckConstraint(condition=Q(hour__lte=23), name="support_tally_hour_of_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.hour}:00"


class DurationTally(models.Model):
    """How many tickets that were asked at an hour of a day, or of all days of a month, took about so long."""

    id = models.BigAutoField(_("number"), primary_key=True)
    starts = models.DateField(_("day"), help_text=_("Or the first day of the month."))
    is_month = models.BooleanField(_("a whole month"))
    hour = models.PositiveSmallIntegerField(_("hour"))
    department = models.CharField(_("department"), max_length=10, choices=Department, blank=True)
    what = models.CharField(_("what happened"), max_length=8, choices=Milestone.What)
    bin = models.PositiveSmallIntegerField(
        _("class of durations"), help_text=_("Each is a tenth longer than the one before; the first is under a second.")
    )
    number = _tally(_("number of them"))

    objects = querysets.ReportQuerySet.as_manager()

    class Meta:
        verbose_name = _("tally of durations")
        verbose_name_plural = _("tallies of durations")
        constraints = [
            models.UniqueConstraint(
                fields=["is_month", "starts", "hour", "department", "what", "bin"], name="support_duration_tally_once"
            ),
            models.CheckConstraint(condition=Q(hour__lte=23), name="support_duration_tally_hour_of_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.starts} {self.hour}:00, {self.get_what_display()}"


class AgentTally(models.Model):
    """How many tickets of a department an agent got and closed on a day."""

    id = models.BigAutoField(_("number"), primary_key=True)
    day = models.DateField(_("day"))
    agent = models.ForeignKey(
        Agent, db_index=False, on_delete=models.PROTECT, related_name="tallies", verbose_name=_("agent")
    )
    department = models.CharField(_("department"), max_length=10, choices=Department, blank=True)
    handed = _tally(pgettext_lazy("number", "handed to them first"))
    closed = _tally(pgettext_lazy("number", "closed"))

    objects = querysets.ReportQuerySet.as_manager()

    class Meta:
        verbose_name = _("tally of an agent")
        verbose_name_plural = _("tallies of agents")
        constraints = [models.UniqueConstraint(fields=["day", "agent", "department"], name="support_agent_tally_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.agent}"
