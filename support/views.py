"""The panel's pages of the support desk: questions, and the screen of those who answer."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from support import actions, forms
from support.models import Agent, Reply, Ticket
from support.policies import spellings
from ticketing import rights
from ticketing.errors import NotFound
from ticketing.models import User
from ticketing.rights import Scope
from ticketing.toolkit.panel import once, operation, refusals_on, render_page
from ticketing.toolkit.windows import window


class OwnRequest(HttpRequest):
    """A request of somebody who is logged in, as the operation of the view has made sure."""

    user: User


ON_PAGE, SAID_ON_PAGE, IN_QUEUE, AGENTS_ON_PAGE = 25, 100, 25, 100
NARROWINGS: dict[str, Callable[[Any], QuerySet]] = {
    "": lambda rows: rows,
    "open": lambda rows: rows.open(),
    "closed": lambda rows: rows.closed(),
}

shown_and_sent = require_http_methods(["GET", "HEAD", "POST"])
_View = Callable[..., HttpResponseBase]


def _sent_from(page: str) -> Callable[[_View], _View]:
    """Whoever comes to a form's address without the form, as after logging in anew, is led to the page it is on."""

    def mark(view: _View) -> _View:
        @wraps(view)
        def led(request: HttpRequest, **named: Any) -> HttpResponseBase:
            return view(request, **named) if request.method == "POST" else redirect(page, **named)

        return shown_and_sent(led)

    return mark


@operation("support.list")
@never_cache
@require_safe
def tickets(request: OwnRequest) -> HttpResponse:
    """Questions, newest first: a customer's own, those that staff may see."""
    show = request.GET.get("show", "")
    narrow = NARROWINGS.get(show, NARROWINGS[""])
    rows = narrow(Ticket.objects.visible_to(request.user, "support.list").select_related("user"))
    context = {"page": window(rows, request.GET, ON_PAGE), "show": show, "is_staff": _is_staff(request)}
    return render_page(request, "support/tickets.html", "support/_ticket_rows.html", context)


@operation("support.open")
@never_cache
@shown_and_sent
def ticket_new(request: OwnRequest) -> HttpResponse:
    """The form; then the ticket, also when the form comes twice."""
    may_name_others = rights.scope(request.user, "support.open") == Scope.ALL
    shape = forms.StaffQuestionForm if may_name_others else forms.QuestionForm
    form = shape(request.POST if request.method == "POST" else None)
    if form.is_valid():
        typed = form.cleaned_data
        key = typed.pop("form_key")
        with refusals_on(form):
            if named := typed.pop("customer", ""):
                typed["customer"] = _account(named)
            made = once(request, key, "panel support.open", lambda: actions.open_ticket(**typed, by=request.user))
            ticket = get_object_or_404(Ticket.objects.visible_to(request.user, "support.open"), pk=made)
            return _back(request, ticket, _("The question is sent. The answer appears on its page."))
    return render(request, "support/ticket_new.html", {"form": form})


def _account(typed: str) -> User:
    named = User.objects.named(typed)
    if named and User.objects.admitted().filter(pk=named.pk).exists():
        return named
    raise NotFound(_("There is no such account. Check how it is written, or leave it empty."), field="customer")


@operation("support.read")
@never_cache
@require_safe
def ticket(request: OwnRequest, code: str) -> HttpResponse:
    """What was asked and said, and what can be done about it."""
    return _thread(request, _ticket(request, code, "support.read"))


def _ticket(request: OwnRequest, code: str, operation: str) -> Ticket:
    reached = Ticket.objects.visible_to(request.user, operation).select_related("user", "agent__user")
    return get_object_or_404(reached, code__in=spellings(code))


def _thread(request: OwnRequest, ticket: Ticket, **sent: Form) -> HttpResponse:
    """The page of a ticket, with the form that was sent and came back."""
    replies = Reply.objects.visible_to(request.user, "support.reply").filter(ticket=ticket).select_related("author")
    page = window(replies, request.GET, SAID_ON_PAGE)
    context = {"ticket": ticket, "page": page, "said": page.rows[::-1], "is_staff": _is_staff(request)}
    now = {"priority": ticket.priority, "department": ticket.department}
    shown = {
        "reply": forms.ReplyForm(auto_id="id_reply_%s"),
        "triage": forms.TriageForm(auto_id="id_triage_%s", initial=now),
        "reject": forms.RejectForm(auto_id="id_reject_%s"),
    }
    return render(request, "support/ticket.html", context | shown | sent)


def _is_staff(request: OwnRequest) -> bool:
    """Whether the customer's data and the tools of staff are shown."""
    return bool(rights.scope(request.user, "support.triage"))


def _back(request: OwnRequest, ticket: Ticket, sentence: str) -> HttpResponse:
    """The ticket's page, or the desk for an agent who does not see the ticket any more."""
    messages.success(request, sentence)
    if Ticket.objects.visible_to(request.user, "support.read").filter(pk=ticket.pk).exists():
        return redirect("support:ticket", code=ticket.code)
    return redirect("support:desk")


@operation("support.reply")
@never_cache
@_sent_from("support:ticket")
def ticket_reply(request: OwnRequest, code: str) -> HttpResponse:
    """One more message, once also when the form comes twice; a closed ticket is open again."""
    ticket = _ticket(request, code, "support.reply")
    form = forms.ReplyForm(request.POST, auto_id="id_reply_%s")
    if form.is_valid():
        typed = form.cleaned_data
        key = typed.pop("form_key")
        with refusals_on(form):
            route = f"panel support.reply {ticket.pk}"
            once(request, key, route, lambda: actions.reply_to_ticket(ticket, **typed, by=request.user))
            return _back(request, ticket, _("Your reply is sent."))
    return _thread(request, ticket, reply=form)


@operation("support.close")
@never_cache
@_sent_from("support:ticket")
def ticket_close(request: OwnRequest, code: str) -> HttpResponse:
    """The question is answered."""
    ticket = actions.close_ticket(_ticket(request, code, "support.close"), by=request.user)
    return _back(request, ticket, _("The question is closed. A reply opens it again."))


@operation("support.close")
@never_cache
@_sent_from("support:ticket")
def ticket_reopen(request: OwnRequest, code: str) -> HttpResponse:
    """The question is not answered after all."""
    ticket = actions.reopen_ticket(_ticket(request, code, "support.close"), by=request.user)
    return _back(request, ticket, _("The question is open again and waits for an agent."))


@operation("support.triage")
@never_cache
@_sent_from("support:ticket")
def ticket_triage(request: OwnRequest, code: str) -> HttpResponse:
    """How urgent it is, and whose it is."""
    ticket = _ticket(request, code, "support.triage")
    form = forms.TriageForm(request.POST, auto_id="id_triage_%s")
    if form.is_valid():
        with refusals_on(form):
            actions.triage_ticket(ticket, **form.cleaned_data, by=request.user)
            return _back(request, ticket, _("Priority and department are saved."))
    return _thread(request, ticket, triage=form)


@operation("support.reject")
@never_cache
@_sent_from("support:ticket")
def ticket_reject(request: OwnRequest, code: str) -> HttpResponse:
    """The end without an answer."""
    ticket = _ticket(request, code, "support.reject")
    form = forms.RejectForm(request.POST, auto_id="id_reject_%s")
    if form.is_valid():
        with refusals_on(form):
            actions.reject_ticket(ticket, **form.cleaned_data, by=request.user)
            return _back(request, ticket, _("The question is rejected. The customer reads your reason."))
    return _thread(request, ticket, reject=form)


@operation("support.presence")
@never_cache
@require_safe
def desk(request: OwnRequest) -> HttpResponse:
    """What waits, what one has in work, and whether one is there."""
    return _desk(request, forms.OnlineForm())


def _desk(request: OwnRequest, online: Form) -> HttpResponse:
    seen: Any = Ticket.objects.visible_to(request.user, "support.list").select_related("user")
    agents = Agent.objects.visible_to(request.user, "support.see_agents").with_presence()
    me = agents.filter(user=request.user).first()
    context = {
        "online": online,
        "me": me,
        "mine": seen.filter(agent=me, status=Ticket.Status.IN_PROGRESS).order_by("queue_at", "id") if me else [],
        "queue": seen.waiting()[:IN_QUEUE],
        "waiting": seen.waiting().count(),
        "agents": _everybody(request, agents),
    }
    return render(request, "support/desk.html", context)


def _everybody(request: OwnRequest, agents: Any) -> Any:
    """All agents, those who are there first, for whoever may see more than themselves."""
    if rights.scope(request.user, "support.see_agents") != Scope.ALL:
        return []
    return agents.select_related("user").order_by("-present", "user__first_name", "user__username")[:AGENTS_ON_PAGE]


@operation("support.presence")
@never_cache
@_sent_from("support:desk")
def desk_online(request: OwnRequest) -> HttpResponse:
    """From now on one is there."""
    form = forms.OnlineForm(request.POST)
    if form.is_valid():
        with refusals_on(form):
            actions.go_online(request.user, **form.cleaned_data, by=request.user)
            messages.success(request, _("You are online. Waiting questions are handed to you while you have room."))
            return redirect("support:desk")
    return _desk(request, form)


@operation("support.presence")
@never_cache
@_sent_from("support:desk")
def desk_offline(request: OwnRequest) -> HttpResponse:
    """One is gone."""
    actions.go_offline(request.user, by=request.user)
    messages.success(request, _("You are offline. What you had in work is handed to others."))
    return redirect("support:desk")
