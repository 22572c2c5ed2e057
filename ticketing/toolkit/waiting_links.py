"""Which links of places on waiting lists a browser has shown, and what they open."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from ticketing.errors import NotFound
from ticketing.models import Stock, Waiter
from ticketing.toolkit.contracts import found

LINKS = "waiting_links"  # the session's key: which row, which version of its link; never the secret

LINK_SECRET = OpenApiParameter(
    "Manage-Token",
    str,
    OpenApiParameter.HEADER,
    description="What the link in the mails of the waiting list ends in; it stands in for an account.",
)


def remember_link(request: HttpRequest, waiter: Waiter) -> None:
    """This browser has shown the secret of the link."""
    request.session[LINKS] = {**request.session.get(LINKS, {}), str(waiter.pk): waiter.link_version}


def shown_link(request: HttpRequest, pk: UUID) -> tuple[UUID, int] | None:
    """What this browser has shown of one place (see `Waiter.link`)."""
    version = request.session.get(LINKS, {}).get(str(pk))
    return (pk, version) if version else None


def reached_place(request: HttpRequest, pk: UUID) -> Any:
    """The place, if it is theirs or this browser has shown its link; missing and foreign ones answer alike."""
    rows = Waiter.objects.visible_to(request.user, "waiting.use_link", shown_link(request, pk))
    return found(rows.with_position(), pk=pk)


def named_place(request: Request, pk: UUID, stock: type[Stock]) -> Waiter:
    """The place of this id on a list of such stocks, for its account or by its link's secret; NotFound."""
    secret = request.headers.get("Manage-Token", "")
    rows = Waiter.objects.visible_to(request.user, "waiting.use_link", Waiter.objects.link_of(pk, secret))
    if waiter := rows.filter(pk=pk, kind=stock._meta.label_lower).first():
        return waiter
    raise NotFound(field="waiter")
