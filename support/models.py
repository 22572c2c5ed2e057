"""Tickets, what is said about them, and the agents who answer.

Tickets and replies also have columns of the words they are found by, which the database itself writes and no page loads
(the migration 0014_search makes them, words.py reads them).
"""

import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from support import querysets
from ticketing.models import Record, State, Stock, Tone, User
from ticketing.subjects import Subject

CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no letter looks like a digit
CODE_LENGTH = 12
TAG_LIMIT, MOST_TAGS = 30, 10
VIEW_NAME_LIMIT, QUERY_LIMIT, MOST_VIEWS = 60, 1000, 30  # signs, signs, of one person
SUBJECT_LIMIT, REASON_LIMIT, NOTE_LIMIT, MESSAGE_LIMIT, TITLE_LIMIT = 250, 250, 1000, 10_000, 100  # signs


def new_code() -> str:
    """A ticket's code: 60 random bits."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


class Department(models.TextChoices):
    SALES = "sales", _("sales")
    TECHNICAL = "technical", _("technical")
    SECURITY = "security", _("security")


class Priority(models.TextChoices):
    LOW = "low", _("low")
    MEDIUM = "medium", _("medium")
    HIGH = "high", _("high")


MOST_TICKETS_AT_ONCE = 1000  # of one agent

# How much older than it is a ticket counts in the queue: a low one overtakes a high one only after a day.
LIFT = {Priority.LOW: timedelta(0), Priority.MEDIUM: timedelta(hours=8), Priority.HIGH: timedelta(hours=24)}

PRIORITY_TONES: dict[str, Tone] = {"low": "", "medium": "calm", "high": "bad"}
STATUS_TONES: dict[str, Tone] = {"created": "warn", "in_progress": "calm", "completed": "good", "rejected": "bad"}
PRESENCES = {
    "online": State("good", _("online")),
    "away": State("warn", pgettext_lazy("presence", "away")),
    "offline": State("", _("offline")),
}


class Agent(Stock):
    """Somebody who answers tickets: a stock of attention, of which `taken` tickets are in work (invariant S2)."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="agent", verbose_name=_("account")
    )
    capacity = models.PositiveIntegerField(
        _("capacity"), default=5, help_text=_("How many tickets the agent has in work at once.")
    )
    departments = ArrayField(
        models.CharField(max_length=10, choices=Department),
        verbose_name=_("departments"),
        default=list,
        blank=True,
        help_text=_("Empty means all departments."),
    )
    online_until = models.DateTimeField(
        _("online until"),
        null=True,
        blank=True,
        help_text=_("Presence is a lease: once it lapses, what the agent has not answered is handed out again."),
    )
    is_away = models.BooleanField(
        _("away"),
        default=False,
        db_default=False,
        editable=False,
        help_text=_("Keeps the tickets in work while present, and gets no new ones."),
    )
    last_assigned_at = models.DateTimeField(_("last assigned"), null=True, blank=True, editable=False)

    objects = querysets.AgentQuerySet.as_manager()

    class Meta(Stock.Meta):
        verbose_name = _("agent")
        verbose_name_plural = _("agents")
        constraints = [
            *Stock.Meta.constraints,
            models.CheckConstraint(
                condition=Q(departments__contained_by=Department.values), name="support_agent_departments_known"
            ),
            models.CheckConstraint(
                condition=Q(capacity__lte=MOST_TICKETS_AT_ONCE),
                name="support_agent_capacity_bearable",
                violation_error_message=_("Nobody can have that many tickets in work."),
            ),
        ]

    present: bool  # by the database's clock, where the query asked for it

    def __str__(self) -> str:
        return str(self.user)

    @property
    def presence_name(self) -> str:
        """In one word, for programs."""
        if not self.present:
            return "offline"
        return "away" if self.is_away else "online"

    @property
    def presence(self) -> State:
        """Whether the agent is there."""
        return PRESENCES[self.presence_name]


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


class Reply(Record):
    """One thing said about a ticket, by the customer or by staff; an internal note is said among staff."""

    ticket = models.ForeignKey(
        Ticket, on_delete=models.CASCADE, related_name="replies", verbose_name=pgettext_lazy("support", "ticket")
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("author")
    )
    message = models.TextField(_("message"), max_length=MESSAGE_LIMIT)
    is_internal = models.BooleanField(
        _("internal note"),
        default=False,
        db_default=False,
        editable=False,
        help_text=_("Among staff: no customer ever sees it, nor that it is there."),
    )

    objects = querysets.ReplyQuerySet.as_manager()

    class Meta:
        verbose_name = _("reply")
        verbose_name_plural = _("replies")
        constraints = [models.CheckConstraint(condition=~Q(message=""), name="support_reply_says_something")]
        indexes = [
            models.Index(fields=["ticket", "-created_at", "-id"], name="support_reply_of_ticket"),
            models.Index(fields=["-created_at", "-id"], name="support_reply_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.author}: {self.message[:40]}"


class Rating(Record):
    """What a customer says of how a question was answered: once for each time that it was closed."""

    class Verdict(models.TextChoices):
        GOOD = "good", _("good")
        BAD = "bad", _("bad")

    ticket = models.ForeignKey(
        Ticket, on_delete=models.CASCADE, related_name="ratings", verbose_name=pgettext_lazy("support", "ticket")
    )
    closed_at = models.DateTimeField(_("closed"), editable=False, help_text=_("Which closing it is about."))
    verdict = models.CharField(_("rating"), max_length=4, choices=Verdict)
    comment = models.TextField(_("comment"), max_length=NOTE_LIMIT, blank=True, default="")

    objects = querysets.RatingQuerySet.as_manager()

    class Meta:
        verbose_name = _("rating")
        verbose_name_plural = _("ratings")
        constraints = [
            models.UniqueConstraint(fields=["ticket", "closed_at"], name="support_rating_once"),
            models.CheckConstraint(condition=Q(verdict__in=["good", "bad"]), name="support_rating_known"),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="support_rating_newest")]

    def __str__(self) -> str:
        return f"{self.ticket}: {self.get_verdict_display()}"

    @property
    def state(self) -> State:
        """How it was."""
        return State("good" if self.verdict == self.Verdict.GOOD else "bad", self.get_verdict_display())


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


class CannedReply(Record):
    """A text that is answered often, with gaps for whom it is about."""

    title = models.CharField(_("title"), max_length=TITLE_LIMIT, unique=True)
    message = models.TextField(
        _("message"),
        max_length=MESSAGE_LIMIT,
        help_text=_(
            "{customer} becomes the customer’s name, {ticket} the ticket’s code, {agent} the name of who answers."
        ),
    )

    objects = querysets.CannedReplyQuerySet.as_manager()

    class Meta:
        verbose_name = _("canned reply")
        verbose_name_plural = _("canned replies")
        constraints = [
            models.CheckConstraint(condition=~Q(title="") & ~Q(message=""), name="support_canned_says_something")
        ]
        indexes = [models.Index(fields=["created_at", "id"], name="support_canned_in_order")]

    def __str__(self) -> str:
        return self.title


class SavedView(Record):
    """A list of questions as somebody narrowed and ordered it, under a name: their own, or everybody's at the desk."""

    user = models.ForeignKey(User, models.CASCADE, related_name="saved_views", verbose_name=_("kept by"))
    name = models.CharField(_("name"), max_length=VIEW_NAME_LIMIT)
    query = models.CharField(
        _("filters"), max_length=QUERY_LIMIT, help_text=_("As in the address of the list, after the question mark.")
    )
    is_shared = models.BooleanField(_("for everybody at the desk"), default=False, db_default=False)

    objects = querysets.SavedViewQuerySet.as_manager()

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        constraints = [
            models.UniqueConstraint("user", Lower("name"), name="support_view_one_of_a_name"),
            models.CheckConstraint(condition=~Q(name="") & ~Q(query=""), name="support_view_shows_something"),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="support_view_in_order"),
            # The page of questions shows these beside one's own.
            models.Index(fields=["name"], condition=Q(is_shared=True), name="support_view_shared"),
        ]

    def __str__(self) -> str:
        return self.name


class Attachment(Record):
    """A file that came with a question, a reply or a note, and is seen by whoever sees that.

    It stands in the database, so that one backup holds everything and nothing of a request is kept without the rest.
    """

    ticket = models.ForeignKey(
        Ticket, on_delete=models.CASCADE, related_name="files", verbose_name=pgettext_lazy("support", "ticket")
    )
    reply = models.ForeignKey(
        Reply,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="files",
        verbose_name=_("reply"),
        help_text=_("Empty where it came with the question."),
    )
    name = models.CharField(_("name of the file"), max_length=100)
    size = models.PositiveIntegerField(_("bytes"))
    content = models.BinaryField(_("content"))

    objects = querysets.AttachmentManager()

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        constraints = [
            models.CheckConstraint(condition=Q(size__gt=0) & ~Q(name=""), name="support_attachment_is_a_file")
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="support_attachment_newest")]  # the admin's list

    def __str__(self) -> str:
        return self.name


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


def place_in_queue(priority: str) -> models.Expression:
    """The `queue_at` of a ticket that joins the queue now: ageing is stored once and costs nothing later."""
    return Now() - LIFT[Priority(priority)]


def place_by_priority(before: str, after: str) -> models.Expression:
    """The `queue_at` of a ticket whose priority changes: the time that it has waited goes on counting."""
    return F("queue_at") - (LIFT[Priority(after)] - LIFT[Priority(before)])
