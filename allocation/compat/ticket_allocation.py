"""The ticket-allocation contract: ticket options with an allocation, and purchases that never oversell it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.urls import reverse

from allocation.actions import create_option, purchase
from allocation.errors import SoldOut
from allocation.models import TicketOption
from ticketing.errors import NotFound, Refused
from ticketing.toolkit.contracts import ContractView, Fields, found, parse_uuid, route
from ticketing.toolkit.idempotency import idempotency_key

# What the contract calls the fields that our own refusals name.
_NAMES = {
    "name": "Name",
    "description": "Desc",
    "allocation": "Allocation",
    "quantity": "Quantity",
    "buyer": "UserID",
}


def shown(option: TicketOption) -> dict[str, Any]:
    """An option as this contract has it; `Allocation` is what is left to buy."""
    return {
        "ID": option.pk,
        "Name": option.name,
        "Desc": option.description,
        "Allocation": option.left,
        "CreatedAt": _instant(option.created_at),
        "UpdatedAt": _instant(option.updated_at),
        "Total": option.capacity,
        "Sold": option.sold,
        "Held": option.held,
    }


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _description(fields: Fields) -> str:
    if "Desc" not in fields:
        return ""
    return fields.text("Desc", TicketOption.DESCRIPTION_LIMIT, empty=True, lines=True)


def _named_option(text: str) -> UUID:
    if parsed := parse_uuid(text):
        return parsed
    raise NotFound


class OptionView(ContractView):
    """A path of this contract: its refusals name the fields as the contract does."""

    contract = "ticket-allocation"
    sentences = {SoldOut: "there is not any available tickets"}

    def refused(self, refusal: Refused) -> JsonResponse:
        """The contract's failure, with the contract's names."""
        refusal.errors = {_NAMES.get(field, field): text for field, text in refusal.errors.items()}
        return super().refused(refusal)


class TicketOptions(OptionView):
    """Put tickets on sale."""

    operations = {"POST": "allocation.change_options"}

    def post(self, request: HttpRequest) -> JsonResponse:
        """The new option, with 200 as the text has it; `Desc` may be left out."""
        fields = Fields(request)
        option = create_option(
            name=fields.text("Name", TicketOption.NAME_LIMIT),
            description=_description(fields),
            allocation=fields.positive("Allocation"),
            by=self.actor,
        )
        location = reverse("ticket-allocation-option", args=[option.pk])
        return JsonResponse(shown(option), headers={"Location": location})


class TicketOptionDetail(OptionView):
    """Show what is on sale."""

    operations = {"GET": "allocation.see_options"}

    def get(self, request: HttpRequest, option_id: str) -> JsonResponse:
        """The option."""
        options = TicketOption.objects.visible_to(self.actor, "allocation.see_options")
        return JsonResponse(shown(found(options, pk=_named_option(option_id))))


class Purchases(OptionView):
    """Sell tickets."""

    operations = {"POST": "allocation.purchase"}

    def post(self, request: HttpRequest, option_id: str) -> JsonResponse:
        """The purchase and its tickets; with an Idempotency-Key the same answer again."""
        option = _named_option(option_id)
        fields = Fields(request)
        receipt = purchase(
            option,
            quantity=fields.positive("Quantity"),
            buyer=fields.uuid("UserID"),
            by=self.actor,
            key=idempotency_key(request, self.actor),
        )
        body = {
            "ID": receipt.id,
            "TicketOptionID": option,
            "UserID": receipt.buyer,
            "Quantity": receipt.quantity,
            "CreatedAt": _instant(receipt.created_at),
            "Tickets": receipt.tickets,
        }
        return JsonResponse(body, headers={"Idempotent-Replayed": "true"} if receipt.replayed else {})


urlpatterns = [
    route("ticket_options", TicketOptions.as_view(), "ticket-allocation-options"),
    route("ticket_options/(?P<option_id>[^/]+)", TicketOptionDetail.as_view(), "ticket-allocation-option"),
    route("ticket_options/(?P<option_id>[^/]+)/purchases", Purchases.as_view(), "ticket-allocation-purchases"),
]
