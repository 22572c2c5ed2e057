"""What the support desk refuses."""

from django.utils.translation import gettext_lazy as _

from ticketing.errors import Conflict, Invalid


class AlreadyClosed(Conflict):
    """Only an open ticket can be rejected."""

    code = "already_closed"
    message = _("This ticket is closed already. Re-open it first.")


class AlreadyAnAgent(Conflict):
    """An account has one place at the desk."""

    code = "already_an_agent"
    message = _("This account has a place at the desk already. Change it in the list of agents.")


class CapacityInUse(Conflict):
    """An agent's capacity may not fall below the tickets in work."""

    code = "capacity_in_use"
    message = _("The agent has more tickets in work than that. Close or hand over some first.")


class ReasonMissing(Invalid):
    """A rejection says why."""

    code = "reason_missing"
    message = _("Say why the ticket is rejected.")
