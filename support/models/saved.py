"""Lists that are found again."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from support import querysets
from support.models.kinds import QUERY_LIMIT, VIEW_NAME_LIMIT
from ticketing.models import Record, User


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
