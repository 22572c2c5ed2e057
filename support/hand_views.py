"""From one hand to another: who answers a question, on the panel."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from support import actions, forms
from support.shown import OwnRequest, acted, back, done, following, reached, sent_from
from ticketing.toolkit.panel import operation


@operation("support.presence")
@never_cache
@require_safe
def ticket_next(request: OwnRequest, code: str) -> HttpResponse:
    """On to what else one has in work; to the desk when there is nothing."""
    coming = following(request, reached(request, code, "support.read"))
    return redirect("support:ticket", code=coming.code) if coming else redirect("support:desk")


@operation("support.take")
@never_cache
@sent_from("support:ticket")
def ticket_take(request: OwnRequest, code: str) -> HttpResponse:
    """One answers it oneself."""
    ticket = actions.take_ticket(reached(request, code, "support.take"), by=request.user)
    return back(request, ticket, _("The question is in your hands."))


@operation("support.take")
@never_cache
@sent_from("support:ticket")
def ticket_release(request: OwnRequest, code: str) -> HttpResponse:
    """Somebody else is to answer it."""
    ticket = actions.release_ticket(reached(request, code, "support.take"), by=request.user)
    return done(request, ticket, _("The question is back in the queue."))


@operation("support.take")
@never_cache
@sent_from("support:ticket")
def ticket_hand_over(request: OwnRequest, code: str) -> HttpResponse:
    """This colleague is to answer it."""
    ticket = reached(request, code, "support.take")
    form = forms.HandOverForm(request.POST, auto_id="id_hand_over_%s", but=ticket.agent_id)
    return acted(
        request, ticket, actions.hand_over_ticket, _("The question is handed over."), then=done, hand_over=form
    )


@operation("support.assign")
@never_cache
@sent_from("support:ticket")
def ticket_assign(request: OwnRequest, code: str) -> HttpResponse:
    """This agent is to answer it."""
    ticket = reached(request, code, "support.assign")
    form = forms.AssignForm(request.POST, auto_id="id_assign_%s", but=ticket.agent_id)
    return acted(request, ticket, actions.assign_ticket, _("The question is assigned."), assign=form)
