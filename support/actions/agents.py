"""Verbs about agents: presence and capacity."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now

from support.actions.dispatch import assign_on_commit
from support.errors import AlreadyAnAgent, CapacityInUse
from support.models import Agent
from support.policies import TAB_LEASE, clean_capacity, clean_departments
from ticketing import rights
from ticketing.errors import NotAllowed
from ticketing.models import Activity, User
from ticketing.rights import Actor, Scope


@transaction.atomic
def go_online(user: User, *, lasts: timedelta, by: Actor) -> Agent:
    """Renew the agent's presence for that long, never shortening it, and hand out what waits."""
    return _be_present(user, lasts, is_away=False, by=by)


@transaction.atomic
def go_away(user: User, *, lasts: timedelta, by: Actor) -> Agent:
    """Renew the agent's presence for that long, never shortening it; what is in work stays, and nothing new comes."""
    return _be_present(user, lasts, is_away=True, by=by)


def _be_present(user: User, lasts: timedelta, *, is_away: bool, by: Actor) -> Agent:
    _may_set_presence_of(user, by)
    agent, _ = Agent.objects.get_or_create(user=user)
    until = Greatest(F("online_until"), Now() + lasts)
    Agent.objects.filter(pk=agent.pk).change(online_until=until, is_away=is_away)
    Activity.objects.record("support.go_away" if is_away else "support.go_online", agent, by=by)
    assign_on_commit()
    agent.refresh_from_db()
    return agent


@transaction.atomic
def give_sign_of_life(user: User, *, by: Actor) -> bool:
    """Keep a presence from lapsing; False of who is offline, as a page that was left open brings nobody back.

    It changes nothing that anybody did, so it has no line in the trail.
    """
    _may_set_presence_of(user, by)
    here = Agent.objects.filter(user=user).present()
    return here.update(online_until=Greatest(F("online_until"), Now() + TAB_LEASE)) == 1


@transaction.atomic
def go_offline(user: User, *, by: Actor) -> None:
    """End the agent's presence; what is not answered is handed out again, the rest once its customer replies."""
    _may_set_presence_of(user, by)
    if Agent.objects.filter(user=user, online_until__isnull=False).change(online_until=None, is_away=False):
        Activity.objects.record("support.go_offline", Agent.objects.get(user=user), by=by)
        assign_on_commit()


@transaction.atomic
def add_agent(user: User, *, capacity: int, departments: list[str], by: Actor) -> Agent:
    """Give the account a place at the desk, or refuse with AlreadyAnAgent."""
    rights.require(by, "support.manage_agents")
    granted = {"capacity": clean_capacity(capacity), "departments": clean_departments(departments)}
    agent, is_new = Agent.objects.get_or_create(user=user, defaults=granted)
    if not is_new:
        raise AlreadyAnAgent(field="user")
    Activity.objects.record("support.add_agent", agent, by=by)
    return agent


@transaction.atomic
def set_capacity(agent: Agent, *, capacity: int, by: Actor) -> Agent:
    """Let the agent have that many tickets in work at once; CapacityInUse below what is in work now."""
    rights.require(by, "support.manage_agents")
    if not Agent.objects.filter(pk=agent.pk, taken__lte=clean_capacity(capacity)).change(capacity=capacity):
        raise CapacityInUse(field="capacity")
    Activity.objects.record("support.set_capacity", agent, by=by, capacity=capacity)
    assign_on_commit()
    agent.refresh_from_db()
    return agent


@transaction.atomic
def set_departments(agent: Agent, *, departments: list[str], by: Actor) -> Agent:
    """Let the agent answer there from now on, everywhere if none is named; the tickets in work stay."""
    rights.require(by, "support.manage_agents")
    departments = clean_departments(departments)
    Agent.objects.filter(pk=agent.pk).change(departments=departments)
    Activity.objects.record("support.set_departments", agent, by=by, departments=departments)
    assign_on_commit()
    agent.refresh_from_db()
    return agent


@transaction.atomic
def change_agent(
    agent: Agent, *, by: Actor, capacity: int | None = None, departments: list[str] | None = None
) -> Agent:
    """Change what is given, wholly or not at all."""
    rights.require(by, "support.manage_agents")
    if capacity is not None:
        set_capacity(agent, capacity=capacity, by=by)
    if departments is not None:
        set_departments(agent, departments=departments, by=by)
    return agent


def _may_set_presence_of(user: User, by: Actor) -> None:
    if rights.require(by, "support.presence") == Scope.OWN and by != user:
        raise NotAllowed
