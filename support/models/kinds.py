"""What questions are told apart by, and how long texts may be."""

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

TAG_LIMIT, MOST_TAGS = 30, 10
VIEW_NAME_LIMIT, QUERY_LIMIT, MOST_VIEWS = 60, 1000, 30  # signs, signs, of one person
SUBJECT_LIMIT, REASON_LIMIT, NOTE_LIMIT, MESSAGE_LIMIT, TITLE_LIMIT = 250, 250, 1000, 10_000, 100  # signs


class Department(models.TextChoices):
    SALES = "sales", _("sales")
    TECHNICAL = "technical", _("technical")
    SECURITY = "security", _("security")


class Priority(models.TextChoices):
    LOW = "low", _("low")
    MEDIUM = "medium", _("medium")
    HIGH = "high", _("high")


# How much older than it is a ticket counts in the queue: a low one overtakes a high one only after a day.
LIFT = {Priority.LOW: timedelta(0), Priority.MEDIUM: timedelta(hours=8), Priority.HIGH: timedelta(hours=24)}
