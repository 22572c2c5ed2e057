"""What a browser holds of bookings without an account: the tokens it has shown, and what it just booked."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from booking.models import Booking
from ticketing import rights
from ticketing.rights import Scope

_TOKENS = "booking_tokens"  # the session's key for the manage tokens that this browser has shown
_JUST_MADE = "bookings_just_made"  # and for the bookings that it is still to show


def hold_token(request: HttpRequest, pk: UUID, token: str) -> None:
    """Remember that this browser has the token of a booking."""
    request.session[_TOKENS] = {**request.session.get(_TOKENS, {}), str(pk): token}


def note_made(request: HttpRequest, pk: UUID) -> None:
    """Remember that this browser is still to be shown what it booked."""
    request.session[_JUST_MADE] = [*request.session.get(_JUST_MADE, []), str(pk)]


def take_made(request: HttpRequest) -> list[str]:
    """The ids of what this browser booked and was not shown yet; the next time there are none."""
    made: list[str] = request.session.pop(_JUST_MADE, [])
    return made


def reached_booking(request: HttpRequest, pk: UUID, operation: str) -> Booking | None:
    """The booking, if it is theirs or this browser has shown its token; missing and foreign ones answer alike."""
    held = request.session.get(_TOKENS, {}).get(str(pk), "")
    rows = Booking.objects.visible_to(request.user, operation, held)
    return rows.with_state().with_deadline().select_related("slot__service", "resource").filter(pk=pk).first()


def missing_booking(request: HttpRequest) -> HttpResponse:
    """What to do about a booking that is not there, perhaps not any more, or not theirs."""
    return render(request, "booking/booking_missing.html", status=404)


def known_of(request: HttpRequest) -> dict[str, str]:
    """What the account knows of whoever can book for themselves only; nothing of whoever books for others."""
    person: Any = request.user
    if rights.scope(person, "booking.book") != Scope.OWN:
        return {}
    return {"firstname": person.first_name, "lastname": person.last_name, "email": person.email}
