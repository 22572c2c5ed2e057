"""Questions of somebody without an account, over the API."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from support import actions
from support.models import (
    MESSAGE_LIMIT,
    Ticket,
)
from ticketing.texts import clean_email
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import EMAIL_PATTERN, Ruled, Text


class ReceiptSerializer(serializers.ModelSerializer):
    """What somebody without an account keeps of their question."""

    class Meta:
        model = Ticket
        fields = ["code"]
        read_only_fields = fields


class NewQuestion(serializers.Serializer):
    """A question of somebody without an account, who finds it in the account that they open with the address."""

    email = Ruled(clean_email, limit=254, pattern=EMAIL_PATTERN)
    message = Text(MESSAGE_LIMIT, lines=True)
    name = Text(45, empty=True, default="")


class QuestionViewSet(ApiViewSet):
    """Questions without an account. Nothing is shown of them here."""

    operations = {"create": "support.raise_unverified"}
    serializer_class = ReceiptSerializer
    inputs = {"create": NewQuestion}
    examples = {
        "create": {
            "email": "ada@example.org",
            "message": "Is there a reduced price for pupils?",
            "name": "Ada Lovelace",
        }
    }

    def rows(self) -> QuerySet:
        """Every ticket."""
        return Ticket.objects.all()

    def create(self, request: Request) -> Response:
        """Ask something; any agent may answer."""
        said = self.input()
        ticket = actions.raise_unverified_ticket(
            user_id=said["name"], phone="", query=said["message"], email=said["email"], by=request.user
        )
        return self.answer(ticket, 201)

    def made(self, response: Response) -> UUID:
        """The ticket whose code the answer shows."""
        return self.rows().values_list("pk", flat=True).get(code=response.data["code"])

    def address_of(self, row: Any) -> str:
        """Where it can be read with an account."""
        return reverse("v1:support-ticket-detail", args=[row.code])
