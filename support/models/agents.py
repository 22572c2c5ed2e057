"""Those who answer."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from support import querysets
from support.models.kinds import Department
from ticketing.models import State, Stock

MOST_TICKETS_AT_ONCE = 1000  # of one agent
PRESENCES = {
    "online": State("good", _("online")),
    "away": State("warn", pgettext_lazy("presence", "away")),
    "offline": State("", _("offline")),
}


class Agent(Stock):
    """Somebody who answers tickets: a stock of attention, of which `taken` tickets are in work (invariant S2)."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="agent", verbose_name=_("account")
    )
    capacity = models.PositiveIntegerField(
        _("capacity"), default=5, help_text=_("How many tickets the agent has in work at once.")
    )
    departments = ArrayField(
        models.CharField(max_length=10, choices=Department),
        verbose_name=_("departments"),
        default=list,
        blank=True,
        help_text=_("Empty means all departments."),
    )
    online_until = models.DateTimeField(
        _("online until"),
        null=True,
        blank=True,
        help_text=_("Presence is a lease: once it lapses, what the agent has not answered is handed out again."),
    )
    is_away = models.BooleanField(
        _("away"),
        default=False,
        db_default=False,
        editable=False,
        help_text=_("Keeps the tickets in work while present, and gets no new ones."),
    )
    last_assigned_at = models.DateTimeField(_("last assigned"), null=True, blank=True, editable=False)

    objects = querysets.AgentQuerySet.as_manager()

    class Meta(Stock.Meta):
        verbose_name = _("agent")
        verbose_name_plural = _("agents")
        constraints = [
            *Stock.Meta.constraints,
            models.CheckConstraint(
                condition=Q(departments__contained_by=Department.values), name="support_agent_departments_known"
            ),
            models.CheckConstraint(
                condition=Q(capacity__lte=MOST_TICKETS_AT_ONCE),
                name="support_agent_capacity_bearable",
                violation_error_message=_("Nobody can have that many tickets in work."),
            ),
        ]

    present: bool  # by the database's clock, where the query asked for it

    def __str__(self) -> str:
        return str(self.user)

    @property
    def presence_name(self) -> str:
        """In one word, for programs."""
        if not self.present:
            return "offline"
        return "away" if self.is_away else "online"

    @property
    def presence(self) -> State:
        """Whether the agent is there."""
        return PRESENCES[self.presence_name]
