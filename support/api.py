"""The support desk over /api/v1/support/."""

import base64
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.drainage import set_override
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from support import actions
from support.downloads import as_download
from support.errors import ThreadMovedOn
from support.filters import AgentFilters, AttachmentFilters, ReplyFilters, TicketFilters
from support.models import (
    MOST_MINUTES,
    MOST_TICKETS_AT_ONCE,
    PRESENCES,
    TAG_LIMIT,
    About,
    Agent,
    Attachment,
    CannedReply,
    Department,
    Priority,
    Promise,
    Rating,
    Reader,
    Reply,
    ServiceLevel,
    Ticket,
)
from support.policies import DeskHours, File, spellings, why_waiting
from support.querysets import LAST_PLACE
from ticketing import rights
from ticketing.errors import NotFound
from ticketing.models import User
from ticketing.subjects import Subject
from ticketing.texts import clean_email
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.contracts import found
from ticketing.toolkit.fields import EMAIL_PATTERN, Count, Id, Instant, Ruled, Text, Word

MESSAGE_LIMIT, NOTE_LIMIT, DAY_IN_MINUTES = 10_000, 1000, 24 * 60


class ForStaff(serializers.ModelSerializer):
    """A serializer of which customers see less: `staff_fields` are shown to whoever may triage tickets."""

    staff_fields: frozenset[str] = frozenset()

    def get_fields(self) -> dict[str, serializers.Field]:
        """All of them, or those for everybody; the description has all."""
        view = self.context["view"]
        if getattr(view, "swagger_fake_view", False) or rights.scope(view.request.user, "support.triage"):
            return super().get_fields()
        return {name: field for name, field in super().get_fields().items() if name not in self.staff_fields}


class PersonSerializer(ForStaff):
    """Somebody with an account. The e-mail address is for staff."""

    name = serializers.CharField(read_only=True)
    email = serializers.CharField(required=False)

    staff_fields = frozenset({"email"})

    class Meta:
        model = User
        fields = ["id", "name", "email"]
        read_only_fields = fields


class HandlerSerializer(serializers.ModelSerializer):
    """The agent who answers."""

    name = serializers.CharField(source="user.name", read_only=True)

    class Meta:
        model = Agent
        fields = ["id", "name"]
        read_only_fields = fields


class AboutSerializer(serializers.ModelSerializer):
    """Something of the customer's, of another part of the API."""

    id = serializers.UUIDField(source="object_id", read_only=True)

    class Meta:
        model = About
        fields = ["kind", "id"]
        read_only_fields = fields


class PromiseSerializer(serializers.ModelSerializer):
    """What a service level promises, on the clocks of the desk's business hours."""

    respond_by = Instant(read_only=True, allow_null=True, help_text="Null if nothing was promised.")
    resolve_by = Instant(
        read_only=True, allow_null=True, help_text="Null if nothing was promised, and while the customer is to reply."
    )
    late = serializers.BooleanField(source="is_late", read_only=True, help_text="Whether it is owed and overdue.")
    resting = serializers.BooleanField(source="rests", read_only=True, help_text="Whether the customer is to reply.")

    class Meta:
        model = Promise
        fields = ["respond_by", "resolve_by", "late", "resting"]
        read_only_fields = fields


class RatingSerializer(serializers.ModelSerializer):
    """What the customer said of this closing."""

    rating = serializers.ChoiceField(Rating.Verdict.choices, source="verdict", read_only=True)
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = Rating
        fields = ["rating", "comment", "created_at", "updated_at"]
        read_only_fields = fields


class SupportTicketSerializer(ForStaff):
    """A question and how far it is. People know it by its code."""

    department = serializers.ChoiceField(
        Department.choices, allow_blank=True, read_only=True, help_text="Empty means any agent."
    )
    closed = serializers.BooleanField(source="is_closed", read_only=True)
    customer = PersonSerializer(source="user", read_only=True, allow_null=True, help_text="Null without an account.")
    agent = HandlerSerializer(read_only=True, allow_null=True, help_text="Null while it waits.")
    claimed_user_id = serializers.CharField(required=False, help_text="As the caller said; nothing vouches for it.")
    claimed_phone = serializers.CharField(required=False)
    email = serializers.CharField(required=False, help_text="Of somebody without an account.")
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)
    assigned_at = Instant(read_only=True, allow_null=True)
    answered_at = Instant(read_only=True, allow_null=True, help_text="Null while the customer has the last word.")
    closed_at = Instant(read_only=True, allow_null=True)
    about = AboutSerializer(many=True, read_only=True)
    tags = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="For staff.")

    first_answered_at = Instant(read_only=True, allow_null=True, help_text="When staff first said something.")
    promise = PromiseSerializer(read_only=True, allow_null=True, help_text="Null where no service level applied.")
    satisfaction = RatingSerializer(
        source="rating", read_only=True, allow_null=True, help_text="Null until it is closed and its customer rated it."
    )
    place = serializers.IntegerField(
        read_only=True,
        allow_null=True,
        help_text=f"In the queue, from 1; null if it does not wait. {LAST_PLACE} is that place or a later one.",
    )
    why_waiting = serializers.SerializerMethodField(
        help_text="Why nobody has it, or what becomes of it while its agent is gone; otherwise empty."
    )

    staff_fields = frozenset(
        {"claimed_user_id", "claimed_phone", "email", "handover_note", "tags", "place", "why_waiting"}
    )

    class Meta:
        model = Ticket
        fields = [
            "id",
            "code",
            "subject",
            "message",
            "department",
            "priority",
            "status",
            "closed",
            "customer",
            "agent",
            "claimed_user_id",
            "claimed_phone",
            "email",
            "rejection",
            "created_at",
            "updated_at",
            "assigned_at",
            "first_answered_at",
            "answered_at",
            "closed_at",
            "about",
            "promise",
            "satisfaction",
            "handover_note",
            "tags",
            "place",
            "why_waiting",
        ]
        read_only_fields = fields

    def get_why_waiting(self, ticket: Ticket) -> str:
        """In a sentence; the desk's hours are read once for all that is shown."""
        return why_waiting(ticket, self.context.setdefault("desk_hours", DeskHours()))


class OpenedTicketSerializer(SupportTicketSerializer):
    """The same, with who else of the staff has it open."""

    others = serializers.SerializerMethodField(help_text="Who else has the ticket open now.")

    class Meta(SupportTicketSerializer.Meta):
        fields = [*SupportTicketSerializer.Meta.fields, "others"]
        read_only_fields = fields

    @extend_schema_field(PersonSerializer(many=True))
    def get_others(self, ticket: Ticket) -> Any:
        """By name."""
        readers = Reader.objects.beside(self.context["request"].user, ticket)
        return PersonSerializer([reader.user for reader in readers], many=True, context=self.context).data


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


class NewAbout(serializers.Serializer):
    """A booking, a purchase or an event ticket of the customer's."""

    kind = Word([(kind, kind) for kind in settings.QUESTIONS_ABOUT])
    id = Id()


class NewTicket(serializers.Serializer):
    """A question. Without a department any agent answers it."""

    subject = Text(250)
    message = Text(MESSAGE_LIMIT, lines=True)
    department = Word(Department.choices, allow_blank=True, default="")
    priority = Word(Priority.choices, default=Priority.MEDIUM)
    files = serializers.ListField(child=NewFile(), min_length=0, max_length=20, required=False)
    about = serializers.ListField(
        child=NewAbout(), min_length=0, max_length=5, required=False, help_text="What of the customer's it is about."
    )
    customer = Id(required=False, help_text="Staff only: the account on whose behalf it is asked.")


class Triage(serializers.Serializer):
    """What may change of a ticket; what is left out stays. An empty department is any agent's."""

    priority = Word(Priority.choices, required=False)
    department = Word(Department.choices, allow_blank=True, required=False)


class TagInput(serializers.Serializer):
    """A word by which staff find the ticket again."""

    tag = Text(TAG_LIMIT)


class Rejection(serializers.Serializer):
    """Why there will be no answer; the customer reads it."""

    reason = Text(250)


class NewRating(serializers.Serializer):
    """How the customer was answered."""

    rating = Word(Rating.Verdict.choices)
    comment = Text(NOTE_LIMIT, empty=True, lines=True, default="")


class Assignment(serializers.Serializer):
    """Who gets it: an agent who is online and has room."""

    to = Id(help_text="The agent.")


class Handover(Assignment):
    """The same, and what they should know; customers do not read it."""

    note = Text(NOTE_LIMIT, lines=True)


class TicketViewSet(ApiViewSet):
    """Questions to the support desk."""

    operations = {
        "list": "support.list",
        "retrieve": "support.read",
        "create": "support.open",
        "partial_update": "support.triage",
        "close": "support.close",
        "reopen": "support.close",
        "rate": "support.rate",
        "reject": "support.reject",
        "tag": "support.triage",
        "untag": "support.triage",
        "look": "support.triage",
        "take": "support.take",
        "release": "support.take",
        "hand_over": "support.take",
        "assign": "support.assign",
    }
    serializer_class = SupportTicketSerializer
    filterset_class = TicketFilters
    outputs = {"look": OpenedTicketSerializer}
    inputs = {
        "create": NewTicket,
        "partial_update": Triage,
        "reject": Rejection,
        "rate": NewRating,
        "tag": TagInput,
        "untag": TagInput,
        "hand_over": Handover,
        "assign": Assignment,
    }
    orderings = {
        "created_at": ("created_at", "id"),
        "queue_at": ("queue_at", "id"),
        "updated_at": ("updated_at", "id"),
    }
    examples = {
        "create": {
            "subject": "I cannot log in since this morning",
            "message": "The page says that my password is wrong, but I have not changed it.",
            "department": "technical",
            "priority": "high",
        },
        "partial_update": {"priority": "high", "department": "security"},
        "tag": {"tag": "password"},
        "untag": {"tag": "password"},
        "rate": {"rating": "good", "comment": "Quick and friendly."},
        "reject": {"reason": "This was meant for another organisation."},
        "hand_over": {
            "to": "00000000-0000-4000-8000-000000000001",
            "note": "The customer is called back today.",
        },
        "assign": {"to": "00000000-0000-4000-8000-000000000001"},
    }
    lookup_field = "code"

    def rows(self) -> QuerySet:
        """Every ticket with who asked and who answers."""
        rows = Ticket.objects.explained().select_related("user", "agent__user", "promise")
        return rows.prefetch_related("about", "ratings")

    def named(self) -> dict[str, Any]:
        """The code in the address, however it is spelled."""
        return {"code__in": spellings(self.kwargs["code"])}

    def create(self, request: Request) -> Response:
        """Ask something, or as staff on behalf of a customer."""
        wanted = self.input()
        wanted["files"] = _files(wanted)
        wanted["about"] = [Subject(one["kind"], one["id"]) for one in wanted.get("about", [])]
        if named := wanted.pop("customer", None):
            wanted["customer"] = _account(named)
        return self.answer(actions.open_ticket(**wanted, by=request.user), 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change priority or department; the time that the ticket has waited goes on counting."""
        ticket, changes = self.get_object(), self.input()
        return self.answer(actions.triage_ticket(ticket, **changes, by=request.user))

    @action(detail=True, methods=["post"])
    def close(self, request: Request, **kwargs: Any) -> Response:
        """The question is answered; twice is harmless."""
        return self.answer(actions.close_ticket(self.get_object(), by=request.user))

    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, **kwargs: Any) -> Response:
        """Put a closed ticket back into the queue; an open one stays as it is."""
        return self.answer(actions.reopen_ticket(self.get_object(), by=request.user))

    @action(detail=True, methods=["post"])
    def reject(self, request: Request, **kwargs: Any) -> Response:
        """End an open ticket without an answer, for a reason."""
        ticket, said = self.get_object(), self.input()
        return self.answer(actions.reject_ticket(ticket, **said, by=request.user))

    @action(detail=True, methods=["post"])
    def rate(self, request: Request, **kwargs: Any) -> Response:
        """Say of one's own closed question whether it was answered well; again, to say otherwise."""
        ticket, said = self.get_object(), self.input()
        actions.rate_ticket(ticket, verdict=said["rating"], comment=said["comment"], by=request.user)
        return self.answer(ticket)

    @action(detail=True, methods=["post"])
    def tag(self, request: Request, **kwargs: Any) -> Response:
        """Put a tag on the ticket; twice is harmless. Its customer sees nothing of it."""
        ticket, said = self.get_object(), self.input()
        return self.answer(actions.tag_ticket(ticket, **said, by=request.user))

    @action(detail=True, methods=["post"])
    def untag(self, request: Request, **kwargs: Any) -> Response:
        """Take a tag off the ticket; twice is harmless."""
        ticket, said = self.get_object(), self.input()
        return self.answer(actions.untag_ticket(ticket, **said, by=request.user))

    @action(detail=True, methods=["post"])
    def look(self, request: Request, **kwargs: Any) -> Response:
        """Let colleagues know for a minute and a half that one has the ticket open, and see who else has."""
        ticket = self.get_object()
        actions.look_at_ticket(ticket, by=request.user)
        return self.answer(ticket)

    @action(detail=True, methods=["post"])
    def take(self, request: Request, **kwargs: Any) -> Response:
        """Take a waiting ticket into one's own hands."""
        return self.answer(actions.take_ticket(self.get_object(), by=request.user))

    @action(detail=True, methods=["post"])
    def release(self, request: Request, **kwargs: Any) -> Response:
        """Put a ticket in work back to its place in the queue, for others."""
        return self.answer(actions.release_ticket(self.get_object(), by=request.user))

    @action(detail=True, methods=["post"], url_path="hand-over")
    def hand_over(self, request: Request, **kwargs: Any) -> Response:
        """Give a ticket in work to a colleague, with a note."""
        ticket, said = self.get_object(), self.input()
        return self.answer(actions.hand_over_ticket(ticket, to=_agent(said["to"]), note=said["note"], by=request.user))

    @action(detail=True, methods=["post"])
    def assign(self, request: Request, **kwargs: Any) -> Response:
        """Give a ticket, waiting or in work, to an agent."""
        ticket, said = self.get_object(), self.input()
        return self.answer(actions.assign_ticket(ticket, to=_agent(said["to"]), by=request.user))


def _files(said: dict[str, Any]) -> list[File]:
    return [File(**file) for file in said.get("files", [])]


def _agent(pk: UUID) -> Agent:
    if agent := Agent.objects.filter(pk=pk).first():
        return agent
    raise NotFound(field="to")


def _account(pk: UUID) -> User:
    if account := User.objects.admitted().filter(pk=pk).first():
        return account
    raise NotFound(field="customer")


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
        files = _files(said)
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
        note = actions.note_on_ticket(ticket, message=said["message"], files=_files(said), by=request.user)
        return self.answer(note, 201)


class CannedReplySerializer(serializers.ModelSerializer):
    """A text that is answered often."""

    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = CannedReply
        fields = ["id", "title", "message", "created_at", "updated_at"]
        read_only_fields = fields


_GAPS = "{customer} is filled with the customer's name, {ticket} with the code, {agent} with the name of who answers."


class NewCannedReply(serializers.Serializer):
    """Its title tells it from the others."""

    title = Text(100)
    message = Text(MESSAGE_LIMIT, lines=True, help_text=_GAPS)


class CannedReplyChange(serializers.Serializer):
    """What is left out stays."""

    title = Text(100, required=False)
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
