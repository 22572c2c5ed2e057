"""The panel's pages of questions: the list, and the form of a new one."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from support import actions, forms
from support.models import MESSAGE_LIMIT, SUBJECT_LIMIT, Reply, SavedView, Ticket
from support.policies import explain, may_change_view, narrowing
from support.shown import OwnRequest, back, choose_again, is_staff, sent_from, shown_and_sent
from support.words import Sought
from ticketing import rights, subjects
from ticketing.models import User
from ticketing.rights import Scope
from ticketing.toolkit.contracts import parse_uuid
from ticketing.toolkit.panel import once, operation, refusals_on, render_page, wants_part
from ticketing.toolkit.windows import NEWEST_FIRST, Window, window

ON_PAGE, BEST_SHOWN = 25, 50
ORDERS = {"": NEWEST_FIRST, "newest": NEWEST_FIRST, "oldest": ("created_at", "id")}


@operation("support.list")
@never_cache
@require_safe
def tickets(request: OwnRequest) -> HttpResponse:
    """Questions as the address narrows and orders them: a customer's own, those that staff may see."""
    return _list(request)


def _list(request: OwnRequest, keep: Form | None = None) -> HttpResponse:
    """The page, with the form that was sent and came back."""
    staff = is_staff(request)
    form = forms.StaffNarrowForm(request.GET) if staff else forms.NarrowForm(request.GET)
    form.is_valid()  # what makes no sense narrows nothing, and the form says so
    wanted = form.cleaned_data
    seen = _narrowed(Ticket.objects.visible_to(request.user, "support.list"), wanted, request.user)
    page = _found(request, seen, wanted)
    if staff:
        explain(page.rows)
    context = {"page": page, "form": form, "is_narrowed": bool(request.GET), "is_staff": staff, "best": BEST_SHOWN}
    context |= _views(request, keep)
    if wants_part(request):
        context["complaints"] = form.errors.get("search")  # the form itself stays as it is
    return render_page(request, "support/tickets.html", "support/_ticket_rows.html", context)


def _views(request: OwnRequest, keep: Form | None) -> dict[str, Any]:
    """The saved views, which of them this is, and the form that keeps another one."""
    if not rights.scope(request.user, "support.keep_views"):
        return {}
    kept = SavedView.objects.visible_to(request.user, "support.keep_views").order_by("name", "id")
    query = narrowing(request.GET.urlencode())
    may_share = bool(rights.scope(request.user, "support.share_views"))
    here = next((view for view in kept if view.query == query), None)
    shown = {"views": kept, "here": here, "query": query}
    shown["may_remove"] = here and may_change_view(here, request.user)
    return shown | {"keep": (keep or forms.ViewForm(may_share=may_share)) if query and not here else None}


@operation("support.keep_views")
@never_cache
@sent_from("support:tickets")
def view_keep(request: OwnRequest) -> HttpResponse:
    """The list as the address has it, under a name from now on, once also when the form comes twice."""
    form = forms.ViewForm(request.POST, may_share=bool(rights.scope(request.user, "support.share_views")))
    query = request.GET.urlencode()
    if form.is_valid():
        typed = form.cleaned_data | {"query": query, "by": request.user}
        key = typed.pop("form_key")
        with refusals_on(form):
            once(request, key, f"panel support.keep_view {query}", lambda: actions.keep_view(**typed))
            messages.success(request, _("The view is kept."))
            return redirect(f"{reverse('support:tickets')}?{narrowing(query)}")
    return _list(request, form)


@operation("support.keep_views")
@never_cache
@sent_from("support:tickets")
def view_remove(request: OwnRequest, pk: UUID) -> HttpResponse:
    """Nobody finds the list by its name any more; it is shown still."""
    view = get_object_or_404(SavedView.objects.visible_to(request.user, "support.keep_views"), pk=pk)
    actions.remove_view(view, by=request.user)
    messages.success(request, _("The view “%(name)s” is removed.") % {"name": view.name})
    return redirect(f"{reverse('support:tickets')}?{view.query}")


def _found(request: OwnRequest, seen: Any, wanted: dict[str, Any]) -> Window:
    """A page of them; of a search the best ones, unless another order is wanted, with what was found in each."""
    sought, order = wanted.get("search"), wanted.get("order", "")
    shown = seen.select_related("user", "promise")
    if is_staff(request):
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
        rows = rows.in_department("" if department == forms.ANY else department)
    if priority := wanted.get("priority"):
        rows = rows.of_priority(priority)
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
            return back(request, ticket, _("The question is sent. The answer appears here."))
    is_about = subjects.shown([about] if about else [], owner=request.user)
    return render(
        request,
        "support/ticket_new.html",
        {"form": choose_again(form), "about": about, "is_about": is_about.get(about)},
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
