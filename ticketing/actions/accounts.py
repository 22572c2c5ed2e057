"""The verbs of accounts and tokens."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from ticketing import rights
from ticketing.errors import LogInFirst, NotAllowed, TooManyAttempts
from ticketing.models import Activity, ApiToken, User
from ticketing.querysets import digest


class WrongCredentials(LogInFirst):
    """The same sentence for an unknown name and a wrong password."""

    code = "wrong_credentials"
    message = _("The username or the password is wrong.")


@transaction.atomic
def issue_token(user: User, *, name: str, by: rights.Actor, lasts: timedelta | None = None, secret: str = "") -> str:
    """Make an API token for `user` and return its secret, which is shown this once; `lasts` None never expires."""
    _may_manage_tokens_of(user, by)
    secret = secret or secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user, name=name, digest=digest(secret), expires_at=None if lasts is None else Now() + lasts
    )
    Activity.objects.record("account.issue_token", token, by=by)
    return secret


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


def check_password(request: HttpRequest, *, username: str, password: str) -> User:
    """The account of these credentials; WrongCredentials, or TooManyAttempts once name and address are locked."""
    user = authenticate(request, username=username, password=password)
    if isinstance(user, User):
        return user
    # django-axes marks the request once the pair of name and address has failed too often.
    raise TooManyAttempts if getattr(request, "axes_locked_out", False) else WrongCredentials


def demo_secret(username: str) -> str:
    """The API token of a demo account: derived, so that the demo can show it although only digests are stored."""
    return salted_hmac("ticketing.demo_token", username, secret=settings.SECRET_KEY, algorithm="sha256").hexdigest()
