"""Waiting lists for supervisors: who waits for what, and the verbs that change it."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.forms import CharField, ModelChoiceField, ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ticketing.actions import leave_list, move_waiter, renew_link
from ticketing.models import Waiter
from ticketing.toolkit.admin import SiteModelAdmin, each, pills


class _WaiterField(ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.position}. {obj.email} ({obj.quantity})"


class MoveForm(ModelForm):
    """The one thing that is changed of a place here: where it stands, and why."""

    before = _WaiterField(
        Waiter.objects.none(), label=_("Put before"), required=False, empty_label=_("Put first of all")
    )
    reason = CharField(
        label=_("Reason"), max_length=Waiter.REASON_LIMIT, help_text=_("Everybody on the list can read it.")
    )

    class Meta:
        model = Waiter
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "before" in self.fields:  # not for whoever may only look
            others = Waiter.objects.beside(self.instance).waiting().exclude(pk=self.instance.pk)
            self.fields["before"].queryset = others.with_position().in_order()  # type: ignore[attr-defined]

    def _post_clean(self) -> None:
        """Leave the row to the verb."""


@admin.register(Waiter)
class WaiterAdmin(SiteModelAdmin):
    """Places on waiting lists, newest first."""

    sees = "waiting.see"
    operation = "waiting.manage"
    form = MoveForm
    list_display = [
        *("email", "title", "quantity", "least"),
        pills("standing", _("state")),
        *("offered", "offered_until", "created_at"),
    ]
    list_filter = ["state", "kind", "created_at"]
    list_select_related = ["account"]
    search_fields = ["=stock", "email"]
    ordering = ["-created_at", "-id"]
    actions = [
        each(leave_list, _("Take the selected people off the list"), "waiting.manage"),
        each(renew_link, _("Mail a new link to the selected people"), "waiting.manage"),
    ]
    readonly_fields = [
        *("email", "account", "language", "title", "kind", "stock", "quantity", "least"),
        *("state", "offered", "offered_until", "moved_at", "moved_reason", "created_at", "updated_at"),
    ]
    fieldsets = [
        (None, {"fields": ["email", "account", "language", "title", "kind", "stock", "quantity", "least"]}),
        (_("State"), {"fields": ["state", "offered", "offered_until", "created_at", "updated_at"]}),
        (_("Order"), {"fields": ["moved_at", "moved_reason", "before", "reason"]}),
    ]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """A page of the list, with what is waited for in a query for each kind."""
        page = super().get_changelist_instance(request)
        for kind in {waiter.kind for waiter in page.result_list}:
            here = [waiter for waiter in page.result_list if waiter.kind == kind]
            stocks = apps.get_model(kind)._base_manager.select_related().in_bulk({waiter.stock for waiter in here})
            for waiter in here:
                waiter.wanted = stocks.get(waiter.stock)
        return page

    @admin.display(description=_("waits for"))
    def title(self, waiter: Any) -> str | None:
        """What is waited for, in its own words."""
        stock = waiter.wanted if hasattr(waiter, "wanted") else waiter.what()
        return stock and stock.title

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: people join lists where they would book or buy."""
        return False

    def save_model(self, request: HttpRequest, obj: Waiter, form: ModelForm, change: bool) -> None:
        """By the verb, whose refusals the middleware shows."""
        move_waiter(obj, **form.cleaned_data, by=request.user)
