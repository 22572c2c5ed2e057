"""The admin shows what the verbs say."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from ticketing.errors import Refused


def each(action: Callable[..., Any], description: Any) -> Callable[..., None]:
    """An admin action that applies a verb to every selected row and reports what was done and what was refused."""

    @admin.action(description=description)
    def run(modeladmin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> None:
        done = 0
        for obj in queryset:
            try:
                action(obj, by=request.user)
                done += 1
            except Refused as refusal:
                modeladmin.message_user(request, f"{obj}: {refusal.message}", messages.WARNING)
        modeladmin.message_user(request, _("%(count)d done.") % {"count": done})

    run.__name__ = action.__name__
    return run


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only verbs may change: to search, filter and read."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model | None:
        """None also for an id that no text in the database can be."""
        return None if "\0" in object_id else super().get_object(request, object_id, from_field)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False
