from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.forms import CheckboxSelectMultiple, ModelForm, MultipleChoiceField
from django.http import HttpRequest
from django.urls import reverse_lazy
from django.utils.text import Truncator, capfirst, format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from support import actions
from support.forms import AccountField
from support.models import (
    About,
    Agent,
    AgentTally,
    Attachment,
    CannedReply,
    Department,
    DurationTally,
    Milestone,
    Promise,
    Rating,
    Reader,
    Reply,
    SavedView,
    ServiceLevel,
    Tally,
    Ticket,
)
from support.policies import explain, spellings
from support.tallies import NUMBERS
from ticketing.models import User
from ticketing.toolkit.admin import ReadOnlyAdmin, SiteModelAdmin, StateFilter, each, people, pills

STATE, URGENCY = pills("state", _("status")), pills("urgency", _("priority"))


class ExplainedList(ChangeList):
    """Tickets of which each says why it waits."""

    def get_results(self, request: HttpRequest) -> None:
        """All of the page at once, as they share the hours of the desk."""
        super().get_results(request)
        explain(self.result_list)


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    list_display = [
        "code",
        "subject",
        STATE,
        URGENCY,
        "department",
        people("agent.user", _("agent")),
        "asker",
        "why",
        "created_at",
    ]
    list_display_links = ["code", "subject"]
    list_filter = ["status", "priority", "department", "created_at"]
    list_select_related = ["agent__user", "user", "promise"]
    search_fields = ["subject", "claimed_user_id"]
    search_help_text = _(
        "A code, or the username or e-mail address of whoever asked. Words are looked for in the 10,000 newest tickets."
    )
    sortable_by = ["created_at"]
    ordering = ["-created_at", "-id"]
    readonly_fields = [STATE, URGENCY, "why", "respond_by", "resolve_by"]
    fields = [
        *("code", "subject", STATE, URGENCY, "department", "agent", "why"),
        *("user", "claimed_user_id", "claimed_phone", "email", "message"),
        *("created_at", "assigned_at", "first_answered_at", "respond_by", "resolve_by"),
        *("answered_at", "closed_at", "released_by", "handover_note", "tags", "rejection"),
    ]
    actions = [
        each(actions.close_ticket, _("Close the selected tickets"), "support.close"),
        each(actions.release_ticket, _("Put the selected tickets back into the queue"), "support.take"),
        each(actions.reopen_ticket, _("Re-open the selected tickets"), "support.close"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With what says why each waits."""
        return super().get_queryset(request).explained()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list that explains."""
        return ExplainedList

    @admin.display(description=_("why it waits"))
    def why(self, ticket: Ticket) -> str:
        """With its place in the queue; empty of what waits for nothing."""
        return str(ticket.why if hasattr(ticket, "why") else explain([ticket])[0].why)

    @admin.display(description=_("first response due"))
    def respond_by(self, ticket: Ticket) -> datetime | None:
        """What a service level promised, if there was one."""
        return ticket.promise.respond_by if hasattr(ticket, "promise") else None

    @admin.display(description=_("resolution due"))
    def resolve_by(self, ticket: Ticket) -> datetime | None:
        """The same; empty while the customer has the next word."""
        return ticket.promise.resolve_by if hasattr(ticket, "promise") else None

    @admin.display(description=_("customer"))
    def asker(self, ticket: Ticket) -> str | None:
        """Whoever asked, as far as that is known."""
        return ticket.user.name if ticket.user else ticket.claimed_user_id or ticket.email or None

    def called(self, rows: QuerySet, term: str) -> QuerySet:
        """By code, in whatever case, or by account."""
        of_account = Q(user=asker) if (asker := User.objects.named(term)) else Q()
        return super().called(rows, term) | rows.filter(Q(code__in=spellings(term)) | of_account)


@admin.register(Reply)
class ReplyAdmin(ReadOnlyAdmin):
    list_display = ["beginning", "ticket", "subject", people("author", _("author")), "is_internal", "created_at"]
    list_filter = ["is_internal", "created_at"]
    list_select_related = ["ticket", "author"]
    search_fields = ["message"]
    search_help_text = _(
        "The code of a ticket, or the username or e-mail address of an author. "
        "Words are looked for in the 10,000 newest replies."
    )
    sortable_by = ["created_at"]
    ordering = ["-created_at", "-id"]
    fields = ["ticket", "author", "is_internal", "message", "created_at"]

    @admin.display(description=_("message"))
    def beginning(self, reply: Reply) -> str:
        """As much as a line of the list holds."""
        return Truncator(reply.message).chars(60)

    @admin.display(description=_("subject"))
    def subject(self, reply: Reply) -> str:
        """What it is about."""
        return reply.ticket.subject

    def called(self, rows: QuerySet, term: str) -> QuerySet:
        """By ticket, or by author."""
        by_author = Q(author=author) if (author := User.objects.named(term)) else Q()
        # Two steps: what is of one table or of another beside it is found by no index.
        tickets = Ticket.objects.filter(code__in=spellings(term)).values_list("pk", flat=True)
        return super().called(rows, term) | rows.filter(Q(ticket__in=list(tickets)) | by_author)


@admin.register(About)
class AboutAdmin(ReadOnlyAdmin):
    list_display = ["ticket", "kind", "object_id", "created_at"]
    list_select_related = ["ticket"]
    ordering = ["-created_at", "-id"]
    fields = ["ticket", "kind", "object_id", "created_at"]


@admin.register(Rating)
class RatingAdmin(ReadOnlyAdmin):
    list_display = ["ticket", pills("state", _("rating")), "comment", "closed_at", "created_at"]
    list_filter = ["verdict", "created_at"]
    list_select_related = ["ticket"]
    search_fields = ["ticket__code"]
    search_help_text = _("The code of a ticket.")
    ordering = ["-created_at", "-id"]
    fields = ["ticket", "verdict", "comment", "closed_at", "created_at", "updated_at"]


@admin.register(CannedReply)
class CannedReplyAdmin(SiteModelAdmin):
    operation = "support.manage_canned"
    list_display = ["title", "updated_at"]
    search_fields = ["title", "message"]
    ordering = ["title"]
    fields = ["title", "message"]
    actions = [each(actions.remove_canned_reply, _("Remove the selected canned replies"), "support.manage_canned")]

    def save_model(self, request: HttpRequest, obj: CannedReply, form: ModelForm, change: bool) -> None:
        """By the verbs, whose refusals the middleware shows."""
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            actions.change_canned_reply(obj, **changes, by=request.user)
        else:
            obj.pk = actions.add_canned_reply(**form.cleaned_data, by=request.user).pk


@admin.register(SavedView)
class SavedViewAdmin(ReadOnlyAdmin):
    list_display = ["name", "user", "is_shared", "query", "updated_at"]
    list_select_related = ["user"]
    list_filter = ["is_shared"]
    ordering = ["name", "id"]
    fields = ["name", "user", "is_shared", "query", "created_at", "updated_at"]


@admin.register(Attachment)
class AttachmentAdmin(ReadOnlyAdmin):
    list_display = ["name", "ticket", "size", "created_at"]
    list_select_related = ["ticket"]
    ordering = ["-created_at", "-id"]
    fields = ["ticket", "reply", "name", "size", "created_at"]


@admin.register(Reader)
class ReaderAdmin(ReadOnlyAdmin):
    list_display = [people("user", _("account")), "ticket", "until"]
    list_select_related = ["user", "ticket"]
    ordering = ["-until"]
    fields = ["ticket", "user", "until"]


NAME = people("user", _("agent"))


class PresenceFilter(StateFilter):
    title = _("presence")
    states = {"available": _("online"), "away": pgettext_lazy("presence", "away"), "absent": _("offline")}


class AgentForm(ModelForm):
    """What is set of an agent."""

    user = AccountField(
        label=capfirst(_("account")),
        help_text=format_lazy(
            _('Username or e-mail address. <a href="{}">Look for the account</a>.'),
            reverse_lazy("admin:ticketing_user_changelist"),
        ),
    )
    departments = MultipleChoiceField(
        label=_("Departments"),
        choices=Department,
        required=False,
        widget=CheckboxSelectMultiple,
        help_text=_("None means all departments."),
    )


def _send_home(agent: Agent, *, by: User) -> None:
    actions.go_offline(agent.user, by=by)


@admin.register(Agent)
class AgentAdmin(SiteModelAdmin):
    operation = "support.manage_agents"
    form = AgentForm
    list_display = [NAME, "user", pills("presence", _("presence")), "online_until", "load", "answers_in"]
    list_display_links = [NAME]
    list_filter = [PresenceFilter]
    list_select_related = ["user"]
    search_fields = ["user__username", "user__first_name", "user__last_name", "user__email"]
    ordering = ["user__username"]
    fields = ["user", "capacity", "departments", "taken", "online_until", "is_away"]
    actions = [each(_send_home, _("Send the selected agents home"), "support.manage_agents")]

    @admin.display(description=_("tickets in work"))
    def load(self, agent: Agent) -> str:
        """How busy the agent is."""
        return _("%(taken)d of %(capacity)d") % {"taken": agent.taken, "capacity": agent.capacity}

    @admin.display(description=_("departments"))
    def answers_in(self, agent: Agent) -> Any:
        """Where the agent answers."""
        return [Department(name).label for name in agent.departments] or _("all")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With presence, by the database's clock."""
        return super().get_queryset(request).with_presence()

    def get_fields(self, request: HttpRequest, obj: Agent | None = None) -> list[str]:
        """Of a new one only what can be said of it."""
        return self.fields if obj else self.fields[:3]

    def get_readonly_fields(self, request: HttpRequest, obj: Agent | None = None) -> list[str]:
        """Presence and load are facts; an agent stays the same person."""
        return ["taken", "online_until", "is_away", *(["user"] if obj else [])]

    def save_model(self, request: HttpRequest, obj: Agent, form: ModelForm, change: bool) -> None:
        """By the verbs, whose refusals the middleware shows."""
        if change:
            changes = {name: getattr(obj, name) for name in form.changed_data}
            actions.change_agent(obj, **changes, by=request.user)
        else:
            obj.pk = actions.add_agent(**form.cleaned_data, by=request.user).pk


class LevelForm(ModelForm):
    def _get_validation_exclusions(self) -> set[str]:
        """Whether minutes fit each other says the verb, in words; here only the names of constraints would be told."""
        return super()._get_validation_exclusions() | {"first_response", "resolution"}


@admin.register(ServiceLevel)
class ServiceLevelAdmin(SiteModelAdmin):
    """What is promised; due times that stand already do not change with it."""

    operation = "support.manage_levels"
    form = LevelForm
    list_display = ["asked", "first_response", "resolution"]
    search_help_text = _("An id.")
    ordering = ["priority", "department"]
    fields = ["department", "priority", "first_response", "resolution"]
    actions = [each(actions.remove_level, _("Remove the selected service levels"), "support.manage_levels")]

    @admin.display(description=_("for which questions"))
    def asked(self, level: ServiceLevel) -> str:
        """For which tickets it stands."""
        return str(level)

    def get_readonly_fields(self, request: HttpRequest, obj: ServiceLevel | None = None) -> list[str]:
        """A level stays the one of its priority and department."""
        return ["department", "priority"] if obj else []

    def save_model(self, request: HttpRequest, obj: ServiceLevel, form: ModelForm, change: bool) -> None:
        """By the verbs, whose refusals stand in the form."""
        if change:
            actions.change_level(obj, **{name: form.cleaned_data[name] for name in form.changed_data}, by=request.user)
        else:
            obj.pk = actions.create_level(**form.cleaned_data, by=request.user).pk


@admin.register(Promise)
class PromiseAdmin(ReadOnlyAdmin):
    """What is owed to tickets, and until when."""

    list_display = ["ticket", "respond_by", "resolve_by", "response_missed_at", "resolution_missed_at"]
    list_select_related = ["ticket"]
    search_fields = ["ticket__code"]
    search_help_text = _("The code of a ticket.")
    ordering = ["-asked_at", "-pk"]
    fields = [
        *("ticket", "asked_at", "respond_by", "response_missed_at"),
        *("resolve_by", "clock_since", "clock_spent", "resolution_missed_at"),
    ]


@admin.register(Milestone)
class MilestoneAdmin(ReadOnlyAdmin):
    """What reports are counted from."""

    list_display = ["ticket", "what", "at", "asked_at", "department", "priority", "in_time", "counted"]
    list_select_related = ["ticket"]
    list_filter = ["what", "department", "priority", "in_time"]
    search_help_text = _("An id.")
    ordering = ["-id"]
    fields = ["ticket", "what", "at", "asked_at", "department", "priority", "agent", "in_time", "counted"]


@admin.register(Tally)
class TallyAdmin(ReadOnlyAdmin):
    """What reports are read from."""

    list_display = ["day", "hour", "department", "priority", "asked", "handed", "answered", "in_time", "late", "closed"]
    list_filter = ["department", "priority", "day"]
    ordering = ["-day", "-hour", "-id"]
    fields = ["zone", "day", "hour", "department", "priority", *NUMBERS]


@admin.register(DurationTally)
class DurationTallyAdmin(ReadOnlyAdmin):
    """How long things took, in classes."""

    list_display = ["starts", "is_month", "hour", "department", "what", "bin", "number"]
    list_filter = ["is_month", "department", "what", "starts"]
    ordering = ["-starts", "-hour", "-id"]
    fields = ["starts", "is_month", "hour", "department", "what", "bin", "number"]


@admin.register(AgentTally)
class AgentTallyAdmin(ReadOnlyAdmin):
    """What agents did."""

    list_display = ["day", people("agent.user", _("agent")), "department", "handed", "closed"]
    list_filter = ["department", "day"]
    list_select_related = ["agent__user"]
    ordering = ["-day", "-id"]
    fields = ["day", "agent", "department", "handed", "closed"]
