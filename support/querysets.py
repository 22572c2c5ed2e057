"""The words in which the support desk's tables are asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BooleanField,
    Count,
    Exists,
    F,
    FloatField,
    Func,
    IntegerField,
    Manager,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    UUIDField,
    Value,
)
from django.db.models.functions import Coalesce, Now
from django.db.models.lookups import Exact

from support import words
from support.entries import Marks
from ticketing import clocks, rights
from ticketing.querysets import RecordQuerySet, StockQuerySet
from ticketing.rights import Actor, Scope

LAST_PLACE = 100  # of a queue: that one or a later one
# So many of the newest hits are looked at, and so many accounts: what is said everywhere costs no more than the rest.
# For fewer accounts PostgreSQL, where it knows little of names, would rather read them all than ask the index.
MOST_HITS, MOST_ACCOUNTS = 500, 2000
NAMED = 0.5  # how well a ticket fits whose customer is called so: nearly as well as by its subject


_OWES = Q(promise__response_missed_at__isnull=False, first_answered_at=None) | Q(
    promise__resolution_missed_at__isnull=False
)


class AgentQuerySet(StockQuerySet):
    """People who answer."""

    def present(self) -> Self:
        """Agents whose lease has not lapsed, and whose account is active and has a role that answers tickets."""
        return self.filter(_is_present())

    def available(self) -> Self:
        """Those of them who get new tickets."""
        return self.present().filter(is_away=False)

    def able_to_take(self, but: Any) -> Self:
        """Who could have a ticket given by hand, by name; not the agent who has it."""
        return self.available().with_room().exclude(pk=but).select_related("user").order_by("user__username")

    def away(self) -> Self:
        """Those of them who keep what they have, and get nothing new."""
        return self.present().filter(is_away=True)

    def absent(self) -> Self:
        """All others, also those who never came."""
        return self.exclude(_is_present())

    def with_presence(self) -> Self:
        """Each with `present`, which is true of those who are there now."""
        return self.annotate(present=_is_present())

    def answering(self, department: str) -> Self:
        """Those who answer there: no departments are all of them."""
        return self.filter(Q(departments=[]) | Q(departments__contains=[department]))

    def answering_for(self, ticket_department: OuterRef) -> Self:
        """Those who answer where the ticket of the outer query is; one without a department is everybody's."""
        anybodys = Exact(ticket_department, Value(""))
        return self.filter(Q(anybodys) | Q(departments=[]) | Q(departments__contains=[ticket_department]))

    def there_first(self) -> Self:
        """With `present` and their accounts, those who are there now before the others, each by name."""
        named = self.with_presence().select_related("user")
        return named.order_by("-present", "user__first_name", "user__username")

    def load(self) -> dict[str, int]:
        """How many they are, how many tickets they have in work together, and how many they could have."""
        return self.aggregate(
            agents=Count("pk"), in_work=Coalesce(Sum("taken"), 0), places=Coalesce(Sum("capacity"), 0)
        )

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """The agents this operation reaches for the actor."""
        reached = rights.require(actor, operation)
        return self if reached == Scope.ALL else self.filter(user_id=actor.pk if actor else None)


class TicketQuerySet(RecordQuerySet):
    """Tickets, waiting, in work and closed."""

    _marks: Marks = ()

    def _clone(self) -> Self:
        clone = super()._clone()
        clone._marks = self._marks
        return clone

    def _with_mark(self, *any_of: str) -> Self:
        """The same ones, for the search to know what they have in common (see entries.py)."""
        marked = self.all()
        marked._marks = (*self._marks, any_of)
        return marked

    def visible_to(self, actor: Actor, operation: str = "support.list") -> Self:
        """The tickets this operation reaches for the actor."""
        reached = rights.require(actor, operation)
        if reached == Scope.ASSIGNED:
            return self.in_the_hands_of(actor)
        return self if reached == Scope.ALL else self.of_account(actor.pk if actor else None)

    def of_account(self, account: Any) -> Self:
        """Asked by this account."""
        return self.filter(user_id=account)._with_mark(f"u{account}")

    def in_department(self, department: str) -> Self:
        """Of this department alone; the empty one is that of any agent."""
        return self.filter(department=department)._with_mark(f"d{department}")

    def of_priority(self, priority: str) -> Self:
        """As pressing as this."""
        return self.filter(priority=priority)._with_mark(f"p{priority}")

    def in_the_hands_of(self, person: Actor) -> Self:
        """Assigned to this agent, or waiting where the agent answers: no departments are all of them."""
        agent = getattr(person, "agent", None)
        if agent is None:
            return self.none()  # until they are there for the first time, which makes them one
        waiting = Q(status="created")
        if agent.departments:
            waiting &= Q(department__in=["", *agent.departments])
        return self.filter(Q(agent=agent) | waiting)._with_mark("sopen", f"a{agent.pk}")

    def closed(self) -> Self:
        """Completed or rejected."""
        return self.filter(status__in=["completed", "rejected"])._with_mark("scompleted", "srejected")

    def open(self) -> Self:
        """Waiting or in work."""
        return self.filter(status__in=["created", "in_progress"])._with_mark("sopen")

    def in_status(self, word: str) -> Self:
        """Open or closed ones, or those in this one status."""
        named = {"open": self.open, "closed": self.closed}.get(word)
        if named:
            return named()
        return self.filter(status=word)._with_mark("sopen" if word in ("created", "in_progress") else f"s{word}")

    def tagged(self, tag: str) -> Self:
        """With this tag."""
        return self.filter(tags__contains=[tag])._with_mark(f"t{tag}")

    def found_by(self, sought: words.Sought, actor: Actor) -> Self:
        """Those in which this is found, of as much as the actor reads: the MOST_HITS that were said last."""
        said, *named = self._hits(sought, actor)
        return self.filter(_any_of("pk", said.values("ticket"), *(hits.values("pk") for hits in named)))

    def best(self, sought: words.Sought, actor: Actor, most: int) -> dict[Any, Any]:
        """The tickets that fit best, the best first, each with the reply that made it; None is the ticket itself."""
        said, *named = self._hits(sought, actor)
        fit, itself = Value(NAMED, FloatField()), Value(None, UUIDField())
        found = said.values_list("ticket", "fits", "reply", "said_at")
        for hits in named:
            rows = type(self)(self.model).filter(_any_of("pk", hits.values("pk")))
            of_people = rows.annotate(fits=fit, through=itself)
            found = found.union(of_people.values_list("pk", "fits", "through", "created_at"), all=True)
        chosen: dict[Any, Any] = {}
        for ticket, _fits, reply, _at in sorted(found, key=lambda one: (one[1], one[3]), reverse=True):
            chosen.setdefault(ticket, reply)
        return dict(list(chosen.items())[:most])

    def _hits(self, sought: words.Sought, actor: Actor) -> Iterator[Any]:
        """The newest search entries in which it is found; for staff the newest tickets of whoever is called so."""
        entries, accounts = (self.model._meta.get_field(name).related_model for name in ("search_entries", "user"))
        said = entries._default_manager.readable_by(actor)
        if self.query.has_filters():
            said = said.filter(ticket__in=self.order_by().values("pk"))
        yield said.newest(sought, self._marks, MOST_HITS)
        if rights.scope(actor, "support.triage"):
            people = accounts._default_manager.filter(sought.matches(words.names_of_people())).values("pk")
            yield self.filter(_any_of("user_id", people[:MOST_ACCOUNTS])).order_by("-created_at", "-id")[:MOST_HITS]

    def held_by(self, person: Actor) -> Self:
        """In the hands of this person, or ended there."""
        # Asked first whose place at the desk it is, as one index then has the person's tickets in the order of a list.
        agents = self.model._meta.get_field("agent").related_model._default_manager
        held = self.filter(agent=Subquery(agents.filter(user=person).values("pk")[:1]))
        agent = getattr(person, "agent", None)
        return held._with_mark("sopen", f"a{agent.pk}") if agent else held

    def waiting(self) -> Self:
        """Without an agent, in the order in which they are handed out (invariant S4)."""
        return self.filter(status="created").order_by("queue_at", "id")

    def in_work(self) -> Self:
        """In the hands of an agent."""
        return self.filter(status="in_progress")

    def late(self) -> Self:
        """Open ones that owe what a service level promised for an earlier time, as far as the sweep has noted it."""
        return self.open().filter(_OWES, promise__ended_at=None)

    def not_late(self) -> Self:
        """All others."""
        return self.exclude(_OWES, status__in=["created", "in_progress"])

    def raised_today(self) -> Self:
        """Raised today, on the site's clocks."""
        return self.filter(clocks.is_today("created_at"))

    def closed_today(self) -> Self:
        """Closed today. It was changed then or later, and for changes there is an index."""
        return self.filter(clocks.is_today("closed_at"), updated_at__gt=Now() - clocks.LONGEST_DAY)

    def with_agents(self) -> Self:
        """Each with how many who answer in its department are there, have room, are away; and if its own is gone."""
        agents = self.model._meta.get_field("agent").related_model.objects
        released_by = Coalesce(OuterRef("released_by"), Value(UUID(int=0)))
        fit = agents.answering_for(OuterRef("department")).exclude(pk=released_by)
        there = fit.available()
        return self.annotate(
            agents_there=_number_of(there),
            agents_with_room=_number_of(there.with_room()),
            agents_away=_number_of(fit.away()),
            agent_is_gone=Exists(agents.absent().filter(pk=OuterRef("agent"))),
        )

    def explained(self) -> Self:
        """Each with what says why it waits, and its `place` in the queue if it does."""
        names = self.model._meta.get_field("department").choices
        every = '\'{"",' + ",".join(name for name, _ in names) + "}'"
        return self.with_agents().annotate(place=_Place("status", "department", "queue_at", "pk", all=every))

    def newest_first(self) -> Self:
        """With the account that raised each, newest first."""
        return self.select_related("user").order_by("-created_at", "-id")


class ServiceLevelQuerySet(RecordQuerySet):
    """What is promised."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """All of them, for whoever may see them."""
        rights.require(actor, operation)
        return self

    def for_ticket(self, ticket: Any) -> Any:
        """The level of its priority in its department, else that of all departments; None without either."""
        fit = self.filter(priority=ticket.priority, department__in=["", ticket.department])
        return fit.order_by("-department").first()  # the empty one comes last


class PromiseQuerySet(QuerySet):
    """What is owed to tickets."""

    def newly_late(self, what: str) -> Self:
        """Open tickets whose "response" or "resolution" is overdue by the database's clock, which nobody noted yet."""
        open_ = self.filter(ticket__status__in=["created", "in_progress"])
        if what == "response":
            unanswered = open_.filter(ticket__first_answered_at=None, response_missed_at=None)
            return unanswered.filter(respond_by__lt=Now()).order_by("respond_by")
        return open_.filter(resolution_missed_at=None, resolve_by__lt=Now()).order_by("resolve_by")


class ReplyQuerySet(RecordQuerySet):
    """What was said about a ticket."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """What was said about the tickets that this operation reaches for the actor; notes for those who write them."""
        said = self if rights.scope(actor, "support.note") else self.public()
        if rights.require(actor, operation) == Scope.ALL:
            return said
        tickets = self.model._meta.get_field("ticket").related_model.objects.visible_to(actor, operation)
        return said.filter(ticket__in=tickets)

    def public(self) -> Self:
        """What the customer reads, too."""
        return self.filter(is_internal=False)

    def notes(self) -> Self:
        """What is said among staff."""
        return self.filter(is_internal=True)

    def after(self, reply: Any) -> Self:
        """What was said later than this, in its order."""
        later = Q(created_at__gt=reply.created_at) | Q(created_at=reply.created_at, pk__gt=reply.pk)
        return self.filter(later).order_by("created_at", "pk")

    def newest_first(self) -> Self:
        """With author and ticket, newest first."""
        return self.select_related("author", "ticket").order_by("-created_at", "-id")


class RatingQuerySet(RecordQuerySet):
    """What customers said of how they were answered."""


class MilestoneQuerySet(QuerySet):
    """What happened to tickets."""

    def fresh(self) -> Self:
        """What no tally has counted yet."""
        return self.filter(counted=False)


class ReportQuerySet(QuerySet):
    """What tickets came to, in numbers alone."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """All of it, for whoever may read reports."""
        rights.require(actor, operation)
        return self


class CannedReplyQuerySet(RecordQuerySet):
    """Texts that are answered often."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """All of them, for whoever may use or change them."""
        rights.require(actor, operation)
        return self


class SavedViewQuerySet(RecordQuerySet):
    """Lists of questions that somebody kept."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """One's own, and what somebody shares with everybody at the desk."""
        rights.require(actor, operation)
        return self.filter(Q(user=actor) | Q(is_shared=True))


class AttachmentQuerySet(RecordQuerySet):
    """Files that came along."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """The files of what the actor may read: those of notes are for those who write notes."""
        reached = rights.require(actor, operation)
        files = (
            self if rights.scope(actor, "support.note") else self.filter(Q(reply=None) | Q(reply__is_internal=False))
        )
        if reached == Scope.ALL:
            return files
        tickets = self.model._meta.get_field("ticket").related_model.objects.visible_to(actor, operation)
        return files.filter(ticket__in=tickets)

    def beside(self, ticket: Any, replies: Any) -> Self:
        """Those of the question and of these replies, in the order in which they came."""
        return self.filter(Q(reply=None) | Q(reply__in=replies), ticket=ticket).order_by("created_at", "pk")


class AttachmentManager(Manager.from_queryset(AttachmentQuerySet)):  # type: ignore[misc]
    """What is in a file is read only where that is asked for."""

    def get_queryset(self) -> Any:
        """Without the contents."""
        return super().get_queryset().defer("content")


class ReaderQuerySet(QuerySet):
    """Who of the staff has which ticket open."""

    def present(self) -> Self:
        """Those whose lease has not lapsed."""
        return self.filter(until__gt=Now())

    def outlived(self) -> Self:
        """Those who went away long ago."""
        return self.filter(until__lt=Now() - timedelta(hours=1))

    def beside(self, person: Actor, ticket: Any) -> Self:
        """Whoever else has this ticket open, with their accounts."""
        others = self.present().filter(ticket=ticket).exclude(user=person)
        return others.select_related("user").order_by("user__first_name", "user__username")


class _Place(Func):
    """How many waiting tickets come before one, among those that the same agents answer, and one more.

    Nobody counts further than LAST_PLACE: what is deep in a long queue costs no more than what is at its head.
    """

    template = f"""(
        SELECT CASE WHEN me.status = 'created' THEN (
            SELECT least(1 + sum(ahead.tickets), {LAST_PLACE})::integer
            FROM unnest(CASE me.department WHEN '' THEN %(all)s::text[] ELSE ARRAY['', me.department] END) name,
            LATERAL (SELECT count(*) AS tickets FROM (
                SELECT FROM support_ticket earlier
                WHERE earlier.status = 'created' AND earlier.department = name
                AND (earlier.queue_at, earlier.id) < (me.queue_at, me.id) LIMIT {LAST_PLACE}
            ) counted) ahead
        ) END
        FROM (VALUES (%(expressions)s)) me (status, department, queue_at, id)
    )"""
    output_field = IntegerField(null=True)


def _any_of(column: str, *keys: QuerySet[Any]) -> Func:
    """Whether it is one of these keys, which are read once whatever PostgreSQL believes of the tables."""
    lists = Func(*map(ArraySubquery, keys), template="%(expressions)s", arg_joiner=" || ", output_field=UUIDField())
    return Func(F(column), lists, template="(%(expressions)s))", arg_joiner=" = ANY(", output_field=BooleanField())


def _number_of(rows: QuerySet[Any]) -> Subquery:
    return Subquery(rows.order_by().annotate(n=Func(F("pk"), function="count")).values("n"), IntegerField())


def _is_present() -> Q:
    answers = Q(user__role__in=["agent", "supervisor"]) | Q(user__is_superuser=True)
    return Q(answers, online_until__isnull=False, online_until__gt=Now(), user__is_active=True)
