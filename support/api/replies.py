"""Replies and internal notes, over the API."""

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from support import actions
from support.api.files import NewFile, files_of
from support.api.people import PersonSerializer
from support.errors import ThreadMovedOn
from support.filters import ReplyFilters
from support.models import (
    MESSAGE_LIMIT,
    Attachment,
    Reply,
    Ticket,
)
from support.policies import spellings
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.contracts import found
from ticketing.toolkit.fields import Id, Instant, Text


class ReplyFileSerializer(serializers.ModelSerializer):
    """A file that came along; its content is at `attachments/{id}/content/`."""

    class Meta:
        model = Attachment
        fields = ["id", "name", "size"]
        read_only_fields = fields


class ReplySerializer(serializers.ModelSerializer):
    """One thing said about a ticket."""

    ticket = serializers.CharField(source="ticket.code", read_only=True, help_text="The ticket's code.")
    author = PersonSerializer(read_only=True)
    files = ReplyFileSerializer(many=True, read_only=True)
    created_at = Instant(read_only=True)

    class Meta:
        model = Reply
        fields = ["id", "ticket", "author", "message", "files", "created_at"]
        read_only_fields = fields


class NewNote(serializers.Serializer):
    """What is said, and about which ticket."""

    ticket = Text(100, help_text="The ticket's code.")
    message = Text(MESSAGE_LIMIT, lines=True)
    files = serializers.ListField(child=NewFile(), min_length=0, max_length=20, required=False)


class NewReply(NewNote):
    """The same, and how far the writer had read."""

    seen = Id(
        required=False,
        allow_null=True,
        help_text="The id of the last reply (for staff: or note) that the writer saw, null if none. If more was "
        "said since, the reply is refused with 409, and `since` lists what that is. Left out, nothing is asked.",
    )


class MissedSerializer(ReplySerializer):
    """What came in between."""

    class Meta(ReplySerializer.Meta):
        fields = [*ReplySerializer.Meta.fields, "is_internal"]
        read_only_fields = fields


class ReplyViewSet(ApiViewSet):
    """What was said about tickets."""

    operations = {"list": "support.reply", "retrieve": "support.reply", "create": "support.reply"}
    serializer_class = ReplySerializer
    filterset_class = ReplyFilters
    inputs = {"create": NewReply}
    examples = {"create": {"ticket": "0123456789AB", "message": "It works again, thank you."}}

    def rows(self) -> QuerySet:
        """Every reply with its author and its ticket; notes are no replies, to nobody."""
        return Reply.objects.public().select_related("author", "ticket").prefetch_related("files")

    def create(self, request: Request) -> Response:
        """Say something; a closed ticket is re-opened."""
        said = self.input()
        tickets = Ticket.objects.visible_to(request.user, self.operation)
        ticket = found(tickets, code__in=spellings(said["ticket"]))
        seen = actions.Seen(said["seen"]) if "seen" in said else None
        files = files_of(said)
        reply = actions.reply_to_ticket(ticket, message=said["message"], seen=seen, files=files, by=request.user)
        return self.answer(reply, 201)

    def handle_exception(self, exc: Exception) -> Response:
        """The problem document; of a stale thread with what came in between."""
        response = super().handle_exception(exc)
        if isinstance(exc, ThreadMovedOn):
            response.data["since"] = MissedSerializer(exc.since, many=True, context=self.get_serializer_context()).data
        return response


class NoteViewSet(ApiViewSet):
    """What staff said about tickets among themselves; no customer ever sees it."""

    operations = {"list": "support.note", "retrieve": "support.note", "create": "support.note"}
    serializer_class = ReplySerializer
    filterset_class = ReplyFilters
    inputs = {"create": NewNote}
    examples = {"create": {"ticket": "0123456789AB", "message": "She was promised a call by Friday."}}

    def rows(self) -> QuerySet:
        """Every note with its author and its ticket."""
        return Reply.objects.notes().select_related("author", "ticket").prefetch_related("files")

    def create(self, request: Request) -> Response:
        """Say something among staff; the ticket stays as it is, open or closed."""
        said = self.input()
        tickets = Ticket.objects.visible_to(request.user, self.operation)
        ticket = found(tickets, code__in=spellings(said["ticket"]))
        note = actions.note_on_ticket(ticket, message=said["message"], files=files_of(said), by=request.user)
        return self.answer(note, 201)
