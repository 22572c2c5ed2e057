"""Questions and what is done with them, over the API."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from support import actions
from support.api.files import NewFile, files_of
from support.api.people import ForStaff, HandlerSerializer, PersonSerializer
from support.filters import TicketFilters
from support.models import (
    MESSAGE_LIMIT,
    NOTE_LIMIT,
    REASON_LIMIT,
    SUBJECT_LIMIT,
    TAG_LIMIT,
    About,
    Agent,
    Department,
    Priority,
    Promise,
    Rating,
    Reader,
    Ticket,
)
from support.policies import DeskHours, spellings, why_waiting
from support.querysets import LAST_PLACE
from ticketing.errors import NotFound
from ticketing.models import User
from ticketing.subjects import Subject
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Id, Instant, Text, Word


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


class NewAbout(serializers.Serializer):
    """A booking, a purchase or an event ticket of the customer's."""

    kind = Word([(kind, kind) for kind in settings.QUESTIONS_ABOUT])
    id = Id()


class NewTicket(serializers.Serializer):
    """A question. Without a department any agent answers it."""

    subject = Text(SUBJECT_LIMIT)
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

    reason = Text(REASON_LIMIT)


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


class ColleagueSerializer(HandlerSerializer):
    """An agent who is online and has room."""

    in_work = serializers.IntegerField(source="taken", read_only=True, help_text="How many tickets they have.")
    capacity = serializers.IntegerField(read_only=True, help_text="How many they have at most.")

    class Meta(HandlerSerializer.Meta):
        fields = [*HandlerSerializer.Meta.fields, "in_work", "capacity"]
        read_only_fields = fields


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
        "colleagues": "support.take",
        "take": "support.take",
        "release": "support.take",
        "hand_over": "support.take",
        "assign": "support.assign",
    }
    serializer_class = SupportTicketSerializer
    filterset_class = TicketFilters
    outputs = {"look": OpenedTicketSerializer, "colleagues": ColleagueSerializer}
    several = frozenset({"colleagues"})
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
        wanted["files"] = files_of(wanted)
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

    @classmethod
    def headers_of(cls, action: str) -> list[OpenApiParameter]:
        """None for what only reads."""
        return [] if action == "colleagues" else super().headers_of(action)

    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def colleagues(self, request: Request, **kwargs: Any) -> Response:
        """Who could get the ticket by hand: agents who are online and have room, without the one who has it."""
        able = Agent.objects.able_to_take(self.get_object().agent_id)
        return Response(self.get_serializer(able, many=True).data)

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


def _agent(pk: UUID) -> Agent:
    if agent := Agent.objects.filter(pk=pk).first():
        return agent
    raise NotFound(field="to")


def _account(pk: UUID) -> User:
    if account := User.objects.admitted().filter(pk=pk).first():
        return account
    raise NotFound(field="customer")
