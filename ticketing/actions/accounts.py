"""The verbs of accounts, and of the browsers in which they are logged in."""

from typing import Any

from axes.utils import reset
from django.contrib.auth import authenticate, password_validation
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ticketing import rights
from ticketing.actions.outbox import post_mail
from ticketing.errors import Conflict, Invalid, LogInFirst, NotAllowed, TooManyAttempts
from ticketing.models import Activity, ApiToken, EmailLink, Session, User
from ticketing.rights import Role
from ticketing.texts import clean_choice, clean_language, clean_text

NAME_LENGTH = 150
LONGEST_PASSWORD = 1000
ROLES = [role.value for role in Role if role != Role.ANONYMOUS]


class WrongCredentials(LogInFirst):
    """The same sentence for an unknown name and a wrong password."""

    code = "wrong_credentials"
    message = _("The username or the password is wrong.")


class WrongPassword(Invalid):
    """Somebody who is logged in must say the password again, and it is another one."""

    code = "wrong_password"
    message = _("This is not your password.")


class LastSuperuser(Conflict):
    """Without a superuser nobody could manage accounts any more."""

    code = "last_superuser"
    message = _("This is the last superuser. Make somebody else one first.")


class IsAnonymised(Conflict):
    """Nobody is behind it any more, and nobody shall be."""

    code = "is_anonymised"
    message = _("This account is anonymised, for good.")


class NotYourself(Conflict):
    """Nobody locks themselves out by accident."""

    code = "not_yourself"
    message = _("You cannot deactivate your own account. Ask another superuser.")


def check_password(request: HttpRequest, *, username: str, password: str) -> User:
    """The account of these credentials; WrongCredentials, or TooManyAttempts once name and address are locked.

    The name is a username or an e-mail address, in whatever case.
    """
    user = authenticate(request, username=username, password=password)
    if isinstance(user, User):
        # What failed before under this name is forgotten; django-axes itself forgets it for the username only.
        reset(ip=request.META.get("REMOTE_ADDR"), username=User.typed_name(username))
        return user
    # django-axes marks the request once the pair of name and address has failed too often.
    raise TooManyAttempts if getattr(request, "axes_locked_out", False) else WrongCredentials


@transaction.atomic
def change_profile(
    user: User,
    *,
    by: rights.Actor,
    first_name: str | None = None,
    last_name: str | None = None,
    language: str | None = None,
) -> User:
    """Change what is given of the person's names and language."""
    _is_own(user, by)
    changes: dict[str, str] = {}
    if first_name is not None:
        changes["first_name"] = clean_text(first_name, field="first_name", limit=NAME_LENGTH)
    if last_name is not None:
        changes["last_name"] = clean_text(last_name, field="last_name", limit=NAME_LENGTH, empty=True)
    if language is not None:
        changes["language"] = clean_language(language)
    if changes:
        User.objects.filter(pk=user.pk).update(**changes)
        Activity.objects.record("account.change_profile", user, by=by, fields=sorted(changes))
        user.refresh_from_db()
    return user


@transaction.atomic
def change_password(user: User, *, old: str, new: str, by: rights.Actor, keep: str = "") -> None:
    """Give the account another password, or WrongPassword; every session ends but the one with the key `keep`."""
    _is_own(user, by)
    confirm_password(user, old, field="old")
    set_password(user, new, field="new", keep=keep)
    Activity.objects.record("account.change_password", user, by=by)


def confirm_password(user: User, password: str, *, field: str) -> None:
    """Nothing if it is this account's password, else WrongPassword naming the field."""
    if not user.check_password(_whole_text(password, field)):
        raise WrongPassword(field=field)


def set_password(user: User, password: str, *, field: str, keep: str = "") -> None:
    """The part of a verb that gives a password: it ends other sessions and pending resets, and tells the owner."""
    user.password = hashed(password, user=user, field=field)
    EmailLink.objects.live().filter(user=user, purpose=EmailLink.Purpose.RESET).change(expires_at=Now())
    User.objects.filter(pk=user.pk).update(password=user.password)
    Session.objects.filter(account=user).exclude(session_key=keep).delete()
    tell(user, "password_changed", to=user.email)


def hashed(password: str, *, user: User, field: str = "password") -> str:
    """The hash of a new password, or Invalid naming the field for a poor one."""
    try:
        password_validation.validate_password(_whole_text(password, field), user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field=field) from error
    user.set_password(password)
    return user.password


def _whole_text(password: str, field: str) -> str:
    """The password as it was typed; half a character (a lone surrogate) cannot be hashed."""
    whole = isinstance(password, str) and password.encode("utf-8", "replace").decode() == password
    if not whole or not 1 <= len(password) <= LONGEST_PASSWORD:
        sentence = _("A password is a text of 1 to %(limit)d characters.")
        raise Invalid(sentence % {"limit": LONGEST_PASSWORD}, field=field)
    return password


def tell(user: User, template: str, *, to: str) -> None:
    """Post a mail to the account's owner, if there is an address."""
    if to:
        post_mail(to=to, template=template, language=user.language)


@transaction.atomic
def deactivate(user: User, *, by: rights.Actor) -> User:
    """Close the account from the next request on, with its sessions and tokens; NotYourself, or LastSuperuser."""
    rights.require(by, "account.manage")
    if by == user:
        raise NotYourself
    EmailLink.objects.live().filter(user=user).change(expires_at=Now())  # links before accounts, as everywhere
    _leave_a_superuser(user)
    if User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
        Session.objects.filter(account=user).delete()
        ApiToken.objects.live().filter(user=user).change(revoked_at=Now())
        Activity.objects.record("account.deactivate", user, by=by)
    user.refresh_from_db()
    return user


@transaction.atomic
def reactivate(user: User, *, by: rights.Actor) -> User:
    """Let a deactivated account log in again; its tokens stay revoked. IsAnonymised."""
    rights.require(by, "account.manage")
    _require_somebody(user)
    if User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
        Activity.objects.record("account.reactivate", user, by=by)
    user.refresh_from_db()
    return user


@transaction.atomic
def set_role(user: User, *, role: str, by: rights.Actor) -> User:
    """Give the account one of ROLES, which holds from the next request on; LastSuperuser for the last; IsAnonymised."""
    rights.require(by, "account.manage")
    _require_somebody(user)
    granted = role_fields(role)
    if not granted["is_superuser"]:
        _leave_a_superuser(user)
    if User.objects.filter(pk=user.pk).exclude(**granted).update(**granted):
        Activity.objects.record("account.set_role", user, by=by, to=role)
    user.refresh_from_db()
    return user


def role_fields(role: str) -> dict[str, Any]:
    """What an account of that role has in its columns, or Invalid: a superuser is a supervisor with more rights."""
    role = clean_choice(role, ROLES, field="role")
    is_superuser = role == Role.SUPERUSER
    return {"role": User.Role.SUPERVISOR if is_superuser else User.Role(role), "is_superuser": is_superuser}


def _require_somebody(user: User) -> None:
    if User.objects.filter(pk=user.pk, anonymised_at__isnull=False).exists():
        raise IsAnonymised


def _leave_a_superuser(user: User) -> None:
    # Locked, so that the last two cannot demote each other at once.
    superusers = User.objects.admitted().filter(is_superuser=True).order_by("pk").select_for_update(no_key=True)
    if {superuser.pk for superuser in superusers} == {user.pk}:
        raise LastSuperuser


@transaction.atomic
def end_session(session: Session, *, by: rights.Actor) -> None:
    """Log that browser out at its next request; twice is harmless."""
    _may_manage_sessions_of(session.account, by)
    if Session.objects.filter(public_id=session.public_id).delete()[0]:
        Activity.objects.record("account.end_session", session.account, by=by)


@transaction.atomic
def end_other_sessions(user: User, *, keep: str, by: rights.Actor) -> int:
    """Log the account out everywhere but in the session with the key `keep`; returns from how many."""
    _may_manage_sessions_of(user, by)
    ended = Session.objects.filter(account=user).exclude(session_key=keep).delete()[0]
    if ended:
        Activity.objects.record("account.end_session", user, by=by, count=ended)
    return ended


def _may_manage_sessions_of(user: User | None, by: rights.Actor) -> None:
    if rights.require(by, "account.manage_sessions") == rights.Scope.OWN and by != user:
        raise NotAllowed


def _is_own(user: User, by: rights.Actor) -> None:
    if rights.require(by, "account.profile") == rights.Scope.OWN and by != user:
        raise NotAllowed
