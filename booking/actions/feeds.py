"""The verbs of private calendars."""

from django.db import transaction
from django.db.models.functions import Now, Trunc

from booking.actions.telling import visit_of
from booking.models import Booking, Feed, Resource
from ticketing import rights
from ticketing.actions.tokens import new_secret
from ticketing.errors import NotAllowed, NotFound
from ticketing.models import Activity, User
from ticketing.querysets import digest
from ticketing.rights import Actor, Scope
from ticketing.sending.calendar_files import Visit

MOST_VISITS = 2000  # in one calendar


@transaction.atomic
def make_feed(*, by: Actor, resource: Resource | None = None) -> tuple[Feed, str]:
    """Make the calendar link of a resource, or else of whoever asks, and return its token, which is shown this once.

    An older link of the same is void. NotAllowed for a resource where the actor reaches only what is their own.
    """
    reached = rights.require(by, "booking.feeds")
    owner: Resource | User | None = resource or (by if isinstance(by, User) else None)
    if owner is None or (resource and reached != Scope.ALL):
        raise NotAllowed
    # Whoever makes a link for the same waits here, and then makes the other one void.
    owners = Resource.objects.all() if resource else User.objects.all()
    owners.select_for_update(no_key=True).filter(pk=owner.pk).first()
    whose = {"resource": resource} if resource else {"account": owner}
    Feed.objects.filter(**whose).delete()
    token = new_secret()
    feed = Feed.objects.create(**whose, digest=digest(token))
    Activity.objects.record("booking.make_feed", feed, by=by)
    return feed, token


@transaction.atomic
def remove_feed(feed: Feed, *, by: Actor) -> None:
    """Make the link void for good, or NotFound when it is already."""
    if rights.require(by, "booking.feeds") == Scope.OWN and by != feed.account:
        raise NotAllowed
    pk = feed.pk
    if not Feed.objects.filter(pk=pk).delete()[0]:
        raise NotFound
    Activity.objects.record("booking.remove_feed", feed, by=by)


def end_feed_of(resource: Resource, *, by: Actor) -> None:
    """Remove the link of a resource, or NotFound where it has none."""
    rights.require(by, "booking.feeds")
    feed = Feed.objects.filter(resource=resource).first()
    if feed is None:
        raise NotFound
    remove_feed(feed, by=by)


def note_read(feed: Feed) -> None:
    """Remember the hour in which the calendar was last read; once an hour, so that most reads write nothing."""
    Feed.objects.filter(pk=feed.pk).due_to_note().update(read_at=Trunc(Now(), "hour"))


def visits_on(feed: Feed) -> list[Visit]:
    """What the calendar shows, in order: to its owner what their mails say, and to staff who comes."""
    owner = {"resource": feed.resource} if feed.resource_id else {"account": feed.account}
    rows = Booking.objects.filter(**owner).in_calendars().select_related("slot__service", "resource").in_order()
    shown = _with_names if feed.resource_id else visit_of
    return [shown(booking) for booking in rows[:MOST_VISITS]]


def _with_names(booking: Booking) -> Visit:
    visit, name = visit_of(booking), f"{booking.firstname} {booking.lastname}"
    several = f" ({booking.party})" if booking.party > 1 else ""
    return visit._replace(summary=f"{name}{several}, {visit.summary}")
