"""The shape of what people type about their accounts; the verbs hold the rules."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

_NEW_PASSWORD_HELP = _("At least eight characters, not a common word, and not like your name.")


def _text(label: Any, autocomplete: str, **options: Any) -> forms.CharField:
    kind = options.pop("kind", "text")
    return forms.CharField(label=label, widget=forms.TextInput({"type": kind, "autocomplete": autocomplete}), **options)


def _password(label: Any, autocomplete: str, help_text: Any = "") -> forms.CharField:
    widget = forms.PasswordInput({"autocomplete": autocomplete})
    return forms.CharField(label=label, widget=widget, help_text=help_text, strip=False, max_length=1000)


class AddressForm(forms.Form):
    """Where to send a link."""

    email = _text(_("E-mail address"), "email", kind="email", max_length=254)


class LogInForm(forms.Form):
    """Who somebody says to be."""

    username = _text(_("Username or e-mail address"), "username", max_length=254)
    password = _password(_("Password"), "current-password")
    next = forms.CharField(required=False, widget=forms.HiddenInput)


class OpenAccountForm(forms.Form):
    """The names and the password of a new account."""

    first_name = _text(_("First name"), "given-name", max_length=150)
    last_name = _text(_("Last name"), "family-name", max_length=150, required=False)
    password = _password(_("Password"), "new-password", _NEW_PASSWORD_HELP)


class NewPasswordForm(forms.Form):
    """The password from now on."""

    password = _password(_("New password"), "new-password", _NEW_PASSWORD_HELP)


class ConfirmForm(forms.Form):
    """Nothing to type: the button is the answer."""


class ProfileForm(forms.Form):
    """What the person is called, and in which language they are written to."""

    first_name = _text(_("First name"), "given-name", max_length=150)
    last_name = _text(_("Last name"), "family-name", max_length=150, required=False)
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)


class ChangePasswordForm(forms.Form):
    """The password so far and from now on."""

    old = _password(_("Password so far"), "current-password")
    new = _password(_("New password"), "new-password", _NEW_PASSWORD_HELP)


class ChangeAddressForm(forms.Form):
    """The address from now on, and the password, as whoever has the address can have a new password."""

    email = _text(_("New e-mail address"), "email", kind="email", max_length=254)
    password = _password(_("Password"), "current-password")


class TokenForm(forms.Form):
    """What a token is called and how long it lasts."""

    LASTS = [("30", _("30 days")), ("90", _("90 days")), ("365", _("a year")), ("", _("until it is revoked"))]

    name = _text(_("Name"), "off", max_length=100, help_text=_("Of the program that is to use the token."))
    lasts = forms.TypedChoiceField(
        label=_("Lasts"),
        choices=LASTS,
        required=False,
        coerce=lambda days: timedelta(days=int(days)),
        empty_value=None,
    )
