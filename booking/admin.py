"""Bookings in the administration: services are set up here, bookings and slots change by verbs only."""

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from booking.actions import cancel_booking, change_service, create_service
from booking.models import Booking, Service, Slot
from ticketing.toolkit.admin import ReadOnlyAdmin, SiteModelAdmin, each


@admin.register(Service)
class ServiceAdmin(SiteModelAdmin):
    operation = "booking.manage"
    fields = ["slug", "name", "slot_capacity"]
    list_display = ["slug", "name", "slot_capacity"]
    list_filter = ["slot_capacity"]
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


@admin.register(Slot)
class SlotAdmin(ReadOnlyAdmin):
    list_display = ["starts_at", "service", "taken", "capacity"]
    list_filter = ["service", "starts_at"]
    list_select_related = ["service"]
    search_fields = ["=id", "service__slug", "service__name"]
    ordering = ["starts_at", "id"]


@admin.register(Booking)
class BookingAdmin(ReadOnlyAdmin):
    list_display = ["starts_at", "firstname", "lastname", "phone", "account", "id"]
    list_filter = ["slot__service", "starts_at"]
    list_select_related = ["account", "slot__service"]
    search_fields = ["=id", "firstname", "lastname", "=phone", "=account__username"]
    ordering = ["starts_at", "created_at", "id"]
    actions = [each(cancel_booking, _("Cancel the selected bookings"), "booking.cancel")]
