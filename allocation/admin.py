"""Allocation for supervisors: what is on sale may be changed, what was sold is there to read."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm, Textarea
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from allocation.actions import change_option, create_option, invalidate, validate
from allocation.models import Purchase, Ticket, TicketOption
from ticketing.models import User
from ticketing.toolkit.admin import ReadOnlyAdmin, SiteModelAdmin, StateFilter, each, people, pills
from ticketing.toolkit.contracts import parse_uuid


class OptionForm(ModelForm):
    """What people may say about an option."""

    class Meta:
        model = TicketOption
        fields = ["name", "description", "capacity"]
        labels = {"capacity": capfirst(_("allocation"))}
        widgets = {"description": Textarea}


STATE = pills("state", _("state"))


class LeftFilter(StateFilter):
    title = _("what is left")
    states = {"with_room": _("Some left"), "sold_out": _("Sold out")}


@admin.register(TicketOption)
class TicketOptionAdmin(SiteModelAdmin):
    """Options: their texts and their allocation, by the verbs."""

    operation = "allocation.change_options"

    form = OptionForm
    list_display = ["name", STATE, "allocated", "tickets_sold", "held", "created_at"]
    list_filter = [LeftFilter, "created_at"]
    search_fields = ["name", "description"]
    search_help_text = _("An id. Words are looked for in the 10,000 newest options.")
    readonly_fields = ["id", "tickets_sold", "held", "tickets_left", "created_at", "updated_at"]
    sortable_by = ["created_at"]
    ordering = ["-created_at", "-id"]

    @admin.display(description=_("allocation"))
    def allocated(self, option: TicketOption) -> int:
        """How many there are in all."""
        return option.capacity

    @admin.display(description=_("sold"))
    def tickets_sold(self, option: TicketOption) -> int:
        """How many are paid for."""
        return option.sold

    @admin.display(description=_("left"))
    def tickets_left(self, option: TicketOption) -> int:
        """How many can still be bought."""
        return option.left

    def get_fields(self, request: HttpRequest, obj: TicketOption | None = None) -> Any:
        """Of a new one only what can be said of it."""
        return super().get_fields(request, obj) if obj else self.form.Meta.fields

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

    list_display = ["option", "quantity", people("account", _("account")), "created_at", "id"]
    list_display_links = ["option", "id"]
    list_filter = ["created_at"]
    list_select_related = ["option", "account"]
    search_fields = ["buyer__exact", "option__name"]
    search_help_text = _(
        "An id, or the username or e-mail address of an account. "
        "Words and the ids of buyers are looked for in the 10,000 newest purchases."
    )
    sortable_by = ["created_at"]
    ordering = ["-created_at", "-id"]
    fields = ["option", "quantity", "account", "buyer", "id", "created_at"]

    def called(self, rows: QuerySet, term: str) -> QuerySet:
        """By id, or by account."""
        account = User.objects.named(term)
        return rows.filter(account=account) if account else super().called(rows, term)


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    """Tickets, newest first; they can be made valid and invalid."""

    list_display = [
        "id",
        STATE,
        "option",
        "number",
        people("purchase.account", _("account")),
        "admitted_at",
        "created_at",
    ]
    list_filter = ["valid", ("admitted_at", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["option", "purchase__account"]
    search_fields = ["option__name"]
    search_help_text = _("The id of a ticket or of a purchase. Words are looked for in the 10,000 newest tickets.")
    sortable_by = ["created_at"]
    ordering = ["-created_at", "-id"]
    readonly_fields = [STATE]
    fields = ["id", STATE, "option", "purchase", "number", "admitted_at", "created_at"]
    actions = [
        each(validate, _("Make valid"), "allocation.set_validity"),
        each(invalidate, _("Make invalid"), "allocation.set_validity"),
    ]

    def called(self, rows: QuerySet, term: str) -> QuerySet:
        """By id, or by purchase."""
        purchase = parse_uuid(term)
        return super().called(rows, term) | (rows.filter(purchase=purchase) if purchase else rows.none())
