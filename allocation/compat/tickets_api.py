"""The tickets-api contract: bare tickets that are issued, looked up, validated and invalidated."""

from typing import Any

from django.db.models import F, Func, TextField, Value
from django.db.models.functions import Cast, Extract
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.translation import gettext_lazy as _

from allocation.actions import issue_ticket, set_validity
from allocation.models import Ticket
from ticketing.errors import Invalid
from ticketing.toolkit.contracts import ContractView, found, json_array, parse_uuid, route


def shown(ticket: Ticket) -> dict[str, Any]:
    """A ticket as this contract has it; the timestamp is in seconds since 1970."""
    return {"id": ticket.pk, "timestamp": ticket.created_at.timestamp(), "valid": ticket.valid}


# The same, written by the database: to make a million Python objects of it first takes twenty times as long.
_SHOWN = Func(
    Value('{"id": "%s", "timestamp": %s, "valid": %s}'),
    F("id"),
    Extract("created_at", "epoch"),
    Cast("valid", TextField()),
    function="FORMAT",
    output_field=TextField(),
)


def named_ticket(request: HttpRequest) -> Any:
    """The id in the query string, in either case and with or without the quotes that the contract's text prints."""
    if "id" not in request.GET:
        raise Invalid(_("“%(field)s” is missing.") % {"field": "id"}, field="id")
    text = request.GET["id"]
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    if parsed := parse_uuid(text):
        return parsed
    raise Invalid(_("“%(field)s” must be a UUID.") % {"field": "id"}, field="id")


class Tickets(ContractView):
    """Issue a ticket; show one or all."""

    contract = "tickets-api"
    operations = {"POST": "allocation.issue", "GET": "allocation.see_ticket"}

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """A new ticket; the body is not read."""
        return JsonResponse(shown(issue_ticket(by=self.actor)))

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The ticket that is named, as a list of one, or without a name all of them, oldest first."""
        if "id" not in request.GET:
            return self.all()
        tickets = Ticket.objects.visible_to(self.actor, "allocation.see_ticket")
        return JsonResponse([shown(found(tickets, pk=named_ticket(request)))], safe=False)

    def all(self) -> HttpResponseBase:
        """Every visible ticket; however many there are, few of them are in memory."""
        tickets = Ticket.objects.visible_to(self.actor, "allocation.list_tickets").order_by("created_at", "id")
        return json_array(tickets.values_list(_SHOWN, flat=True))


class Validity(ContractView):
    """Say whether a ticket is valid. UPDATE is this contract's own verb; POST does the same."""

    contract = "tickets-api"
    operations = {"UPDATE": "allocation.set_validity", "POST": "allocation.set_validity"}
    valid = True

    def update(self, request: HttpRequest) -> HttpResponseBase:
        """The ticket as it is now; twice is harmless."""
        tickets = Ticket.objects.visible_to(self.actor, "allocation.set_validity")
        ticket = found(tickets, pk=named_ticket(request))
        return JsonResponse(shown(set_validity(ticket, valid=self.valid, by=self.actor)))

    post = update


urlpatterns = [
    route("ticket", Tickets.as_view(), "tickets-api"),
    route("ticket/validate", Validity.as_view(valid=True), "tickets-api-validate"),
    route("ticket/invalidate", Validity.as_view(valid=False), "tickets-api-invalidate"),
]
