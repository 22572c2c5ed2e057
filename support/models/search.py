"""What the search finds."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from support.entries import SearchEntryQuerySet
from support.models.thread import Reply
from support.models.tickets import Ticket


class SearchEntry(models.Model):
    """The words of a question, of a reply or note, or of what only staff read of a question.

    The database writes it with whatever it is about (migration 0022_search_entries), in shelves of ascending ids.
    """

    id = models.BigAutoField(_("number"), primary_key=True)
    ticket = models.ForeignKey(
        Ticket,
        on_delete=models.DO_NOTHING,  # the database removes it
        related_name="search_entries",
        db_index=False,
        verbose_name=pgettext_lazy("support", "ticket"),
    )
    reply = models.ForeignKey(
        Reply, null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, verbose_name=_("reply")
    )
    for_staff = models.BooleanField(_("for staff"))
    said_at = models.DateTimeField(_("said"))
    words = SearchVectorField(_("words"))
    marks = ArrayField(
        models.TextField(),
        verbose_name=_("marks"),
        help_text=_(
            "What the ticket is narrowed by: d for its department, p priority, s status, u account, a who ended it, "
            "t tag."
        ),
    )

    objects = SearchEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("search entry")
        verbose_name_plural = _("search entries")
        indexes = [
            GinIndex(fields=["words", "marks"], name="support_entry_words", fastupdate=False),
            models.Index(fields=["ticket"], name="support_entry_of_ticket"),
            models.Index(fields=["reply"], name="support_entry_of_reply", condition=models.Q(reply__isnull=False)),
        ]

    def __str__(self) -> str:
        return str(self.pk)
