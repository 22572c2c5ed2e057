from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from support import actions
from support.models import Agent, Reply, Ticket
from ticketing.toolkit.admin import ReadOnlyAdmin, SiteModelAdmin, each


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    list_display = ["code", "subject", "status", "priority", "department", "agent", "user", "created_at"]
    list_filter = ["status", "priority", "department", "created_at"]
    search_fields = ["code", "subject", "user__username", "user__email", "claimed_user_id"]
    list_select_related = ["agent__user", "user"]
    date_hierarchy = "created_at"
    ordering = ["-created_at", "-id"]
    actions = [
        each(actions.close_ticket, _("Close the selected tickets"), "support.close"),
        each(actions.reopen_ticket, _("Re-open the selected tickets"), "support.close"),
    ]


@admin.register(Reply)
class ReplyAdmin(ReadOnlyAdmin):
    list_display = ["ticket", "author", "created_at"]
    list_filter = ["created_at"]
    search_fields = ["ticket__code", "author__username", "message"]
    list_select_related = ["ticket", "author"]
    ordering = ["-created_at", "-id"]


@admin.register(Agent)
class AgentAdmin(SiteModelAdmin):
    operation = "support.manage_agents"
    list_display = ["user", "capacity", "taken", "online_until", "departments"]
    list_filter = ["online_until"]
    search_fields = ["user__username", "user__email"]
    list_select_related = ["user"]
    ordering = ["user__username"]
    autocomplete_fields = ["user"]
    fields = ["user", "capacity", "departments", "taken", "online_until"]

    def get_readonly_fields(self, request: HttpRequest, obj: Agent | None = None) -> list[str]:
        """Presence and load are facts; an agent stays the same person."""
        return ["taken", "online_until", *(["user"] if obj else [])]

    def save_model(self, request: HttpRequest, obj: Agent, form: ModelForm, change: bool) -> None:
        """A change goes through its verb, whose refusal the middleware shows."""
        if change:
            changes = {name: getattr(obj, name) for name in form.changed_data}
            actions.change_agent(obj, **changes, by=request.user)
        else:
            obj.save()
