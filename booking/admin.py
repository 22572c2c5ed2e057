"""Bookings in the administration: services are set up here, bookings and slots change by verbs only."""

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from booking.actions import cancel_booking, change_service, create_service
from booking.models import Booking, Service, Slot
from ticketing.models import User
from ticketing.toolkit.admin import ReadOnlyAdmin, SiteModelAdmin, StateFilter, each, people, pills


@admin.register(Service)
class ServiceAdmin(SiteModelAdmin):
    operation = "booking.manage"
    fields = ["slug", "name", "slot_capacity"]
    list_display = ["name", "slug", "slot_capacity", "created_at"]
    list_filter = ["created_at"]
    search_fields = ["slug", "name"]
    ordering = ["slug"]

    def get_readonly_fields(self, request: HttpRequest, obj: Service | None = None) -> list[str]:
        """The short name is what programs call it by, so it stays."""
        return ["slug"] if obj else []

    def save_model(self, request: HttpRequest, obj: Service, form: ModelForm, change: bool) -> None:
        """By its verbs."""
        said = {name: getattr(obj, name) for name in form.cleaned_data}
        if change:
            change_service(obj, **said, by=request.user)
        else:
            obj.pk = create_service(**said, by=request.user).pk


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
    def left_over(self, slot: Slot) -> int:
        """How many can still be booked."""
        return slot.left


STATE = pills("state", _("state"))


class TimeFilter(StateFilter):
    states = {"upcoming": _("Booked"), "over": _("Over"), "expired": _("Expired")}


@admin.register(Booking)
class BookingAdmin(ReadOnlyAdmin):
    list_display = ["starts_at", "visitor", "service", STATE, "phone", people("account", _("account")), "created_at"]
    list_display_links = ["starts_at", "visitor"]
    list_filter = [TimeFilter, "slot__service", "starts_at"]
    list_select_related = ["account", "slot__service"]
    search_fields = ["firstname", "lastname", "phone"]
    search_help_text = _(
        "An id, or the username or e-mail address of an account. "
        "Names and phone numbers are looked for in the first 10,000 bookings."
    )
    sortable_by = ["starts_at"]
    ordering = ["starts_at", "created_at", "id"]
    readonly_fields = [STATE]
    fields = ["starts_at", STATE, "slot", "firstname", "lastname", "phone", "email", "account", "id", "created_at"]
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
