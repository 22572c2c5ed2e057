"""What customers are told about their questions by mail.

A mail names the question, and its words are read as it is sent: the outbox holds nothing of what people wrote.
"""

from support.models import Reply, Ticket
from support.policies import mailbox_of
from ticketing import rights
from ticketing.actions.links import MOST_MAILS
from ticketing.actions.outbox import post_mail
from ticketing.errors import Invalid
from ticketing.models import Mail, User
from ticketing.rights import Actor, Role


def tell(ticket: Ticket, template: str, *, by: Actor, reply: Reply | None = None, page: str = "ticket") -> None:
    """Post a mail to the customer, if there is an address that is proven or that the question itself came with.

    Strangers make a mailbox ring so often an hour at most. An address that cannot be one loses its owner nothing else.
    """
    to, language = mailbox_of(ticket)
    if not to or _is_too_often(to, by):
        return
    context = {
        "about": ["support.ticket", str(ticket.pk), template, str(reply.pk) if reply else ""],
        "opens": [f"support.{page}", str(ticket.pk)],
    }
    try:
        post_mail(to=to, template=template, language=language, context=context)
    except Invalid:  # as it was moved in, or typed by staff
        return


def tell_of_answer(reply: Reply, ticket: Ticket, *, by: User) -> None:
    """Post what staff said; nobody is told what they wrote themselves."""
    if by != ticket.user and rights.scope(by, "support.triage"):
        tell(ticket, "support_replied", by=by, reply=reply)


def tell_of_end(ticket: Ticket, *, by: Actor) -> None:
    """Post that the question is closed, to a customer who did not do so, and ask whether that was good."""
    if by is None or by != ticket.user:
        template = "support_rejected" if ticket.rejection else "support_closed"
        tell(ticket, template, by=by, page="rating")


def _is_too_often(to: str, by: Actor) -> bool:
    return rights.role_of(by) == Role.ANONYMOUS and Mail.objects.lately_to(to).count() >= MOST_MAILS
