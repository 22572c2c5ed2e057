"""Service levels, over the API."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from support import actions
from support.models import (
    MOST_MINUTES,
    Department,
    Priority,
    ServiceLevel,
)
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Count, Instant, Word


def _minutes(**kwargs: Any) -> Count:
    return Count(max_value=MOST_MINUTES, required=False, allow_null=True, **kwargs)


class LevelSerializer(serializers.ModelSerializer):
    """What is promised for questions of a priority, in minutes while the desk is open."""

    department = serializers.ChoiceField(
        Department.choices, allow_blank=True, read_only=True, help_text="Empty: every one without a level of its own."
    )
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = ServiceLevel
        fields = ["id", "department", "priority", "first_response", "resolution", "created_at", "updated_at"]
        read_only_fields = fields


class LevelChange(serializers.Serializer):
    """What is promised from now on; what is left out stays, null promises nothing."""

    first_response = _minutes(help_text="Minutes while the desk is open.")
    resolution = _minutes(help_text="Minutes while the desk is open; they rest while the customer is to reply.")


class NewLevel(LevelChange):
    """A promise for a priority; an empty department is every one without its own."""

    department = Word(Department.choices, allow_blank=True, default="")
    priority = Word(Priority.choices)


class LevelViewSet(ApiViewSet):
    """Service levels; due times that stand already do not change with them."""

    operations = {
        "list": "support.see_levels",
        "retrieve": "support.see_levels",
        "create": "support.manage_levels",
        "partial_update": "support.manage_levels",
        "destroy": "support.manage_levels",
    }
    serializer_class = LevelSerializer
    inputs = {"create": NewLevel, "partial_update": LevelChange}
    examples = {
        "create": {"department": "technical", "priority": "high", "first_response": 60, "resolution": 480},
        "partial_update": {"first_response": 30},
    }

    def rows(self) -> QuerySet:
        """Every service level."""
        return ServiceLevel.objects.all()

    def create(self, request: Request) -> Response:
        """Promise something."""
        return self.answer(actions.create_level(**self.input(), by=request.user), 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Promise other times."""
        level, changes = self.get_object(), self.input()
        return self.answer(actions.change_level(level, **changes, by=request.user))

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Promise nothing any more."""
        actions.remove_level(self.get_object(), by=request.user)
        return self.done()
