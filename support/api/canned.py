"""Canned replies, over the API."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from support import actions
from support.models import (
    MESSAGE_LIMIT,
    TITLE_LIMIT,
    CannedReply,
)
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Instant, Text

_GAPS = "{customer} is filled with the customer's name, {ticket} with the code, {agent} with the name of who answers."


class CannedReplySerializer(serializers.ModelSerializer):
    """A text that is answered often."""

    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = CannedReply
        fields = ["id", "title", "message", "created_at", "updated_at"]
        read_only_fields = fields


class NewCannedReply(serializers.Serializer):
    """Its title tells it from the others."""

    title = Text(TITLE_LIMIT)
    message = Text(MESSAGE_LIMIT, lines=True, help_text=_GAPS)


class CannedReplyChange(serializers.Serializer):
    """What is left out stays."""

    title = Text(TITLE_LIMIT, required=False)
    message = Text(MESSAGE_LIMIT, lines=True, required=False, help_text=_GAPS)


class CannedReplyViewSet(ApiViewSet):
    """Texts that are answered often."""

    operations = {
        "list": "support.use_canned",
        "retrieve": "support.use_canned",
        "create": "support.manage_canned",
        "partial_update": "support.manage_canned",
        "destroy": "support.manage_canned",
    }
    serializer_class = CannedReplySerializer
    inputs = {"create": NewCannedReply, "partial_update": CannedReplyChange}
    examples = {
        "create": {"title": "Try again", "message": "Good morning {customer}, does it work when you try again?"},
        "partial_update": {"title": "Try once more"},
    }

    def rows(self) -> QuerySet:
        """Every canned reply."""
        return CannedReply.objects.all()

    def create(self, request: Request) -> Response:
        """Keep another one."""
        return self.answer(actions.add_canned_reply(**self.input(), by=request.user), 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change title or text; replies that were sent stay as they are."""
        canned, changes = self.get_object(), self.input()
        return self.answer(actions.change_canned_reply(canned, **changes, by=request.user))

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Offer it no more."""
        actions.remove_canned_reply(self.get_object(), by=request.user)
        return self.done()
