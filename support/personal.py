"""What the support desk has of people (see ticketing/people.py)."""

from django.db.models import Case, Q, Value, When
from django.db.models.functions import Now
from django.utils.translation import ngettext

from support.actions import close_ticket
from support.models import About, Agent, Attachment, Rating, Reader, Reply, SavedView, Ticket
from support.querysets import TicketQuerySet
from ticketing.models import Mail
from ticketing.people import GONE, Holding, Person
from ticketing.rights import Actor

WORDLESS = {
    "claimed_user_id": "",
    "claimed_phone": "",
    "email": "",
    "subject": GONE,
    "message": GONE,
    "handover_note": "",
    "tags": [],
    "rejection": Case(When(status="rejected", then=Value(GONE)), default=Value("")),
    "wordless_at": Now(),
}  # what a question is of which only the numbers are left


def _asked(person: Person) -> Q:
    return person.rows(account="user", email="email", phone="claimed_phone")


def _of_questions(person: Person) -> Q:
    return Q(ticket__in=Ticket.objects.filter(_asked(person)))


HOLDINGS = [
    Holding(
        "files",
        Attachment,
        _of_questions,
        shows={"id": "id", "question": "ticket__code", "name": "name", "size": "size", "created_at": "created_at"},
        internal=Q(reply__is_internal=True),
        content="content",
    ),
    Holding(
        "ratings",
        Rating,
        _of_questions,
        shows={"question": "ticket__code", "closed_at": "closed_at", "rating": "verdict", "comment": "comment"},
        becomes={"comment": ""},
    ),
    Holding(
        "subjects",
        About,
        _of_questions,
        shows={"question": "ticket__code", "kind": "kind", "id": "object_id"},
        becomes={},
        keeps={"kind": "the name of a table"},
    ),
    Holding(
        "replies",
        Reply,
        _of_questions,
        shows={
            "question": "ticket__code",
            "created_at": "created_at",
            "author": "author_id",
            "message": "message",
            "internal": "is_internal",
        },
        becomes={"message": GONE},
        keeps={"author": "the account, of which nothing is left but its id; or staff"},
        internal=Q(is_internal=True),
    ),
    Holding(
        "questions",
        Ticket,
        _asked,
        shows={
            **{name: name for name in ("code", "created_at", "status", "subject", "message", "department", "priority")},
            **{name: name for name in ("claimed_user_id", "claimed_phone", "email", "language")},
            **{name: name for name in ("first_answered_at", "closed_at", "rejection")},
        },
        becomes=WORDLESS,
        keeps={
            "code": "random",
            "user": "the account, of which nothing is left but its id",
            "language": "one of those that the site speaks",
        },
    ),
    Holding(
        "saved_views",
        SavedView,
        lambda person: person.rows(account="user"),
        shows={"name": "name", "query": "query", "shared": "is_shared"},
    ),
    Holding("questions_open_in_a_browser", Reader, lambda person: person.rows(account="user")),
]

NOBODYS = {
    "support.Agent": "who of the staff answers, how many and where; an account with one is not forgotten",
    "support.AgentTally": "how many each of the staff was handed and closed",
    "support.CannedReply": "texts of the house",
    "support.DurationTally": "numbers alone",
    "support.Milestone": "what happened to a ticket and when, and which of the staff had it",
    "support.Promise": "times",
    "support.SearchEntry": "the words of questions and replies, which the database changes with them",
    "support.ServiceLevel": "minutes",
    "support.Tally": "numbers alone",
}


def ahead(person: Person) -> list[str]:
    """Questions that are not closed, and what the person has in hand as one who answers."""
    asked, held = _open(person).count(), _held(person)
    lines = [ngettext("%d open question", "%d open questions", asked) % asked] if asked else []
    return lines + ([ngettext("%d question to answer", "%d questions to answer", held) % held] if held else [])


def end(person: Person, *, by: Actor) -> None:
    """Close every question."""
    for ticket in _open(person).order_by("pk"):
        close_ticket(ticket, by=by)


def lock(person: Person) -> None:
    """Rows that verbs lock before they come to an account."""
    list(Ticket.objects.filter(_asked(person)).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def forget(person: Person) -> None:
    """Drop the mails about their questions, to whichever address they went."""
    asked = [str(pk) for pk in Ticket.objects.filter(_asked(person)).values_list("pk", flat=True)]
    Mail.objects.filter(context__about__0="support.ticket", context__about__1__in=asked).delete()


def _open(person: Person) -> TicketQuerySet:
    return Ticket.objects.open().filter(_asked(person))


def _held(person: Person) -> int:
    agent = Agent.objects.filter(user=person.account).first() if person.account else None
    return agent.taken if agent else 0
