from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.utils.translation import gettext_lazy as _
from django_q.admin import FailAdmin, QueueAdmin, ScheduleAdmin, TaskAdmin
from django_q.models import Failure, OrmQ, Schedule, Success

from ticketing.actions import revoke_token
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
from ticketing.toolkit.admin import ReadOnlyAdmin, each


@admin.register(User)
class AccountAdmin(UserAdmin):
    list_display = ["username", "email", "name", "role", "is_active", "is_demo", "last_login"]
    list_filter = ["role", "is_active", "is_superuser", "is_demo"]
    readonly_fields = ["is_demo", "last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (_("Person"), {"fields": ["first_name", "last_name", "email"]}),
        (_("Rights"), {"fields": ["role", "is_active", "is_superuser", "is_demo"]}),
        (_("Dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"classes": ["wide"], "fields": ["username", "email", "role", "password1", "password2"]})]


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ["name", "user", "created_at", "expires_at", "revoked_at"]
    list_filter = ["created_at", "expires_at", "revoked_at"]
    search_fields = ["name", "user__username", "user__email"]
    list_select_related = ["user"]
    ordering = ["-created_at"]
    exclude = ["digest"]
    actions = [each(revoke_token, _("Revoke the selected tokens"))]


@admin.register(Activity)
class ActivityAdmin(ReadOnlyAdmin):
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


@admin.register(EmailLink)
class EmailLinkAdmin(ReadOnlyAdmin):
    list_display = ["email", "purpose", "user", "created_at", "expires_at", "used_at"]
    list_filter = ["purpose", "created_at", "used_at"]
    search_fields = ["email", "user__username"]
    list_select_related = ["user"]
    ordering = ["-created_at"]


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = ["public_id", "account", "device", "created_at", "expire_date"]
    list_filter = ["created_at"]
    search_fields = ["account__username", "device"]
    list_select_related = ["account"]
    ordering = ["-created_at"]
    fields = ["public_id", "account", "device", "created_at", "expire_date"]
    # Links and check boxes would carry the session's key, which is as good as the password.
    list_display_links = None
    actions = None


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    list_display = ["template", "to", "created_at", "attempts", "sent_at", "dead_at", "last_error"]
    list_filter = ["template", "created_at", "sent_at", "dead_at"]
    search_fields = ["to", "template"]
    ordering = ["-id"]


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    list_display = ["url", "description", "operations", "is_active", "created_at"]
    list_filter = ["is_active", "created_at"]
    search_fields = ["url", "description"]
    ordering = ["-created_at"]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ["activity", "webhook", "created_at", "attempts", "sent_at", "dead_at", "last_error"]
    list_filter = ["webhook", "created_at", "sent_at", "dead_at"]
    search_fields = ["=about", "webhook__url"]
    list_select_related = ["activity", "webhook"]
    ordering = ["-id"]


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


for _model, _shown_by in ((Schedule, ScheduleAdmin), (Success, TaskAdmin), (Failure, FailAdmin), (OrmQ, QueueAdmin)):
    _read_only(_model, _shown_by)
