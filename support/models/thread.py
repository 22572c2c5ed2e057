"""What is said about a question."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from support import querysets
from support.models.kinds import MESSAGE_LIMIT, NOTE_LIMIT, TITLE_LIMIT
from support.models.tickets import Ticket
from ticketing.models import Record, State


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
