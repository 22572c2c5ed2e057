"""Files beside questions, replies and notes, over the API."""

import base64
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.drainage import set_override
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from support.downloads import as_download
from support.filters import AttachmentFilters
from support.models import (
    Attachment,
)
from support.policies import File
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Instant, Text


class Base64(serializers.Field):
    """Bytes in base64 (RFC 4648, section 4), some."""

    default_error_messages = {"invalid": _("This must be base64.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        four = "[A-Za-z0-9+/]"
        pattern = f"^({four}{{4}})*({four}{{4}}|{four}{{3}}=|{four}{{2}}==)$"
        set_override(self, "field", {"type": "string", "contentEncoding": "base64", "minLength": 4, "pattern": pattern})

    def to_internal_value(self, data: Any) -> bytes:
        """The bytes."""
        try:
            content = base64.b64decode(data.encode("ascii"), validate=True) if isinstance(data, str) else b""
        except ValueError:
            content = b""
        if not content:
            self.fail("invalid")
        return content


class NewFile(serializers.Serializer):
    """A file to keep with it. A request is at most 1 MiB; larger files go by the page."""

    name = Text(200, help_text="Its ending says of what kind it is.")
    content = Base64()


def files_of(said: dict[str, Any]) -> list[File]:
    return [File(**file) for file in said.get("files", [])]


class AttachmentSerializer(serializers.ModelSerializer):
    """A file that came with a question, a reply or a note."""

    ticket = serializers.CharField(source="ticket.code", read_only=True, help_text="The ticket's code.")
    reply = serializers.UUIDField(
        source="reply_id", read_only=True, allow_null=True, help_text="Null where it came with the question."
    )
    created_at = Instant(read_only=True)

    class Meta:
        model = Attachment
        fields = ["id", "ticket", "reply", "name", "size", "created_at"]
        read_only_fields = fields


class AttachmentViewSet(ApiViewSet):
    """Files that came along with what people wrote."""

    operations = {"list": "support.reply", "retrieve": "support.reply", "content": "support.reply"}
    serializer_class = AttachmentSerializer
    filterset_class = AttachmentFilters
    files = {"content": "application/octet-stream"}

    def rows(self) -> QuerySet:
        """Every file with its ticket, without what is in it."""
        return Attachment.objects.select_related("ticket")

    @action(detail=True, methods=["get"])
    def content(self, request: Request, **kwargs: Any) -> HttpResponse:
        """What is in it, to be kept."""
        return as_download(self.get_object())
