"""What is on sale, over the API."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from allocation import actions
from allocation.filters import OptionFilters
from allocation.models import Event, TicketOption
from ticketing.errors import NotFound
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Count, Id, Instant, Text

TERM_HELP = {
    "on_sale_from": "When the sale begins; null for at once.",
    "on_sale_until": "When the sale ends: with its event at the latest; null, without an event, for never.",
    "limit": "So many over all purchases and holds of one customer; null for any number.",
}


class OptionSerializer(serializers.ModelSerializer):
    """A kind of ticket on sale."""

    allocation = serializers.IntegerField(source="capacity", read_only=True, help_text="How many there are in all.")
    left = serializers.IntegerField(read_only=True, help_text="How many are still to be had.")
    sold = serializers.IntegerField(read_only=True)
    event = serializers.UUIDField(
        source="event_id", read_only=True, allow_null=True, help_text="Whose tickets they are."
    )
    on_sale_from = Instant(read_only=True, allow_null=True, help_text=TERM_HELP["on_sale_from"])
    on_sale_until = Instant(read_only=True, allow_null=True, help_text=TERM_HELP["on_sale_until"])
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = TicketOption
        fields = [
            *("id", "event", "name", "description", "allocation", "sold", "held", "left"),
            *("on_sale_from", "on_sale_until", "least", "most", "limit", "created_at", "updated_at"),
        ]
        read_only_fields = fields


class Terms(serializers.Serializer):
    """On which terms an option is sold; what is left out stays, or is the usual."""

    event = Id(required=False, allow_null=True, help_text="The id of the event; null for none.")
    on_sale_from = Instant(required=False, allow_null=True, help_text=TERM_HELP["on_sale_from"])
    on_sale_until = Instant(required=False, allow_null=True, help_text=TERM_HELP["on_sale_until"])
    least = Count(required=False, help_text="So many in one purchase, or more.")
    most = Count(required=False, allow_null=True, help_text="So many in one purchase, or fewer; null for any number.")
    limit = Count(required=False, allow_null=True, help_text=TERM_HELP["limit"])


class NewOption(Terms):
    """What puts tickets on sale."""

    name = Text(TicketOption.NAME_LIMIT)
    description = Text(TicketOption.DESCRIPTION_LIMIT, empty=True, lines=True, default="")
    allocation = Count()


class OptionChange(Terms):
    """What may change of an option; what is left out stays."""

    name = Text(TicketOption.NAME_LIMIT, required=False)
    description = Text(TicketOption.DESCRIPTION_LIMIT, empty=True, lines=True, required=False)
    allocation = Count(required=False)


class OptionViewSet(ApiViewSet):
    """Kinds of tickets on sale."""

    operations = {
        "list": "allocation.see_options",
        "retrieve": "allocation.see_options",
        "create": "allocation.change_options",
        "partial_update": "allocation.change_options",
    }
    serializer_class = OptionSerializer
    filterset_class = OptionFilters
    inputs = {"create": NewOption, "partial_update": OptionChange}
    examples = {
        "create": {"name": "Evening of chamber music", "description": "Doors open at 19:00.", "allocation": 120},
        "partial_update": {"allocation": 150},
    }

    def rows(self) -> QuerySet:
        """Every option."""
        return TicketOption.objects.all()

    def create(self, request: Request) -> Response:
        """Put tickets on sale."""
        return self.answer(actions.create_option(**self.wanted(), by=request.user), 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change the texts, the terms or the allocation, never below what is taken."""
        option, changes = self.get_object(), self.wanted()
        return self.answer(actions.change_option(option, **changes, by=request.user))

    def wanted(self) -> dict[str, Any]:
        """What the body says, with the event that it names; NotFound when there is none for the caller."""
        said = self.input()
        if named := said.get("event"):
            events = Event.objects.visible_to(self.request.user, "allocation.see_options")
            if not (event := events.filter(pk=named).first()):
                raise NotFound(field="event")
            said["event"] = event
        return said
