"""The admin is the supervisors' place, with a door of its own."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.admin.templatetags import admin_list
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ticketing import rights
from ticketing.toolkit.authentication import remember_browser


def boolean_icon(value: bool | None) -> SafeString:
    """Yes, no or unknown as Django draws it, read out in the language of the page; Django reads out “True”."""
    name, words = {True: ("yes", _("yes")), False: ("no", _("no")), None: ("unknown", _("unknown"))}[value]
    return format_html('<img src="{}" alt="{}">', static(f"admin/img/icon-{name}.svg"), words)


admin_list._boolean_icon = boolean_icon  # type: ignore[attr-defined]  # it can be told in no other way


class LogInForm(AdminAuthenticationForm):
    """The admin's own log-in page: it opens to whoever may enter, and tells everybody else no."""

    def confirm_login_allowed(self, user: Any) -> None:
        """Refuse whoever lacks the right, in the words of a wrong password."""
        if not rights.scope(user, "account.admin"):
            raise self.get_invalid_login_error()


class SiteAdmin(admin.AdminSite):
    """Django's admin, the supervisors' place: open to whoever has `account.admin`."""

    site_header = site_title = _("Ticketing")
    index_title = _("Administration")
    login_form = LogInForm

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether this person may enter."""
        return bool(request.user.is_active and rights.scope(request.user, "account.admin"))

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """One's own account page, whose verb counts wrong guesses, tells the owner and writes the trail."""
        return redirect("account:profile")

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django's log-in page, whose sessions their owners can recognise too."""
        response = super().login(request, extra_context)
        if request.method == "POST" and request.user.is_authenticated:
            remember_browser(request)
        return response
