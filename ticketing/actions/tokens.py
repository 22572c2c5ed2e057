"""The verbs of API tokens."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from ticketing import rights
from ticketing.errors import Conflict, Invalid, NotAllowed
from ticketing.models import Activity, ApiToken, User
from ticketing.querysets import digest
from ticketing.texts import clean_text

MOST_TOKENS = 50  # live ones of one account
LONGEST = timedelta(days=3660)
NAME_LENGTH = 100


class TooManyTokens(Conflict):
    """The account has as many live tokens as it may have."""

    code = "too_many_tokens"
    message = _("This account has as many tokens as it may have. Revoke one that is no longer needed first.")


class TokenEnded(Conflict):
    """A token that was revoked or outlived stays as it is."""

    code = "token_ended"
    message = _("This token has ended. Make a new one.")


@transaction.atomic
def issue_token(user: User, *, name: str, by: rights.Actor, lasts: timedelta | None = None, secret: str = "") -> str:
    """Make an API token for `user` and return its secret, which is shown this once; `lasts` None never expires."""
    _may_manage_tokens_of(user, by)
    name = clean_text(name, field="name", limit=NAME_LENGTH)
    if lasts is not None and not timedelta(0) < lasts <= LONGEST:
        raise Invalid(_("A token lasts ten years at most."), field="lasts")
    # Whoever makes tokens for the same account waits here, so that together they stay within the limit.
    User.objects.select_for_update(no_key=True).filter(pk=user.pk).first()
    if ApiToken.objects.live().filter(user=user).count() >= MOST_TOKENS:
        raise TooManyTokens
    return _make_token(user, name=name, by=by, lasts=lasts, secret=secret or new_secret())


@transaction.atomic
def issue_log_in_token(user: User, *, name: str, by: rights.Actor, lasts: timedelta) -> str:
    """Make the token of a log-in, which ends soon; however often a program logs in, it is not refused."""
    _may_manage_tokens_of(user, by)
    return _make_token(user, name=name, by=by, lasts=lasts, secret=new_secret())


def _make_token(user: User, *, name: str, by: rights.Actor, lasts: timedelta | None, secret: str) -> str:
    expires_at = None if lasts is None else Now() + lasts
    token = ApiToken.objects.create(user=user, name=name, digest=digest(secret), expires_at=expires_at)
    Activity.objects.record("account.issue_token", token, by=by)
    return secret


@transaction.atomic
def rotate_token(token: ApiToken, *, by: rights.Actor) -> str:
    """Give the token a new secret and return it, shown this once; the old one is dead at once, or TokenEnded."""
    _may_manage_tokens_of(token.user, by)
    secret = new_secret()
    if not ApiToken.objects.live().filter(pk=token.pk).change(digest=digest(secret), last_used_at=None):
        raise TokenEnded
    Activity.objects.record("account.rotate_token", token, by=by)
    return secret


@transaction.atomic
def rename_token(token: ApiToken, *, name: str, by: rights.Actor) -> ApiToken:
    """Call the token something else, or TokenEnded."""
    _may_manage_tokens_of(token.user, by)
    name = clean_text(name, field="name", limit=NAME_LENGTH)
    if not ApiToken.objects.live().filter(pk=token.pk).change(name=name):
        raise TokenEnded
    Activity.objects.record("account.rename_token", token, by=by)
    token.refresh_from_db()
    return token


@transaction.atomic
def revoke_token(token: ApiToken, *, by: rights.Actor) -> None:
    """End a token for good; twice is harmless."""
    if rights.require(by, "account.revoke_token") == rights.Scope.OWN and by != token.user:
        raise NotAllowed
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).change(revoked_at=Now()):
        Activity.objects.record("account.revoke_token", token, by=by)


def _may_manage_tokens_of(user: User, by: rights.Actor) -> None:
    if rights.require(by, "account.manage_tokens") == rights.Scope.OWN and by != user:
        raise NotAllowed


def new_secret() -> str:
    """256 random bits as a text."""
    return secrets.token_urlsafe(32)


def demo_secret(username: str) -> str:
    """The API token of a demo account: derived, so that the demo can show it although only digests are stored."""
    return salted_hmac("ticketing.demo_token", username, secret=settings.SECRET_KEY, algorithm="sha256").hexdigest()
