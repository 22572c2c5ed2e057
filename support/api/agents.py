"""Agents and their presence, over the API."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from support import actions
from support.api.people import PersonSerializer
from support.filters import AgentFilters
from support.models import (
    MOST_TICKETS_AT_ONCE,
    PRESENCES,
    Agent,
    Department,
)
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Count, Instant, Word

DAY_IN_MINUTES = 24 * 60


class AgentSerializer(serializers.ModelSerializer):
    """Somebody who answers. Presence is a lease: it lapses by itself."""

    account = PersonSerializer(source="user", read_only=True)
    present = serializers.BooleanField(read_only=True, help_text="Online or away.")
    presence = serializers.ChoiceField(
        list(PRESENCES), source="presence_name", read_only=True, help_text="Who is away gets no new tickets."
    )
    departments = serializers.ListField(
        child=serializers.ChoiceField(Department.choices), read_only=True, help_text="Empty means all departments."
    )
    left = serializers.IntegerField(read_only=True, help_text="How many more tickets fit.")
    online_until = Instant(read_only=True, allow_null=True)
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = Agent
        fields = [
            "id",
            "account",
            "capacity",
            "taken",
            "left",
            "departments",
            "present",
            "presence",
            "online_until",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class AgentChange(serializers.Serializer):
    """What may change of an agent; what is left out stays."""

    capacity = Count(min_value=0, max_value=MOST_TICKETS_AT_ONCE, required=False)
    departments = serializers.ListField(
        child=Word(Department.choices),
        max_length=len(Department),
        required=False,
        help_text="Empty means all departments.",
    )


class PresenceInput(serializers.Serializer):
    """For how long the agent is there, unless renewed."""

    minutes = Count(max_value=DAY_IN_MINUTES)


class AgentViewSet(ApiViewSet):
    """Those who answer."""

    operations = {
        "list": "support.see_agents",
        "retrieve": "support.see_agents",
        "partial_update": "support.manage_agents",
        "online": "support.presence",
        "away": "support.presence",
        "offline": "support.presence",
    }
    serializer_class = AgentSerializer
    filterset_class = AgentFilters
    inputs = {"partial_update": AgentChange, "online": PresenceInput, "away": PresenceInput}
    examples = {
        "partial_update": {"capacity": 8, "departments": ["technical"]},
        "online": {"minutes": 60},
        "away": {"minutes": 30},
    }

    def rows(self) -> QuerySet:
        """Every agent with the account, and whether they are there."""
        return Agent.objects.with_presence().select_related("user")

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change the capacity, never below what is in work, or the departments."""
        agent, changes = self.get_object(), self.input()
        return self.answer(actions.change_agent(agent, **changes, by=request.user))

    @action(detail=True, methods=["post"])
    def online(self, request: Request, **kwargs: Any) -> Response:
        """Renew the presence; a longer one is not shortened. Waiting tickets are handed out."""
        agent, lasts = self.get_object(), timedelta(**self.input())
        return self.answer(actions.go_online(agent.user, lasts=lasts, by=request.user))

    @action(detail=True, methods=["post"])
    def away(self, request: Request, **kwargs: Any) -> Response:
        """Renew the presence, keep what is in work and get nothing new, until online again."""
        agent, lasts = self.get_object(), timedelta(**self.input())
        return self.answer(actions.go_away(agent.user, lasts=lasts, by=request.user))

    @action(detail=True, methods=["post"])
    def offline(self, request: Request, **kwargs: Any) -> Response:
        """End the presence; what is not answered yet is handed out to others."""
        agent = self.get_object()
        actions.go_offline(agent.user, by=request.user)
        return self.answer(agent)
