"""What every table of the site starts from."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


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
