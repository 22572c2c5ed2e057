"""What the support desk refuses."""

from django.utils.translation import gettext_lazy as _

from ticketing.errors import Conflict, Invalid


class AlreadyClosed(Conflict):
    """Only an open ticket can be rejected."""

    code = "already_closed"
    message = _("This ticket is closed already. Re-open it first.")


class CapacityInUse(Conflict):
    """An agent's capacity may not fall below the tickets in work."""

    code = "capacity_in_use"
    message = _("The agent has more tickets in work than that. Close or hand over some first.")


class ReasonMissing(Invalid):
    """A rejection says why."""

    code = "reason_missing"
    message = _("Say why the ticket is rejected.")
