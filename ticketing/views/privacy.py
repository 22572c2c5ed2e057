"""What the site has of people: each person's own, and everybody's for those who answer for it."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from ticketing import actions, rights
from ticketing.actions.privacy import REASONS
from ticketing.models import User
from ticketing.people import Person, ahead_of
from ticketing.toolkit.exports import export_response
from ticketing.toolkit.panel import operation, refusals_on
from ticketing.views.accounts import OwnRequest, shown_and_sent


class WhoForm(forms.Form):
    """Whom it is about."""

    who = forms.CharField(
        label=gettext_lazy("Username, e-mail address or phone number"),
        max_length=254,
        widget=forms.TextInput({"autocomplete": "off"}),
    )


class ForgetForm(forms.Form):
    """Why, how, and whether it is meant."""

    reason = forms.ChoiceField(label=gettext_lazy("Reason"), choices=list(REASONS.items()))
    end = forms.BooleanField(
        label=gettext_lazy("End what is still ahead as well"),
        label_suffix="",
        required=False,
        help_text=gettext_lazy("Closes questions, cancels bookings and gives tickets back."),
    )
    sure = forms.BooleanField(label=gettext_lazy("I know that nobody can undo this"), label_suffix="")


@operation("account.export")
@never_cache
@shown_and_sent
def own(request: OwnRequest) -> HttpResponseBase:
    """What an export has, and the button; a POST, as the trail notes it."""
    if request.method == "POST":
        return export_response(Person.owning(request.user), by=request.user)
    return render(request, "account/data.html", {"asks": rights.scope(request.user, "support.open")})


@operation("account.anonymise")
@never_cache
@shown_and_sent
def people(request: OwnRequest) -> HttpResponse:
    """Whom it is about. What is typed stands in no address, as it is personal itself."""
    form = WhoForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with refusals_on(form):
            who = actions.person_called(form.cleaned_data["who"])
            return redirect("account:person", who.account.pk) if who.account else _show(request, who)
    return render(request, "account/people.html", {"form": form})


@operation("account.anonymise")
@never_cache
@shown_and_sent
def person(request: OwnRequest, pk: UUID) -> HttpResponseBase:
    """Somebody with an account."""
    account = get_object_or_404(User.objects.visible_to(request.user, "account.anonymise"), pk=pk)
    return _answer(request, Person.owning(account))


@operation("account.anonymise")
@never_cache
@require_POST
def contact(request: OwnRequest) -> HttpResponseBase:
    """Somebody without one, known by an address or a number alone."""
    named = {name: request.POST[name] for name in ("email", "phone") if request.POST.get(name)}
    return _answer(request, actions.known_as(**named))


def _answer(request: OwnRequest, who: Person) -> HttpResponseBase:
    if "export" in request.POST:
        return export_response(who, by=request.user, internal="internal" in request.POST)
    form = ForgetForm(request.POST if "forget" in request.POST else None)
    if form.is_valid():
        with refusals_on(form):
            return _forget(request, who, reason=form.cleaned_data["reason"], end=form.cleaned_data["end"])
    return _show(request, who, form)


def _forget(request: OwnRequest, who: Person, **how: Any) -> HttpResponse:
    if who.account:
        account = actions.anonymise_account(who.account, by=request.user, **how)
        messages.success(request, _("The account is anonymised. Its records stay as numbers."))
        return redirect("account:person", account.pk)
    rows = actions.anonymise_contact(who, by=request.user, **how)
    sentence = ngettext("%(rows)d entry names nobody any more.", "%(rows)d entries name nobody any more.", rows)
    messages.success(request, sentence % {"rows": rows})
    return redirect("account:people")


def _show(request: HttpRequest, who: Person, form: forms.Form | None = None) -> HttpResponse:
    shown = {"who": who, "ahead": ahead_of(who), "form": form or ForgetForm()}
    return render(request, "account/person.html", shown)
