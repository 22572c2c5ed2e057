"""The rules of the support desk, each in this one place."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.db.models import Case, DurationField, F, QuerySet, Value, When
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from support.errors import FileEmpty, FileTooLarge, FileTypeRefused, NothingNarrowed, TagRefused, UnknownPlaceholder
from support.models import LIFT, MOST_TICKETS_AT_ONCE, QUERY_LIMIT, TAG_LIMIT, Department, Ticket
from support.querysets import LAST_PLACE
from ticketing import rights
from ticketing.errors import Invalid
from ticketing.hours import Hours, NoHours
from ticketing.models import Calendar
from ticketing.texts import clean_text
from ticketing.toolkit.times import in_words

# How long an agent counts as there after a sign of life of a page that is open; the page gives one more often.
TAB_LEASE = timedelta(minutes=3)

# How long somebody counts as having a ticket open after its page was asked for; an open page asks every 20 seconds.
READER_LEASE = timedelta(seconds=90)

# How long after a closing its customer may say, and say otherwise, whether it was good.
RATING_LASTS = timedelta(days=30)

FILE_NAME_LIMIT = 100
NARROWED_BY = ["search", "status", "order", "department", "priority", "tag", "mine", "late"]  # in the address

PLACEHOLDERS = ("customer", "ticket", "agent")
_GAP = re.compile(r"\{([^{}\n]*)\}")


def spellings(code: str) -> list[str]:
    """How a code may be stored: ours in capitals, one that was moved in as it is; none of what no code can be."""
    return [code.strip(), code.strip().upper()] if code.isascii() and code.isprintable() else []


def clean_capacity(capacity: int) -> int:
    """How many tickets an agent may have in work at once, or Invalid: a pass reckons with each of the places."""
    if 0 <= capacity <= MOST_TICKETS_AT_ONCE:
        return capacity
    sentence = _("“capacity” must be a whole number from 0 to %(limit)d.")
    raise Invalid(sentence % {"limit": MOST_TICKETS_AT_ONCE}, field="capacity")


def clean_departments(departments: list[str]) -> list[str]:
    """The departments, each once and in their usual order, as agents are served in groups of the same ones."""
    if unknown := sorted(set(departments) - set(Department.values)):
        sentence = _("“%(name)s” is no department. There are: %(names)s.")
        raise Invalid(sentence % {"name": unknown[0], "names": ", ".join(Department.values)}, field="departments")
    return [department for department in Department.values if department in departments]


def mailbox_of(ticket: Any) -> tuple[str, str]:
    """The address to which mails about the ticket go, empty for none, and their language.

    Of an account it is the one that its owner has proven to read at, or nobody knows who is told; without an account
    it is the one that the question came with, where nothing is told that was not asked there.
    """
    if (customer := ticket.user) is None:
        return ticket.email, ticket.language or settings.LANGUAGE_CODE
    proven = customer.is_active and customer.email_confirmed_at is not None
    return customer.email if proven else "", customer.language


def may_be_rated(ticket: Ticket) -> bool:
    """Whether it was closed, and lately."""
    return ticket.closed_at is not None and timezone.now() <= ticket.closed_at + RATING_LASTS


class File(NamedTuple):
    """A file as somebody sends it."""

    name: str
    content: bytes


def clean_file(file: File) -> File:
    """The file under a name that does no harm, or what is wrong with it. What is in it is never looked at or shown."""
    name = clean_file_name(file.name)
    if name.rpartition(".")[2].lower() not in settings.ATTACHMENT_TYPES or "." not in name:
        types = ", ".join(settings.ATTACHMENT_TYPES)
        raise FileTypeRefused(FileTypeRefused.message % {"name": name, "types": types}, field="files")
    if len(file.content) > settings.ATTACHMENT_MIB * 1024 * 1024:
        raise FileTooLarge(FileTooLarge.message % {"name": name, "limit": settings.ATTACHMENT_MIB}, field="files")
    if not file.content:
        raise FileEmpty(FileEmpty.message % {"name": name}, field="files")
    return File(name, file.content)


def clean_file_name(name: str) -> str:
    """The last part of a path, of signs that every system knows as part of a name and that nobody is misled by."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    seen = "".join(sign for sign in last if unicodedata.category(sign)[0] != "C")
    stem, dot, ending = re.sub(r'[<>:"|?*%;\s]+', " ", seen).strip().rstrip(" .").rpartition(".")
    ending = f"{dot}{ending}"[-FILE_NAME_LIMIT:]
    stem = stem.strip(" .") or (str(_("file")) if dot else "")
    return f"{stem[: FILE_NAME_LIMIT - len(ending)]}{ending}"


def put_beside(files: Iterable[Any], ticket: Any, replies: Iterable[Any]) -> None:
    """Give the question and each reply the files that came with it, as `came_along`."""
    came: dict[Any, list[Any]] = {}
    for file in files:
        came.setdefault(file.reply_id, []).append(file)
    ticket.came_along = came.get(None, [])
    for reply in replies:
        reply.came_along = came.get(reply.pk, [])


def spelled(tag: str) -> str:
    """A tag as everybody spells it: in small letters, with single spaces."""
    return " ".join(unicodedata.normalize("NFC", tag).lower().split())


def clean_tag(tag: str) -> str:
    """The tag as everybody spells it, or TagRefused."""
    word = spelled(tag)
    if len(word) > TAG_LIMIT or not re.fullmatch(r"[^\W_]([^\W_]|[ -])*", word):
        raise TagRefused(field="tag")
    return word


def narrowing(query: str) -> str:
    """What of an address narrows or orders the list of questions, each once and in the order of the form."""
    said = dict(parse_qsl(query.removeprefix("?")))
    return urlencode({name: said[name] for name in NARROWED_BY if said.get(name)})


def may_change_view(view: Any, person: Any) -> bool:
    """Everybody what they keep themselves; whoever may share views, what others share."""
    return view.user_id == person.pk or (view.is_shared and bool(rights.scope(person, "support.share_views")))


def clean_query(query: str) -> str:
    """The same, or NothingNarrowed where that is nothing."""
    kept = narrowing(query)
    if not kept:
        raise NothingNarrowed(field="query")
    return clean_text(kept, field="query", limit=QUERY_LIMIT)


def clean_gaps(message: str) -> str:
    """The text of a canned reply, each gap of which something fills; else UnknownPlaceholder."""
    for name in _GAP.findall(message):
        if name not in PLACEHOLDERS:
            names = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            raise UnknownPlaceholder(UnknownPlaceholder.message % {"name": name, "names": names}, field="message")
    return message


def filled(message: str, ticket: Any, agent: Any) -> str:
    """A canned reply about this ticket, by this person. Whoever has no account is called as they said."""
    customer = ticket.user.name if ticket.user else ticket.claimed_user_id or gettext("customer")
    words = {"customer": customer, "ticket": ticket.code, "agent": agent.name}
    return _GAP.sub(lambda gap: str(words.get(gap[1], gap[0])), message)


def with_waited(tickets: QuerySet[Any]) -> QuerySet[Any]:
    """Each waiting ticket with `waited`: how long ago it joined the queue, by the database's clock."""
    lifts = [When(priority=priority, then=Value(lift)) for priority, lift in LIFT.items()]
    return tickets.annotate(waited=Now() - F("queue_at") - Case(*lifts, output_field=DurationField()))


class DeskHours:
    """The business hours of the desk, read once if they are asked for; without such a calendar it is always open.

    They say when somebody may be expected and what is promised, and keep nobody from answering.
    """

    @cached_property
    def _hours(self) -> Hours | None:
        calendar = Calendar.objects.with_hours().filter(slug=settings.SUPPORT_CALENDAR).first()
        return Hours.load(calendar) if calendar else None

    @cached_property
    def opens_at(self) -> datetime | None:
        """When the desk opens again; None while it is open."""
        hours, now = self._hours, timezone.now()
        return None if hours is None or hours.is_open(now) else hours.next_opening(now)

    def after(self, at: datetime, amount: timedelta) -> datetime | None:
        """When so much open time has passed since `at`; None if that is not within the next years."""
        if amount <= timedelta():
            return at
        try:
            return self._hours.add_working(at, amount) if self._hours else at + amount
        except NoHours:
            return None

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much open time lies between two instants."""
        return self._hours.working_between(start, end) if self._hours else max(end - start, timedelta())


def why_waiting(ticket: Any, hours: DeskHours) -> str:
    """Why nobody has the ticket yet, or whoever has it is gone, in a sentence for staff; it comes by `with_agents`.

    Empty of a ticket that is closed, or in the hands of somebody who is there.
    """
    if ticket.status == Ticket.Status.IN_PROGRESS:
        return _left_behind(ticket) if ticket.agent_is_gone else ""
    if ticket.status != Ticket.Status.CREATED:
        return ""
    if not ticket.agents_there:
        return _nobody_there(ticket, hours)
    if ticket.agents_with_room:
        return gettext("An agent has room: it is about to be handed out.")
    sentence = ngettext(
        "One agent online could take it and is full. It is handed out once that agent closes a question.",
        "%(count)d agents online could take it, and all are full. It is handed out once one of them closes a question.",
        ticket.agents_there,
    )
    return sentence % {"count": ticket.agents_there}


def explain(tickets: Iterable[Any]) -> list[Any]:
    """The tickets, each with `why`: its place in the queue, and why it waits. They come by `explained`."""
    rows, hours = list(tickets), DeskHours()
    for ticket in rows:
        ticket.why = " ".join(filter(None, [place_in_words(ticket), why_waiting(ticket, hours)]))
    return rows


def place_in_words(ticket: Any) -> str:
    """Where in the queue the ticket is, for whoever waits for it; empty if it does not wait."""
    if ticket.place is None:
        return ""
    if ticket.place >= LAST_PLACE:
        return gettext("Place %(place)d in the queue, or later.") % {"place": LAST_PLACE}
    return gettext("Place %(place)d in the queue.") % {"place": ticket.place}


def _left_behind(ticket: Any) -> str:
    if ticket.answered_at:
        sentence = gettext("%(agent)s is offline. Once the customer replies, somebody else gets it.")
    else:
        sentence = gettext("%(agent)s is offline. It goes back to the queue shortly.")
    return sentence % {"agent": ticket.agent.user.name}


def _nobody_there(ticket: Any, hours: DeskHours) -> str:
    if hours.opens_at:
        sentence = gettext("Outside hours until %(time)s, and nobody who could take it is online.")
        return sentence % {"time": in_words(hours.opens_at)}
    if ticket.released_by_id:
        return gettext("It was put back, and nobody else who could take it is online.")
    if ticket.agents_away:
        return gettext("Whoever could take it is away. It is handed out as soon as somebody is back.")
    if not ticket.department:
        return gettext("No agent is online. It is handed out as soon as one is.")
    sentence = gettext(
        "Nobody who answers for the department “%(department)s” is online. It is handed out as soon as somebody is."
    )
    return sentence % {"department": ticket.get_department_display()}
