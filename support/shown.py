"""What the pages of the support desk show alike: a question with all that can be done about it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from support import forms
from support.models import Attachment, CannedReply, Reader, Reply, Ticket
from support.policies import explain, may_be_rated, put_beside, spellings
from ticketing import rights, subjects
from ticketing.models import User
from ticketing.toolkit.panel import refusals_on, render_page
from ticketing.toolkit.windows import window

SAID_ON_PAGE, READERS_NAMED = 100, 5

shown_and_sent = require_http_methods(["GET", "HEAD", "POST"])
View = Callable[..., HttpResponseBase]


class OwnRequest(HttpRequest):
    """A request of somebody who is logged in, as the operation of the view has made sure."""

    user: User


def sent_from(page: str) -> Callable[[View], View]:
    """Whoever comes to a form's address without the form, as after logging in anew, is led to the page it is on."""

    def mark(view: View) -> View:
        @wraps(view)
        def led(request: HttpRequest, **named: Any) -> HttpResponseBase:
            if request.method == "POST":
                return view(request, **named)
            code = {"code": named["code"]} if "code" in named else {}  # pages are about a question, or about nothing
            return redirect(page, **code)

        return shown_and_sent(led)

    return mark


def is_staff(request: OwnRequest) -> bool:
    """Whether the customer's data and the tools of staff are shown."""
    return bool(rights.scope(request.user, "support.triage"))


def in_hand(request: OwnRequest) -> Any:
    """What one has in work, the most urgent first."""
    held = Ticket.objects.visible_to(request.user, "support.list").held_by(request.user)
    return held.in_work().select_related("user", "agent__user", "promise").order_by("queue_at", "id")


def reached(request: OwnRequest, code: str, operation: str) -> Ticket:
    reached = Ticket.objects.visible_to(request.user, operation).explained()
    reached = reached.select_related("user", "agent__user", "promise").prefetch_related("ratings")
    return get_object_or_404(reached, code__in=spellings(code))


def thread(request: OwnRequest, ticket: Ticket, **sent: Any) -> HttpResponse:
    """The page of a ticket, with the form that was sent and came back."""
    replies = Reply.objects.visible_to(request.user, "support.reply").filter(ticket=ticket).select_related("author")
    page = window(replies, request.GET, SAID_ON_PAGE)
    files = Attachment.objects.visible_to(request.user, "support.reply").beside(ticket, page.rows)
    put_beside(files, ticket, page.rows)
    context = {"ticket": ticket, "page": page, "said": page.rows[::-1], "is_staff": is_staff(request)}
    context["about"] = subjects.shown([one.subject for one in ticket.about.all()], owner=ticket.user).values()
    if context["is_staff"]:
        context["why"] = explain([ticket])[0].why
        context["is_agent"] = rights.scope(request.user, "support.presence")
        context["others"] = Reader.objects.beside(request.user, ticket)[:READERS_NAMED]
        context["seen"] = (page.rows or [None])[0] if not page.before else replies.newest_first().first()
    now = {"priority": ticket.priority, "department": ticket.department}
    shown = {
        "reply": forms.ReplyForm(auto_id="id_reply_%s"),
        "triage": forms.TriageForm(auto_id="id_triage_%s", initial=now),
        "tag": forms.TagForm(auto_id="id_tag_%s"),
        "reject": forms.RejectForm(auto_id="id_reject_%s"),
    }
    if ticket.user == request.user and may_be_rated(ticket):
        rated = {"verdict": ticket.rating.verdict, "comment": ticket.rating.comment} if ticket.rating else {}
        shown["rate"] = forms.RateForm(auto_id="id_rate_%s", initial=rated)
    if rights.scope(request.user, "support.note"):
        shown["note"] = forms.NoteForm(auto_id="id_note_%s")
    if rights.scope(request.user, "support.use_canned"):
        shown["canned"] = forms.CannedForm(offered=canned_replies(request))
    if context["is_staff"] and not ticket.is_closed:
        shown |= _hands(request, ticket)
    return render_page(request, "support/ticket.html", "support/_thread.html", context | shown | sent)


def _hands(request: OwnRequest, ticket: Ticket) -> dict[str, Form]:
    """The forms that give the ticket to somebody else."""
    found: dict[str, Form] = {}
    if ticket.agent_id and rights.scope(request.user, "support.take"):
        found["hand_over"] = forms.HandOverForm(auto_id="id_hand_over_%s", but=ticket.agent_id)
    if rights.scope(request.user, "support.assign"):
        found["assign"] = forms.AssignForm(auto_id="id_assign_%s", but=ticket.agent_id)
    return found


def canned_replies(request: OwnRequest) -> Any:
    return CannedReply.objects.visible_to(request.user, "support.use_canned")


def back(request: OwnRequest, ticket: Ticket, sentence: str) -> HttpResponse:
    """The ticket's page with the sentence, or the desk for an agent who does not see the ticket any more."""
    messages.success(request, sentence)
    if Ticket.objects.visible_to(request.user, "support.read").filter(pk=ticket.pk).exists():
        return redirect("support:ticket", code=ticket.code)
    return redirect("support:desk")


def done(request: OwnRequest, ticket: Ticket, sentence: str) -> HttpResponse:
    """The same; whoever answers at the desk also finds the cursor on the way to what comes next."""
    if not rights.scope(request.user, "support.presence"):
        return back(request, ticket, sentence)
    if coming := following(request, ticket):
        words = _("Next in your hands: %(subject)s") % {"subject": coming.subject}
        address = reverse("support:ticket", args=[coming.code])
    else:
        words, address = _("Nothing else is in your hands. Go to the desk"), reverse("support:desk")
    return back(request, ticket, format_html('{} <a href="{}" autofocus>{}</a>', sentence, address, words))


def following(request: OwnRequest, ticket: Ticket) -> Ticket | None:
    """The one after this of those in one's hands, in the order of the desk; after the last comes the first."""
    others = list(in_hand(request).exclude(pk=ticket.pk))
    later = [other for other in others if (other.queue_at, other.pk) > (ticket.queue_at, ticket.pk)]
    return next(iter(later or others), None)


def choose_again(form: Form) -> Form:
    """The form that came back; no browser keeps what was chosen in it."""
    if form.files and not form.has_error("files"):
        form.add_error("files", _("Choose the files once more: they were not kept, as nothing is sent yet."))
    return form


def acted(
    request: OwnRequest, ticket: Ticket, verb: Callable[..., Any], sentence: str, *, then: View = back, **sent: Form
) -> HttpResponseBase:
    """What the form that was sent asks for is done; or the ticket's page again, with the form and what is wrong."""
    [form] = sent.values()
    if form.is_valid():
        with refusals_on(form):
            verb(ticket, **form.cleaned_data, by=request.user)
            return then(request, ticket, sentence)
    return thread(request, ticket, **sent)
