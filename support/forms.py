"""The shape of what people type at the support desk; the verbs hold the rules."""

from datetime import timedelta
from functools import cached_property
from typing import Any

from django import forms
from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from support.models import (
    MESSAGE_LIMIT,
    NOTE_LIMIT,
    REASON_LIMIT,
    SUBJECT_LIMIT,
    TAG_LIMIT,
    VIEW_NAME_LIMIT,
    Agent,
    CannedReply,
    Department,
    Priority,
    Rating,
    Ticket,
)
from support.policies import TAB_LEASE, File, clean_tag
from support.words import sought
from ticketing.models import User
from ticketing.texts import clean_text
from ticketing.toolkit.panel import OnceForm, refusals_on

HOURS = (1, 2, 4, 8, 12)
ANY = "any"  # in an address: the questions of no department


class _MessageField(forms.CharField):
    """A text of several lines. A line break counts once, as the browser counts it."""

    def __init__(self, *, limit: int = MESSAGE_LIMIT, rows: int = 6, **options: Any) -> None:
        super().__init__(max_length=limit, widget=forms.Textarea({"rows": rows}), **options)

    def to_python(self, value: Any) -> str:
        """What was typed, with plain line breaks."""
        return (super().to_python(value) or "").replace("\r\n", "\n")


class AccountField(forms.CharField):
    """An account, by what its owner types at log-in."""

    default_error_messages = {"unknown": _("There is no such account. Check how it is written.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=254, widget=forms.TextInput({"autocomplete": "off"}), **options)

    def clean(self, value: Any) -> Any:
        """The account, or None where nothing was typed."""
        typed = super().clean(value)
        account = User.objects.named(typed) if typed else None
        if typed and not (account and User.objects.admitted().filter(pk=account.pk).exists()):
            raise forms.ValidationError(self.error_messages["unknown"], code="unknown")
        return account


class _FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """Some files, or none; each is looked at by the verb."""

    def __init__(self, **options: Any) -> None:
        super().__init__(label=_("Files"), required=False, widget=_FilesInput, **options)

    @property
    def help_text(self) -> str:
        """What is taken."""
        words = {"many": settings.ATTACHMENTS_AT_ONCE, "limit": settings.ATTACHMENT_MIB}
        return gettext("Up to %(many)d, with up to %(limit)d MiB each.") % words

    @help_text.setter
    def help_text(self, text: str) -> None:
        """The settings say it."""

    def clean(self, value: Any, initial: Any = None) -> list[File]:
        """What was chosen. What is too large is not even read."""
        most = settings.ATTACHMENT_MIB * 1024 * 1024
        return [File(sent.name, sent.read(most + 1)) for sent in value or []]


class _CleanForm(forms.Form):
    """Texts hold no control characters; each complaint stands at its field."""

    def clean(self) -> dict[str, Any]:
        """What was typed, trimmed."""
        cleaned = super().clean() or self.cleaned_data
        for name in {"subject", "message", "reason", "note", "comment"} & cleaned.keys():
            with refusals_on(self):
                rules = {"lines": name in ("message", "note", "comment"), "empty": name == "comment"}
                cleaned[name] = clean_text(cleaned[name], field=name, limit=MESSAGE_LIMIT, **rules)
        return cleaned


def _departments() -> list[tuple[str, Any]]:
    return [("", _("Any – I am not sure")), *_capitalised(Department.choices)]


def _priorities() -> list[tuple[str, Any]]:
    return _capitalised(Priority.choices)


def _verdicts() -> list[tuple[str, Any]]:
    return _capitalised(Rating.Verdict.choices)


def _hours() -> list[tuple[str, str]]:
    sentence = ngettext_lazy("%(hours)d hour", "%(hours)d hours", "hours")
    open_page = ("0", _("While this page is open"))
    return [open_page, *((str(hours), sentence % {"hours": hours}) for hours in HOURS)]


def _statuses() -> list[tuple[str, Any]]:
    both = [("open", _("Open: waiting or in progress")), ("closed", _("Closed: completed or rejected"))]
    return [("", _("All")), *both, *_capitalised(Ticket.Status.choices)]


def _narrowed_departments() -> list[tuple[str, Any]]:
    return [("", _("All")), (ANY, _("Any agent’s")), *_capitalised(Department.choices)]


def _narrowed_priorities() -> list[tuple[str, Any]]:
    return [("", _("All")), *_priorities()]


def _capitalised(choices: Any) -> list[tuple[str, Any]]:
    return [(value, capfirst(label)) for value, label in choices]


class NarrowForm(forms.Form):
    """Which questions a list shows, and in which order."""

    ORDERS = [
        ("", _("Best or newest first")),
        ("newest", _("Newest first")),
        ("oldest", _("Oldest first")),
    ]

    search = forms.CharField(
        label=_("Search"), required=False, widget=forms.TextInput({"type": "search", "autocomplete": "off"})
    )
    status = forms.ChoiceField(label=_("Status"), choices=_statuses, required=False)
    order = forms.ChoiceField(label=_("Order"), choices=ORDERS, required=False)

    def clean_search(self) -> Any:
        """What to look for; None where nothing was typed."""
        typed = self.cleaned_data["search"]
        wanted = sought(typed) if typed else None
        if typed and not wanted:
            raise forms.ValidationError(_("There is no word in this to look for."))
        return wanted


class StaffNarrowForm(NarrowForm):
    """The same, for a list of everybody's questions."""

    department = forms.ChoiceField(label=_("Department"), choices=_narrowed_departments, required=False)
    priority = forms.ChoiceField(label=_("Priority"), choices=_narrowed_priorities, required=False)
    tag = forms.CharField(
        label=_("Tag"), max_length=TAG_LIMIT, required=False, widget=forms.TextInput({"autocomplete": "off"})
    )
    mine = forms.BooleanField(label=_("Only those in my hands"), required=False)
    late = forms.BooleanField(label=_("Only late ones"), required=False)

    field_order = ["search", "status", "department", "priority", "tag", "order", "mine", "late"]

    def clean_tag(self) -> str:
        """The tag as everybody spells it; empty for none."""
        typed: str = self.cleaned_data["tag"]
        with refusals_on(self):
            return clean_tag(typed) if typed else ""
        return ""


class QuestionForm(OnceForm, _CleanForm):
    """A new question."""

    subject = forms.CharField(
        label=_("Subject"),
        max_length=SUBJECT_LIMIT,
        help_text=_("What it is about, in one line."),
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    department = forms.ChoiceField(label=_("Department"), choices=_departments, required=False)
    priority = forms.ChoiceField(label=_("Priority"), choices=_priorities, initial=Priority.MEDIUM)
    message = _MessageField(
        label=_("Message"),
        help_text=_("What happened, and what you expected instead."),
    )
    files = _FilesField()


class StaffQuestionForm(QuestionForm):
    """A new question, perhaps on behalf of a customer."""

    customer = AccountField(
        label=_("Customer"),
        required=False,
        help_text=_("Username or e-mail address of the account that asks. Empty if it is you."),
    )


class ReplyForm(OnceForm, _CleanForm):
    """One more message."""

    message = _MessageField(label=_("Your reply"))
    files = _FilesField()


class CannedForm(forms.Form):
    """A text that is answered often."""

    canned = forms.ModelChoiceField(
        CannedReply.objects.none(), label=_("Canned reply"), required=False, empty_label=_("Choose one")
    )

    def __init__(self, *given: Any, offered: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.fields["canned"].queryset = offered.order_by("title")  # type: ignore[attr-defined]


class NoteForm(OnceForm, _CleanForm):
    """Something among staff."""

    message = _MessageField(label=_("Note"), help_text=_("Only staff read it. No customer sees that it is there."))
    files = _FilesField()


class TriageForm(forms.Form):
    """How urgent it is, and whose it is."""

    priority = forms.ChoiceField(label=_("Priority"), choices=_priorities)
    department = forms.ChoiceField(label=_("Department"), choices=_departments, required=False)


class TagForm(forms.Form):
    """One more tag."""

    tag = forms.CharField(
        label=_("New tag"),
        max_length=TAG_LIMIT,
        widget=forms.TextInput({"autocomplete": "off"}),
    )


class RejectForm(_CleanForm):
    """Why there will be no answer."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LIMIT,
        help_text=_("The customer reads it."),
        widget=forms.TextInput({"autocomplete": "off"}),
    )


class RateForm(_CleanForm):
    """Whether it was good."""

    verdict = forms.ChoiceField(
        label=_("Was your question answered well?"),
        choices=_verdicts,
        widget=forms.RadioSelect,
    )
    comment = _MessageField(
        label=_("Comment"), limit=NOTE_LIMIT, rows=3, required=False, help_text=_("If you like. Only staff read it.")
    )


class _AgentField(forms.ModelChoiceField):
    """Somebody who is online and has room."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Agent.objects.none(), label=_("Agent"), empty_label=None, **options)

    def label_from_instance(self, obj: Any) -> str:
        """By name, with how busy they are."""
        words = {"name": obj.user.name, "taken": obj.taken, "capacity": obj.capacity}
        return gettext("%(name)s (%(taken)d of %(capacity)d)") % words


class AssignForm(forms.Form):
    """Who gets it."""

    to = _AgentField()

    def __init__(self, *given: Any, but: Any = None, **options: Any) -> None:
        super().__init__(*given, **options)
        able = Agent.objects.able_to_take(but)
        self.fields["to"].queryset = self._able = able  # type: ignore[attr-defined]

    @cached_property
    def anybody(self) -> bool:
        """Whether there is somebody to choose."""
        return self._able.exists()


class ViewForm(OnceForm):
    """Under which name a list is found again."""

    name = forms.CharField(
        label=_("Name of the view"), max_length=VIEW_NAME_LIMIT, widget=forms.TextInput({"autocomplete": "off"})
    )
    is_shared = forms.BooleanField(label=_("For everybody at the desk"), required=False)

    def __init__(self, *given: Any, may_share: bool, **options: Any) -> None:
        super().__init__(*given, **options)
        if not may_share:
            del self.fields["is_shared"]


class HandOverForm(AssignForm, _CleanForm):
    """Who gets it, and what they should know."""

    note = _MessageField(label=_("Note"), limit=NOTE_LIMIT, rows=2, help_text=_("Only staff read it."))


class OnlineForm(forms.Form):
    """For how long somebody answers from now on."""

    lasts = forms.TypedChoiceField(
        label=_("For how long"),
        choices=_hours,
        initial="8",
        coerce=lambda hours: timedelta(hours=int(hours)) or TAB_LEASE,
    )
