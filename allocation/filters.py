"""What the lists of /api/v1/allocation/ can be narrowed by."""

from uuid import UUID

import django_filters
from django.db.models import QuerySet

from allocation.models import Event, Hold, Purchase, Scan, Ticket, TicketOption
from ticketing.toolkit.filters import FlagFilter, IdFilter, InstantFilter, TextFilter


class EventFilters(django_filters.FilterSet):
    """Events by name and time."""

    name = TextFilter(lookup_expr="icontains", help_text="Part of the name, in any case.")
    starts_from = InstantFilter(field_name="starts_at", lookup_expr="gte", help_text="Begins at this instant or later.")
    starts_to = InstantFilter(field_name="starts_at", lookup_expr="lt", help_text="Begins before this instant.")
    published = FlagFilter(help_text="Whether customers see it.")

    class Meta:
        model = Event
        fields: list[str] = []


class HoldFilters(django_filters.FilterSet):
    """Holds by how they stand."""

    state = django_filters.ChoiceFilter(choices=Hold.State.choices, help_text="How it stands.")

    class Meta:
        model = Hold
        fields: list[str] = []


class OptionFilters(django_filters.FilterSet):
    """Ticket options by event and name, and by whether there is something left."""

    event = IdFilter(help_text="Of this event.")
    name = TextFilter(lookup_expr="icontains", help_text="Part of the name, in any case.")
    with_room = FlagFilter(method="has_room", help_text="Whether at least one ticket is left.")

    class Meta:
        model = TicketOption
        fields: list[str] = []

    def has_room(self, options: QuerySet, name: str, value: bool) -> QuerySet:
        """Those with something left, or those without."""
        return options.with_room() if value else options.sold_out()


class PurchaseFilters(django_filters.FilterSet):
    """Purchases by what was bought, and when."""

    option = IdFilter(method="has_option", help_text="With tickets of this option.")
    created_from = InstantFilter(field_name="created_at", lookup_expr="gte", help_text="At this instant or later.")
    created_to = InstantFilter(field_name="created_at", lookup_expr="lt", help_text="Before this instant.")

    class Meta:
        model = Purchase
        fields: list[str] = []

    def has_option(self, purchases: QuerySet, name: str, value: UUID) -> QuerySet:
        """Those with tickets of it."""
        return purchases.of(value)


class ScanFilters(django_filters.FilterSet):
    """Scans by event, ticket, outcome, gate and time."""

    event = IdFilter(help_text="At this event.")
    ticket = IdFilter(help_text="Of this ticket.")
    outcome = django_filters.ChoiceFilter(choices=Scan.Outcome.choices, help_text="What became of it.")
    gate = TextFilter(help_text="At this gate, exactly as it is written.")
    created_from = InstantFilter(field_name="created_at", lookup_expr="gte", help_text="At this instant or later.")
    created_to = InstantFilter(field_name="created_at", lookup_expr="lt", help_text="Before this instant.")

    class Meta:
        model = Scan
        fields: list[str] = []


class TicketFilters(django_filters.FilterSet):
    """Tickets by where they come from, and by their state."""

    option = IdFilter(help_text="Of this option.")
    purchase = IdFilter(help_text="Of this purchase.")
    valid = FlagFilter(help_text="Whether it is valid.")
    admitted = FlagFilter(
        field_name="admitted_at", lookup_expr="isnull", exclude=True, help_text="Whether it was used."
    )

    class Meta:
        model = Ticket
        fields: list[str] = []
