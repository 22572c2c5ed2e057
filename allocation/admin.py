"""Allocation for supervisors: what is on sale may be changed, what was sold is there to read."""

from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import admin
from django.core.validators import MinValueValidator
from django.db.models import QuerySet
from django.forms import CheckboxSelectMultiple, ModelForm, Textarea
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst, format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from allocation.actions import (
    cancel_purchase,
    cancel_ticket,
    change_event,
    change_option,
    create_event,
    create_option,
    invalidate,
    release_hold,
    validate,
    withdraw_transfer,
)
from allocation.models import Event, Hold, Purchase, Scan, Ticket, TicketOption, Transfer
from ticketing.hours.rules import zones
from ticketing.models import User
from ticketing.rights import Role
from ticketing.toolkit.admin import OnOtherClocks, ReadOnlyAdmin, SiteModelAdmin, StateFilter, each, people, pills
from ticketing.toolkit.contracts import parse_uuid

CLOCKS = _("On the clocks of its event; without one, of the site.")


def clocks_of(event: Event | None) -> tzinfo:
    """The event's, or the site's."""
    return event.zone if event else timezone.get_default_timezone()


class OptionForm(OnOtherClocks):
    """What people may say about an option, on the clocks of its event."""

    zoned = ("on_sale_from", "on_sale_until")

    class Meta:
        model = TicketOption
        fields = [
            *("event", "name", "description", "capacity"),
            *("on_sale_from", "on_sale_until", "least", "most", "limit"),
        ]
        labels = {"capacity": capfirst(_("allocation"))}
        widgets = {"description": Textarea}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["capacity"].validators.append(MinValueValidator(1))
        for name in self.zoned:
            self.fields[name].help_text = format_lazy("{} {}", self.fields[name].help_text, CLOCKS)

    def clocks_before(self) -> tzinfo:
        """Those of the event that it belongs to, or the site's."""
        return clocks_of(self.instance.event)

    def clocks(self) -> tzinfo:
        """Those of the event that is chosen."""
        chosen = parse_uuid(str(self.data.get(self.add_prefix("event"), "")))
        return clocks_of(Event.objects.filter(pk=chosen).first() if chosen else None)

    def clean(self) -> dict[str, Any]:
        """What belongs to an event is on sale until it ends, unless somebody says another time."""
        said: dict[str, Any] = super().clean() or {}
        if said.get("event") and not said.get("on_sale_until"):
            said["on_sale_until"] = said["event"].ends_at
        return said


class EventForm(OnOtherClocks):
    """What people may say about an event, on its own clocks."""

    zoned = ("starts_at", "ends_at", "cancel_until", "transfer_until")

    class Meta:
        model = Event
        fields = [
            *("name", "venue", "description", "starts_at", "ends_at"),
            *("time_zone", "cancel_until", "transfer_until", "gates", "published"),
        ]
        widgets = {"description": Textarea, "gates": CheckboxSelectMultiple}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["gates"].queryset = User.objects.admitted().filter(role=Role.GATE)  # type: ignore[attr-defined]

    def clocks_before(self) -> tzinfo:
        """Those it goes by so far."""
        return ZoneInfo(self.instance.time_zone or settings.TIME_ZONE)

    def clocks(self) -> tzinfo:
        """Those of the zone that is typed beside the times; a name that is no zone is refused later."""
        typed = str(self.data.get(self.add_prefix("time_zone"), ""))
        return ZoneInfo(typed) if typed in zones() else self.clocks_before()


STATE = pills("state", _("state"))


@admin.register(Event)
class EventAdmin(SiteModelAdmin):
    """Events, by the verbs; their tickets are the options that name them."""

    operation = "allocation.manage_events"

    form = EventForm
    list_display = ["name", "venue", "begins", "published", "created_at"]
    list_filter = ["published", "starts_at"]
    search_fields = ["name", "venue"]
    search_help_text = _("An id. Words are looked for in the 10,000 newest events.")
    readonly_fields = ["id", "created_at", "updated_at"]
    sortable_by = ["begins", "created_at"]
    ordering = ["-starts_at", "-id"]

    @admin.display(description=_("begins"), ordering="starts_at")
    def begins(self, event: Event) -> str:
        """On the clocks of the event."""
        return f"{date_format(timezone.localtime(event.starts_at, event.zone), 'SHORT_DATETIME_FORMAT')} ({event.zone})"

    def get_fields(self, request: HttpRequest, obj: Event | None = None) -> Any:
        """Of a new one only what can be said of it."""
        return super().get_fields(request, obj) if obj else self.form.Meta.fields

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """In the site's zone unless somebody says another."""
        return {"time_zone": settings.TIME_ZONE, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Event, form: ModelForm, change: bool) -> None:
        """Let the verbs write; what they refuse comes back to the page as a message."""
        if not change:
            obj.pk = create_event(**form.cleaned_data, by=request.user).pk
            return
        change_event(obj, **{name: form.cleaned_data[name] for name in form.changed_data}, by=request.user)

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        """The verb has set the gates."""


class LeftFilter(StateFilter):
    title = _("what is left")
    states = {"with_room": _("Some left"), "sold_out": _("Sold out")}


@admin.register(TicketOption)
class TicketOptionAdmin(SiteModelAdmin):
    """Options: their texts and their allocation, by the verbs."""

    operation = "allocation.change_options"

    form = OptionForm
    list_display = ["name", "event", STATE, "allocated", "tickets_sold", "held", "created_at"]
    list_filter = [LeftFilter, "created_at"]
    list_select_related = ["event"]
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
            said = dict(form.cleaned_data)
            obj.pk = create_option(allocation=said.pop("capacity"), **said, by=request.user).pk
            return
        changes = {"allocation" if name == "capacity" else name: getattr(obj, name) for name in form.changed_data}
        change_option(obj, **changes, by=request.user)


@admin.register(Purchase)
class PurchaseAdmin(ReadOnlyAdmin):
    """Purchases, newest first."""

    list_display = ["bought", "quantity", people("account", _("account")), "created_at", "id"]
    list_display_links = ["bought", "id"]
    list_filter = ["created_at"]
    list_select_related = ["option", "account"]
    search_fields = ["buyer__exact", "option__name"]
    search_help_text = _(
        "An id, or the username or e-mail address of an account. "
        "Words and the ids of buyers are looked for in the 10,000 newest purchases."
    )
    sortable_by = ["created_at"]
    ordering = ["-created_at", "-id"]
    fields = ["bought", "quantity", "account", "buyer", "id", "created_at"]
    readonly_fields = ["bought"]
    actions = [each(cancel_purchase, _("Give back"), "allocation.cancel")]

    @admin.display(description=_("ticket option"))
    def bought(self, purchase: Purchase) -> str:
        """What it was for."""
        return str(purchase.option or gettext("several options"))

    def called(self, rows: QuerySet, term: str) -> QuerySet:
        """By id, or by account."""
        account = User.objects.named(term)
        return rows.filter(account=account) if account else super().called(rows, term)


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    """Holds, newest first; they can be released."""

    list_display = ["id", "state", "what", people("account", _("account")), "until", "created_at"]
    list_filter = ["state", "created_at"]
    list_select_related = ["account"]
    search_fields = ["buyer__exact"]
    search_help_text = _("An id. The ids of buyers are looked for in the 10,000 newest holds.")
    sortable_by = ["created_at"]
    ordering = ["-created_at", "-id"]
    readonly_fields = ["what"]
    fields = ["id", "state", "what", "account", "buyer", "until", "purchase", "created_at"]
    actions = [each(release_hold, _("Release"), "allocation.hold")]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With what is in them."""
        return super().get_queryset(request).prefetch_related("items__option")

    @admin.display(description=_("held tickets"))
    def what(self, hold: Hold) -> str:
        """How many of which options."""
        return ", ".join(str(item) for item in hold.items.all())


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    """Tickets, newest first; they can be made valid and invalid."""

    list_display = [
        "id",
        STATE,
        "option",
        "number",
        people("holder", _("holder")),
        "admitted_at",
        "created_at",
    ]
    list_filter = [
        "valid",
        ("admitted_at", admin.EmptyFieldListFilter),
        ("cancelled_at", admin.EmptyFieldListFilter),
        "created_at",
    ]
    list_select_related = ["option", "holder"]
    search_fields = ["option__name"]
    search_help_text = _("The id of a ticket or of a purchase. Words are looked for in the 10,000 newest tickets.")
    sortable_by = ["created_at"]
    ordering = ["-created_at", "-id"]
    readonly_fields = [STATE]
    fields = ["id", STATE, "option", "purchase", "number", "holder", "admitted_at", "cancelled_at", "created_at"]
    actions = [
        each(validate, _("Make valid"), "allocation.set_validity"),
        each(invalidate, _("Make invalid"), "allocation.set_validity"),
        each(cancel_ticket, _("Give back"), "allocation.cancel"),
        each(withdraw_transfer, _("Withdraw the offer to others"), "allocation.transfer"),
    ]

    def called(self, rows: QuerySet, term: str) -> QuerySet:
        """By id, or by purchase."""
        purchase = parse_uuid(term)
        return super().called(rows, term) | (rows.filter(purchase=purchase) if purchase else rows.none())


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    """Tickets that are handed on, newest first; offers are withdrawn at their tickets."""

    list_display = ["id", "state", "ticket", people("by", _("from")), people("to", _("accepted by")), "created_at"]
    list_filter = ["state", "created_at"]
    list_select_related = ["ticket", "by", "to"]
    search_fields = ["id__exact"]
    search_help_text = _("The id of a transfer or of a ticket.")
    sortable_by = ["created_at"]
    ordering = ["-created_at", "-id"]
    fields = ["id", "state", "ticket", "by", "to", "until", "created_at"]

    def called(self, rows: QuerySet, term: str) -> QuerySet:
        """By id, or by ticket."""
        ticket = parse_uuid(term)
        return super().called(rows, term) | (rows.filter(ticket=ticket) if ticket else rows.none())


@admin.register(Scan)
class ScanAdmin(ReadOnlyAdmin):
    """What was shown at gates, newest first; an admission is undone on the page of its gate, or over the API."""

    sees = "allocation.see_scans"

    list_display = ["id", STATE, "ticket", "gate", people("account", _("scanned by")), "created_at"]
    list_filter = ["outcome", "created_at"]
    list_select_related = ["ticket", "account"]
    search_fields = ["gate__exact"]
    search_help_text = _("The id of a scan or of a ticket. Gates are looked for in the 10,000 newest scans.")
    sortable_by = ["created_at"]
    ordering = ["-created_at", "-id"]
    readonly_fields = [STATE]
    fields = ["id", STATE, "ticket", "gate", "account", "earlier", "created_at", "undone_at", "undone_reason"]

    def called(self, rows: QuerySet, term: str) -> QuerySet:
        """By id, or by ticket."""
        ticket = parse_uuid(term)
        return super().called(rows, term) | (rows.filter(ticket=ticket) if ticket else rows.none())
