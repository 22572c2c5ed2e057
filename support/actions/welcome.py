"""What waits at the support desk for whoever proves an e-mail address, and what an invitation to it may say."""

from typing import Any

from django.db import transaction
from django.db.models.functions import Lower

from support.models import Agent, Ticket
from support.policies import clean_capacity, clean_departments
from ticketing.models import Activity, User


def check_invitation(terms: dict[str, Any]) -> None:
    """Nothing if departments and capacity are some that an agent can have, else Invalid naming the field."""
    _granted(terms)


@transaction.atomic
def welcome(user: User, terms: dict[str, Any]) -> None:
    """Give whoever proved the address the tickets raised with it, and an invited agent a place at the desk."""
    if terms.get("role") == User.Role.AGENT:
        agent, _made = Agent.objects.get_or_create(user=user, defaults=_granted(terms))
        Activity.objects.record("support.join_desk", agent, by=user)
    address = user.email.lower()
    orphans = Ticket.objects.alias(address=Lower("email")).exclude(email="").filter(user=None, address=address)
    if joined := orphans.change(user=user):
        Activity.objects.record("support.join_account", user, by=user, count=joined)


def _granted(terms: dict[str, Any]) -> dict[str, Any]:
    """The columns of an agent that the terms fill."""
    rules: dict[str, Any] = {"departments": clean_departments, "capacity": clean_capacity}
    return {name: clean(terms[name]) for name, clean in rules.items() if name in terms}
