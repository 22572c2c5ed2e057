"""The admin shows what the verbs say, and what was done to each object."""

from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import PAGE_VAR
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.paginator import Paginator
from django.db.models import DateTimeField, Model, QuerySet, UUIDField
from django.forms import DateInput, Media, ModelForm, MultiWidget, SplitDateTimeField, TimeInput
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ticketing import rights
from ticketing.errors import Refused
from ticketing.models import Activity, State
from ticketing.toolkit.contracts import parse_uuid

# What may follow the name of a filter in the address of a list.
COMPARISONS = {"", "exact", "id__exact", "gte", "gt", "lte", "lt", "isnull", "isempty"}

IN_FORMS = (400, 404, 409, 422)  # what somebody can mend by typing something else
REFUSAL = "refusal"  # what a verb refused, on the request whose form is shown again


def refusing(form: Any, refusal: Refused) -> Any:
    """A form that says what was refused, at the field that is to blame where it has it."""

    class Refusing(form):
        def clean(self) -> Any:
            said = super().clean()
            field = refusal.field if refusal.field in self.fields else None
            self.add_error(field, str(refusal.message))
            return said

    return Refusing


def pill(state: State) -> SafeString:
    """A state as the pages show it, too: a colour and always a word."""
    return format_html('<span class="pill {}">{}</span>', state.tone, capfirst(str(state.word)))


def pills(name: str, description: Any) -> Any:
    """A column of a list, or a line of a page, with one state of the row."""

    @admin.display(description=description)
    def column(obj: Model) -> SafeString:
        return pill(getattr(obj, name))

    column.__name__ = name
    return column


def people(path: str, description: Any) -> Any:
    """A column of a list with what somebody is called, and nothing where there is nobody."""

    @admin.display(description=description)
    def column(obj: Model) -> str | None:
        person: Any = obj
        for part in path.split("."):
            person = person and getattr(person, part)
        return person.name if person else None

    column.__name__ = path.replace(".", "_")
    return column


class StateFilter(admin.SimpleListFilter):
    """Rows in one state, each of which is an adjective of their query set."""

    title = gettext_lazy("state")
    parameter_name = "state"
    states: dict[str, Any] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The adjectives and their words."""
        return list(self.states.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Those in the chosen state."""
        chosen = self.value()
        return getattr(queryset, chosen)() if chosen in self.states else queryset


def each(action: Callable[..., Any], description: Any, operation: str) -> Callable[..., None]:
    """An admin action that applies a verb to every selected row and reports what was done and what was refused.

    It is offered to whoever may do `operation`.
    """

    @admin.action(description=description)
    def run(modeladmin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> None:
        done = 0
        for obj in queryset:
            try:
                action(obj, by=request.user)
                done += 1
            except Refused as refusal:
                modeladmin.message_user(request, f"{obj}: {refusal.message}", messages.WARNING)
        level = messages.SUCCESS if done else messages.INFO
        modeladmin.message_user(request, _("%(count)d done.") % {"count": done}, level)

    run.__name__ = action.__name__
    run.operation = operation  # type: ignore[attr-defined]  # a function may carry what it likes
    return run


class Moment(AdminSplitDateTime):
    """A day and a time of it, in the fields that browsers have for them, each with its name."""

    def __init__(self, attrs: Any = None) -> None:
        day = DateInput({"type": "date"}, format="%Y-%m-%d")
        time = TimeInput({"type": "time"}, format="%H:%M")
        MultiWidget.__init__(self, [day, time], attrs)

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """With names for who does not see the words beside them."""
        context: dict[str, Any] = super().get_context(name, value, attrs)
        for part, label in zip(context["widget"]["subwidgets"], (_("Date"), _("Time")), strict=True):
            part["attrs"]["aria-label"] = label
        return context


class OnOtherClocks(ModelForm):
    """A form whose times are typed and shown on other clocks than the site's; a new zone keeps what was typed."""

    zoned: tuple[str, ...] = ()  # the fields that are such times

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shown = self.clocks_before()
        for name in self.zoned:
            if at := self.initial.get(name):
                self.initial[name] = timezone.make_naive(at, shown)

    def clocks_before(self) -> tzinfo:
        """Whose clocks what stands there already is shown on."""
        raise NotImplementedError

    def clocks(self) -> tzinfo:
        """Whose clocks are meant by what is typed."""
        raise NotImplementedError

    def full_clean(self) -> None:
        """Read the times on those clocks."""
        with timezone.override(self.clocks()):
            super().full_clean()

    @cached_property
    def changed_data(self) -> list[str]:
        """On other clocks the same time is another instant."""
        changed = super().changed_data
        moved = str(self.clocks()) != str(self.clocks_before())
        return changed + [name for name in self.zoned if moved and self[name].data and name not in changed]


class SomePages(Paginator):
    """Counts no further than some pages beyond the one that is shown: what lies behind them costs nothing."""

    AHEAD = 1000  # rows
    shown = 0  # how many rows the pages up to this one hold

    def __init__(self, rows: QuerySet, *args: Any, **options: Any) -> None:
        super().__init__(rows, *args, **options)
        self.rows = rows

    @cached_property
    def found(self) -> int:
        """How many rows there are, or one more than are counted."""
        return int(self.rows.order_by().values("pk")[: self.shown + self.AHEAD + 1].count())

    @property
    def has_more(self) -> bool:
        """Whether there are more than are counted."""
        return self.found > self.shown + self.AHEAD

    @cached_property
    def count(self) -> int:
        """How many rows the pages that are named have."""
        return self.found - self.has_more


class SiteModelAdmin(admin.ModelAdmin):
    """Rows that people may add and change by verbs, if they have `operation`; nobody deletes one here."""

    operation = ""  # of rights.py; empty where nobody adds or changes anything
    sees = "account.admin"  # the operation whose rows are shown, to whoever reaches all of them
    reach = 10_000  # so many rows, those that come first in the list, are searched for words
    list_per_page = 50
    history_page_size = 100
    formfield_overrides = {DateTimeField: {"form_class": SplitDateTimeField, "widget": Moment}}
    paginator = SomePages
    show_full_result_count = False  # it reads the whole table once more
    show_facets = admin.ShowFacets.NEVER  # and these read it for every choice
    empty_value_display = "–"

    @property
    def media(self) -> Media:
        """Of Django's scripts those that our pages use: the others would be most of what a page weighs."""
        return Media(js=["admin/js/core.js", "admin/js/actions.js"])

    def get_paginator(self, request: HttpRequest, queryset: QuerySet, per_page: int, *args: Any, **kwargs: Any) -> Any:
        """One that counts as far as this page needs."""
        paginator: Any = super().get_paginator(request, queryset, per_page, *args, **kwargs)
        page = request.GET.get(PAGE_VAR, "")
        paginator.shown = int(page) * per_page if page.isascii() and page.isdigit() and len(page) < 7 else per_page
        return paginator

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model | None:
        """None also for an id that no text in the database can be."""
        return None if "\0" in object_id else super().get_object(request, object_id, from_field)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What a verb refuses stands in the form, beside what was typed."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Refused as refusal:
            if refusal.status not in IN_FORMS:
                raise
            setattr(request, REFUSAL, refusal)
            return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The form of the table; the second time it says what was refused, and so nothing is tried again."""
        form = super().get_form(request, *args, **kwargs)
        refusal = getattr(request, REFUSAL, None)
        return refusing(form, refusal) if refusal else form

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only what a filter offers: whoever may ask about any column can guess digests and passwords bit by bit."""
        names = [name for name in self._filters() if lookup.startswith(name)]
        return any(lookup.removeprefix(name).removeprefix("__") in COMPARISONS for name in names)

    def _filters(self) -> Iterator[str]:
        for entry in self.list_filter:
            named = entry[0] if isinstance(entry, list | tuple) else entry
            yield named if isinstance(named, str) else str(named.parameter_name)  # type: ignore[union-attr]

    def called(self, rows: QuerySet, term: str) -> QuerySet:
        """The rows that are called exactly this, in all of the table, by an index."""
        found = parse_uuid(term) if isinstance(self.opts.pk, UUIDField) else None
        return rows.filter(pk=found) if found else rows.none()

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """What is called exactly so; or else rows with these words, among those that come first."""
        term = search_term.strip()
        if not term or "\0" in term:
            return (queryset.none() if term else queryset), False
        exact = self.called(queryset, term)
        if exact.exists():
            return exact, False
        return super().get_search_results(request, self._within_reach(queryset), search_term)

    def _within_reach(self, rows: QuerySet) -> QuerySet:
        """As many rows as are searched; what is beyond them costs nothing."""
        orders: list[Any] = [*(self.ordering or self.opts.ordering or ()), "-pk"]
        order: str = orders[0]
        name = order.removeprefix("-")
        last = next(iter(rows.order_by(order).values_list(name, flat=True)[self.reach - 1 : self.reach]), None)
        return rows if last is None else rows.filter(**{f"{name}__{'gte' if order[0] == '-' else 'lte'}": last})

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The verbs that this person may use."""
        offered: dict[str, Any] = super().get_actions(request)
        offered.pop("delete_selected", None)
        return {name: verb for name, verb in offered.items() if rights.scope(request.user, verb[0].operation)}

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether this person may see every one of these rows."""
        return rights.scope(request.user, self.sees) in (rights.Scope.ALL, rights.Scope.DEMO)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether they stand on the front page."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether this person may do the operation."""
        return bool(self.operation and rights.scope(request.user, self.operation))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether this person may do the operation."""
        return bool(self.operation and rights.scope(request.user, self.operation))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What was done to the object, from the audit trail, newest first."""
        obj = self.get_object(request, object_id)
        if obj is None or not self.has_view_permission(request, obj):
            raise Http404
        trail = Activity.objects.about(obj).select_related("actor").order_by("-pk")
        context = {
            **self.admin_site.each_context(request),
            "title": _("Audit trail: %s") % obj,
            "object": obj,
            "opts": self.opts,
            "page": Paginator(trail, self.history_page_size).get_page(request.GET.get("p")),
        }
        return TemplateResponse(request, "admin/trail.html", context)


class ReadOnlyAdmin(SiteModelAdmin):
    """Rows that only verbs may change: to search, filter and read."""
