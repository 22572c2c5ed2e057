from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Group
from django.db.models import QuerySet, URLField
from django.forms import CheckboxInput, ChoiceField, IntegerField, ModelForm, MultipleChoiceField
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_q.admin import FailAdmin, QueueAdmin, ScheduleAdmin, TaskAdmin
from django_q.models import Failure, OrmQ, Schedule, Success

from support.models import Department
from ticketing.actions import (
    ROLES,
    change_webhook,
    create_webhook,
    deactivate,
    end_session,
    invite,
    reactivate,
    remove_webhook,
    resend,
    revoke_token,
    rotate_webhook_secret,
    set_role,
    withdraw_invitation,
)
from ticketing.models import (
    Activity,
    Allowance,
    ApiToken,
    Delivery,
    EmailLink,
    Heartbeat,
    IdempotencyKey,
    Mail,
    Session,
    Site,
    User,
    Webhook,
)
from ticketing.rights import role_of
from ticketing.toolkit.admin import ReadOnlyAdmin, SiteModelAdmin, each
from ticketing.toolkit.contracts import parse_uuid


class RoleForm(ModelForm):
    """The one thing that is changed of an account here: what it may do."""

    role = ChoiceField(label=_("Role"), choices=[(role, _(role)) for role in ROLES])

    class Meta:
        model = User
        fields = ["role"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["role"] = role_of(self.instance)

    def _post_clean(self) -> None:
        """Leave the row to the verb: `superuser` is no word that the column knows."""


@admin.register(User)
class AccountAdmin(SiteModelAdmin):
    sees = "account.list"
    operation = "account.manage"
    form = RoleForm
    list_display = ["username", "email", "name", "role", "is_superuser", "is_active", "is_demo", "last_login"]
    list_filter = ["role", "is_active", "is_superuser", "is_demo"]
    search_fields = ["username", "first_name", "last_name", "email"]
    ordering = ["username"]
    readonly_fields = [
        "username",
        "first_name",
        "last_name",
        "email",
        "email_confirmed_at",
        "language",
        "is_superuser",
        "is_active",
        "is_demo",
        "last_login",
        "date_joined",
    ]
    fieldsets = [
        (None, {"fields": ["username", "role", "is_superuser", "is_active", "is_demo"]}),
        (_("Person"), {"fields": ["first_name", "last_name", "email", "email_confirmed_at", "language"]}),
        (_("Dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    actions = [
        each(deactivate, _("Deactivate the selected accounts"), "account.manage"),
        each(reactivate, _("Reactivate the selected accounts"), "account.manage"),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: people open their accounts themselves, by a link that was mailed to them."""
        return False

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        """By the verb, whose refusals the middleware shows."""
        set_role(obj, role=form.cleaned_data["role"], by=request.user)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    sees = "account.revoke_token"
    list_display = ["name", "user", "created_at", "last_used_at", "expires_at", "revoked_at"]
    list_filter = ["created_at", "expires_at", "revoked_at"]
    search_fields = ["name", "user__username", "user__email"]
    list_select_related = ["user"]
    ordering = ["-created_at"]
    exclude = ["digest"]
    actions = [each(revoke_token, _("Revoke the selected tokens"), "account.revoke_token")]


@admin.register(Activity)
class ActivityAdmin(ReadOnlyAdmin):
    sees = "site.trail"
    list_display = ["at", "operation", "role", "actor", "kind", "object_id"]
    list_filter = ["operation", "role", "at"]
    search_fields = ["=object_id", "actor__username"]
    list_select_related = ["actor"]
    ordering = ["-id"]
    show_full_result_count = False  # counting the whole trail would read it


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    list_display = ["route", "caller", "made", "created_at"]
    list_filter = ["created_at"]
    search_fields = ["caller", "=made"]
    exclude = ["key"]
    ordering = ["-created_at"]
    show_full_result_count = False


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ["name", "at"]
    list_filter = ["at"]
    search_fields = ["name"]
    ordering = ["name"]


class InvitationForm(ModelForm):
    """Whom to invite, and as what."""

    role = ChoiceField(label=_("Role"), choices=[(role, _(role)) for role in ROLES])
    departments = MultipleChoiceField(
        label=_("Departments"), choices=Department, required=False, help_text=_("Of an agent. None means all.")
    )
    capacity = IntegerField(
        label=_("Capacity"), min_value=0, required=False, help_text=_("How many tickets an agent has in work at once.")
    )

    class Meta:
        model = EmailLink
        fields = ["email"]

    def _post_clean(self) -> None:
        """Leave the row to the verb."""


@admin.register(EmailLink)
class EmailLinkAdmin(SiteModelAdmin):
    sees = "account.manage"
    operation = "account.manage"
    list_display = ["email", "purpose", "user", "created_at", "expires_at", "used_at"]
    list_filter = ["purpose", "created_at", "used_at"]
    search_fields = ["email", "user__username"]
    list_select_related = ["user"]
    ordering = ["-created_at"]
    actions = [each(withdraw_invitation, _("Withdraw the selected invitations"), "account.manage")]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """To add a link is to invite somebody."""
        return super().get_form(request, obj, change, **kwargs) if change else InvitationForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What an invitation says, or what a link is."""
        if obj is None:
            return ["email", "role", "departments", "capacity"]
        return ["email", "purpose", "user", "terms", "created_at", "expires_at", "used_at"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: it is in somebody's mailbox."""
        return False

    def save_model(self, request: HttpRequest, obj: EmailLink, form: ModelForm, change: bool) -> None:
        """By the verb, whose refusals the middleware shows."""
        obj.pk = invite(**form.cleaned_data, by=request.user).pk
        obj.refresh_from_db()


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    sees = "account.manage"
    list_display = ["public_id", "account", "device", "created_at", "expire_date"]
    list_filter = ["created_at"]
    search_fields = ["account__username", "device"]
    list_select_related = ["account"]
    ordering = ["-created_at"]
    fields = ["public_id", "account", "device", "created_at", "expire_date"]
    list_display_links = None  # they would carry the session's key, which is as good as the password
    actions = [each(end_session, _("Log the selected browsers out"), "account.manage")]

    def get_queryset(self, request: HttpRequest) -> Any:
        """Those in which somebody is logged in."""
        return Session.objects.visible_to(request.user, "account.admin")

    @admin.display(description="")
    def action_checkbox(self, obj: Session) -> SafeString:
        """A check box that carries the public id and not the key."""
        label = {"class": "action-select", "aria-label": _("Select this browser: %s") % obj}
        return CheckboxInput(label, lambda value: False).render(ACTION_CHECKBOX_NAME, str(obj.public_id))

    def response_action(self, request: HttpRequest, queryset: QuerySet[Session], *args: Any, **kwargs: Any) -> Any:
        """Django looks the selected rows up by key."""
        chosen = [parsed for text in request.POST.getlist(ACTION_CHECKBOX_NAME) if (parsed := parse_uuid(text))]
        sent: Any = request.POST.copy()
        sent.setlist(ACTION_CHECKBOX_NAME, queryset.filter(public_id__in=chosen).values_list("pk", flat=True))
        request.POST = sent
        return super().response_action(request, queryset, *args, **kwargs)


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    sees = "site.outbox"
    list_display = ["template", "to", "created_at", "attempts", "sent_at", "dead_at", "last_error"]
    list_filter = [("dead_at", admin.EmptyFieldListFilter), "template", "created_at", "sent_at"]
    search_fields = ["to", "template"]
    ordering = ["-id"]
    show_full_result_count = False
    actions = [each(resend, _("Send again what was given up"), "site.outbox")]


@admin.register(Webhook)
class WebhookAdmin(SiteModelAdmin):
    sees = "site.webhooks"
    operation = "site.webhooks"
    list_display = ["url", "description", "operations", "is_active", "created_at"]
    list_filter = ["is_active", "created_at"]
    search_fields = ["url", "description"]
    ordering = ["-created_at"]
    fields = ["url", "description", "operations", "is_active"]
    formfield_overrides = {URLField: {"assume_scheme": "https"}}
    actions = ["make_new_secrets", each(remove_webhook, _("Remove the selected webhooks"), "site.webhooks")]

    def save_model(self, request: HttpRequest, obj: Webhook, form: ModelForm, change: bool) -> None:
        """By the verbs, whose refusals the middleware shows."""
        if change:
            change_webhook(obj, **form.cleaned_data, by=request.user)
        else:
            webhook, secret = create_webhook(**form.cleaned_data, by=request.user)
            obj.pk = webhook.pk
            self.show_once(request, webhook, secret)

    @admin.action(description=_("Make new secrets for the selected webhooks"))
    def make_new_secrets(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        """Shown once, so they are no use to a script."""
        for webhook in queryset:
            self.show_once(request, webhook, rotate_webhook_secret(webhook, by=request.user))

    make_new_secrets.operation = "site.webhooks"  # type: ignore[attr-defined]

    def show_once(self, request: HttpRequest, webhook: Webhook, secret: str) -> None:
        """The secret, which no table holds and no page shows again."""
        text = _("The secret of %(webhook)s is %(secret)s. Copy it now: it is shown this once.")
        self.message_user(request, text % {"webhook": webhook, "secret": secret}, messages.WARNING)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    sees = "site.outbox"
    list_display = ["activity", "webhook", "created_at", "attempts", "sent_at", "dead_at", "last_error"]
    list_filter = [("dead_at", admin.EmptyFieldListFilter), "webhook", "created_at", "sent_at"]
    search_fields = ["=about", "webhook__url"]
    list_select_related = ["activity", "webhook"]
    ordering = ["-id"]
    show_full_result_count = False
    actions = [each(resend, _("Send again what was given up"), "site.outbox")]


@admin.register(Site)
class SiteModeAdmin(ReadOnlyAdmin):
    list_display = ["mode"]
    list_filter = ["mode"]
    search_fields = ["mode"]


@admin.register(Allowance)
class AllowanceAdmin(ReadOnlyAdmin):
    list_display = ["key", "spent_until"]
    list_filter = ["spent_until"]
    search_fields = ["key"]
    ordering = ["key"]


def _read_only(model: Any, shown_by: type[admin.ModelAdmin]) -> None:
    """Show a table of the queue as its package does, and let nobody write in it: `sync_schedules` and the code do."""
    admin.site.unregister(model)
    admin.site.register(model, type(f"ReadOnly{shown_by.__name__}", (ReadOnlyAdmin, shown_by), {"actions": None}))


admin.site.unregister(Group)  # roles decide, and groups nothing
for _model in (AccessAttempt, AccessFailureLog, AccessLog):
    _read_only(_model, type(admin.site._registry[_model]))
for _model, _shown_by in ((Schedule, ScheduleAdmin), (Success, TaskAdmin), (Failure, FailAdmin), (OrmQ, QueueAdmin)):
    _read_only(_model, _shown_by)
