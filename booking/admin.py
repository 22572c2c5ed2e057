"""Bookings in the administration: services are set up here, bookings and slots change by verbs only."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import Exists, OuterRef, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from booking.actions import (
    cancel_booking,
    change_resource,
    change_service,
    create_resource,
    create_service,
    end_feed_of,
    make_feed,
    remove_feed,
)
from booking.links import address_of_feed
from booking.models import TERMS, Booking, Feed, Resource, Service, Slot, Tally
from booking.policies import clean_terms
from ticketing.models import State, User
from ticketing.texts import SLUG_RULE
from ticketing.toolkit.admin import ReadOnlyAdmin, SiteModelAdmin, StateFilter, each, people, pill, pills
from ticketing.toolkit.panel import refusals_on

NO_RESOURCE = State("warn", _("none in use"))


class ServiceForm(forms.ModelForm):
    """The terms of a service, held to what its verbs take."""

    class Meta:
        error_messages = {"slug": {"invalid": SLUG_RULE}}

    def clean(self) -> dict[str, Any]:
        """Refuse at their fields what no service can have."""
        cleaned = super().clean() or self.cleaned_data
        with refusals_on(self):
            clean_terms({name: cleaned[name] for name in TERMS if name in cleaned})
        return cleaned


@admin.register(Service)
class ServiceAdmin(SiteModelAdmin):
    operation = "booking.manage"
    form = ServiceForm
    fieldsets = [
        (None, {"fields": ["slug", "name"]}),
        (_("Slots"), {"fields": ["slot_capacity", "duration_minutes", "grid_minutes", "calendar"]}),
        (
            _("Who can book"),
            {"fields": ["largest_party", "lead_minutes", "horizon_days", "deadline_minutes", "grace_minutes"]},
        ),
        (
            _("Rooms and people"),
            {"fields": ["needs_resource", "resources", "buffer_before_minutes", "buffer_after_minutes"]},
        ),
    ]
    formfield_overrides = {models.ManyToManyField: {"widget": forms.CheckboxSelectMultiple}}
    list_display = ["name", "slug", "slot_capacity", "duration_minutes", "grid_minutes", "calendar", "occupies"]
    list_filter = ["needs_resource", "created_at"]
    list_select_related = ["calendar"]
    search_fields = ["slug", "name"]
    ordering = ["slug"]

    @admin.display(description=_("needs a resource"), ordering="needs_resource")
    def occupies(self, service: Service) -> SafeString | str:
        """Whether it does, and a warning where it has none: nobody can book it then."""
        if not service.needs_resource:
            return gettext("no")
        return gettext("yes") if service.has_resource else pill(NO_RESOURCE)  # type: ignore[attr-defined]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With whether they have a resource that is in use."""
        usable = Resource.objects.filter(services=OuterRef("pk"), is_active=True)
        return super().get_queryset(request).annotate(has_resource=Exists(usable))

    def get_readonly_fields(self, request: HttpRequest, obj: Service | None = None) -> list[str]:
        """The short name is what programs call it by, so it stays."""
        return ["slug"] if obj else []

    def save_model(self, request: HttpRequest, obj: Service, form: ModelForm, change: bool) -> None:
        """By its verbs."""
        said = form.cleaned_data
        if change:
            change_service(obj, **said, by=request.user)
        else:
            obj.pk = create_service(**said, by=request.user).pk
        if said["needs_resource"] and not any(one.is_active for one in said["resources"]):
            sentence = _("It needs a resource and has none that is in use: nobody can book it until it has one.")
            self.message_user(request, sentence, messages.WARNING)
        if said["largest_party"] > said["slot_capacity"]:
            sentence = _("The largest party is larger than the places per slot: so many never find room together.")
            self.message_user(request, sentence, messages.WARNING)

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        """The verb has set the resources."""


@admin.action(description=_("Make a calendar link for the selected resources"))
def make_links(modeladmin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> None:
    """Each link on the next page, once; older ones are void."""
    for resource in queryset:
        _feed, token = make_feed(resource=resource, by=request.user)
        sentence = _("The calendar of {name}: {address} Copy the link now: it is shown this once.")
        messages.success(request, format_html(str(sentence), name=resource.name, address=address_of_feed(token)))


make_links.operation = "booking.feeds"  # type: ignore[attr-defined]


@admin.register(Feed)
class FeedAdmin(ReadOnlyAdmin):
    sees = "booking.feeds"
    list_display = ["id", "resource", people("account", _("account")), "read_at", "created_at"]
    list_filter = ["read_at", "created_at"]
    list_select_related = ["resource", "account"]
    ordering = ["-created_at", "-id"]
    fields = ["resource", "account", "read_at", "created_at"]
    actions = [each(remove_feed, _("Remove the selected calendar links"), "booking.feeds")]


@admin.register(Resource)
class ResourceAdmin(SiteModelAdmin):
    operation = "booking.manage"
    fields = ["name", "calendar", "is_active"]
    list_display = ["name", "calendar", "is_active", "created_at"]
    list_filter = ["is_active"]
    list_select_related = ["calendar"]
    search_fields = ["name"]
    ordering = ["name", "id"]
    actions = [make_links, each(end_feed_of, _("Remove the calendar links of the selected resources"), "booking.feeds")]

    def save_model(self, request: HttpRequest, obj: Resource, form: ModelForm, change: bool) -> None:
        """By its verbs."""
        if change:
            change_resource(obj, **form.cleaned_data, by=request.user)
        else:
            obj.pk = create_resource(**form.cleaned_data, by=request.user).pk


class RoomFilter(StateFilter):
    title = _("places left")
    states = {"with_room": _("Some left"), "full": _("Full")}


@admin.register(Slot)
class SlotAdmin(ReadOnlyAdmin):
    list_display = ["starts_at", "service", "taken", "capacity", "left_over"]
    list_filter = ["service", RoomFilter, "starts_at"]
    list_select_related = ["service"]
    search_fields = ["service__slug", "service__name"]
    search_help_text = _("An id. Words of a service are looked for in the first 10,000 slots.")
    sortable_by = ["starts_at"]
    ordering = ["starts_at", "id"]
    fields = ["service", "starts_at", "capacity", "taken", "created_at"]

    @admin.display(description=_("places left"))
    def left_over(self, slot: Slot) -> int | str:
        """How many can still be booked; where each visit occupies a resource, the resources decide, not a number."""
        return gettext("by resource") if slot.service.needs_resource else slot.left


STATE = pills("state", _("state"))


class DayFilter(admin.SimpleListFilter):
    """Bookings by their day on the site's clocks: of what comes as well as of what was."""

    title = _("day")
    parameter_name = "day"
    days = {
        "today": (_("Today"), 0, 1),
        "tomorrow": (_("Tomorrow"), 1, 2),
        "next": (_("Today and the next 7 days"), 0, 8),
        "past": (_("The past 7 days"), -7, 0),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The spans and their words."""
        return [(name, words) for name, (words, *_span) in self.days.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Those in the chosen span."""
        if self.value() not in self.days:
            return queryset
        _words, first, end = self.days[self.value()]
        return queryset.filter(starts_at__gte=_midnight(first), starts_at__lt=_midnight(end))


def _midnight(days: int) -> datetime:
    """When the day so many days from today begins."""
    return timezone.make_aware(datetime.combine(timezone.localdate() + timedelta(days=days), time.min))


class TimeFilter(StateFilter):
    states = {"upcoming": _("Booked"), "over": _("Over"), "expired": _("Expired")}


@admin.register(Booking)
class BookingAdmin(ReadOnlyAdmin):
    list_display = [
        "starts_at",
        "visitor",
        "service",
        "party",
        "resource",
        STATE,
        "phone",
        people("account", _("account")),
    ]
    list_display_links = ["starts_at", "visitor"]
    list_filter = [TimeFilter, DayFilter, "slot__service"]
    list_select_related = ["account", "slot__service", "resource"]
    search_fields = ["firstname", "lastname", "phone"]
    search_help_text = _(
        "An id, or the username or e-mail address of an account. "
        "Names and phone numbers are looked for in the first 10,000 bookings."
    )
    sortable_by = ["starts_at"]
    ordering = ["starts_at", "created_at", "id"]
    readonly_fields = [STATE]
    fields = [
        *("starts_at", "ends_at", STATE, "slot", "party", "resource"),
        *("firstname", "lastname", "phone", "email", "account", "id", "created_at"),
    ]
    actions = [each(cancel_booking, _("Cancel the selected bookings"), "booking.cancel")]

    @admin.display(description=_("name"))
    def visitor(self, booking: Booking) -> str:
        """Whom to expect."""
        return f"{booking.firstname} {booking.lastname}"

    @admin.display(description=_("service"))
    def service(self, booking: Booking) -> str:
        """What was booked."""
        return booking.slot.service.name

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With their states, by the database's clock."""
        return super().get_queryset(request).with_state()

    def called(self, rows: QuerySet, term: str) -> QuerySet:
        """By id, or by account."""
        account = User.objects.named(term)
        return rows.filter(account=account) if account else super().called(rows, term)


@admin.register(Tally)
class TallyAdmin(ReadOnlyAdmin):
    list_display = ["day", "hour", "service", "visits", "people", "came", "missed", "cancelled"]
    list_filter = ["service", "day"]
    list_select_related = ["service"]
    ordering = ["-day", "-hour", "-id"]
    fields = ["service", "day", "hour", "visits", "people", "came", "missed", "cancelled", "lead_minutes"]
