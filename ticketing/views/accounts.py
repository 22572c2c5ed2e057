"""Where people log in, open accounts, and look after their own."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ticketing import actions, forms, rights
from ticketing.models import ApiToken, EmailLink, Session, User
from ticketing.rights import is_demo
from ticketing.texts import clean_language, current_language
from ticketing.toolkit import authentication
from ticketing.toolkit.middleware import way_back
from ticketing.toolkit.panel import operation, refusals_on


class OwnRequest(HttpRequest):
    """A request of somebody who is logged in, as the operation of the view has made sure."""

    user: User


LINK = "account_link"  # the session's key for the link that this browser showed the secret of
WANTED = "account_wanted"  # and for the page that somebody was on the way to who asked for an account

shown_and_sent = require_http_methods(["GET", "HEAD", "POST"])


@operation("account.log_in")
@sensitive_post_parameters("password")
@never_cache
@shown_and_sent
def log_in(request: HttpRequest) -> HttpResponse:
    """The form; whoever fits goes on to the page they wanted."""
    if request.user.is_authenticated and request.method != "POST":
        return redirect(_wanted(request))
    form = forms.LogInForm(request.POST or None, initial={"next": request.GET.get("next", "")})
    if form.is_valid():
        with refusals_on(form):
            typed = form.cleaned_data
            user = actions.check_password(request, username=typed["username"], password=typed["password"])
            authentication.log_in(request, user)
            return redirect(_wanted(request))
    known = User.objects.filter(is_demo=True).order_by("username") if is_demo() else []
    return render(request, "account/log_in.html", {"form": form, "known": known})


def _wanted(request: HttpRequest) -> str:
    """The page that somebody was on the way to, if it is one of ours; else the start page."""
    page = request.POST.get("next") or request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return page if ours else reverse("home")


@operation("account.log_in")
@never_cache
@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """The session ends."""
    logout(request)
    messages.success(request, _("You are logged out."))
    return redirect("home")


@operation("site.visit")
@never_cache
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Go on in this language: in this browser, and wherever the account is logged in."""
    chosen = clean_language(request.POST.get("language", ""))
    if request.user.is_authenticated:
        actions.change_profile(request.user, language=chosen, by=request.user)
    response = redirect(way_back(request) or "home")
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        chosen,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite=settings.LANGUAGE_COOKIE_SAMESITE,
    )
    return response


@operation("account.sign_up")
@never_cache
@shown_and_sent
def sign_up(request: HttpRequest) -> HttpResponse:
    """The address of a new account; what follows comes by mail."""
    form = forms.AddressForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with refusals_on(form):
            actions.sign_up(email=form.cleaned_data["email"], language=current_language(), by=request.user)
            if request.GET.get("next"):
                request.session[WANTED] = _wanted(request)
            return redirect("account:sent")
    return render(request, "account/sign_up.html", {"form": form})


@operation("account.sign_up")
@never_cache
@shown_and_sent
def forgot(request: HttpRequest) -> HttpResponse:
    """The address of the account whose password is forgotten."""
    form = forms.AddressForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with refusals_on(form):
            actions.ask_for_reset(email=form.cleaned_data["email"], by=request.user)
            return redirect("account:sent")
    return render(request, "account/forgot.html", {"form": form})


@operation("account.sign_up")
@never_cache
@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    """Look into your mailbox: the same page, whoever is there."""
    return render(request, "account/sent.html")


@operation("account.use_link")
@never_cache
@require_safe
def link(request: HttpRequest, pk: UUID, secret: str) -> HttpResponse:
    """Remember that this browser has the link, and go where the address bar does not show it. Nothing is used yet."""
    found = EmailLink.objects.live().filter(pk=pk).first()
    if found is None or not found.opens_with(secret):
        raise actions.DeadLink
    request.session[LINK] = str(found.pk)
    return redirect("account:link_form")


@operation("account.use_link")
@sensitive_post_parameters("password")
@never_cache
@shown_and_sent
def link_form(request: HttpRequest) -> HttpResponse:
    """What the link is for: the form, and then the deed."""
    shown: Any = request.session.get(LINK)
    found = EmailLink.objects.live().filter(pk=shown).first()
    if found is None:
        raise actions.DeadLink
    shape, use, template = LINK_PAGES[EmailLink.Purpose(found.purpose)]
    if found.purpose == EmailLink.Purpose.CHANGE and not request.user.is_authenticated:
        return redirect(f"{reverse('account:log_in')}?next={reverse('account:link_form')}")
    form = shape(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with refusals_on(form):
            response = use(request, found, form.cleaned_data)
            request.session.pop(LINK, None)
            return response
    return render(request, template, {"form": form, "link": found})


def _open_account(request: HttpRequest, found: EmailLink, typed: dict[str, Any]) -> HttpResponse:
    user = actions.open_account(found, secret=found.secret, **typed, by=request.user)
    wanted = request.session.pop(WANTED, "")
    authentication.log_in(request, user)
    messages.success(request, _("Welcome. Your account is open."))
    return redirect(wanted or "home")


def _reset_password(request: HttpRequest, found: EmailLink, typed: dict[str, Any]) -> HttpResponse:
    actions.reset_password(found, secret=found.secret, **typed, by=request.user)
    messages.success(request, _("You have a new password. Log in with it."))
    return redirect("account:log_in")


def _confirm_address(request: HttpRequest, found: EmailLink, typed: dict[str, Any]) -> HttpResponse:
    actions.confirm_new_address(found, secret=found.secret, by=request.user)
    messages.success(request, _("This is your e-mail address from now on."))
    return redirect("account:profile")


_LinkPage = tuple[type[Form], Callable[[HttpRequest, EmailLink, dict[str, Any]], HttpResponse], str]
LINK_PAGES: dict[EmailLink.Purpose, _LinkPage] = {
    EmailLink.Purpose.SIGN_UP: (forms.OpenAccountForm, _open_account, "account/open.html"),
    EmailLink.Purpose.INVITATION: (forms.OpenAccountForm, _open_account, "account/open.html"),
    EmailLink.Purpose.RESET: (forms.NewPasswordForm, _reset_password, "account/reset.html"),
    EmailLink.Purpose.CHANGE: (forms.ConfirmForm, _confirm_address, "account/confirm.html"),
}


@operation("account.profile")
@sensitive_post_parameters("old", "new", "password")
@never_cache
@shown_and_sent
def profile(request: OwnRequest) -> HttpResponse:
    """Three forms on one page: names and language, password, address. The button says which one is sent."""
    shown = {name: shape(auto_id=f"id_{name}_%s", **_given(request, name)) for name, (shape, _save) in PARTS.items()}
    form = shown.get(request.POST.get("part", ""))
    if form and form.is_valid():
        with refusals_on(form):
            return PARTS[request.POST["part"]][1](request, form.cleaned_data)
    answers = rights.scope(request.user, "account.anonymise")
    return render(request, "account/profile.html", {"forms": shown, "answers_for_people": answers})


def _given(request: OwnRequest, part: str) -> dict[str, Any]:
    if request.POST.get("part") == part:
        return {"data": request.POST}
    return {"initial": {name: getattr(request.user, name) for name in ("first_name", "last_name", "language")}}


def _save_names(request: OwnRequest, typed: dict[str, Any]) -> HttpResponse:
    actions.change_profile(request.user, **typed, by=request.user)
    messages.success(request, _("Your profile is changed."))
    return redirect("account:profile")


def _save_password(request: OwnRequest, typed: dict[str, Any]) -> HttpResponse:
    actions.change_password(request.user, **typed, keep=request.session.session_key or "", by=request.user)
    update_session_auth_hash(request, request.user)
    messages.success(request, _("Your password is changed, and you are logged out everywhere else."))
    return redirect("account:profile")


def _ask_for_address(request: OwnRequest, typed: dict[str, Any]) -> HttpResponse:
    actions.ask_for_new_address(request.user, **typed, by=request.user)
    return redirect("account:sent")


_Part = tuple[type[Form], Callable[[OwnRequest, dict[str, Any]], HttpResponse]]
PARTS: dict[str, _Part] = {
    "names": (forms.ProfileForm, _save_names),
    "password": (forms.ChangePasswordForm, _save_password),
    "address": (forms.ChangeAddressForm, _ask_for_address),
}


@operation("account.manage_tokens")
@never_cache
@shown_and_sent
def tokens(request: OwnRequest) -> HttpResponse:
    """One's live tokens, and the form of a new one."""
    form = forms.TokenForm(request.POST if request.method == "POST" else None, initial={"lasts": "90"})
    if form.is_valid():
        with refusals_on(form):
            secret = actions.issue_token(request.user, **form.cleaned_data, by=request.user)
            return _show_secret(request, secret)
    return render(request, "account/tokens.html", {"form": form, "tokens": _own_tokens(request)})


@operation("account.manage_tokens")
@never_cache
@require_POST
def token_rename(request: OwnRequest, pk: UUID) -> HttpResponse:
    """Another name."""
    token = get_object_or_404(_own_tokens(request), pk=pk)
    actions.rename_token(token, name=request.POST.get("name", ""), by=request.user)
    return redirect("account:tokens")


@operation("account.manage_tokens")
@never_cache
@require_POST
def token_rotate(request: OwnRequest, pk: UUID) -> HttpResponse:
    """Another secret."""
    return _show_secret(request, actions.rotate_token(get_object_or_404(_own_tokens(request), pk=pk), by=request.user))


@operation("account.revoke_token")
@never_cache
@require_POST
def token_revoke(request: OwnRequest, pk: UUID) -> HttpResponse:
    """The end of a token."""
    actions.revoke_token(get_object_or_404(_own_tokens(request), pk=pk), by=request.user)
    messages.success(request, _("The token is revoked."))
    return redirect("account:tokens")


def _own_tokens(request: OwnRequest) -> Any:
    """One's own, also of somebody who may manage everybody's."""
    return ApiToken.objects.visible_to(request.user, "account.manage_tokens").live().filter(user=request.user)


def _show_secret(request: HttpRequest, secret: str) -> HttpResponse:
    """The secret on the next page, once, and never in an address."""
    sentence = _("Your new token: <code>{secret}</code>. Copy it now: it is shown this once.")
    messages.success(request, format_html(sentence, secret=secret))
    return redirect("account:tokens")


@operation("account.manage_sessions")
@never_cache
@require_safe
def sessions(request: OwnRequest) -> HttpResponse:
    """Where one is logged in."""
    return render(
        request,
        "account/sessions.html",
        {"sessions": _own_sessions(request), "current": request.session.session_key},
    )


@operation("account.manage_sessions")
@never_cache
@require_POST
def session_end(request: OwnRequest, public_id: UUID) -> HttpResponse:
    """Log one browser out."""
    actions.end_session(get_object_or_404(_own_sessions(request), public_id=public_id), by=request.user)
    messages.success(request, _("That browser is logged out."))
    return redirect("account:sessions")


@operation("account.manage_sessions")
@never_cache
@require_POST
def sessions_end_others(request: OwnRequest) -> HttpResponse:
    """Log every other browser out."""
    actions.end_other_sessions(request.user, keep=request.session.session_key or "", by=request.user)
    messages.success(request, _("You are logged out everywhere else."))
    return redirect("account:sessions")


def _own_sessions(request: OwnRequest) -> Any:
    """One's own, also of somebody who may manage everybody's."""
    return Session.objects.visible_to(request.user, "account.manage_sessions").filter(account=request.user)
