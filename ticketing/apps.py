from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TicketingConfig(AppConfig):
    name = "ticketing"
    verbose_name = _("Accounts and site")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the checks of production's settings known."""
        from ticketing import checks  # noqa: F401 - imported for its registrations
