"""What several pages of customers show alike: what tickets are for, and what is held for the visitor."""

from collections.abc import Callable, Iterable
from functools import cache, wraps
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse

from allocation.models import Hold, TicketOption

MOST_SHOWN = 3  # of the visitor's holds
DIGITS = 5  # of a number that is kept on the way by the log-in

View = Callable[..., HttpResponse]


def title_of(options: Iterable[TicketOption]) -> str:
    """What tickets are for, in few words: their event, or the names of what belongs to none."""
    return ", ".join(dict.fromkeys(str(option.event or option) for option in options))


class Standing(NamedTuple):
    """A hold as the other pages remind of it."""

    hold: Hold
    title: str


def standing_of(request: HttpRequest) -> Callable[[], list[Standing]]:
    """What is held for the visitor at this moment, to be asked for by the pages that show it."""

    @cache
    def standing() -> list[Standing]:
        person: Any = request.user
        if not person.is_authenticated:
            return []
        rows = Hold.objects.standing().filter(account=person).prefetch_related("items__option__event")
        return [
            Standing(hold, title_of(item.option for item in hold.items.all()))
            for hold in rows.order_by("until")[:MOST_SHOWN]
        ]

    return standing


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
