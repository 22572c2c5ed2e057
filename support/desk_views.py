"""The screen of those who answer: what waits, what they have in work, and whether they are there."""

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from support import actions, forms
from support.models import Agent, Ticket
from support.policies import TAB_LEASE, explain
from support.shown import OwnRequest, in_hand, sent_from
from ticketing import rights
from ticketing.rights import Scope
from ticketing.toolkit.panel import operation, refusals_on, render_page

IN_QUEUE, AGENTS_ON_PAGE = 25, 100


@operation("support.presence")
@never_cache
@require_safe
def desk(request: OwnRequest) -> HttpResponse:
    """What waits, what one has in work, and whether one is there; it refreshes itself."""
    return _desk(request, forms.OnlineForm())


def _desk(request: OwnRequest, online: Form) -> HttpResponse:
    seen: Any = Ticket.objects.visible_to(request.user, "support.list").select_related("user", "promise")
    agents = Agent.objects.visible_to(request.user, "support.see_agents").with_presence()
    me = agents.filter(user=request.user).first()
    context = {
        "online": online,
        "me": me,
        "mine": explain(in_hand(request).explained()),
        "queue": explain(seen.waiting().explained()[:IN_QUEUE]),
        "waiting": seen.waiting().count(),
        "agents": _everybody(request, agents),
        "may_report": rights.scope(request.user, "support.report"),
    }
    return render_page(request, "support/desk.html", "support/_desk.html", context)


def _everybody(request: OwnRequest, agents: Any) -> Any:
    """All agents, those who are there first, for whoever may see more than themselves."""
    if rights.scope(request.user, "support.see_agents") != Scope.ALL:
        return []
    return agents.select_related("user").order_by("-present", "user__first_name", "user__username")[:AGENTS_ON_PAGE]


@operation("support.presence")
@never_cache
@sent_from("support:desk")
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
@sent_from("support:desk")
def desk_away(request: OwnRequest) -> HttpResponse:
    """One is back soon."""
    actions.go_away(request.user, lasts=TAB_LEASE, by=request.user)
    messages.success(request, _("You are away. You keep what you have in work, and get nothing new."))
    return redirect("support:desk")


@operation("support.presence")
@never_cache
@sent_from("support:desk")
def desk_here(request: OwnRequest) -> HttpResponse:
    """What an open page says of itself every now and then."""
    actions.give_sign_of_life(request.user, by=request.user)
    return HttpResponse(status=204)


@operation("support.presence")
@never_cache
@sent_from("support:desk")
def desk_offline(request: OwnRequest) -> HttpResponse:
    """One is gone."""
    actions.go_offline(request.user, by=request.user)
    messages.success(request, _("You are offline. What you have not answered yet is handed to others."))
    return redirect("support:desk")
