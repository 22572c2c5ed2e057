"""The panel's page of a question, and what is said and done about it."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from support import actions, forms
from support.downloads import as_download
from support.models import MESSAGE_LIMIT, Attachment, Reply, Ticket
from support.policies import filled, spellings
from support.shown import (
    SAID_ON_PAGE,
    OwnRequest,
    acted,
    back,
    canned_replies,
    choose_again,
    done,
    is_staff,
    reached,
    sent_from,
    thread,
)
from ticketing.toolkit.contracts import parse_uuid
from ticketing.toolkit.panel import once, operation, refusals_on


@operation("support.read")
@never_cache
@require_safe
def ticket(request: OwnRequest, code: str) -> HttpResponse:
    """What was asked and said, which refreshes itself, and what can be done about it."""
    ticket = reached(request, code, "support.read")
    if is_staff(request):
        actions.look_at_ticket(ticket, by=request.user)
    return thread(request, ticket)


@operation("support.reply")
@never_cache
@require_safe
def ticket_file(request: OwnRequest, code: str, pk: UUID) -> HttpResponse:
    """A file, to keep and never to be shown here."""
    files = Attachment.objects.visible_to(request.user, "support.reply")
    return as_download(get_object_or_404(files.defer(None), pk=pk, ticket__code__in=spellings(code)))


@operation("support.reply")
@never_cache
@sent_from("support:ticket")
def ticket_reply(request: OwnRequest, code: str) -> HttpResponse:
    """One more message, once also when the form comes twice; a closed ticket is open again."""
    ticket = reached(request, code, "support.reply")
    form = forms.ReplyForm(request.POST, request.FILES, auto_id="id_reply_%s")
    if form.is_valid():
        typed = form.cleaned_data
        key = typed.pop("form_key")
        with refusals_on(form):
            route = f"panel support.reply {ticket.pk}"
            said = {**typed, "seen": _seen(request), "by": request.user}
            once(request, key, route, lambda: actions.reply_to_ticket(ticket, **said))
            return done(request, ticket, _("Your reply is sent."))
    since = _since(request, ticket)
    form.fields["message"].widget.attrs["autofocus"] = bool(since)
    return thread(request, ticket, reply=choose_again(form), since=since)


def _seen(request: OwnRequest) -> actions.Seen | None:
    """How far the page that was answered from went; None of a page that does not say so, as customers' do not."""
    last = request.POST.get("seen")
    if last is None or not is_staff(request):
        return None
    return actions.Seen(parse_uuid(last))


def _since(request: OwnRequest, ticket: Ticket) -> list[Reply]:
    """What came in between while somebody wrote what is on the page again."""
    replies = Reply.objects.visible_to(request.user, "support.reply").filter(ticket=ticket).select_related("author")
    seen = _seen(request)
    return list(actions.said_since(replies, seen)[:SAID_ON_PAGE]) if seen else []


@operation("support.use_canned")
@never_cache
@sent_from("support:ticket")
def ticket_insert(request: OwnRequest, code: str) -> HttpResponse:
    """The page again, with a canned reply after what was typed already; nothing is sent."""
    ticket = reached(request, code, "support.reply")
    form = forms.CannedForm(request.POST, offered=canned_replies(request))
    chosen = form.cleaned_data["canned"] if form.is_valid() else None
    typed = request.POST.get("message", "").strip()
    message = "\n\n".join(filter(None, [typed, chosen and filled(chosen.message, ticket, request.user)]))
    reply = forms.ReplyForm(auto_id="id_reply_%s", initial={"message": message[:MESSAGE_LIMIT]})
    reply.fields["message"].widget.attrs["autofocus"] = True
    return thread(request, ticket, reply=reply)


@operation("support.note")
@never_cache
@sent_from("support:ticket")
def ticket_note(request: OwnRequest, code: str) -> HttpResponse:
    """Something among staff, once also when the form comes twice."""
    ticket = reached(request, code, "support.note")
    form = forms.NoteForm(request.POST, request.FILES, auto_id="id_note_%s")
    if form.is_valid():
        typed = form.cleaned_data
        key = typed.pop("form_key")
        with refusals_on(form):
            route = f"panel support.note {ticket.pk}"
            once(request, key, route, lambda: actions.note_on_ticket(ticket, **typed, by=request.user))
            return back(request, ticket, _("The note is kept. Only staff read it."))
    return thread(request, ticket, note=choose_again(form))


@operation("support.close")
@never_cache
@sent_from("support:ticket")
def ticket_close(request: OwnRequest, code: str) -> HttpResponse:
    """The question is answered."""
    ticket = actions.close_ticket(reached(request, code, "support.close"), by=request.user)
    said = _("The question is closed. A reply opens it again.")
    if ticket.user == request.user:
        said = format_html('{} <a href="#rate">{}</a>', said, _("Was it answered well? Say so"))
    return done(request, ticket, said)


@operation("support.close")
@never_cache
@sent_from("support:ticket")
def ticket_reopen(request: OwnRequest, code: str) -> HttpResponse:
    """The question is not answered after all."""
    ticket = actions.reopen_ticket(reached(request, code, "support.close"), by=request.user)
    return back(request, ticket, _("The question is open again and waits for an agent."))


@operation("support.rate")
@never_cache
@sent_from("support:ticket")
def ticket_rate(request: OwnRequest, code: str) -> HttpResponse:
    """Whether it was answered well; until it is opened again that may be changed."""
    ticket = reached(request, code, "support.rate")
    form = forms.RateForm(request.POST, auto_id="id_rate_%s")
    said = _("Thank you. You may change what you said for a while.")
    return acted(request, ticket, actions.rate_ticket, said, rate=form)


@operation("support.triage")
@never_cache
@sent_from("support:ticket")
def ticket_triage(request: OwnRequest, code: str) -> HttpResponse:
    """How urgent it is, and whose it is."""
    ticket = reached(request, code, "support.triage")
    form = forms.TriageForm(request.POST, auto_id="id_triage_%s")
    return acted(request, ticket, actions.triage_ticket, _("Priority and department are saved."), triage=form)


@operation("support.triage")
@never_cache
@sent_from("support:ticket")
def ticket_tag(request: OwnRequest, code: str) -> HttpResponse:
    """One more word by which it is found again."""
    ticket = reached(request, code, "support.triage")
    form = forms.TagForm(request.POST, auto_id="id_tag_%s")
    return acted(request, ticket, actions.tag_ticket, _("The tag is on the question."), tag=form)


@operation("support.triage")
@never_cache
@sent_from("support:ticket")
def ticket_untag(request: OwnRequest, code: str) -> HttpResponse:
    """One word less."""
    ticket = reached(request, code, "support.triage")
    actions.untag_ticket(ticket, tag=request.POST.get("tag", ""), by=request.user)
    return back(request, ticket, _("The tag is removed."))


@operation("support.reject")
@never_cache
@sent_from("support:ticket")
def ticket_reject(request: OwnRequest, code: str) -> HttpResponse:
    """The end without an answer."""
    ticket = reached(request, code, "support.reject")
    form = forms.RejectForm(request.POST, auto_id="id_reject_%s")
    said = _("The question is rejected. The customer reads your reason.")
    return acted(request, ticket, actions.reject_ticket, said, then=done, reject=form)
