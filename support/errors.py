"""What the support desk refuses."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from ticketing.errors import Conflict, Invalid, TooLarge


class WordsRemoved(Conflict):
    """Nothing is said any more about what nobody can read."""

    code = "words_removed"
    message = _("What was said about this question is removed, for good. Ask a new one.")


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


class LevelExists(Conflict):
    """One level for each department and priority."""

    code = "level_exists"
    message = _("There is a service level for this priority and department already. Change that one.")


class LevelMisfit(Conflict):
    """A level promises something, and nothing that contradicts itself."""

    code = "level_misfit"
    message = _("Promise a first response, a resolution, or both.")


class AlreadyTaken(Conflict):
    """Only a ticket that waits can be taken."""

    code = "already_taken"
    message = _("Somebody has this ticket already.")


class NotInWork(Conflict):
    """Only what somebody has can be released or handed over."""

    code = "not_in_work"
    message = _("Nobody has this ticket: it waits in the queue.")


class AgentGone(Conflict):
    """Nobody absent is given a ticket."""

    code = "agent_gone"
    message = _("Whoever is offline or away is given no ticket. They have to be online first.")


class AgentFull(Conflict):
    """Nobody has more tickets than they can."""

    code = "agent_full"
    message = _("The agent has no room for another ticket. One has to be closed or handed over first.")


class ThreadMovedOn(Conflict):
    """Something was said that the writer had not seen; `since` holds it, oldest first."""

    code = "thread_moved_on"
    message = _(
        "Somebody wrote in between, and your reply is not sent yet. Read it, then send yours as it is or changed."
    )

    def __init__(self, since: Sequence[Any]) -> None:
        super().__init__()
        self.since = since


class FileTypeRefused(Conflict):
    """Only files of known kinds are kept."""

    code = "file_type_refused"
    message = _("Files like “%(name)s” are not taken. These are: %(types)s.")


class FileTooLarge(TooLarge):
    """A file has at most so many bytes."""

    code = "file_too_large"
    message = _("“%(name)s” is too large. A file may have up to %(limit)d MiB.")


class FileEmpty(Conflict):
    """There has to be something in it."""

    code = "file_empty"
    message = _("There is nothing in the file “%(name)s”. Choose it again.")


class TooManyFiles(Conflict):
    """So many at once, and no more."""

    code = "too_many_files"
    message = _("At most %(limit)d files go along at once. Send the others with another reply.")


class TagRefused(Conflict):
    """Tags are words that everybody spells alike."""

    code = "tag_refused"
    message = _("A tag has up to 30 letters, digits, spaces and hyphens, and begins with a letter or a digit.")


class TooManyTags(Conflict):
    """Whoever needs more needs another word."""

    code = "too_many_tags"
    message = _("A ticket has up to 10 tags. Remove one first.")


class UnknownPlaceholder(Conflict):
    """A gap that nothing fills would be sent as it is."""

    code = "unknown_placeholder"
    message = _("Nothing fills {%(name)s}. There are: %(names)s.")


class ViewNameTaken(Conflict):
    """Nobody keeps two views of one name."""

    code = "view_name_taken"
    message = _("You keep a view with this name already. Choose another name, or remove that one first.")


class NothingNarrowed(Conflict):
    """A view is kept to find some questions again, not all."""

    code = "nothing_narrowed"
    message = _("This shows every question. Choose what to show first, then keep it.")


class TooManyViews(Conflict):
    """Whoever kept any number would find none."""

    code = "too_many_views"
    message = _("You keep as many views as you can. Remove one first.")


class TitleTaken(Conflict):
    """Canned replies are told apart by their titles."""

    code = "title_taken"
    message = _("There is a canned reply with this title already. Choose another one, or change that one.")


class NotClosed(Conflict):
    """Only what is over can be rated."""

    code = "not_closed"
    message = _("This ticket is open. It can be rated once it is closed.")


class RatedTooLate(Conflict):
    """A rating says something of the last days."""

    code = "rated_too_late"
    message = _("This ticket was closed too long ago to rate it now. A reply opens it again.")


class NoteMissing(Invalid):
    """Whoever gets a ticket reads what it is about."""

    code = "note_missing"
    message = _("Say to whoever gets the ticket what they should know.")


class SpanMisfit(Conflict):
    """A report is of some days, in their order."""

    code = "span_misfit"
    message = _("Choose days in their order, and %(days)d at most.")
