"""The doors on the start page, and what stands at them: numbers that are true now and this visitor's to know."""

from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from allocation.models import Ticket as EventTicket
from allocation.models import TicketOption
from booking.models import Booking
from support.models import Agent, Ticket
from ticketing import rights
from ticketing.rights import Scope
from ticketing.toolkit.panel import visitor
from ticketing.views.navigation import navigation


def doors(request: HttpRequest) -> Iterator[dict[str, Any]]:
    """The places of the navigation that a sentence describes, each with its news."""
    person = visitor(request)
    for place in navigation(request)["navigation"]():
        if place["sentence"]:
            tell = NEWS.get(place["name"]) if person else NEWS_FOR_EVERYBODY.get(place["name"])
            yield place | {"news": list(tell(request.user)) if tell else []}


def _on_sale(person: Any) -> Iterator[str]:
    options = TicketOption.objects.visible_to(person, "allocation.see_options").on().in_numbers()
    if not options["options"]:
        yield _("Nothing is on sale yet.")
    elif not options["to_be_had"]:
        yield _("Everything is sold out at the moment.")
    else:
        many = options["to_be_had"]
        left = ngettext("%(count)s kind of ticket is left.", "%(count)s kinds of tickets are left.", many)
        yield _counted(left, many)


def _own_bookings(person: Any) -> Iterator[str]:
    own = Booking.objects.visible_to(person, "booking.see_all").filter(account=person)
    if many := own.upcoming().count():
        yield _counted(ngettext("%(count)s booking comes up.", "%(count)s bookings come up.", many), many)
    else:
        yield _("Nothing is coming up.")


def _own_tickets(person: Any) -> Iterator[str]:
    own = EventTicket.objects.visible_to(person, "allocation.list_tickets").filter(holder=person)
    if many := own.filter(cancelled_at=None).count():
        yield _counted(ngettext("You have %(count)s ticket.", "You have %(count)s tickets.", many), many)
    else:
        yield _("You have no tickets yet.")


def _own_questions(person: Any) -> Iterator[str]:
    if rights.scope(person, "support.list") == Scope.OWN:
        seen: Any = Ticket.objects.visible_to(person, "support.list")
        if many := seen.open().count():
            yield _counted(ngettext("%(count)s question is open.", "%(count)s questions are open.", many), many)
        else:
            yield _("No question of yours is open.")


def _desk(person: Any) -> Iterator[str]:
    seen: Any = Ticket.objects.visible_to(person, "support.list")
    if many := seen.waiting().count():
        yield _counted(ngettext("%(count)s question waits.", "%(count)s questions wait.", many), many)
    else:
        yield _("Nobody waits.")
    mine = Agent.objects.visible_to(person, "support.see_agents").filter(user=person).values_list("taken", flat=True)
    if taken := mine.first():
        yield _counted(ngettext("%(count)s is in your hands.", "%(count)s are in your hands.", taken), taken)


def _board(person: Any) -> Iterator[str]:
    if many := Agent.objects.visible_to(person, "support.see_agents").present().count():
        yield _counted(ngettext("%(count)s agent is online.", "%(count)s agents are online.", many), many)
    else:
        yield _("No agent is online.")


def _counted(sentence: str, many: int) -> str:
    return sentence % {"count": number_format(many, force_grouping=True)}


NEWS_FOR_EVERYBODY: dict[str, Callable[[Any], Iterator[str]]] = {"allocation:events": _on_sale}
NEWS: dict[str, Callable[[Any], Iterator[str]]] = NEWS_FOR_EVERYBODY | {
    "booking:list": _own_bookings,
    "allocation:tickets": _own_tickets,
    "support:tickets": _own_questions,
    "support:desk": _desk,
    "board": _board,
}
