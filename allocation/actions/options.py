"""The verbs of events and of what is on sale."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, TypedDict, Unpack

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from allocation.errors import BelowTaken, TermsMisfit
from allocation.models import DESCRIPTION_LIMIT, NAME_LIMIT, Event, TicketOption
from ticketing import rights
from ticketing.actions import offer_what_is_free
from ticketing.errors import Invalid
from ticketing.hours.rules import clean_zone
from ticketing.models import Activity, User
from ticketing.rights import Actor, Role
from ticketing.texts import clean_text

MAX_STOCK = 2_147_483_647  # what a PostgreSQL integer holds


class Particulars(TypedDict, total=False):
    """What an event is; see the model's fields."""

    name: str
    venue: str
    description: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    published: bool
    cancel_until: datetime | None
    transfer_until: datetime | None
    gates: Collection[User]  # accounts with that role


class Terms(TypedDict, total=False):
    """On which terms an option is sold; see the model's fields."""

    event: Event | None
    on_sale_from: datetime | None
    on_sale_until: datetime | None
    least: int
    most: int | None
    limit: int | None


@transaction.atomic
def create_event(*, by: Actor, **said: Unpack[Particulars]) -> Event:
    """Prepare an event; nobody but supervisors sees it until it is published."""
    rights.require(by, "allocation.manage_events")
    gates = said.pop("gates", ())
    event = Event(**_particulars({"venue": "", "description": "", **said}))
    _require_order(event)
    event.save(force_insert=True)
    _set_gates(event, gates)
    Activity.objects.record("allocation.create_event", event, by=by, published=event.published)
    return event


@transaction.atomic
def change_event(event: Event, *, by: Actor, **said: Unpack[Particulars]) -> Event:
    """Change what is given. Sales that were to end with the event still do; none goes on when it is over."""
    rights.require(by, "allocation.manage_events")
    before = Event.objects.select_for_update(no_key=True).get(pk=event.pk)
    gates = said.pop("gates", None)
    changes = _particulars(said)
    after = Event.objects.get(pk=event.pk)
    for name, value in changes.items():
        setattr(after, name, value)
    _require_order(after)
    if gates is not None:
        _set_gates(event, gates)
    if changes or gates is not None:
        Event.objects.filter(pk=event.pk).change(**changes)
        fields = sorted([*changes, *(["gates"] if gates is not None else [])])
        Activity.objects.record("allocation.change_event", event, by=by, fields=fields)
        _move_sales(before, after)
    return after


def _set_gates(event: Event, gates: Collection[User]) -> None:
    if any(gate.role != Role.GATE for gate in gates):
        raise TermsMisfit(_("Only accounts with the role of a gate admit people to an event."), field="gates")
    event.gates.set(gates)


def _particulars(said: Mapping[str, Any]) -> dict[str, Any]:
    cleaned = dict(said)
    for name, limit, rules in (
        ("name", NAME_LIMIT, {}),
        ("venue", NAME_LIMIT, {"empty": True}),
        ("description", DESCRIPTION_LIMIT, {"empty": True, "lines": True}),
    ):
        if name in said:
            cleaned[name] = clean_text(said[name], field=name, limit=limit, **rules)
    if "time_zone" in said:
        cleaned["time_zone"] = clean_zone(said["time_zone"], field="time_zone")
    return cleaned


def _require_order(event: Event) -> None:
    if event.ends_at <= event.starts_at:
        raise TermsMisfit(_("An event ends after it has begun."), field="ends_at")
    if event.cancel_until and event.cancel_until > event.ends_at:
        raise TermsMisfit(_("Tickets cannot be taken back when the event is over."), field="cancel_until")
    if event.transfer_until and event.transfer_until > event.ends_at:
        raise TermsMisfit(_("Tickets cannot be handed on when the event is over."), field="transfer_until")


def _move_sales(before: Event, after: Event) -> None:
    """Let sales end with the event that did, and all others when it is over at the latest."""
    if before.ends_at == after.ends_at:
        return
    # One by one, in the order in which whoever needs several options locks them.
    for option in TicketOption.objects.filter(event=after).order_by("pk").select_for_update(no_key=True):
        until = option.on_sale_until or after.ends_at
        option.on_sale_until = after.ends_at if until == before.ends_at else min(until, after.ends_at)
        _require_sale(option)
        TicketOption.objects.filter(pk=option.pk).change(on_sale_until=option.on_sale_until)
        offer_what_is_free(option)


@transaction.atomic
def create_option(*, name: str, description: str, allocation: int, by: Actor, **terms: Unpack[Terms]) -> TicketOption:
    """Put `allocation` tickets on sale, at once and for everybody unless the terms say otherwise."""
    rights.require(by, "allocation.change_options")
    option = TicketOption(**_described(name, description), capacity=counted(allocation, "allocation"))
    _set_terms(option, terms, by=by)
    option.save(force_insert=True)
    Activity.objects.record("allocation.create_option", option, by=by, allocation=allocation)
    return option


@transaction.atomic
def describe_option(option: TicketOption, *, name: str, description: str, by: Actor) -> TicketOption:
    """Change what an option says of itself."""
    rights.require(by, "allocation.change_options")
    described = _described(name, description)
    TicketOption.objects.filter(pk=option.pk).change(**described)
    Activity.objects.record("allocation.describe_option", option, by=by)
    option.name, option.description = described["name"], described["description"]
    return option


@transaction.atomic
def set_allocation(option: TicketOption, *, allocation: int, by: Actor) -> TicketOption:
    """Change how many tickets there are in all, or BelowTaken when more are taken already (invariant E6).

    What becomes free goes to the waiting list first.
    """
    rights.require(by, "allocation.change_options")
    wide_enough = TicketOption.objects.filter(pk=option.pk, taken__lte=counted(allocation, "allocation"))
    if not wide_enough.change(capacity=allocation):
        raise BelowTaken.by(TicketOption.objects.values_list("taken", flat=True).get(pk=option.pk))
    Activity.objects.record("allocation.set_allocation", option, by=by, allocation=allocation)
    option.capacity = allocation
    offer_what_is_free(option)
    return option


@transaction.atomic
def set_terms(option: TicketOption, *, by: Actor, **terms: Unpack[Terms]) -> TicketOption:
    """Change on which terms an option is sold; what is sold or held already stays."""
    rights.require(by, "allocation.change_options")
    _set_terms(option, terms, by=by)
    TicketOption.objects.filter(pk=option.pk).change(**{name: getattr(option, name) for name in _TERMS})
    Activity.objects.record("allocation.set_terms", option, by=by, fields=sorted(terms))
    offer_what_is_free(option)
    return option


@transaction.atomic
def change_option(
    option: TicketOption,
    *,
    by: Actor,
    name: str | None = None,
    description: str | None = None,
    allocation: int | None = None,
    **terms: Unpack[Terms],
) -> TicketOption:
    """Change what is given, wholly or not at all."""
    rights.require(by, "allocation.change_options")
    if name is not None or description is not None:
        texts = {
            "name": option.name if name is None else name,
            "description": option.description if description is None else description,
        }
        describe_option(option, **texts, by=by)
    if terms:
        set_terms(option, **terms, by=by)
    if allocation is not None:
        set_allocation(option, allocation=allocation, by=by)
    return option


_TERMS = ["event", "on_sale_from", "on_sale_until", "least", "most", "limit"]


def _set_terms(option: TicketOption, terms: Terms, *, by: Actor) -> None:
    """Set what is given, if it makes sense together with what stays."""
    if terms.get("event"):
        rights.require(by, "allocation.manage_events")
    for name, value in terms.items():
        setattr(option, name, value)
    for name in ("least", "most", "limit"):
        if getattr(option, name) is not None:
            counted(getattr(option, name), name)
    if option.most is not None and option.most < option.least:
        raise TermsMisfit(_("The most in one purchase cannot be fewer than the least."), field="most")
    if option.limit is not None and option.limit < option.least:
        raise TermsMisfit(_("The limit per customer cannot be lower than the least in one purchase."), field="limit")
    _set_sale(option)


def _set_sale(option: TicketOption) -> None:
    if option.event is not None:
        # Locked, so that it is not moved meanwhile.
        event = Event.objects.select_for_update(no_key=True).get(pk=option.event.pk)
        option.on_sale_until = option.on_sale_until or event.ends_at
        if option.on_sale_until > event.ends_at:
            raise TermsMisfit(_("The sale cannot go on when the event is over."), field="on_sale_until")
    _require_sale(option)


def _require_sale(option: TicketOption) -> None:
    if option.on_sale_from and option.on_sale_until and option.on_sale_until <= option.on_sale_from:
        raise TermsMisfit(_("The sale ends after it has begun."), field="on_sale_until")


def _described(name: str, description: str) -> dict[str, str]:
    return {
        "name": clean_text(name, field="name", limit=TicketOption.NAME_LIMIT),
        "description": clean_text(
            description, field="description", limit=TicketOption.DESCRIPTION_LIMIT, empty=True, lines=True
        ),
    }


def counted(number: int, field: str) -> int:
    """A number of tickets that can be stored, or Invalid naming the field."""
    if not 1 <= number <= MAX_STOCK:
        sentence = _("“%(field)s” must be a whole number from 1 to %(limit)d.")
        raise Invalid(sentence % {"field": field, "limit": MAX_STOCK}, field=field)
    return number
