"""The nouns of the support desk."""

from support.models.agents import MOST_TICKETS_AT_ONCE, PRESENCES, Agent
from support.models.kinds import (
    LIFT,
    MESSAGE_LIMIT,
    MOST_TAGS,
    MOST_VIEWS,
    NOTE_LIMIT,
    QUERY_LIMIT,
    REASON_LIMIT,
    SUBJECT_LIMIT,
    TAG_LIMIT,
    TITLE_LIMIT,
    VIEW_NAME_LIMIT,
    Department,
    Priority,
)
from support.models.levels import MOST_MINUTES, Promise, ServiceLevel
from support.models.saved import SavedView
from support.models.search import SearchEntry
from support.models.tallies import AgentTally, DurationTally, Milestone, Tally
from support.models.thread import Attachment, CannedReply, Rating, Reply
from support.models.tickets import (
    CODE_ALPHABET,
    CODE_LENGTH,
    PRIORITY_TONES,
    STATUS_TONES,
    About,
    Reader,
    Ticket,
    new_code,
    place_by_priority,
    place_in_queue,
)

__all__ = [
    "CODE_ALPHABET",
    "CODE_LENGTH",
    "LIFT",
    "MESSAGE_LIMIT",
    "MOST_MINUTES",
    "MOST_TAGS",
    "MOST_TICKETS_AT_ONCE",
    "MOST_VIEWS",
    "NOTE_LIMIT",
    "PRESENCES",
    "PRIORITY_TONES",
    "QUERY_LIMIT",
    "REASON_LIMIT",
    "STATUS_TONES",
    "SUBJECT_LIMIT",
    "TAG_LIMIT",
    "TITLE_LIMIT",
    "VIEW_NAME_LIMIT",
    "About",
    "Agent",
    "AgentTally",
    "Attachment",
    "CannedReply",
    "Department",
    "DurationTally",
    "Milestone",
    "Priority",
    "Promise",
    "Rating",
    "Reader",
    "Reply",
    "SavedView",
    "SearchEntry",
    "ServiceLevel",
    "Tally",
    "Ticket",
    "new_code",
    "place_by_priority",
    "place_in_queue",
]
