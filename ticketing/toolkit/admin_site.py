"""The admin is the supervisors' place."""

from django.contrib import admin
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ticketing import rights


class SiteAdmin(admin.AdminSite):
    """Django's admin, open to whoever has `account.admin`."""

    site_header = site_title = _("Ticketing")
    index_title = _("Administration")

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether this person may enter."""
        return bool(request.user.is_active and rights.scope(request.user, "account.admin"))


class AdminConfig(DjangoAdminConfig):
    default_site = "ticketing.toolkit.admin_site.SiteAdmin"
