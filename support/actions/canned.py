"""Verbs about canned replies."""

from django.db import transaction

from support.errors import TitleTaken
from support.models import MESSAGE_LIMIT, TITLE_LIMIT, CannedReply
from support.policies import clean_gaps
from ticketing import rights
from ticketing.errors import NotFound
from ticketing.models import Activity
from ticketing.querysets import taken_means
from ticketing.rights import Actor
from ticketing.texts import clean_text


@transaction.atomic
def add_canned_reply(*, title: str, message: str, by: Actor) -> CannedReply:
    """Keep a text that is answered often; TitleTaken, or UnknownPlaceholder for a gap that nothing fills."""
    rights.require(by, "support.manage_canned")
    said = {"title": clean_text(title, field="title", limit=TITLE_LIMIT), "message": _clean(message)}
    added, is_new = CannedReply.objects.get_or_create(title=said["title"], defaults=said)
    if not is_new:
        raise TitleTaken(field="title")
    Activity.objects.record("support.add_canned", added, by=by)
    return added


@transaction.atomic
def change_canned_reply(
    canned: CannedReply, *, by: Actor, title: str | None = None, message: str | None = None
) -> CannedReply:
    """Change what is given; replies that were sent stay as they are."""
    rights.require(by, "support.manage_canned")
    canned = CannedReply.objects.select_for_update().filter(pk=canned.pk).first() or _gone()
    said = {"title": canned.title if title is None else clean_text(title, field="title", limit=TITLE_LIMIT)}
    said["message"] = canned.message if message is None else _clean(message)
    with taken_means(TitleTaken(field="title")):
        CannedReply.objects.filter(pk=canned.pk).change(**said)
    Activity.objects.record("support.change_canned", canned, by=by)
    canned.refresh_from_db()
    return canned


@transaction.atomic
def remove_canned_reply(canned: CannedReply, *, by: Actor) -> None:
    """Offer it no more; twice is harmless."""
    rights.require(by, "support.manage_canned")
    if CannedReply.objects.filter(pk=canned.pk).delete()[0]:
        Activity.objects.record("support.remove_canned", canned, by=by)


def _clean(message: str) -> str:
    return clean_gaps(clean_text(message, field="message", limit=MESSAGE_LIMIT, lines=True))


def _gone() -> CannedReply:
    raise NotFound
