"""What people are told about their tickets by mail."""

from typing import Any

from ticketing.actions.outbox import post_mail
from ticketing.errors import Invalid
from ticketing.models import User


def tell(account: User | None, template: str, **context: Any) -> None:
    """Post a mail to an account; one whose address is empty or cannot be one gets none, and loses nothing else."""
    if account is None or not account.email:
        return
    try:
        post_mail(to=account.email, template=template, language=account.language, context=context)
    except Invalid:  # as it was moved in, or typed by staff
        return
