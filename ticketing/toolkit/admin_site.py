"""How Django finds the site's own admin; it is imported before there are any models."""

from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class AdminConfig(DjangoAdminConfig):
    default_site = "ticketing.toolkit.site_admin.SiteAdmin"
