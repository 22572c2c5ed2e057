"""What is promised, and to which question."""

from datetime import timedelta

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from support import querysets
from support.models.kinds import Department, Priority
from support.models.tickets import Ticket
from ticketing.models import Record

# A year of minutes: nobody promises something later.
MOST_MINUTES = 366 * 24 * 60


class ServiceLevel(Record):
    """What is promised for questions of a priority, in minutes while the desk is open."""

    department = models.CharField(
        _("department"),
        max_length=10,
        choices=Department,
        blank=True,
        help_text=_("Empty: every department that has no level of its own for the priority."),
    )
    priority = models.CharField(_("priority"), max_length=6, choices=Priority)
    first_response = models.PositiveIntegerField(
        _("first response within"),
        null=True,
        blank=True,
        help_text=_("In minutes while the desk is open. Empty: nothing is promised."),
    )
    resolution = models.PositiveIntegerField(
        _("resolution within"),
        null=True,
        blank=True,
        help_text=_("In minutes while the desk is open; they rest while the customer has the next word."),
    )

    objects = querysets.ServiceLevelQuerySet.as_manager()

    class Meta:
        verbose_name = _("service level")
        verbose_name_plural = _("service levels")
        constraints = [
            models.UniqueConstraint(fields=["department", "priority"], name="support_level_once"),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="support_level_priority_known"),
            models.CheckConstraint(
                condition=Q(department__in=["", *Department.values]), name="support_level_department_known"
            ),
            models.CheckConstraint(
                condition=Q(first_response__isnull=False) | Q(resolution__isnull=False),
                name="support_level_promises_something",
            ),
            models.CheckConstraint(
                condition=(Q(first_response=None) | Q(first_response__range=(1, MOST_MINUTES)))
                & (Q(resolution=None) | Q(resolution__range=(1, MOST_MINUTES))),
                name="support_level_minutes_bearable",
            ),
            models.CheckConstraint(
                condition=Q(first_response=None) | Q(resolution=None) | Q(first_response__lte=F("resolution")),
                name="support_level_response_first",
            ),
        ]

    def __str__(self) -> str:
        department = self.get_department_display() if self.department else _("any department")
        return f"{self.get_priority_display()}, {department}"


class Promise(models.Model):
    """What the desk owes a ticket by a service level, and until when."""

    ticket = models.OneToOneField(
        Ticket, on_delete=models.CASCADE, primary_key=True, verbose_name=pgettext_lazy("support", "ticket")
    )
    asked_at = models.DateTimeField(_("asked"), help_text=_("When it joined the queue the last time."))
    respond_by = models.DateTimeField(_("first response due"), null=True)
    resolve_by = models.DateTimeField(
        _("resolution due"), null=True, help_text=_("Empty while the customer has the next word.")
    )
    clock_since = models.DateTimeField(_("clock runs since"), null=True, help_text=_("Of the resolution."))
    clock_spent = models.DurationField(_("clock has run"), default=timedelta, help_text=_("Before that."))
    ended_at = models.DateTimeField(_("ended"), null=True, help_text=_("When the ticket was closed: nothing is owed."))
    response_missed_at = models.DateTimeField(_("first response missed"), null=True)
    resolution_missed_at = models.DateTimeField(_("resolution missed"), null=True)

    objects = querysets.PromiseQuerySet.as_manager()

    class Meta:
        verbose_name = _("promise")
        verbose_name_plural = _("promises")
        constraints = [
            models.CheckConstraint(
                condition=Q(resolve_by=None) | Q(clock_since__isnull=False), name="support_promise_due_while_running"
            ),
        ]
        indexes = [
            models.Index(fields=["-asked_at", "-ticket"], name="support_promise_newest"),
            models.Index(fields=["respond_by"], condition=Q(response_missed_at=None), name="support_promise_response"),
            models.Index(
                fields=["resolve_by"], condition=Q(resolution_missed_at=None), name="support_promise_resolution"
            ),
            # What is late now: little beside all that ever was.
            models.Index(
                fields=["ticket"],
                condition=Q(ended_at=None)
                & (Q(response_missed_at__isnull=False) | Q(resolution_missed_at__isnull=False)),
                name="support_promise_late",
            ),
        ]

    def __str__(self) -> str:
        return str(self.ticket)

    @property
    def is_late(self) -> bool:
        """Whether the desk still owes what it promised for an earlier time."""
        owes_response = bool(self.response_missed_at) and self.ticket.first_answered_at is None
        return not self.ticket.is_closed and (owes_response or self.resolution_missed_at is not None)

    @property
    def rests(self) -> bool:
        """Whether it is the customer's turn."""
        return self.clock_since is None
