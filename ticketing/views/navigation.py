"""Where a visitor can go: the places whose operation this person has."""

from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ticketing import rights
from ticketing.toolkit.panel import visitor


class Place(NamedTuple):
    """A page of the main navigation."""

    name: str
    label: Promise
    operation: str
    sentence: Promise | str = ""  # what is there, on the start page
    key: str = ""  # leads there from the pages of the desk


PLACES = [
    Place("booking:book", _("Book a time"), "booking.book", _("Pick a day and a time. You get a ticket id at once.")),
    Place("booking:list", _("My bookings"), "booking.see_all", _("See, move and cancel the times that you booked.")),
    Place("allocation:events", _("What is on"), "allocation.see_options", _("Buy tickets as long as there are some.")),
    Place("allocation:tickets", _("My tickets"), "allocation.list_tickets", _("Show their codes at the gate.")),
    Place("support:tickets", _("Questions"), "support.open", _("Ask the support desk, and read the answers."), "q"),
    Place(
        "support:desk",
        _("Desk"),
        "support.presence",
        _("Answer questions: what waits, and what is in your hands."),
        "d",
    ),
    Place("booking:day", _("Arrivals"), "booking.check_in", _("See who comes today, and check them in.")),
    Place("allocation:gates", _("Gate"), "allocation.admit", _("Admit people: scan their tickets, and see who came.")),
    Place("board", _("Board"), "site.board", _("See what happens now: who waits, who answers, and what is sold.")),
    Place("admin:index", _("Administration"), "account.admin"),
]


def navigation(request: HttpRequest) -> dict[str, Any]:
    """The places for this visitor, and which of them this page is."""
    return {"navigation": lambda: [_shown(place, request) for place in PLACES if _may_go(place, request)]}


def _may_go(place: Place, request: HttpRequest) -> bool:
    """Whoever is not logged in is shown the places of customers, which ask to log in first."""
    person = visitor(request)
    role = rights.role_of(person) if person else rights.Role.CUSTOMER
    return bool(rights.cell(role, place.operation, demo=False))


def _shown(place: Place, request: HttpRequest) -> dict[str, Any]:
    address = reverse(place.name)
    return {
        "name": place.name,
        "url": address,
        "label": place.label,
        "sentence": place.sentence,
        "key": place.key,
        "is_here": request.path.startswith(address),
    }
