"""Who is calling: by Bearer token for programs, by password for people."""

import logging
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.contrib.auth import login
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.db import Error, transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from ticketing import rights
from ticketing.errors import LogInFirst
from ticketing.models import ApiToken, User
from ticketing.querysets import digest
from ticketing.sessions import DEVICE, SINCE
from ticketing.toolkit.database import planned_once

logger = logging.getLogger(__name__)

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/=-]{20,200})", re.IGNORECASE)  # RFC 6750, section 2.1
PLAIN = 8  # different characters: a random token of 20 has more


def is_bearer(secret: str) -> bool:
    """Whether a secret made elsewhere can be sent as a token here, and is not one that anybody guesses."""
    return bool(_BEARER.fullmatch(f"Bearer {secret}")) and len(set(secret)) >= PLAIN


def bearer_token(request: HttpRequest) -> ApiToken | None:
    """The token that the request carries, None without the header; LogInFirst for one that is not ours or not live."""
    header = request.META.get("HTTP_AUTHORIZATION")
    if header is None:
        return None
    if (match := _BEARER.fullmatch(header)) and (token := _live_token(match[1])):
        return token
    raise LogInFirst


_PLACE = "?"  # stands for the digest in the statement that is kept
# What is asked of a token on the way; whoever wants more of it reads it then.
_TOKEN = [field.attname for field in ApiToken._meta.concrete_fields if field.attname in ("id", "user_id", "name")]
_OWNER = [field.attname for field in User._meta.concrete_fields]


@cache
def _look_up(is_demo: bool) -> tuple[str, tuple[Any, ...]]:
    """The statement that every call of a program begins with: the query set writes it once, as that takes longer
    than the database does to answer it. The mode decides which accounts are admitted.
    """
    live = ApiToken.objects.live().filter(digest=_PLACE, user__in=User.objects.admitted())
    owner = [f"user__{name}" for name in _OWNER]
    rows = live.with_due_note().values_list(*_TOKEN, *owner, "due")
    statement, parameters = rows.query.sql_with_params()
    return statement, parameters


def _live_token(secret: str) -> ApiToken | None:
    statement, parameters = _look_up(rights.is_demo())
    shown = digest(secret)
    row = planned_once(statement, [shown if value == _PLACE else value for value in parameters])
    if row is None:
        return None
    token: ApiToken = ApiToken.from_db("default", _TOKEN, row[: len(_TOKEN)])
    token.user = User.from_db("default", _OWNER, row[len(_TOKEN) : -1])
    if row[-1]:  # due
        _note_use(token)
    return token


def _note_use(token: ApiToken) -> None:
    """Write down that the token is in use. It waits for nobody, and its failure is no caller's affair."""
    try:
        with transaction.atomic():
            free = ApiToken.objects.filter(pk=token.pk).select_for_update(skip_locked=True, no_key=True)
            ApiToken.objects.with_due_note().filter(pk__in=free.values("pk"), due=True).update(last_used_at=Now())
    except Error:
        logger.warning("The use of token %s was not noted.", token.pk)


def caller(request: HttpRequest, operation: str, contract: str = "") -> User | AnonymousUser:
    """Who calls a contract: a stray Authorization header never breaks a call that is open to everybody."""
    guest = rights.coming_by(contract, AnonymousUser())
    try:
        token = bearer_token(request)
    except LogInFirst:
        if not rights.scope(guest, operation):
            raise
        token = None
    return rights.coming_by(contract, token.user) if token else guest


def typed_name(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """Under which name django-axes counts failures: as it was typed, but in one spelling."""
    return User.typed_name(str((credentials or request.POST).get("username") or ""))


def log_in(request: HttpRequest, user: User) -> None:
    """Begin this person's session in this browser, under a new key."""
    login(request, user, backend="ticketing.toolkit.authentication.SiteBackend")
    remember_browser(request)


def remember_browser(request: HttpRequest) -> None:
    """Write into the session what its owner is to recognise it by."""
    agent = request.headers.get("User-Agent", "")
    request.session[DEVICE] = "".join(character for character in agent if character.isprintable())[:200]
    request.session[SINCE] = timezone.now().isoformat()


class SiteBackend(ModelBackend):
    """Django's password log-in, closed to demo accounts in production; supervisors have the admin's permissions."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """The account with this username or e-mail address and this password; an unknown name takes as long."""
        if not username or password is None:
            return None
        user = User.objects.named(username)
        if user is None:
            User().set_password(password)
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None

    def user_can_authenticate(self, user: User | AnonymousUser | None) -> bool:
        """Active, and not a demo account unless this is the demo."""
        is_demo_account = bool(getattr(user, "is_demo", False))
        return super().user_can_authenticate(user) and (rights.is_demo() or not is_demo_account)

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Whatever the admin asks, a supervisor may; accounts, roles and settings are for superusers."""
        granted = super().has_perm(user_obj, perm, obj)
        return granted or (_supervises(user_obj) and not perm.startswith(SUPERUSERS))

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Supervisors see every app."""
        return super().has_module_perms(user_obj, app_label) or _supervises(user_obj)


SUPERUSERS = ("ticketing.add_", "ticketing.change_", "ticketing.delete_", "auth.", "django_q.add_", "django_q.change_")


def _supervises(user: Any) -> bool:
    return bool(user.is_active and rights.role_of(user) in (rights.Role.SUPERVISOR, rights.Role.SUPERUSER))
