"""The admin shows what the verbs say, and what was done to each object."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from ticketing import rights
from ticketing.errors import Refused
from ticketing.models import Activity


def each(action: Callable[..., Any], description: Any, operation: str) -> Callable[..., None]:
    """An admin action that applies a verb to every selected row and reports what was done and what was refused.

    It is offered to whoever may do `operation`.
    """

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
    run.operation = operation  # type: ignore[attr-defined]  # a function may carry what it likes
    return run


class SiteModelAdmin(admin.ModelAdmin):
    """Rows that people may add and change by verbs, if they have `operation`; nobody deletes one here."""

    operation = ""  # of rights.py; empty where nobody adds or changes anything
    sees = "account.admin"  # the operation whose rows are shown, to whoever reaches all of them
    history_page_size = 100

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model | None:
        """None also for an id that no text in the database can be."""
        return None if "\0" in object_id else super().get_object(request, object_id, from_field)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The verbs that this person may use."""
        offered: dict[str, Any] = super().get_actions(request)
        offered.pop("delete_selected", None)
        return {name: verb for name, verb in offered.items() if rights.scope(request.user, verb[0].operation)}

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether this person may see every one of these rows."""
        return rights.scope(request.user, self.sees) in (rights.Scope.ALL, rights.Scope.DEMO)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether they stand on the front page."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether this person may do the operation."""
        return bool(self.operation and rights.scope(request.user, self.operation))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether this person may do the operation."""
        return bool(self.operation and rights.scope(request.user, self.operation))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What was done to the object, from the audit trail, newest first."""
        obj = self.get_object(request, object_id)
        if obj is None or not self.has_view_permission(request, obj):
            raise Http404
        trail = Activity.objects.about(obj).select_related("actor").order_by("-pk")
        context = {
            **self.admin_site.each_context(request),
            "title": _("Audit trail: %s") % obj,
            "object": obj,
            "opts": self.opts,
            "page": Paginator(trail, self.history_page_size).get_page(request.GET.get("p")),
        }
        return TemplateResponse(request, "admin/trail.html", context)


class ReadOnlyAdmin(SiteModelAdmin):
    """Rows that only verbs may change: to search, filter and read."""
