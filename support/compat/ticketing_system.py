"""The contract of ticketing-system: accounts, tickets and replies behind Bearer tokens."""

import re
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.translation import gettext_lazy as _

from support import actions
from support.models import MESSAGE_LIMIT, Department, Priority, Reply, Ticket
from support.policies import spellings
from support.querysets import TicketQuerySet
from ticketing import rights
from ticketing.actions import demo_secret
from ticketing.errors import Invalid, LogInFirst
from ticketing.models import User
from ticketing.rights import Scope
from ticketing.toolkit.contracts import ContractView, Fields, found, json_array, pick, route


class Users(ContractView):
    """GET: the accounts there are; the demo's with their tokens, so that a visitor has something to work with."""

    contract = "ticketing-system"
    operations = {"GET": "account.list"}

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """In production supervisors see names, and nobody sees a token."""
        shows_tokens = rights.scope(self.actor, "account.list") == Scope.DEMO
        accounts = User.objects.visible_to(self.actor)
        return json_array(accounts, lambda user: account(user) | (token(user) if shows_tokens else {}))


class AccountView(ContractView):
    """A path that needs to know whose account is calling."""

    contract = "ticketing-system"

    def account(self) -> User:
        """The caller's account."""
        if isinstance(self.actor, User):
            return self.actor
        raise LogInFirst


class Tickets(AccountView):
    """GET: the tickets this account may see; POST: open one."""

    operations = {"GET": "support.list", "POST": "support.open"}

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """All that match the filters, newest first."""
        tickets = matching(Ticket.objects.visible_to(self.actor), request)
        return json_array(tickets.newest_first(), ticket_row)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """The ticket that was opened."""
        fields = Fields(request)
        ticket = actions.open_ticket(
            subject=fields.text("subject", 250),
            priority=fields.choice("priority", Priority.values),
            department=fields.choice("department", Department.values),
            message=fields.text("message", MESSAGE_LIMIT, lines=True),
            by=self.account(),
        )
        return JsonResponse(ticket_row(ticket), status=201)


class OneTicket(AccountView):
    """GET: one ticket by its code; PATCH: close or re-open it."""

    operations = {"GET": "support.read", "PATCH": "support.close"}

    def get(self, request: HttpRequest, code: str) -> HttpResponseBase:
        """The ticket, or 404 also for somebody else's."""
        return JsonResponse(ticket_row(self.ticket(code, "support.read")))

    def patch(self, request: HttpRequest, code: str) -> HttpResponseBase:
        """`closed` is the only thing that can be changed; asking for what is so already is harmless."""
        ticket = self.ticket(code, "support.close")
        fields = Fields(request, tolerate=TRAILING_COMMA)
        closed = fields.boolean("closed")
        if unknown := sorted(set(fields.data) - {"closed"}):
            sentence = _("Only “closed” can be changed.")
            raise Invalid(sentence, errors=dict.fromkeys(unknown, sentence))
        change = actions.close_ticket if closed else actions.reopen_ticket
        return JsonResponse(ticket_row(change(ticket, by=self.actor)))

    def ticket(self, code: str, operation: str) -> Ticket:
        """The visible ticket with this code."""
        return found(Ticket.objects.visible_to(self.actor, operation).select_related("user"), code__in=spellings(code))


class Replies(AccountView):
    """GET: what was said about a ticket; POST: say something."""

    operations = {"GET": "support.reply", "POST": "support.reply"}

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """All replies to the ticket, newest first."""
        if not (code := request.GET.get("ticket", "")):
            raise Invalid(_("Say which ticket: /replies?ticket=<code>"), field="ticket")
        return json_array(self.ticket(code).replies.public().newest_first(), reply_row)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """The reply that was made."""
        fields = Fields(request)
        code, message = fields.text("ticket", 100), fields.text("message", MESSAGE_LIMIT, lines=True)
        reply = actions.reply_to_ticket(self.ticket(code), message=message, by=self.account())
        return JsonResponse(reply_row(reply), status=201)

    def ticket(self, code: str) -> Ticket:
        """The visible ticket with this code."""
        return found(Ticket.objects.visible_to(self.actor, "support.reply"), code__in=spellings(code))


# The text's own example of a PATCH ends in a comma that JSON does not know; its clients may send it.
TRAILING_COMMA = re.compile(rb",\s*(?=\}\s*\Z)")


def matching(tickets: TicketQuerySet, request: HttpRequest) -> TicketQuerySet:
    """The tickets that fit every filter in the query; a filter that cannot be understood is refused."""
    if "code" in request.GET:
        tickets = tickets.filter(code__in=spellings(request.GET["code"]))
    if "closed" in request.GET:
        closed = pick("closed", request.GET["closed"].lower(), ["true", "false"])
        tickets = tickets.closed() if closed == "true" else tickets.open()
    for name, choices in (("department", Department.values), ("priority", Priority.values)):
        if name in request.GET:
            tickets = tickets.filter(**{name: pick(name, request.GET[name], choices)})
    return tickets


def account(user: User) -> dict[str, str]:
    """How this contract shows an account."""
    user_type = "customer" if user.role == User.Role.CUSTOMER and not user.is_superuser else "staff"
    return {"email": user.email, "user_type": user_type, "name": user.name}


def token(user: User) -> dict[str, str]:
    """The token of a demo account."""
    return {"token": demo_secret(user.username)}


def ticket_row(ticket: Ticket) -> dict[str, Any]:
    """How this contract shows a ticket; one that was raised without an account shows who the caller claimed to be."""
    claimed = {"email": "", "user_type": "customer", "name": ticket.claimed_user_id}
    return {
        "user": account(ticket.user) if ticket.user else claimed,
        "subject": ticket.subject,
        "department": ticket.department,
        "priority": ticket.priority,
        "message": ticket.message,
        "code": ticket.code,
        "closed": ticket.is_closed,
        "created_at": instant(ticket.created_at),
        "updated_at": instant(ticket.updated_at),
    }


def reply_row(reply: Reply) -> dict[str, Any]:
    """How this contract shows a reply."""
    return {
        "user": account(reply.author),
        "ticket": {"code": reply.ticket.code, "subject": reply.ticket.subject},
        "message": reply.message,
        "created_at": instant(reply.created_at),
    }


def instant(at: datetime) -> str:
    """ISO 8601 in UTC, always with microseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


urlpatterns = [
    route("users", Users.as_view(), "ticketing-system-users"),
    route("tickets", Tickets.as_view(), "ticketing-system-tickets"),
    route("tickets/(?P<code>[^/]+)", OneTicket.as_view(), "ticketing-system-ticket"),
    route("replies", Replies.as_view(), "ticketing-system-replies"),
]
