"""What the mails about questions say, read as they are sent."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from support.links import answers_to
from support.models import Reply, Ticket
from ticketing.sending import Hopeless


def of_mail(pk: str, template: str, reply: str) -> tuple[dict[str, Any], list[tuple[str, bytes, str]]]:
    """What a mail about a question says to its customer, and no files: those are on its page.

    Of what came without an account nothing is repeated in the subject, and its message in no mail at all: strangers
    could have anything sent to anybody.
    """
    ticket = Ticket.objects.filter(pk=UUID(pk)).first()
    if ticket is None:
        raise Hopeless("The question is not there any more.")
    title = _("Your question") if ticket.email else " ".join(ticket.subject.split())
    is_first = template == "support_opened"
    line = f"{'' if is_first else 'Re: '}[{ticket.code}] {title}"
    told = {"line": line, "code": ticket.code, "has_account": ticket.user_id is not None}
    headers = _thread(ticket, is_first=is_first)
    if answered := answers_to(ticket.code):
        headers["Reply-To"] = answered
    return told | {"reason": ticket.rejection, "answers_to": answered, "headers": headers, **_said(ticket, reply)}, []


def _said(ticket: Ticket, pk: str) -> dict[str, Any]:
    """What staff said, if the mail is about that; never a note."""
    if not pk:
        return {}
    reply = Reply.objects.public().select_related("author").filter(ticket=ticket, pk=UUID(pk)).first()
    if reply is None:
        raise Hopeless("The reply is not there any more.")
    return {"who": reply.author.name, "message": reply.message, "files": reply.files.count()}


def _thread(ticket: Ticket, *, is_first: bool) -> dict[str, str]:
    """What keeps the mails about one question together: each answers the first one, whether that was sent or not."""
    name = salted_hmac("support.thread", str(ticket.pk), algorithm="sha256").hexdigest()[:32]
    first = f"<{name}@{settings.SITE_HOST}>"
    return {"Message-ID": first} if is_first else {"In-Reply-To": first, "References": first}
