"""What the lists of /api/v1/booking/ can be narrowed by."""

import django_filters
from django.db.models import QuerySet

from booking.models import Booking, Service, Slot, Tally
from ticketing.toolkit.filters import DayFilter, FlagFilter, InstantFilter, TextFilter


class SlotFilters(django_filters.FilterSet):
    """Slots by service, time and room."""

    service = TextFilter(method="of_service", help_text="Of the service with this short name or id.")
    starts_from = InstantFilter(field_name="starts_at", lookup_expr="gte", help_text="At this instant or later.")
    starts_to = InstantFilter(field_name="starts_at", lookup_expr="lt", help_text="Before this instant.")
    with_room = FlagFilter(method="has_room", help_text="Whether at least one place is left.")

    class Meta:
        model = Slot
        fields: list[str] = []

    def of_service(self, slots: QuerySet, name: str, value: str) -> QuerySet:
        """Those of the one service."""
        return slots.filter(service__in=Service.objects.called(value))

    def has_room(self, slots: QuerySet, name: str, value: bool) -> QuerySet:
        """Those with a place left, or those without."""
        return slots.with_room() if value else slots.full()


class TallyFilters(django_filters.FilterSet):
    """Tallies by service and day."""

    service = TextFilter(method="of_service", help_text="Of the service with this short name or id.")
    first = DayFilter(field_name="day", lookup_expr="gte", help_text="Of this day or later.")
    last = DayFilter(field_name="day", lookup_expr="lte", help_text="Of this day or before.")

    class Meta:
        model = Tally
        fields: list[str] = []

    def of_service(self, tallies: QuerySet, name: str, value: str) -> QuerySet:
        """Those of the one service."""
        return tallies.filter(service__in=Service.objects.called(value))


class BookingFilters(django_filters.FilterSet):
    """Bookings by service and time."""

    service = TextFilter(method="of_service", help_text="Of the service with this short name or id.")
    starts_from = InstantFilter(field_name="starts_at", lookup_expr="gte", help_text="At this instant or later.")
    starts_to = InstantFilter(field_name="starts_at", lookup_expr="lt", help_text="Before this instant.")
    expired = FlagFilter(method="is_expired", help_text="Whether it is more than eight hours past.")

    class Meta:
        model = Booking
        fields: list[str] = []

    def of_service(self, bookings: QuerySet, name: str, value: str) -> QuerySet:
        """Those of the one service."""
        return bookings.filter(slot__service__in=Service.objects.called(value))

    def is_expired(self, bookings: QuerySet, name: str, value: bool) -> QuerySet:
        """Those that expired, or the others."""
        return bookings.expired() if value else bookings.current()
