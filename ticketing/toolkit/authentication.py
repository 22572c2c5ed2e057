"""Who is calling: by Bearer token for programs, by password for people."""

import re
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from ticketing import rights
from ticketing.errors import LogInFirst
from ticketing.models import ApiToken, User

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/=-]{20,200})", re.IGNORECASE)  # RFC 6750, section 2.1


def bearer_token(request: HttpRequest) -> ApiToken | None:
    """The token that the request carries, None without the header; LogInFirst for one that is not ours or not live."""
    header = request.META.get("HTTP_AUTHORIZATION")
    if header is None:
        return None
    if (match := _BEARER.fullmatch(header)) and (token := _live_token(match[1])):
        return token
    raise LogInFirst


def _live_token(secret: str) -> ApiToken | None:
    admitted = User.objects.admitted()
    return ApiToken.objects.live().for_secret(secret).filter(user__in=admitted).select_related("user").first()


def caller(request: HttpRequest, operation: str) -> User | AnonymousUser:
    """Who calls a contract: a stray Authorization header never breaks a call that is open to everybody."""
    try:
        token = bearer_token(request)
    except LogInFirst:
        if not rights.scope(AnonymousUser(), operation):
            raise
        token = None
    return token.user if token else AnonymousUser()


class SiteBackend(ModelBackend):
    """Django's password log-in, closed to demo accounts in production; supervisors have the admin's permissions."""

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
