"""The table of rights, cell by cell, at every door: each operation by each role on what is theirs, foreign, missing.

A case is one request for one operation. What it must answer is not written here: it follows from the table.
"""

import itertools
import json
import re
import uuid
from datetime import timedelta
from functools import cached_property
from typing import NamedTuple

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from allocation.actions import cancel_tickets, issue_ticket, offer_transfer, scan
from allocation.models import Ticket
from allocation.tests.factories import EventFactory, HoldFactory, PurchaseFactory, TicketOptionFactory
from booking.actions import check_in, create_resource, make_feed, walk_in
from booking.tests.factories import NOON, BookingFactory, ServiceFactory, past
from support.actions import add_canned_reply, assign_ticket, close_ticket, create_level, go_online, note_on_ticket
from support.models import Agent, SavedView
from support.tests.factories import A_FILE, ReplyFactory, TicketFactory, file_of, online_agent
from ticketing.actions import add_closure, add_special_opening, create_webhook, invite, issue_token, join_list
from ticketing.models import ApiToken, EmailLink, Session, User, Waiter
from ticketing.rights import RIGHTS, Role, Scope, cell
from ticketing.tests.factories import CalendarFactory, UserFactory
from ticketing.tests.waiting import LISTS, full, give_back, join

NOBODY = str(uuid.UUID(int=5, version=4))


class Case(NamedTuple):
    """A request; `{id}` in path and body is the object, which `thing` makes for an owner."""

    operation: str
    door: str
    method: str
    path: str
    body: dict | None = None
    thing: str = ""
    missing: str = NOBODY
    seen: str = ""  # what must be there for a list to show something


def api(operation, method, path, body=None, thing="", **more):
    return Case(operation, "api", method, f"/api/v1/{path}", body, thing, **more)


def contract(operation, path, body=None, thing="", method="POST", **more):
    return Case(operation, "contract", method, path, body, thing, **more)


NAMES = {"firstname": "Ishan", "lastname": "Dixit"}
NO_CODE = "ZZZZZZZZZZZZ"
SPECIAL = {"day": "2031-05-06", "opens": "09:00", "closes": "12:00"}
AT = "2031-05-06T12:00:00Z"
EVENT = {"name": "e", "starts_at": AT, "ends_at": "2031-05-06T15:00:00Z", "time_zone": "Europe/Berlin"}
DAY = "starts_from=2031-05-06T00:00:00Z&starts_to=2031-05-06T23:00:00Z"

CASES = [
    api("account.profile", "GET", "account/"),
    api("account.profile", "PATCH", "account/", {"first_name": "Ada"}),
    api("account.manage_tokens", "GET", "tokens/"),
    api("account.manage_tokens", "POST", "tokens/", {"name": "till"}),
    api("account.manage_tokens", "GET", "tokens/{id}/", thing="token"),
    api("account.manage_tokens", "PATCH", "tokens/{id}/", {"name": "till"}, thing="token"),
    api("account.manage_tokens", "POST", "tokens/{id}/rotate/", thing="token"),
    api("account.revoke_token", "DELETE", "tokens/{id}/", thing="token"),
    api("account.manage_sessions", "GET", "sessions/"),
    api("account.manage_sessions", "DELETE", "sessions/{id}/", thing="session"),
    api("account.list", "GET", "accounts/"),
    contract("account.list", "/users", method="GET"),
    api("account.manage", "PATCH", "accounts/{id}/", {"role": "gate"}, thing="account"),
    api("account.manage", "POST", "accounts/{id}/deactivate/", thing="account"),
    api("account.export", "GET", "account/export/"),
    api("account.export", "GET", "accounts/{id}/export/", thing="oneself"),
    Case("account.export", "panel", "GET", "/account/data/"),
    api("account.anonymise", "POST", "accounts/{id}/anonymise/", {"reason": "request"}, thing="account"),
    Case("account.anonymise", "panel", "GET", "/account/people/"),
    Case("account.anonymise", "panel", "GET", "/account/people/{id}/", thing="account"),
    api("account.manage", "GET", "invitations/"),
    api("account.manage", "POST", "invitations/", {"email": "new@example.org", "role": "agent"}),
    api("account.manage", "DELETE", "invitations/{id}/", thing="invitation"),
    contract(
        "support.raise_unverified", "/api/customer/ticket/generate", {"user_id": "1", "phone": "2", "query": "hey"}
    ),
    api("support.raise_unverified", "POST", "support/questions/", {"email": "a@example.org", "message": "hey"}),
    contract("support.open", "/tickets", {"subject": "s", "priority": "low", "department": "sales", "message": "hey"}),
    api(
        "support.open",
        "POST",
        "support/tickets/",
        {"subject": "s", "priority": "low", "department": "sales", "message": "hey"},
    ),
    contract("support.list", "/tickets", method="GET"),
    api("support.list", "GET", "support/tickets/"),
    contract("support.read", "/tickets/{id}", thing="question", method="GET", missing=NO_CODE),
    api("support.read", "GET", "support/tickets/{id}/", thing="question", missing=NO_CODE),
    contract("support.close", "/tickets/{id}", {"closed": True}, "question", "PATCH", missing=NO_CODE),
    api("support.close", "POST", "support/tickets/{id}/close/", thing="question", missing=NO_CODE),
    api("support.close", "POST", "support/tickets/{id}/reopen/", thing="question", missing=NO_CODE),
    api("support.rate", "POST", "support/tickets/{id}/rate/", {"rating": "bad"}, "closed question", missing=NO_CODE),
    api("support.triage", "PATCH", "support/tickets/{id}/", {"priority": "high"}, thing="question", missing=NO_CODE),
    api(
        "support.reject", "POST", "support/tickets/{id}/reject/", {"reason": "spam"}, thing="question", missing=NO_CODE
    ),
    *(
        api("support.triage", "POST", f"support/tickets/{{id}}/{verb}/", {"tag": "a"}, "question", missing=NO_CODE)
        for verb in ("tag", "untag")
    ),
    api("support.triage", "POST", "support/tickets/{id}/look/", thing="question", missing=NO_CODE),
    api("support.take", "GET", "support/tickets/{id}/colleagues/", thing="question", missing=NO_CODE),
    api("support.take", "POST", "support/tickets/{id}/take/", thing="waiting question", missing=NO_CODE),
    api("support.take", "POST", "support/tickets/{id}/release/", thing="question in work", missing=NO_CODE),
    api(
        "support.take",
        "POST",
        "support/tickets/{id}/hand-over/",
        {"to": "{me}", "note": "n"},
        "question in work",
        missing=NO_CODE,
    ),
    api("support.assign", "POST", "support/tickets/{id}/assign/", {"to": "{me}"}, "waiting question", missing=NO_CODE),
    contract("support.reply", "/replies?ticket={id}", thing="question", method="GET", missing=NO_CODE),
    contract("support.reply", "/replies", {"ticket": "{id}", "message": "hey"}, "question", missing=NO_CODE),
    api("support.reply", "POST", "support/replies/", {"ticket": "{id}", "message": "hey"}, "question", missing=NO_CODE),
    api("support.reply", "GET", "support/replies/{id}/", thing="reply"),
    api("support.reply", "GET", "support/attachments/{id}/", thing="file"),
    api("support.reply", "GET", "support/attachments/{id}/content/", thing="file"),
    api("support.use_canned", "GET", "support/canned-replies/"),
    api("support.use_canned", "GET", "support/canned-replies/{id}/", thing="canned"),
    Case("support.use_canned", "panel", "POST", "/panel/questions/{id}/insert/", thing="question", missing=NO_CODE),
    api("support.manage_canned", "POST", "support/canned-replies/", {"title": "t", "message": "m"}),
    api("support.manage_canned", "PATCH", "support/canned-replies/{id}/", {"title": "t"}, thing="canned"),
    api("support.manage_canned", "DELETE", "support/canned-replies/{id}/", thing="canned"),
    api("support.note", "POST", "support/notes/", {"ticket": "{id}", "message": "hey"}, "question", missing=NO_CODE),
    api("support.note", "GET", "support/notes/", seen="note"),
    api("support.note", "GET", "support/notes/{id}/", thing="note"),
    Case("support.note", "panel", "POST", "/panel/questions/{id}/note/", thing="question", missing=NO_CODE),
    api("support.presence", "POST", "support/agents/{id}/online/", {"minutes": 5}, thing="agent"),
    api("support.presence", "POST", "support/agents/{id}/away/", {"minutes": 5}, thing="agent"),
    api("support.presence", "POST", "support/agents/{id}/offline/", thing="agent"),
    api("support.see_agents", "GET", "support/agents/"),
    api("support.see_agents", "GET", "support/agents/{id}/", thing="agent"),
    api("support.keep_views", "GET", "support/views/"),
    api("support.keep_views", "GET", "support/views/{id}/", thing="view"),
    api("support.keep_views", "POST", "support/views/", {"name": "n", "query": "late=on"}),
    api("support.keep_views", "PATCH", "support/views/{id}/", {"name": "n"}, thing="view"),
    api("support.keep_views", "DELETE", "support/views/{id}/", thing="view"),
    api("support.share_views", "POST", "support/views/", {"name": "n", "query": "late=on", "shared": True}),
    Case("support.keep_views", "panel", "POST", "/panel/questions/views/?late=on", {"name": "n"}),
    Case("support.keep_views", "panel", "POST", "/panel/questions/views/{id}/remove/", thing="view"),
    api("support.see_levels", "GET", "support/levels/"),
    api("support.see_levels", "GET", "support/levels/{id}/", thing="level"),
    api("support.manage_levels", "POST", "support/levels/", {"priority": "low", "first_response": 5}),
    api("support.manage_levels", "PATCH", "support/levels/{id}/", {"first_response": 5}, thing="level"),
    api("support.manage_levels", "DELETE", "support/levels/{id}/", thing="level"),
    api("support.report", "GET", "support/reports/desk/"),
    Case("support.report", "panel", "GET", "/panel/desk/reports/"),
    Case("support.report", "panel", "GET", "/panel/desk/reports/hours.csv"),
    api("support.manage_agents", "PATCH", "support/agents/{id}/", {"capacity": 9}, thing="agent"),
    api("booking.see_free", "GET", "booking/services/"),
    api("booking.see_free", "GET", "booking/services/{id}/times/?day=2031-05-06", thing="service"),
    api("booking.see_free", "GET", "booking/services/{id}/days/?first=2031-05-06&last=2031-05-07", thing="service"),
    api("booking.see_free", "GET", "booking/slots/"),
    api("booking.see_free", "GET", "booking/slots/{id}/", thing="slot"),
    contract("booking.book", "/book/", {**NAMES, "phone_number": "5550100001", "date": "6-05-2031", "time": "12:00"}),
    api("booking.book", "POST", "booking/bookings/", {**NAMES, "phone": "5550100001", "starts_at": AT}),
    Case("booking.book", "panel", "GET", "/panel/book/"),
    contract("booking.see_one", "/view/", {"query": "id", "id": "{id}"}, "booking"),
    api("booking.see_one", "GET", "booking/bookings/{id}/", thing="booking"),
    contract("booking.see_by_time", "/view/", {"query": "datetime", "date": "6-05-2031"}, seen="booking"),
    api("booking.see_by_time", "GET", f"booking/bookings/?{DAY}"),
    contract("booking.see_all", "/view/", {"query": "all"}, seen="booking"),
    api("booking.see_all", "GET", "booking/bookings/"),
    contract("booking.change", "/update/edit/", {"id": "{id}", "firstname": "Asha"}, "booking"),
    api("booking.change", "PATCH", "booking/bookings/{id}/", {"firstname": "Asha"}, thing="booking"),
    contract("booking.cancel", "/update/delete/", {"id": "{id}"}, "booking"),
    api("booking.cancel", "DELETE", "booking/bookings/{id}/", thing="booking"),
    Case("booking.check_in", "panel", "GET", "/panel/day/"),
    Case("booking.report", "panel", "GET", "/panel/reports/bookings/"),
    Case("booking.report", "panel", "GET", "/panel/reports/bookings.csv"),
    api("booking.report", "GET", "booking/tallies/"),
    api("booking.check_in", "POST", "booking/bookings/walk-in/", NAMES),
    api("booking.check_in", "POST", "booking/bookings/{id}/check-in/", {"came": 1}, thing="today"),
    api("booking.check_in", "POST", "booking/bookings/{id}/undo-check-in/", thing="arrived"),
    api("booking.check_in", "POST", "booking/bookings/{id}/missed/", thing="late"),
    api("booking.check_in", "POST", "booking/bookings/{id}/undo-walk-in/", thing="walk-in"),
    api("booking.manage", "POST", "booking/services/", {"slug": "repair", "name": "Repair", "slot_capacity": 2}),
    api("booking.manage", "PATCH", "booking/services/{id}/", {"name": "Repair"}, thing="service"),
    api("booking.feeds", "GET", "booking/feeds/"),
    api("booking.feeds", "POST", "booking/feeds/", {}),
    api("booking.feeds", "GET", "booking/feeds/{id}/", thing="feed"),
    api("booking.feeds", "DELETE", "booking/feeds/{id}/", thing="feed"),
    api("booking.manage", "GET", "booking/resources/"),
    api("booking.manage", "GET", "booking/resources/{id}/", thing="resource"),
    api("booking.manage", "POST", "booking/resources/", {"name": "Room 2"}),
    api("booking.manage", "PATCH", "booking/resources/{id}/", {"name": "Room 3"}, thing="resource"),
    api("booking.manage", "PATCH", "booking/slots/{id}/", {"capacity": 30}, thing="slot"),
    contract("allocation.see_options", "/ticket_options/{id}", thing="option", method="GET"),
    api("allocation.see_options", "GET", "allocation/options/"),
    api("allocation.see_options", "GET", "allocation/options/{id}/", thing="option"),
    contract("allocation.change_options", "/ticket_options", {"Name": "n", "Desc": "d", "Allocation": 5}),
    api("allocation.change_options", "POST", "allocation/options/", {"name": "n", "allocation": 5}),
    api("allocation.change_options", "PATCH", "allocation/options/{id}/", {"allocation": 50}, thing="option"),
    contract("allocation.purchase", "/ticket_options/{id}/purchases", {"Quantity": 1, "UserID": "{me}"}, "option"),
    api(
        "allocation.purchase",
        "POST",
        "allocation/purchases/",
        {"items": [{"option": "{id}", "quantity": 1}], "buyer": "{me}"},
        "option",
    ),
    api("allocation.see_options", "GET", "allocation/events/"),
    api("allocation.see_options", "GET", "allocation/events/{id}/", thing="event"),
    api("allocation.manage_events", "POST", "allocation/events/", EVENT),
    api("allocation.manage_events", "PATCH", "allocation/events/{id}/", {"venue": "Hall"}, thing="event"),
    api("allocation.report", "GET", "allocation/events/{id}/report/", thing="event"),
    Case("allocation.report", "panel", "GET", "/panel/events/report/"),
    Case("allocation.report", "panel", "GET", "/panel/events/{id}/report/", thing="event"),
    *(
        Case("allocation.report", "panel", "GET", f"/panel/events/{{id}}/report/{name}.csv", thing="event")
        for name in ("options", "sales", "admissions")
    ),
    api("allocation.hold", "GET", "allocation/holds/"),
    api("allocation.hold", "GET", "allocation/holds/{id}/", thing="hold"),
    api(
        "allocation.hold",
        "POST",
        "allocation/holds/",
        {"items": [{"option": "{id}", "quantity": 1}], "buyer": "{me}"},
        "option",
    ),
    api("allocation.hold", "POST", "allocation/holds/{id}/confirm/", thing="hold"),
    api("allocation.hold", "POST", "allocation/holds/{id}/release/", thing="hold"),
    api("allocation.admit", "POST", "allocation/scans/", {"code": "x", "gate": "North", "nonce": NOBODY}),
    api("allocation.see_scans", "GET", "allocation/scans/", seen="scan"),
    api("allocation.see_scans", "GET", "allocation/scans/{id}/", thing="scan"),
    api("allocation.undo_admission", "POST", "allocation/scans/{id}/undo/", {"reason": "x"}, thing="scan"),
    api("allocation.cancel", "POST", "allocation/purchases/{id}/cancel/", thing="purchase"),
    api("allocation.cancel", "POST", "allocation/tickets/{id}/cancel/", thing="ticket"),
    api("allocation.transfer", "POST", "allocation/tickets/{id}/transfer/", {"email": "a@example.org"}, "ticket"),
    api("allocation.transfer", "POST", "allocation/tickets/{id}/withdraw-transfer/", thing="offered ticket"),
    *(
        api("allocation.take_along", "GET", f"allocation/{noun}s/{{id}}/{what}/", thing=f"staged {noun}")
        for noun in ("purchase", "ticket")
        for what in ("pdf", "calendar")
    ),
    api("allocation.see_purchase", "GET", "allocation/purchases/{id}/", thing="purchase"),
    api("allocation.list_purchases", "GET", "allocation/purchases/"),
    contract("allocation.see_ticket", "/ticket?id={id}", thing="ticket", method="GET"),
    api("allocation.see_ticket", "GET", "allocation/tickets/{id}/", thing="ticket"),
    contract("allocation.list_tickets", "/ticket", method="GET"),
    api("allocation.list_tickets", "GET", "allocation/tickets/"),
    contract("allocation.issue", "/ticket"),
    api("allocation.issue", "POST", "allocation/tickets/", {}),
    contract("allocation.set_validity", "/ticket/invalidate?id={id}", thing="ticket", method="UPDATE"),
    api("allocation.set_validity", "POST", "allocation/tickets/{id}/invalidate/", thing="ticket"),
    api("allocation.set_validity", "POST", "allocation/tickets/{id}/validate/", thing="ticket"),
    api(
        "waiting.join",
        "POST",
        "waiting/",
        {"kind": "booking.slot", "stock": "{id}", "quantity": 1, "email": "a@example.org"},
        "full slot",
    ),
    api("waiting.see", "GET", "waiting/", seen="waiter"),
    api("waiting.use_link", "GET", "waiting/{id}/", thing="waiter"),
    api("waiting.use_link", "POST", "waiting/{id}/confirm/", thing="waiter"),
    api("waiting.use_link", "POST", "waiting/{id}/leave/", thing="waiter"),
    api("waiting.use_link", "POST", "waiting/{id}/decline/", thing="offer"),
    api(
        "waiting.use_link",
        "POST",
        "booking/bookings/take-up/",
        {"waiter": "{id}", **NAMES, "phone": "5550100001"},
        "offer",
    ),
    api(
        "waiting.use_link",
        "POST",
        "allocation/purchases/take-up/",
        {"waiter": "{id}", "buyer": "{me}"},
        "ticket offer",
    ),
    api("waiting.manage", "POST", "waiting/{id}/move/", {"reason": "Why not."}, "waiter"),
    api("hours.see", "GET", "hours/calendars/"),
    api("hours.see", "GET", "hours/calendars/{id}/", thing="calendar"),
    api("hours.see", "GET", "hours/calendars/{id}/open/", thing="calendar"),
    api("hours.see", "GET", f"hours/calendars/{{id}}/openings/?from={AT}&until={AT}", thing="calendar"),
    api("hours.see", "GET", "hours/closures/{id}/", thing="closure"),
    api("hours.see", "GET", "hours/special-openings/{id}/", thing="special opening"),
    api("hours.manage", "POST", "hours/calendars/", {"slug": "desk", "name": "Desk"}),
    api("hours.manage", "PATCH", "hours/calendars/{id}/", {"name": "Desk"}, thing="calendar"),
    api("hours.manage", "POST", "hours/calendars/{id}/week/", {"week": []}, thing="calendar"),
    api("hours.manage", "POST", "hours/closures/", {"calendar": "{id}", "first_day": "2031-05-06"}, "calendar"),
    api("hours.manage", "PATCH", "hours/closures/{id}/", {"reason": "Holidays"}, thing="closure"),
    api("hours.manage", "DELETE", "hours/closures/{id}/", thing="closure"),
    api("hours.manage", "POST", "hours/special-openings/", {"calendar": "{id}", **SPECIAL}, "calendar"),
    api("hours.manage", "DELETE", "hours/special-openings/{id}/", thing="special opening"),
    Case("site.visit", "panel", "GET", "/"),
    api("site.visit", "GET", "schema/"),
    contract("site.health", "/health", method="GET"),
    Case("site.board", "panel", "GET", "/panel/board/"),
    api("site.trail", "GET", "activities/"),
    api("site.outbox", "GET", "mails/"),
    api("site.outbox", "GET", "deliveries/"),
    api("site.webhooks", "GET", "webhooks/"),
    api("site.webhooks", "POST", "webhooks/", {"url": "https://example.org/hook"}),
    api("site.webhooks", "PATCH", "webhooks/{id}/", {"description": "d"}, thing="webhook"),
    api("site.webhooks", "POST", "webhooks/{id}/rotate/", thing="webhook"),
    api("site.webhooks", "DELETE", "webhooks/{id}/", thing="webhook"),
    *(
        Case("account.admin", "admin", "GET", f"/admin/{page}")
        for page in ("", "support/ticket/", "booking/booking/", "allocation/ticketoption/", "ticketing/activity/")
    ),
]

# Not asked by one request for one object: shown by tests of their own, or done by commands only.
ELSEWHERE = {"account.log_in", "account.sign_up", "account.use_link", "booking.purge", "booking.read_feed"}
ELSEWHERE |= {"site.operate", "allocation.see_transfer", "allocation.accept_transfer"}


def _bought(owner):
    return PurchaseFactory(option=TicketOptionFactory(), buyer=owner.pk, by=owner if owner.role == "customer" else None)


MAKE = {
    "token": lambda owner: ApiToken.objects.get(user=owner, name=issue_token(owner, name="x", by=None) and "x").pk,
    "session": lambda owner: _session(owner),
    "account": lambda owner: UserFactory().pk,
    "oneself": lambda owner: owner.pk,
    "invitation": lambda owner: _invitation(),
    "question": lambda owner: TicketFactory(by=owner).code,
    "closed question": lambda owner: close_ticket(TicketFactory(by=owner), by=None).code,
    "waiting question": lambda owner: _waiting(owner).code,
    "question in work": lambda owner: _in_work(owner).code,
    "reply": lambda owner: ReplyFactory(ticket=TicketFactory(by=owner), by=owner).pk,
    "file": lambda owner: file_of(ReplyFactory(ticket=TicketFactory(by=owner), by=owner, files=[A_FILE])).pk,
    "canned": lambda owner: add_canned_reply(title=f"c{owner.pk}", message="m", by=None).pk,
    "note": lambda owner: note_on_ticket(TicketFactory(by=owner), message="x", by=UserFactory(role="agent")).pk,
    "agent": lambda owner: Agent.objects.get_or_create(user=owner)[0].pk,
    "resource": lambda owner: create_resource(name="Room 1", by=None).pk,
    "feed": lambda owner: make_feed(by=owner)[0].pk,
    "slot": lambda owner: BookingFactory(starts_at=NOON).slot_id,
    "booking": lambda owner: BookingFactory(by=owner, starts_at=NOON).pk,
    "today": lambda owner: past(timedelta(0), by=owner).pk,
    "arrived": lambda owner: check_in(past(timedelta(0), by=owner), by=None).pk,
    "walk-in": lambda owner: walk_in(**NAMES, by=None).pk,
    "late": lambda owner: past(timedelta(minutes=20), by=owner).pk,
    "service": lambda owner: ServiceFactory().pk,
    "option": lambda owner: TicketOptionFactory().pk,
    "event": lambda owner: EventFactory().pk,
    "scan": lambda owner: _scan(owner).pk,
    "hold": lambda owner: HoldFactory(buyer=owner.pk).pk,
    "purchase": lambda owner: _bought(owner).id,
    "ticket": lambda owner: Ticket.objects.get(purchase=_bought(owner).id).pk,
    "offered ticket": lambda owner: _offered(owner).pk,
    "staged purchase": lambda owner: _staged(owner).purchase_id,
    "staged ticket": lambda owner: _staged(owner).pk,
    "full slot": lambda owner: full().pk,
    "waiter": lambda owner: _waiter(owner).pk,
    "offer": lambda owner: _offer(owner).pk,
    "ticket offer": lambda owner: _ticket_offer(owner).pk,
    "webhook": lambda owner: create_webhook(url="https://example.org/h", by=None)[0].pk,
    "calendar": lambda owner: CalendarFactory().pk,
    "view": lambda owner: SavedView.objects.create(user=owner, name="x", query="late=on").pk,
    "level": lambda owner: create_level(department="", priority="high", resolution=60, by=None).pk,
    "closure": lambda owner: add_closure(CalendarFactory(), first_day=NOON.date(), by=None).pk,
    "special opening": lambda owner: (
        add_special_opening(CalendarFactory(), day=NOON.date(), opens=0, closes=60, by=None).pk
    ),
}
# Things that are nobody's: whoever reaches all reaches them, and there is no foreign one.
SHARED = {"account", "walk-in", "invitation", "resource", "slot", "full slot", "service", "option", "event", "webhook"}
SHARED |= {"calendar", "closure", "special opening", "canned", "level"}


def _waiting(owner):
    """All staff are online, each as an agent of the account's own id."""
    for person in User.objects.filter(role__in=["agent", "supervisor"]):
        Agent.objects.get_or_create(user=person, defaults={"pk": person.pk})
        go_online(person, lasts=timedelta(hours=1), by=None)
    return TicketFactory(by=owner)


def _in_work(owner):
    ticket, colleague = _waiting(owner), online_agent()
    return assign_ticket(ticket, to=colleague, by=None)


def _session(owner):
    Client().force_login(owner)
    return Session.objects.filter(account=owner).latest("created_at").public_id


def _waiter(owner):
    return join(full(), by=owner if owner.role == "customer" else None)


def _offer(owner):
    waiter = _waiter(owner)
    give_back(waiter.what())
    return waiter


def _staged(owner):
    bought = PurchaseFactory(option=TicketOptionFactory(event=EventFactory()), buyer=owner.pk)
    return Ticket.objects.get(purchase=bought.id)


def _offered(owner):
    ticket = Ticket.objects.get(purchase=_bought(owner).id)
    offer_transfer(ticket, by=None)
    return ticket


def _scan(owner):
    by = owner if owner.role == "gate" else None
    return scan(str(issue_ticket(by=None).pk), gate="North", nonce=uuid.uuid4(), by=by)


def _ticket_offer(owner):
    bought = PurchaseFactory(option=TicketOptionFactory(allocation=1))
    option = Ticket.objects.get(purchase=bought.id).option
    waiter = join_list(option, quantity=1, email=owner.email, language="en", by=None)
    if owner.role == "customer":
        Waiter.objects.filter(pk=waiter.pk).update(account=owner)
    cancel_tickets(bought.tickets, by=None)
    return waiter


def _invitation():
    invite(email="invited@example.org", role="agent", by=None)
    return EmailLink.objects.get(email="invited@example.org").pk


@pytest.fixture
def mode(request, settings):
    settings.SITE_MODE = request.param
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WAITING_LISTS = LISTS
    return request.param


@pytest.fixture
def actor(request, db, mode):
    """Somebody of each role; in the demo a demo account or not makes no difference."""
    if request.param == Role.ANONYMOUS:
        return AnonymousUser()
    role = Role.SUPERVISOR if request.param == Role.SUPERUSER else request.param
    return UserFactory(role=role, is_superuser=request.param == Role.SUPERUSER)


class Caller:
    """How this person comes to each door: programs with a token, browsers with a session."""

    def __init__(self, user):
        self.user = user

    @cached_property
    def browser(self):
        client = Client()
        if self.user.is_authenticated:
            client.force_login(self.user)
        return client

    @cached_property
    def headers(self):
        if not self.user.is_authenticated:
            return {}
        return {"Authorization": f"Bearer {issue_token(self.user, name='matrix', by=None)}"}

    def ask(self, case, named=""):
        me = str(self.user.pk or NOBODY)
        fill = lambda text: text.replace("{id}", str(named)).replace("{me}", me)  # noqa: E731
        client, headers = (self.browser, {}) if case.door in ("panel", "admin") else (Client(), self.headers)
        body = "" if case.method == "GET" else fill(json.dumps(case.body or {}))
        return client.generic(case.method, fill(case.path), body, "application/json", headers=headers)


def role_of(user):
    if not user.is_authenticated:
        return Role.ANONYMOUS
    return Role.SUPERUSER if user.is_superuser else Role(user.role)


def expected(reached, door, role, whose):
    """The kind of answer that the table asks for."""
    if reached is None:
        if door == "admin" or (door == "panel" and role == Role.ANONYMOUS):
            return {302}
        return {401} if role == Role.ANONYMOUS else {403}
    if whose == "missing":
        return {404}
    if whose == "foreign" and reached in (Scope.OWN, Scope.CAP):
        return {404}
    return {200, 201, 202, 204}


def told(answer, named):
    """What an answer says, but for what was asked for, and the token that each page has anew."""
    text = answer.content.decode().replace(str(named), "")
    return re.sub(r'(?<=name="csrfmiddlewaretoken" value=")\w+', "", text)


def test_every_operation_is_asked_at_some_door():
    assert {case.operation for case in CASES} | ELSEWHERE == set(RIGHTS)
    assert not {case.operation for case in CASES} & ELSEWHERE


def cells():
    """Every case for every role; in the demo only where that opens more, as nothing else asks for the mode."""
    for case, role in itertools.product(CASES, Role):
        opens_more = cell(role, case.operation, demo=True) != cell(role, case.operation, demo=False)
        for mode in ["production", "demo"][: 1 + opens_more]:
            named = f"{role}-{mode}-{case.door} {case.method} {case.path} {case.operation}"
            yield pytest.param(case, role, mode, id=named)


@pytest.mark.parametrize(("case", "actor", "mode"), list(cells()), indirect=["actor", "mode"])
def test_each_cell_is_what_the_table_says(case, actor, mode):
    role = role_of(actor)
    reached = cell(role, case.operation, demo=mode == "demo")
    caller = Caller(actor)
    if case.seen:
        MAKE[case.seen](actor if role == Role.CUSTOMER else UserFactory())
    if not case.thing:
        answer = caller.ask(case)
        assert answer.status_code in expected(reached, case.door, role, "own"), answer.content[:300]
        return
    stranger = UserFactory(role="agent" if case.thing == "agent" else "customer")
    foreign_id = MAKE[case.thing](stranger)
    foreign, missing = caller.ask(case, foreign_id), caller.ask(case, case.missing)
    whose = "own" if case.thing in SHARED else "foreign"
    assert foreign.status_code in expected(reached, case.door, role, whose), foreign.content[:300]
    assert missing.status_code in expected(reached, case.door, role, "missing"), missing.content[:300]
    if foreign.status_code == 404:
        assert told(foreign, foreign_id) == told(missing, case.missing)
    if case.thing not in SHARED and role in (Role.CUSTOMER, Role.AGENT if case.thing == "agent" else Role.CUSTOMER):
        own = caller.ask(case, MAKE[case.thing](actor))
        assert own.status_code in expected(reached, case.door, role, "own"), own.content[:300]
