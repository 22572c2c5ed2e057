"""The panel's pages of the support desk: questions, and the screen of those who answer."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from support import actions, forms
from support.downloads import as_download
from support.models import MESSAGE_LIMIT, SUBJECT_LIMIT, Agent, Attachment, CannedReply, Reader, Reply, Ticket
from support.policies import TAB_LEASE, explain, filled, may_be_rated, put_beside, spellings
from support.words import Sought
from ticketing import rights, subjects
from ticketing.models import User
from ticketing.rights import Scope
from ticketing.toolkit.contracts import parse_uuid
from ticketing.toolkit.panel import once, operation, refusals_on, render_page, wants_part
from ticketing.toolkit.windows import NEWEST_FIRST, Window, window


class OwnRequest(HttpRequest):
    """A request of somebody who is logged in, as the operation of the view has made sure."""

    user: User


ON_PAGE, SAID_ON_PAGE, IN_QUEUE, AGENTS_ON_PAGE, READERS_NAMED = 25, 100, 25, 100, 5
BEST_SHOWN = 50
ORDERS = {"": NEWEST_FIRST, "newest": NEWEST_FIRST, "oldest": ("created_at", "id")}

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
    """Questions as the address narrows and orders them: a customer's own, those that staff may see."""
    staff = _is_staff(request)
    form = forms.StaffNarrowForm(request.GET) if staff else forms.NarrowForm(request.GET)
    form.is_valid()  # what makes no sense narrows nothing, and the form says so
    wanted = form.cleaned_data
    seen = _narrowed(Ticket.objects.visible_to(request.user, "support.list"), wanted, request.user)
    page = _found(request, seen, wanted)
    if staff:
        explain(page.rows)
    context = {"page": page, "form": form, "is_narrowed": bool(request.GET), "is_staff": staff, "best": BEST_SHOWN}
    if wants_part(request):
        context["complaints"] = form.errors.get("search")  # the form itself stays as it is
    return render_page(request, "support/tickets.html", "support/_ticket_rows.html", context)


def _found(request: OwnRequest, seen: Any, wanted: dict[str, Any]) -> Window:
    """A page of them; of a search the best ones, unless another order is wanted, with what was found in each."""
    sought, order = wanted.get("search"), wanted.get("order", "")
    shown = seen.select_related("user", "promise")
    if _is_staff(request):
        shown = shown.explained().select_related("agent__user")
    if not sought:
        return window(shown, request.GET, ON_PAGE, ORDERS[order])
    if order:
        page = window(shown.found_by(sought, request.user), request.GET, ON_PAGE, ORDERS[order])
        here = Ticket.objects.visible_to(request.user, "support.list").filter(pk__in=[row.pk for row in page.rows])
        best = here.best(sought, request.user, ON_PAGE)
    else:
        best = seen.best(sought, request.user, BEST_SHOWN)
        rows = shown.in_bulk(list(best))
        page = Window([rows[pk] for pk in best if pk in rows], "", "")
    replies = Reply.objects.visible_to(request.user, "support.reply").in_bulk([pk for pk in best.values() if pk])
    for row in page.rows:
        said = replies.get(best.get(row.pk), row).message
        row.found = {"subject": sought.marked(row.subject), "passage": _passage(sought, row, said)}
    return page


def _passage(sought: Sought, row: Ticket, said: str) -> str:
    """Where it was found, beside the subject."""
    return sought.passage(said) or sought.passage(row.message) or sought.passage(row.code)


def _narrowed(rows: Any, wanted: dict[str, Any], person: User) -> QuerySet:
    """The rows that fit what was chosen."""
    if status := wanted.get("status"):
        rows = rows.in_status(status)
    if department := wanted.get("department"):
        rows = rows.filter(department="" if department == forms.ANY else department)
    if priority := wanted.get("priority"):
        rows = rows.filter(priority=priority)
    if tag := wanted.get("tag"):
        rows = rows.tagged(tag)
    if wanted.get("late"):
        rows = rows.late()
    return rows.held_by(person) if wanted.get("mine") else rows


@operation("support.open")
@never_cache
@shown_and_sent
def ticket_new(request: OwnRequest) -> HttpResponse:
    """The form; then the ticket, also when the form comes twice."""
    may_name_others = rights.scope(request.user, "support.open") == Scope.ALL
    shape = forms.StaffQuestionForm if may_name_others else forms.QuestionForm
    form = shape(*((request.POST, request.FILES) if request.method == "POST" else ()), initial=_brought(request))
    about = _named_about(request)
    if form.is_valid():
        typed = form.cleaned_data | {"about": [about] if about else []}
        key = typed.pop("form_key")
        with refusals_on(form):
            made = once(request, key, "panel support.open", lambda: actions.open_ticket(**typed, by=request.user))
            ticket = get_object_or_404(Ticket.objects.visible_to(request.user, "support.open"), pk=made)
            return _back(request, ticket, _("The question is sent. The answer appears here."))
    is_about = subjects.shown([about] if about else [], owner=request.user)
    return render(
        request,
        "support/ticket_new.html",
        {"form": _choose_again(form), "about": about, "is_about": is_about.get(about)},
    )


def _named_about(request: OwnRequest) -> subjects.Subject | None:
    """What “I need help with this” was pressed on, as the address or the form names it."""
    kind, _colon, pk = (request.POST.get("about") or request.GET.get("about", "")).partition(":")
    named = parse_uuid(pk)
    return subjects.Subject(kind, named) if named else None


def _brought(request: OwnRequest) -> dict[str, str]:
    """What a link “I need help with this” fills in. It only spares typing: nothing of it counts before it is sent."""
    limits = {"subject": SUBJECT_LIMIT, "message": MESSAGE_LIMIT}
    return {name: request.GET[name][:limit] for name, limit in limits.items() if name in request.GET}


@operation("support.read")
@never_cache
@require_safe
def ticket(request: OwnRequest, code: str) -> HttpResponse:
    """What was asked and said, which refreshes itself, and what can be done about it."""
    ticket = _ticket(request, code, "support.read")
    if _is_staff(request):
        actions.look_at_ticket(ticket, by=request.user)
    return _thread(request, ticket)


def _ticket(request: OwnRequest, code: str, operation: str) -> Ticket:
    reached = Ticket.objects.visible_to(request.user, operation).explained()
    reached = reached.select_related("user", "agent__user", "promise").prefetch_related("ratings")
    return get_object_or_404(reached, code__in=spellings(code))


def _thread(request: OwnRequest, ticket: Ticket, **sent: Any) -> HttpResponse:
    """The page of a ticket, with the form that was sent and came back."""
    replies = Reply.objects.visible_to(request.user, "support.reply").filter(ticket=ticket).select_related("author")
    page = window(replies, request.GET, SAID_ON_PAGE)
    files = Attachment.objects.visible_to(request.user, "support.reply").beside(ticket, page.rows)
    put_beside(files, ticket, page.rows)
    context = {"ticket": ticket, "page": page, "said": page.rows[::-1], "is_staff": _is_staff(request)}
    context["about"] = subjects.shown([one.subject for one in ticket.about.all()], owner=ticket.user).values()
    if context["is_staff"]:
        context["why"] = explain([ticket])[0].why
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
        shown["canned"] = forms.CannedForm(offered=_canned(request))
    if context["is_staff"] and not ticket.is_closed:
        shown |= _hands(request, ticket)
    return render_page(request, "support/ticket.html", "support/_thread.html", context | shown | sent)


@operation("support.reply")
@never_cache
@require_safe
def ticket_file(request: OwnRequest, code: str, pk: UUID) -> HttpResponse:
    """A file, to keep and never to be shown here."""
    files = Attachment.objects.visible_to(request.user, "support.reply")
    return as_download(get_object_or_404(files.defer(None), pk=pk, ticket__code__in=spellings(code)))


def _hands(request: OwnRequest, ticket: Ticket) -> dict[str, Form]:
    """The forms that give the ticket to somebody else."""
    found: dict[str, Form] = {}
    if ticket.agent_id and rights.scope(request.user, "support.take"):
        found["hand_over"] = forms.HandOverForm(auto_id="id_hand_over_%s", but=ticket.agent_id)
    if rights.scope(request.user, "support.assign"):
        found["assign"] = forms.AssignForm(auto_id="id_assign_%s", but=ticket.agent_id)
    return found


def _is_staff(request: OwnRequest) -> bool:
    """Whether the customer's data and the tools of staff are shown."""
    return bool(rights.scope(request.user, "support.triage"))


def _back(request: OwnRequest, ticket: Ticket, sentence: str) -> HttpResponse:
    """The ticket's page with the sentence, or the desk for an agent who does not see the ticket any more."""
    messages.success(request, sentence)
    if Ticket.objects.visible_to(request.user, "support.read").filter(pk=ticket.pk).exists():
        return redirect("support:ticket", code=ticket.code)
    return redirect("support:desk")


def _done(request: OwnRequest, ticket: Ticket, sentence: str) -> HttpResponse:
    """The same; whoever answers at the desk also finds the cursor on the way to what comes next."""
    if not rights.scope(request.user, "support.presence"):
        return _back(request, ticket, sentence)
    if following := _following(request, ticket):
        words = _("Next in your hands: %(subject)s") % {"subject": following.subject}
        address = reverse("support:ticket", args=[following.code])
    else:
        words, address = _("Nothing else is in your hands. Go to the desk"), reverse("support:desk")
    return _back(request, ticket, format_html('{} <a href="{}" autofocus>{}</a>', sentence, address, words))


def _following(request: OwnRequest, ticket: Ticket) -> Ticket | None:
    """The one after this of those in one's hands, in the order of the desk; after the last comes the first."""
    others = list(_in_hand(request).exclude(pk=ticket.pk))
    later = [other for other in others if (other.queue_at, other.pk) > (ticket.queue_at, ticket.pk)]
    return next(iter(later or others), None)


def _in_hand(request: OwnRequest) -> Any:
    """What one has in work, the most urgent first."""
    held = Ticket.objects.visible_to(request.user, "support.list").held_by(request.user)
    return held.in_work().select_related("user", "agent__user", "promise").order_by("queue_at", "id")


@operation("support.reply")
@never_cache
@_sent_from("support:ticket")
def ticket_reply(request: OwnRequest, code: str) -> HttpResponse:
    """One more message, once also when the form comes twice; a closed ticket is open again."""
    ticket = _ticket(request, code, "support.reply")
    form = forms.ReplyForm(request.POST, request.FILES, auto_id="id_reply_%s")
    if form.is_valid():
        typed = form.cleaned_data
        key = typed.pop("form_key")
        with refusals_on(form):
            route = f"panel support.reply {ticket.pk}"
            said = {**typed, "seen": _seen(request), "by": request.user}
            once(request, key, route, lambda: actions.reply_to_ticket(ticket, **said))
            return _done(request, ticket, _("Your reply is sent."))
    since = _since(request, ticket)
    form.fields["message"].widget.attrs["autofocus"] = bool(since)
    return _thread(request, ticket, reply=_choose_again(form), since=since)


def _choose_again(form: Form) -> Form:
    """The form that came back; no browser keeps what was chosen in it."""
    if form.files and not form.has_error("files"):
        form.add_error("files", _("Choose the files once more: they were not kept, as nothing is sent yet."))
    return form


def _seen(request: OwnRequest) -> actions.Seen | None:
    """How far the page that was answered from went; None of a page that does not say so, as customers' do not."""
    last = request.POST.get("seen")
    if last is None or not _is_staff(request):
        return None
    return actions.Seen(parse_uuid(last))


def _since(request: OwnRequest, ticket: Ticket) -> list[Reply]:
    """What came in between while somebody wrote what is on the page again."""
    replies = Reply.objects.visible_to(request.user, "support.reply").filter(ticket=ticket).select_related("author")
    seen = _seen(request)
    return list(actions.said_since(replies, seen)[:SAID_ON_PAGE]) if seen else []


def _canned(request: OwnRequest) -> Any:
    return CannedReply.objects.visible_to(request.user, "support.use_canned")


@operation("support.use_canned")
@never_cache
@_sent_from("support:ticket")
def ticket_insert(request: OwnRequest, code: str) -> HttpResponse:
    """The page again, with a canned reply after what was typed already; nothing is sent."""
    ticket = _ticket(request, code, "support.reply")
    form = forms.CannedForm(request.POST, offered=_canned(request))
    chosen = form.cleaned_data["canned"] if form.is_valid() else None
    typed = request.POST.get("message", "").strip()
    message = "\n\n".join(filter(None, [typed, chosen and filled(chosen.message, ticket, request.user)]))
    reply = forms.ReplyForm(auto_id="id_reply_%s", initial={"message": message[:MESSAGE_LIMIT]})
    reply.fields["message"].widget.attrs["autofocus"] = True
    return _thread(request, ticket, reply=reply)


@operation("support.note")
@never_cache
@_sent_from("support:ticket")
def ticket_note(request: OwnRequest, code: str) -> HttpResponse:
    """Something among staff, once also when the form comes twice."""
    ticket = _ticket(request, code, "support.note")
    form = forms.NoteForm(request.POST, request.FILES, auto_id="id_note_%s")
    if form.is_valid():
        typed = form.cleaned_data
        key = typed.pop("form_key")
        with refusals_on(form):
            route = f"panel support.note {ticket.pk}"
            once(request, key, route, lambda: actions.note_on_ticket(ticket, **typed, by=request.user))
            return _back(request, ticket, _("The note is kept. Only staff read it."))
    return _thread(request, ticket, note=_choose_again(form))


@operation("support.close")
@never_cache
@_sent_from("support:ticket")
def ticket_close(request: OwnRequest, code: str) -> HttpResponse:
    """The question is answered."""
    ticket = actions.close_ticket(_ticket(request, code, "support.close"), by=request.user)
    return _done(request, ticket, _("The question is closed. A reply opens it again."))


@operation("support.close")
@never_cache
@_sent_from("support:ticket")
def ticket_reopen(request: OwnRequest, code: str) -> HttpResponse:
    """The question is not answered after all."""
    ticket = actions.reopen_ticket(_ticket(request, code, "support.close"), by=request.user)
    return _back(request, ticket, _("The question is open again and waits for an agent."))


@operation("support.rate")
@never_cache
@_sent_from("support:ticket")
def ticket_rate(request: OwnRequest, code: str) -> HttpResponse:
    """Whether it was answered well; until it is opened again that may be changed."""
    ticket = _ticket(request, code, "support.rate")
    form = forms.RateForm(request.POST, auto_id="id_rate_%s")
    if form.is_valid():
        with refusals_on(form):
            actions.rate_ticket(ticket, **form.cleaned_data, by=request.user)
            return _back(request, ticket, _("Thank you. You may change what you said for a while."))
    return _thread(request, ticket, rate=form)


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


@operation("support.triage")
@never_cache
@_sent_from("support:ticket")
def ticket_tag(request: OwnRequest, code: str) -> HttpResponse:
    """One more word by which it is found again."""
    ticket = _ticket(request, code, "support.triage")
    form = forms.TagForm(request.POST, auto_id="id_tag_%s")
    if form.is_valid():
        with refusals_on(form):
            actions.tag_ticket(ticket, **form.cleaned_data, by=request.user)
            return _back(request, ticket, _("The tag is on the question."))
    return _thread(request, ticket, tag=form)


@operation("support.triage")
@never_cache
@_sent_from("support:ticket")
def ticket_untag(request: OwnRequest, code: str) -> HttpResponse:
    """One word less."""
    ticket = _ticket(request, code, "support.triage")
    actions.untag_ticket(ticket, tag=request.POST.get("tag", ""), by=request.user)
    return _back(request, ticket, _("The tag is removed."))


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
            return _done(request, ticket, _("The question is rejected. The customer reads your reason."))
    return _thread(request, ticket, reject=form)


@operation("support.take")
@never_cache
@_sent_from("support:ticket")
def ticket_take(request: OwnRequest, code: str) -> HttpResponse:
    """One answers it oneself."""
    ticket = actions.take_ticket(_ticket(request, code, "support.take"), by=request.user)
    return _back(request, ticket, _("The question is in your hands."))


@operation("support.take")
@never_cache
@_sent_from("support:ticket")
def ticket_release(request: OwnRequest, code: str) -> HttpResponse:
    """Somebody else is to answer it."""
    ticket = actions.release_ticket(_ticket(request, code, "support.take"), by=request.user)
    return _done(request, ticket, _("The question is back in the queue."))


@operation("support.take")
@never_cache
@_sent_from("support:ticket")
def ticket_hand_over(request: OwnRequest, code: str) -> HttpResponse:
    """This colleague is to answer it."""
    ticket = _ticket(request, code, "support.take")
    form = forms.HandOverForm(request.POST, auto_id="id_hand_over_%s", but=ticket.agent_id)
    if form.is_valid():
        with refusals_on(form):
            actions.hand_over_ticket(ticket, **form.cleaned_data, by=request.user)
            return _done(request, ticket, _("The question is handed over."))
    return _thread(request, ticket, hand_over=form)


@operation("support.assign")
@never_cache
@_sent_from("support:ticket")
def ticket_assign(request: OwnRequest, code: str) -> HttpResponse:
    """This agent is to answer it."""
    ticket = _ticket(request, code, "support.assign")
    form = forms.AssignForm(request.POST, auto_id="id_assign_%s", but=ticket.agent_id)
    if form.is_valid():
        with refusals_on(form):
            actions.assign_ticket(ticket, **form.cleaned_data, by=request.user)
            return _back(request, ticket, _("The question is assigned."))
    return _thread(request, ticket, assign=form)


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
        "mine": explain(_in_hand(request).explained()),
        "queue": explain(seen.waiting().explained()[:IN_QUEUE]),
        "waiting": seen.waiting().count(),
        "agents": _everybody(request, agents),
    }
    return render_page(request, "support/desk.html", "support/_desk.html", context)


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
def desk_away(request: OwnRequest) -> HttpResponse:
    """One is back soon."""
    actions.go_away(request.user, lasts=TAB_LEASE, by=request.user)
    messages.success(request, _("You are away. You keep what you have in work, and get nothing new."))
    return redirect("support:desk")


@operation("support.presence")
@never_cache
@_sent_from("support:desk")
def desk_here(request: OwnRequest) -> HttpResponse:
    """What an open page says of itself every now and then."""
    actions.give_sign_of_life(request.user, by=request.user)
    return HttpResponse(status=204)


@operation("support.presence")
@never_cache
@_sent_from("support:desk")
def desk_offline(request: OwnRequest) -> HttpResponse:
    """One is gone."""
    actions.go_offline(request.user, by=request.user)
    messages.success(request, _("You are offline. What you have not answered yet is handed to others."))
    return redirect("support:desk")
