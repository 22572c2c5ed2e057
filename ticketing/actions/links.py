"""The verbs whose second half is a link in a mail: whoever uses it proves to read at that address.

An account is made when its address is proven and not before, so nobody can wait in an account for its owner to come.
What answers strangers answers alike whether the address has an account or not, and does the same work.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from axes.utils import reset
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Lower, Now
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from ticketing import rights
from ticketing.actions.accounts import NAME_LENGTH, confirm_password, hashed, role_fields, set_password, tell
from ticketing.actions.outbox import post_mail
from ticketing.errors import Conflict, Invalid, LogInFirst, NotAllowed, NotFound
from ticketing.models import Activity, EmailLink, Mail, User
from ticketing.querysets import taken_means
from ticketing.rights import Role
from ticketing.texts import clean_email, clean_language, clean_text

Purpose = EmailLink.Purpose
LASTS = {
    Purpose.SIGN_UP: timedelta(hours=48),
    Purpose.INVITATION: timedelta(days=7),
    Purpose.RESET: timedelta(hours=2),
    Purpose.CHANGE: timedelta(hours=48),
}
ADDRESS_LENGTH = 150  # it becomes the username
MOST_MAILS = 5  # in an hour, by which strangers can make one mailbox ring; what was mailed before still works


class DeadLink(NotFound):
    """Used, expired, withdrawn, mistyped or not this person's: one answer for all."""

    code = "dead_link"
    message = _("This link does not work, or not any more. Ask for a new one.")


class HasAccount(Conflict):
    """Who is to be invited is here already."""

    code = "has_account"
    message = _("Somebody with this address has an account already. Change its role instead.")


class LinkEnded(Conflict):
    """Only an invitation that waits for its answer can be withdrawn."""

    code = "link_ended"
    message = _("This is no invitation that could still be used.")


@transaction.atomic
def sign_up(*, email: str, language: str, by: rights.Actor) -> None:
    """Mail a link to open an account, or, to whoever has one already, a mail that says so; the answer is the same."""
    rights.require(by, "account.sign_up")
    email, language = clean_email(email, limit=ADDRESS_LENGTH), clean_language(language)
    owner = User.objects.holding(email).first()
    with transaction.atomic():
        link = _make(Purpose.SIGN_UP, email=email, terms={"language": language})
        if owner:
            transaction.set_rollback(True)  # the same work, and then no link
    template = "already_registered" if owner else "sign_up"
    if Mail.objects.lately_to(email).count() < MOST_MAILS:
        link_of_theirs = None if owner else link
        post_mail(to=email, template=template, language=owner.language if owner else language, link=link_of_theirs)
    Activity.objects.record("account.sign_up", None if owner else link, by=by)


@transaction.atomic
def invite(
    *, email: str, role: str, by: rights.Actor, departments: Sequence[str] = (), capacity: int | None = None
) -> EmailLink:
    """Mail an invitation to open an account with that role, or HasAccount; an earlier one to the address ends."""
    rights.require(by, "account.manage")
    email = clean_email(email, limit=ADDRESS_LENGTH)
    role_fields(role)
    terms = {"role": str(role)} | _terms_of_an_agent(role, departments, capacity)
    for path in settings.WHEN_SOMEBODY_IS_INVITED:
        import_string(path)(terms)
    if User.objects.holding(email).exists():
        raise HasAccount(field="email")
    _void(purpose=Purpose.INVITATION, email=email)
    link = _make(Purpose.INVITATION, email=email, terms=terms)
    post_mail(to=email, template="invitation", language=settings.LANGUAGE_CODE, link=link)
    Activity.objects.record("account.invite", link, by=by, role=role)
    link.refresh_from_db()
    return link


def _terms_of_an_agent(role: str, departments: Sequence[str], capacity: int | None) -> dict[str, Any]:
    terms: dict[str, Any] = {"departments": list(departments)} if departments else {}
    terms |= {} if capacity is None else {"capacity": capacity}
    if terms and role != Role.AGENT:
        raise Invalid(_("Only agents have departments and a capacity."), field=next(iter(terms)))
    return terms


@transaction.atomic
def withdraw_invitation(link: EmailLink, *, by: rights.Actor) -> None:
    """End an invitation that was not used yet, or LinkEnded."""
    rights.require(by, "account.manage")
    if not _void(pk=link.pk, purpose=Purpose.INVITATION):
        raise LinkEnded
    Activity.objects.record("account.withdraw_invitation", link, by=by)


@transaction.atomic
def open_account(
    link: EmailLink, *, secret: str, first_name: str, last_name: str, password: str, by: rights.Actor
) -> User:
    """Make the account of a proven address, with the names and the password that its owner chose, or DeadLink."""
    rights.require(by, "account.use_link")
    link = _use(link, secret, Purpose.SIGN_UP, Purpose.INVITATION)
    role = link.terms.get("role", Role.CUSTOMER)
    user = User(
        username=link.email,
        email=link.email,
        first_name=clean_text(first_name, field="first_name", limit=NAME_LENGTH),
        last_name=clean_text(last_name, field="last_name", limit=NAME_LENGTH, empty=True),
        language=link.terms.get("language", settings.LANGUAGE_CODE),
        email_confirmed_at=Now(),
        **role_fields(role),
    )
    user.password = hashed(password, user=user)
    if User.objects.holding(link.email).exists():
        raise DeadLink
    with taken_means(DeadLink()):  # somebody else just got name or address
        user.save(force_insert=True)
    user.refresh_from_db()
    _void(email=link.email, user=None)
    Activity.objects.record("account.open", user, by=by, role=str(role))
    _welcome(user, link.terms)
    return user


@transaction.atomic
def ask_for_reset(*, email: str, by: rights.Actor) -> None:
    """Mail a link to choose a new password to whoever has an account with this address; the answer is the same."""
    rights.require(by, "account.sign_up")
    email = clean_email(email)
    owner = User.objects.reading_at(email).filter(pk__in=User.objects.admitted()).first()
    with transaction.atomic():
        link = _make(Purpose.RESET if owner else Purpose.SIGN_UP, email=email, user=owner)
        language = owner.language if owner else settings.LANGUAGE_CODE
        if Mail.objects.lately_to(email).count() < MOST_MAILS:
            post_mail(to=email, template="reset", language=language, link=link)
        if owner is None:
            transaction.set_rollback(True)  # the same work, and then no mail
    Activity.objects.record("account.ask_for_reset", owner, by=by)


@transaction.atomic
def reset_password(link: EmailLink, *, secret: str, password: str, by: rights.Actor) -> User:
    """Give the account of the link a new password, end every session and the lock; DeadLink."""
    rights.require(by, "account.use_link")
    link = _use(link, secret, Purpose.RESET)
    user = User.objects.admitted().filter(pk=link.user_id).first()
    if user is None or user.email.lower() != link.email.lower():
        raise DeadLink
    set_password(user, password, field="password")
    for name in {User.typed_name(user.username), user.email.lower()}:
        reset(username=name)
    Activity.objects.record("account.reset_password", user, by=by)
    if User.objects.filter(pk=user.pk, email_confirmed_at=None).update(email_confirmed_at=Now()):
        _welcome(user, {})
    user.refresh_from_db()
    return user


@transaction.atomic
def ask_for_new_address(user: User, *, email: str, password: str, by: rights.Actor) -> None:
    """Mail a link to the address that is to be the account's; one that has an account is told so, and nobody else is.

    WrongPassword, or Invalid for the address that the account has and has proven already.
    """
    if rights.require(by, "account.profile") == rights.Scope.OWN and by != user:
        raise NotAllowed
    confirm_password(user, password, field="password")
    email = clean_email(email, limit=ADDRESS_LENGTH)
    if email == user.email.lower() and user.email_confirmed_at:
        raise Invalid(_("This is your address already."), field="email")
    owner = User.objects.holding(email).exclude(pk=user.pk).first()
    _void(purpose=Purpose.CHANGE, user=user)
    with transaction.atomic():
        link = _make(Purpose.CHANGE, email=email, user=user)
        if owner:
            transaction.set_rollback(True)
    template = "already_registered" if owner else "change_address"
    post_mail(to=email, template=template, language=(owner or user).language, link=None if owner else link)
    Activity.objects.record("account.ask_for_new_address", user, by=by)


@transaction.atomic
def confirm_new_address(link: EmailLink, *, secret: str, by: rights.Actor) -> User:
    """Make the proven address the account's, and tell the old one; DeadLink.

    Whoever reads at the address must also be logged in to the account (LogInFirst): a click on a link that a stranger
    had sent would else give the stranger's account the address, and all that waits for its owner.
    """
    rights.require(by, "account.use_link")
    link = _use(link, secret, Purpose.CHANGE)
    if by is not None and by != link.user:
        raise DeadLink if by.is_authenticated else LogInFirst
    user = User.objects.admitted().filter(pk=link.user_id).first()
    if user is None:
        raise DeadLink
    old = user.email
    _set_address(user, link.email)
    Activity.objects.record("account.change_address", user, by=by)
    user.refresh_from_db()
    if old.lower() != user.email:
        tell(user, "address_changed", to=old)
    _welcome(user, {})
    return user


def _set_address(user: User, email: str) -> None:
    changes: dict[str, Any] = {"email": email, "email_confirmed_at": Now()}
    if user.username == user.email.lower():
        changes["username"] = email  # else the old address would stay taken, whoever reads there next
    if User.objects.holding(email).exclude(pk=user.pk).exists():
        raise DeadLink
    with taken_means(DeadLink()):  # somebody else got it in between
        User.objects.filter(pk=user.pk).update(**changes)


def _make(
    purpose: EmailLink.Purpose, *, email: str, user: User | None = None, terms: dict[str, Any] | None = None
) -> EmailLink:
    expires_at = Now() + LASTS[purpose]
    return EmailLink.objects.create(purpose=purpose, email=email, user=user, terms=terms or {}, expires_at=expires_at)


def _use(link: EmailLink, secret: str, *purposes: EmailLink.Purpose) -> EmailLink:
    """The link as it is stored, now used; a twin waits here for the first, and is refused like any other dead link.

    All links of the same person are locked, in one order and before the account, as a verb may end the others.
    """
    if not link.opens_with(secret):
        raise DeadLink
    same = {"user": link.user_id} if link.user_id else {"user": None, "address": link.email.lower()}
    family = EmailLink.objects.live().alias(address=Lower("email")).filter(**same).order_by("pk")
    list(family.select_for_update(no_key=True).values_list("pk"))
    if not EmailLink.objects.live().filter(pk=link.pk, purpose__in=purposes).change(used_at=Now()):
        raise DeadLink
    return EmailLink.objects.select_related("user").get(pk=link.pk)


def _void(**which: Any) -> int:
    return EmailLink.objects.live().filter(**which).change(expires_at=Now())


def _welcome(user: User, terms: dict[str, Any]) -> None:
    """Let every app give the person what waits for whoever proves this address."""
    for path in settings.WHEN_ADDRESS_IS_PROVEN:
        import_string(path)(user, terms)
