"""What several pages of customers show alike: what tickets are for, and what is held for the visitor."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache, wraps
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse

from allocation.models import Hold, TicketOption
from ticketing.models import User, Waiter

MOST_SHOWN = 3  # of the visitor's holds
DIGITS = 5  # of a number that is kept on the way by the log-in

View = Callable[..., HttpResponse]


def title_of(options: Iterable[TicketOption]) -> str:
    """What tickets are for, in few words: their event, or the names of what belongs to none."""
    return ", ".join(dict.fromkeys(str(option.event or option) for option in options))


class Standing(NamedTuple):
    """A hold, or a place on a waiting list, as the other pages remind of it."""

    title: str
    hold: Hold | None = None
    place: Waiter | None = None


def standing_of(request: HttpRequest) -> Callable[[], list[Standing]]:
    """What the visitor holds and waits for at this moment, to be asked for by the pages that show it."""

    @cache
    def standing() -> list[Standing]:
        person: Any = request.user
        if not person.is_authenticated:
            return []
        return [*_holds_of(person), *_places_of(person)]

    return standing


def _holds_of(person: User) -> Iterator[Standing]:
    rows = Hold.objects.standing().filter(account=person).prefetch_related("items__option__event")
    for hold in rows.order_by("until")[:MOST_SHOWN]:
        yield Standing(title_of(item.option for item in hold.items.all()), hold=hold)


def _places_of(person: User) -> Iterator[Standing]:
    mine = Waiter.objects.open().filter(account=person, kind=TicketOption._meta.label_lower)
    # What is offered comes first.
    places = list(mine.with_position().order_by("state", "created_at", "pk")[:MOST_SHOWN])
    if not places:
        return
    options = TicketOption.objects.select_related("event").in_bulk([place.stock for place in places])
    for place in places:
        if option := options.get(place.stock):
            yield Standing(option.title, place=place)


def comes_back(view: View) -> View:
    """Whoever has to log in first comes back to the page with what they chose."""

    @wraps(view)
    def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST" or request.user.is_authenticated:
            return view(request, *args, **kwargs)
        said = urlencode(chosen(request.POST))
        return redirect_to_login(f"{request.path}?{said}" if said else request.path)

    return asked


def chosen(said: Any) -> dict[str, str]:
    """The numbers that a form or an address names."""
    return {name: value for name, value in said.items() if value.isdecimal() and len(value) <= DIGITS and int(value)}
