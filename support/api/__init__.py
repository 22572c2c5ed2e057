"""The support desk over /api/v1/support/."""

from support.api.agents import AgentViewSet
from support.api.canned import CannedReplyViewSet
from support.api.files import AttachmentViewSet
from support.api.levels import LevelViewSet
from support.api.questions import QuestionViewSet
from support.api.replies import NoteViewSet, ReplyViewSet
from support.api.reports import ReportViewSet
from support.api.tickets import TicketViewSet
from support.api.views import SavedViewViewSet

__all__ = [
    "AgentViewSet",
    "AttachmentViewSet",
    "CannedReplyViewSet",
    "LevelViewSet",
    "NoteViewSet",
    "QuestionViewSet",
    "ReplyViewSet",
    "ReportViewSet",
    "SavedViewViewSet",
    "TicketViewSet",
]
