"""Questions, what they are about, and who has one open."""

import secrets
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from support import querysets
from support.models.agents import Agent
from support.models.kinds import (
    LIFT,
    MESSAGE_LIMIT,
    NOTE_LIMIT,
    REASON_LIMIT,
    SUBJECT_LIMIT,
    TAG_LIMIT,
    Department,
    Priority,
)
from ticketing.models import Record, State, Tone
from ticketing.subjects import Subject

if TYPE_CHECKING:
    from support.models.thread import Rating

CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no letter looks like a digit
CODE_LENGTH = 12
PRIORITY_TONES: dict[str, Tone] = {"low": "", "medium": "calm", "high": "bad"}
STATUS_TONES: dict[str, Tone] = {"created": "warn", "in_progress": "calm", "completed": "good", "rejected": "bad"}


def new_code() -> str:
    """A ticket's code: 60 random bits."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


class Ticket(Record):
    """A question that somebody answers. The queue is this table: what waits is a row without an agent."""

    class Status(models.TextChoices):
        CREATED = "created", _("waiting")
        IN_PROGRESS = "in_progress", _("in progress")
        COMPLETED = "completed", _("completed")
        REJECTED = "rejected", _("rejected")

    code = models.CharField(_("code"), max_length=CODE_LENGTH, unique=True, default=new_code, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="support_tickets",
        db_index=False,  # support_ticket_of_account begins with it
        verbose_name=_("account"),
    )
    claimed_user_id = models.CharField(
        _("claimed user"), max_length=45, blank=True, help_text=_("As the caller said; nothing vouches for it.")
    )
    claimed_phone = models.CharField(_("claimed phone"), max_length=45, blank=True)
    email = models.EmailField(
        _("e-mail address"),
        blank=True,
        db_default="",
        help_text=_("Of somebody without an account. Whoever proves to read there finds the ticket in their account."),
    )
    language = models.CharField(
        _("language"),
        max_length=5,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text=_("Of mails to somebody without an account."),
    )
    subject = models.CharField(_("subject"), max_length=SUBJECT_LIMIT)
    message = models.TextField(_("message"), max_length=MESSAGE_LIMIT)
    department = models.CharField(
        _("department"), max_length=10, choices=Department, blank=True, help_text=_("Empty means any agent.")
    )
    priority = models.CharField(_("priority"), max_length=6, choices=Priority, default=Priority.MEDIUM)
    status = models.CharField(_("status"), max_length=11, choices=Status, default=Status.CREATED, editable=False)
    agent = models.ForeignKey(
        Agent,
        null=True,
        on_delete=models.PROTECT,
        related_name="tickets",
        editable=False,
        db_index=False,  # support_ticket_of_agent begins with it
        verbose_name=_("agent"),
    )
    queue_at = models.DateTimeField(
        _("place in the queue"), editable=False, help_text=_("When it was raised, less a lift for its priority.")
    )
    assigned_at = models.DateTimeField(_("assigned"), null=True, editable=False)
    answered_at = models.DateTimeField(
        _("answered"), null=True, editable=False, help_text=_("Empty while the customer has the last word.")
    )
    first_answered_at = models.DateTimeField(
        _("first answered"), null=True, editable=False, help_text=_("When staff first said something about it.")
    )
    closed_at = models.DateTimeField(_("closed"), null=True, editable=False)
    first_assigned_at = models.DateTimeField(
        _("first assigned"),
        null=True,
        editable=False,
        help_text=_("When somebody had it for the first time since it was asked, or re-opened."),
    )
    released_by = models.ForeignKey(
        Agent,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        db_index=False,
        verbose_name=_("released by"),
        help_text=_("It is not handed to them again by itself."),
    )
    handover_note = models.CharField(
        _("note at the handover"), max_length=NOTE_LIMIT, blank=True, default="", db_default="", editable=False
    )
    tags = ArrayField(
        models.CharField(max_length=TAG_LIMIT),
        verbose_name=_("tags"),
        default=list,
        db_default=[],
        blank=True,
        editable=False,
        help_text=_("Words by which staff find it again. No customer sees them."),
    )
    rejection = models.CharField(_("reason of the rejection"), max_length=REASON_LIMIT, blank=True, editable=False)
    wordless_at = models.DateTimeField(
        _("words removed"), null=True, editable=False, help_text=_("Since when only the numbers of it are left.")
    )

    objects = querysets.TicketQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("support", "ticket")
        verbose_name_plural = pgettext_lazy("support", "tickets")
        constraints = [
            # Invariant S1, and the only statuses there are.
            models.CheckConstraint(
                condition=Q(status="created", agent=None, closed_at=None)
                | Q(status="in_progress", agent__isnull=False, closed_at=None)
                | Q(status__in=["completed", "rejected"], closed_at__isnull=False),
                name="support_ticket_status_fits_agent",
            ),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="support_ticket_priority_known"),
            models.CheckConstraint(
                condition=Q(department__in=["", *Department.values]), name="support_ticket_department_known"
            ),
            models.CheckConstraint(
                condition=Q(status="rejected") ^ Q(rejection=""), name="support_ticket_rejection_has_reason"
            ),
            models.CheckConstraint(condition=~Q(subject="") & ~Q(message=""), name="support_ticket_says_something"),
            models.CheckConstraint(
                condition=Q(wordless_at=None) | Q(closed_at__isnull=False), name="support_ticket_wordless_is_closed"
            ),
        ]
        indexes = [
            models.Index(
                fields=["department", "queue_at", "id"], condition=Q(status="created"), name="support_ticket_waiting"
            ),
            models.Index(fields=["queue_at", "id"], condition=Q(status="created"), name="support_ticket_next"),
            models.Index(fields=["agent"], condition=Q(status="in_progress"), name="support_ticket_in_work"),
            models.Index(
                fields=["released_by"],
                condition=Q(status="created", released_by__isnull=False),
                name="support_ticket_released",
            ),
            models.Index(fields=["-created_at", "-id"], name="support_ticket_newest"),
            # The list of what is open, waiting, in work or late: few beside what is closed, however far they lie apart.
            models.Index(
                fields=["-created_at", "-id"],
                condition=Q(status__in=["created", "in_progress"]),
                name="support_ticket_open",
            ),
            # The list of what is in one's hands or ended there, also of somebody who has been away for years.
            models.Index(fields=["agent", "-created_at", "-id"], name="support_ticket_of_agent"),
            GinIndex(fields=["tags"], name="support_ticket_tagged"),
            models.Index(fields=["queue_at", "id"], name="support_ticket_in_order"),
            models.Index(fields=["-updated_at", "-id"], name="support_ticket_changed_last"),
            models.Index(fields=["user", "-created_at"], name="support_ticket_of_account"),
            # What the retention comes to next.
            models.Index(
                fields=["closed_at"],
                condition=Q(closed_at__isnull=False, wordless_at=None),
                name="support_ticket_to_forget",
            ),
            models.Index(Lower("email"), condition=Q(user=None) & ~Q(email=""), name="support_ticket_to_join"),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def state(self) -> State:
        """How far it is."""
        return State(STATUS_TONES[self.status], self.get_status_display())

    @property
    def urgency(self) -> State:
        """How much it presses."""
        return State(PRIORITY_TONES[self.priority], self.get_priority_display())

    @property
    def is_closed(self) -> bool:
        """Completed or rejected."""
        return self.status in (self.Status.COMPLETED, self.Status.REJECTED)

    @property
    def rating(self) -> "Rating | None":
        """What its customer said of this closing; earlier ones are past."""
        return next((one for one in self.ratings.all() if one.closed_at == self.closed_at), None)


def place_in_queue(priority: str) -> models.Expression:
    """The `queue_at` of a ticket that joins the queue now: ageing is stored once and costs nothing later."""
    return Now() - LIFT[Priority(priority)]


def place_by_priority(before: str, after: str) -> models.Expression:
    """The `queue_at` of a ticket whose priority changes: the time that it has waited goes on counting."""
    return F("queue_at") - (LIFT[Priority(after)] - LIFT[Priority(before)])


class About(Record):
    """Something of the customer's that a ticket is about: a booking, a purchase or an event ticket."""

    ticket = models.ForeignKey(
        Ticket, on_delete=models.CASCADE, related_name="about", verbose_name=pgettext_lazy("support", "ticket")
    )
    kind = models.CharField(_("kind"), max_length=40)
    object_id = models.UUIDField(_("object"))

    class Meta:
        verbose_name = _("subject of a ticket")
        verbose_name_plural = _("subjects of tickets")
        constraints = [models.UniqueConstraint(fields=["ticket", "kind", "object_id"], name="support_about_once")]
        indexes = [models.Index(fields=["-created_at", "-id"], name="support_about_newest")]  # the admin's list

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"

    @property
    def subject(self) -> Subject:
        """By what the app that has it finds it."""
        return Subject(self.kind, self.object_id)


class Reader(Record):
    """Somebody of the staff who has a ticket open now: a lease, which an open page renews."""

    ticket = models.ForeignKey(
        Ticket, on_delete=models.CASCADE, related_name="+", verbose_name=pgettext_lazy("support", "ticket")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("account")
    )
    until = models.DateTimeField(_("has it open until"))

    objects = querysets.ReaderQuerySet.as_manager()

    class Meta:
        verbose_name = _("reader of a ticket")
        verbose_name_plural = _("readers of tickets")
        constraints = [models.UniqueConstraint(fields=["ticket", "user"], name="support_reader_once")]
        indexes = [models.Index(fields=["until"], name="support_reader_until")]

    def __str__(self) -> str:
        return f"{self.user}, {self.ticket}"
