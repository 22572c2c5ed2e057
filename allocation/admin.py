"""Allocation for supervisors: what is on sale may be changed, what was sold is there to read."""

from django.contrib import admin
from django.forms import ModelForm, Textarea
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from allocation.actions import change_option, create_option, invalidate, validate
from allocation.models import Purchase, Ticket, TicketOption
from ticketing.toolkit.admin import ReadOnlyAdmin, SiteModelAdmin, each


class OptionForm(ModelForm):
    """What people may say about an option."""

    class Meta:
        model = TicketOption
        fields = ["name", "description", "capacity"]
        labels = {"capacity": _("allocation")}
        widgets = {"description": Textarea}


@admin.register(TicketOption)
class TicketOptionAdmin(SiteModelAdmin):
    """Options: their texts and their allocation, by the verbs."""

    operation = "allocation.change_options"

    form = OptionForm
    list_display = ["name", "capacity", "sold", "held", "left", "created_at"]
    list_filter = ["created_at"]
    search_fields = ["name", "description", "id__exact"]
    readonly_fields = ["id", "sold", "held", "left", "created_at", "updated_at"]
    ordering = ["-created_at", "-id"]
    show_full_result_count = False

    def save_model(self, request: HttpRequest, obj: TicketOption, form: ModelForm, change: bool) -> None:
        """Let the verbs write; what they refuse comes back to the page as a message."""
        if not change:
            texts = {"name": obj.name, "description": obj.description}
            obj.pk = create_option(**texts, allocation=obj.capacity, by=request.user).pk
            return
        changes = {"allocation" if name == "capacity" else name: getattr(obj, name) for name in form.changed_data}
        change_option(obj, **changes, by=request.user)


@admin.register(Purchase)
class PurchaseAdmin(ReadOnlyAdmin):
    """Purchases, newest first."""

    list_display = ["id", "option", "quantity", "buyer", "account", "created_at"]
    list_filter = ["created_at"]
    list_select_related = ["option", "account"]
    search_fields = ["id__exact", "buyer__exact", "option__name", "account__username"]
    ordering = ["-created_at", "-id"]
    show_full_result_count = False


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    """Tickets, newest first; they can be made valid and invalid."""

    list_display = ["id", "option", "number", "valid", "admitted_at", "created_at"]
    list_filter = ["valid", ("admitted_at", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["option"]
    search_fields = ["id__exact", "purchase__id__exact", "option__name"]
    ordering = ["-created_at", "-id"]
    show_full_result_count = False
    actions = [
        each(validate, _("Make valid"), "allocation.set_validity"),
        each(invalidate, _("Make invalid"), "allocation.set_validity"),
    ]
