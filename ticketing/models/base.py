"""What every table of the site starts from."""

import uuid
from typing import ClassVar, Literal, NamedTuple

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Tone = Literal["", "good", "warn", "bad", "calm"]


class State(NamedTuple):
    """How a row stands, as the pages and the admin show it: one of their tones, and always a word."""

    tone: Tone
    word: str | Promise


class Record(models.Model):
    """A row with a random identity that knows when it was made and changed, by the database's clock."""

    id = models.UUIDField(_("id"), primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("changed"), db_default=Now(), editable=False)

    class Meta:
        abstract = True


class Stock(Record):
    """Something scarce: `taken` of `capacity` are given away (invariants E1, B1, S2)."""

    # SQL, of its columns, for the instant from which on nobody waits for it; empty where it can always be had.
    waiting_ends: ClassVar[str] = ""

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

    @property
    def title(self) -> str:
        """What people call it: on the page of its waiting list, and in mails."""
        return str(self)
