"""Accounts over /api/v1/: one's own, their tokens, sessions and links, and everybody's for those who manage them."""

import hashlib
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any

import django_filters
from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.db.models import Q, QuerySet
from django.http import FileResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from support.models import MOST_TICKETS_AT_ONCE, Department
from ticketing import actions, rights
from ticketing.actions.privacy import REASONS
from ticketing.models import ApiToken, EmailLink, Session, User
from ticketing.people import Person
from ticketing.texts import clean_email, current_language
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.exports import ZIP, export_response
from ticketing.toolkit.fields import EMAIL_PATTERN, Count, Flag, Instant, Ruled, Secret, Text, Word
from ticketing.toolkit.filters import FlagFilter, TextFilter
from ticketing.toolkit.questions import ask_flag, asked, parameters

NAME, ADDRESS, PASSWORD, LONGEST_TOKEN = 150, 150, 8, 3660


def _email() -> Ruled:
    return Ruled(clean_email, limit=ADDRESS, pattern=EMAIL_PATTERN)


class RoleField(serializers.ChoiceField):
    """The role of an account; a superuser's is its own word."""

    def __init__(self) -> None:
        super().__init__(choices=actions.ROLES, read_only=True, source="*")

    def to_representation(self, value: User) -> str:
        """The word."""
        return str(rights.role_of(value))


class AccountSerializer(serializers.ModelSerializer):
    """Somebody's account."""

    email = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True, help_text="The full name, or the username where none is known.")
    role = RoleField()
    created_at = Instant(source="date_joined", read_only=True)

    class Meta:
        model = User
        fields = ["id", "username", "email", "first_name", "last_name", "name", "role", "is_active", "created_at"]
        read_only_fields = fields


class ProfileSerializer(AccountSerializer):
    """The caller's own account."""

    email_confirmed_at = Instant(read_only=True, allow_null=True)

    class Meta(AccountSerializer.Meta):
        fields = [*AccountSerializer.Meta.fields, "email_confirmed_at", "language"]
        read_only_fields = fields


class ProfileChange(serializers.Serializer):
    """What people may change of their own account; what is left out stays."""

    first_name = Text(NAME, required=False)
    last_name = Text(NAME, empty=True, required=False)
    language = Word(choices=settings.LANGUAGES, required=False)


class PasswordChange(serializers.Serializer):
    """The old password, and the one that takes its place."""

    old = Secret()
    new = Secret(PASSWORD)


class AddressChange(serializers.Serializer):
    """The new address, and the password to show that it is the owner who asks."""

    email = _email()
    password = Secret()


class AccountRows(ApiViewSet):
    """What the views of accounts share."""

    orderings = {"created_at": ("date_joined", "id"), "username": ("username",)}

    def rows(self) -> Any:
        """Every account."""
        return User.objects

    def version(self, row: Any) -> str:
        """Of what is shown: an account's row has no time of its last change."""
        shown = JSONRenderer().render(self.get_serializer(row).data)
        return f'"{hashlib.sha256(shown).hexdigest()[:16]}"'


class ProfileViewSet(AccountRows):
    """The caller's own account."""

    operations = {
        "retrieve": "account.profile",
        "partial_update": "account.profile",
        "password": "account.profile",
        "address": "account.profile",
        "export": "account.export",
    }
    files = {"export": ZIP}
    serializer_class = ProfileSerializer
    inputs = {"partial_update": ProfileChange, "password": PasswordChange, "address": AddressChange}
    without_body = {"password": 204, "address": 202}
    examples = {"partial_update": {"first_name": "Ada", "language": "en"}}

    def get_queryset(self) -> QuerySet:
        """Any account: which one is not the caller's choice."""
        return self.rows()

    def named(self) -> dict[str, Any]:
        """Nobody names it: it is the caller's."""
        return {"pk": self.request.user.pk}

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change names and language."""
        return self.answer(actions.change_profile(self.get_object(), **self.input(), by=request.user))

    def password(self, request: Request, **kwargs: Any) -> Response:
        """Take another password. The caller's session goes on and every other one ends; tokens stay."""
        user = self.get_object()
        actions.change_password(user, **self.input(), keep=_session_key(request), by=request.user)
        if _session_key(request):
            update_session_auth_hash(request._request, user)
        return self.done()

    def address(self, request: Request, **kwargs: Any) -> Response:
        """Have a link mailed to the new address, which becomes the account's when the link is used."""
        actions.ask_for_new_address(self.get_object(), **self.input(), by=request.user)
        return self.done()

    def export(self, request: Request, **kwargs: Any) -> FileResponse:
        """All that the site has of the caller: a ZIP with data.json and the files that came with questions."""
        return export_response(Person.owning(self.get_object()), by=request.user)


def _session_key(request: Request) -> str:
    """Of the session that the caller is logged in by; empty for a program with a token, whatever cookie it sends."""
    return "" if request.auth else request._request.session.session_key or ""


# Becoming somebody


class Address(serializers.Serializer):
    """An e-mail address."""

    email = _email()


class SignUpViewSet(ApiViewSet):
    """New accounts."""

    operations = {"create": "account.sign_up"}
    inputs = {"create": Address}
    without_body = {"create": 202}

    def create(self, request: Request) -> Response:
        """Have a link mailed that opens an account. The answer is the same for an address that has one already."""
        actions.sign_up(**self.input(), language=current_language(), by=request.user)
        return self.done()


class PasswordResetViewSet(ApiViewSet):
    """Forgotten passwords."""

    operations = {"create": "account.sign_up"}
    inputs = {"create": Address}
    without_body = {"create": 202}

    def create(self, request: Request) -> Response:
        """Have a link mailed that takes a new password. The answer is the same for an address without an account."""
        actions.ask_for_reset(**self.input(), by=request.user)
        return self.done()


class LinkSecret(serializers.Serializer):
    """What the link in the mail ends in."""

    secret = Secret()


class NewAccount(LinkSecret):
    """Who opens an account."""

    first_name = Text(NAME)
    last_name = Text(NAME, empty=True, default="")
    password = Secret(PASSWORD)


class NewPassword(LinkSecret):
    """The password that takes the forgotten one's place."""

    password = Secret(PASSWORD)


class LinkViewSet(ApiViewSet):
    """Links that were mailed. Each can be used once; one that cannot, for whatever reason, is a `dead_link`."""

    operations = {
        "open_account": "account.use_link",
        "reset_password": "account.use_link",
        "confirm": "account.use_link",
    }
    inputs = {"open_account": NewAccount, "reset_password": NewPassword, "confirm": LinkSecret}
    without_body = {"open_account": 204, "reset_password": 204, "confirm": 204}

    def rows(self) -> QuerySet:
        """Every link: only whoever has the secret can use one."""
        return EmailLink.objects.all()

    def get_object(self) -> EmailLink:
        """The link; a missing one answers as one with another secret."""
        if link := self.get_queryset().filter(**self.named()).first():
            return link
        raise actions.DeadLink

    @action(detail=True, methods=["post"])
    def open_account(self, request: Request, **kwargs: Any) -> Response:
        """Open the account that a sign-up or an invitation offers. It logs in with the address and the password."""
        typed = self.input()
        actions.open_account(self.get_object(), **typed, by=request.user)
        return self.done()

    @action(detail=True, methods=["post"])
    def reset_password(self, request: Request, **kwargs: Any) -> Response:
        """Take a new password for the forgotten one. Every session of the account ends."""
        typed = self.input()
        actions.reset_password(self.get_object(), **typed, by=request.user)
        return self.done()

    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, **kwargs: Any) -> Response:
        """Make the address the account's; for whoever is logged in to that account."""
        typed = self.input()
        actions.confirm_new_address(self.get_object(), **typed, by=request.user)
        return self.done()


# What lets somebody in


class TokenSerializer(serializers.ModelSerializer):
    """A program's key to an account, without what makes it."""

    last_used_at = Instant(read_only=True, allow_null=True, help_text="To about five minutes.")
    expires_at = Instant(read_only=True, allow_null=True)
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = ApiToken
        fields = ["id", "name", "last_used_at", "expires_at", "created_at", "updated_at"]
        read_only_fields = fields


class ShownToken(TokenSerializer):
    """A token with its secret."""

    token = serializers.SerializerMethodField(
        help_text="What a program sends. Shown this once: null when the request is repeated with its Idempotency-Key."
    )

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]
        read_only_fields = fields

    def get_token(self, token: ApiToken) -> str | None:
        """Nothing: the view adds it."""
        return None


class NewToken(serializers.Serializer):
    """What a token is called, and how long it lasts."""

    name = Text(100)
    days = Count(max_value=LONGEST_TOKEN, required=False, help_text="After so many days it ends; never if unsaid.")


class TokenChange(serializers.Serializer):
    """What may change of a token."""

    name = Text(100, required=False)


class TokenViewSet(ApiViewSet):
    """The caller's API tokens."""

    operations = {
        "list": "account.manage_tokens",
        "retrieve": "account.manage_tokens",
        "create": "account.manage_tokens",
        "partial_update": "account.manage_tokens",
        "destroy": "account.revoke_token",
        "rotate": "account.manage_tokens",
    }
    serializer_class = TokenSerializer
    inputs = {"create": NewToken, "partial_update": TokenChange}
    outputs = {"create": ShownToken, "rotate": ShownToken}
    examples = {"create": {"name": "Till at the door", "days": 90}, "partial_update": {"name": "Till"}}

    def rows(self) -> QuerySet:
        """Every token that has not ended."""
        return ApiToken.objects.live().select_related("user")

    def create(self, request: Request) -> Response:
        """Make a token; what programs send is shown this once."""
        wanted = self.input()
        lasts = timedelta(days=wanted["days"]) if "days" in wanted else None
        secret = actions.issue_token(request.user, name=wanted["name"], lasts=lasts, by=request.user)
        return self.answer(ApiToken.objects.for_secret(secret).get(), 201, token=secret)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Call it something else."""
        token, changes = self.get_object(), self.input()
        return self.answer(actions.rename_token(token, **changes, by=request.user) if changes else token)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Revoke it: no request with it is admitted any more."""
        actions.revoke_token(self.get_object(), by=request.user)
        return self.done()

    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, **kwargs: Any) -> Response:
        """Give it a new secret, shown this once; the old one is dead at once."""
        token = self.get_object()
        return self.answer(token, token=actions.rotate_token(token, by=request.user))


class SessionSerializer(serializers.ModelSerializer):
    """A browser in which somebody is logged in."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    account = serializers.UUIDField(source="account_id", read_only=True)
    current = serializers.SerializerMethodField(help_text="Whether the request came from it.")
    created_at = Instant(read_only=True)
    expires_at = Instant(source="expire_date", read_only=True)

    class Meta:
        model = Session
        fields = ["id", "account", "device", "current", "created_at", "expires_at"]
        read_only_fields = fields

    def get_current(self, session: Session) -> bool:
        """Whether it is the caller's."""
        return session.session_key == _session_key(self.context["request"])


class SessionViewSet(ApiViewSet):
    """Where the caller is logged in."""

    operations = {
        "list": "account.manage_sessions",
        "retrieve": "account.manage_sessions",
        "destroy": "account.manage_sessions",
        "end_others": "account.manage_sessions",
    }
    serializer_class = SessionSerializer
    orderings = {"created_at": ("created_at", "public_id")}
    without_body = {"destroy": 204, "end_others": 204}
    lookup_field = "public_id"
    lookup_url_kwarg = "id"

    def rows(self) -> Any:
        """Every session."""
        return Session.objects

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Log that browser out at its next request."""
        actions.end_session(self.get_object(), by=request.user)
        return self.done()

    @action(detail=False, methods=["post"])
    def end_others(self, request: Request) -> Response:
        """Log the caller's account out everywhere but in the session that asks; a token is none, so then everywhere."""
        actions.end_other_sessions(request.user, keep=_session_key(request), by=request.user)
        return self.done()


# Everybody


class AccountFilters(django_filters.FilterSet):
    """Accounts by role, state and name."""

    role = django_filters.ChoiceFilter(
        method="of_role", choices=[(role, role) for role in actions.ROLES], help_text="Of this role."
    )
    is_active = FlagFilter(help_text="Whether it may log in.")
    search = TextFilter(method="like", help_text="Part of a username, name or address, in any case.")

    class Meta:
        model = User
        fields: list[str] = []

    def of_role(self, accounts: QuerySet, name: str, value: str) -> QuerySet:
        """Those with the role; a superuser is no supervisor here."""
        if value == rights.Role.SUPERUSER:
            return accounts.filter(is_superuser=True)
        return accounts.filter(role=value, is_superuser=False)

    def like(self, accounts: QuerySet, name: str, value: str) -> QuerySet:
        """Those that have it in what they are called."""
        names = ("username", "email", "first_name", "last_name")
        return accounts.filter(reduce(or_, (Q(**{f"{name}__icontains": value}) for name in names)))


class NewRole(serializers.Serializer):
    """The role that an account is given."""

    role = Word(choices=actions.ROLES, required=False)


class Forgetting(serializers.Serializer):
    """Why an account is anonymised, and whether what is still ahead is ended as well."""

    reason = Word(choices=list(REASONS), help_text="The person asked, it is not needed any more, or a mistake.")
    end = Flag(required=False, help_text="Closes questions, cancels bookings and gives tickets back.")


INTERNAL = ask_flag("internal", "Also what staff wrote among themselves, which is not for the person.")


class AccountViewSet(AccountRows):
    """Accounts, for those who supervise; whoever manages them sees deactivated ones too."""

    operations = {
        "list": "account.list",
        "retrieve": "account.list",
        "partial_update": "account.manage",
        "deactivate": "account.manage",
        "reactivate": "account.manage",
        "export": "account.export",
        "anonymise": "account.anonymise",
    }
    files = {"export": ZIP}
    serializer_class = AccountSerializer
    filterset_class = AccountFilters
    inputs = {"partial_update": NewRole, "anonymise": Forgetting}
    examples = {"anonymise": {"reason": "request", "end": True}}

    @classmethod
    def headers_of(cls, action: str) -> list[OpenApiParameter]:
        """And what an export is to have."""
        return parameters([INTERNAL]) if action == "export" else super().headers_of(action)

    @property
    def operation(self) -> str:
        """Who may manage accounts sees them with that eye, also where seeing is all that is asked."""
        asked = super().operation
        sees_all = asked == "account.list" and rights.scope(self.request.user, "account.manage")
        return "account.manage" if sees_all else asked

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Give the account another role, from its next request on; never take the last superuser's."""
        user, changes = self.get_object(), self.input()
        return self.answer(actions.set_role(user, **changes, by=request.user) if changes else user)

    @action(detail=True, methods=["post"])
    def deactivate(self, request: Request, **kwargs: Any) -> Response:
        """Close the account: its sessions, tokens and links end. Twice is harmless."""
        return self.answer(actions.deactivate(self.get_object(), by=request.user))

    @action(detail=True, methods=["post"])
    def reactivate(self, request: Request, **kwargs: Any) -> Response:
        """Let the account log in again; its tokens stay revoked. Twice is harmless."""
        return self.answer(actions.reactivate(self.get_object(), by=request.user))

    @action(detail=True)
    def export(self, request: Request, **kwargs: Any) -> FileResponse:
        """All that the site has of somebody: a ZIP with data.json and the files that came with questions."""
        person = Person.owning(self.get_object())
        return export_response(person, by=request.user, **asked(request, [INTERNAL]))

    @action(detail=True, methods=["post"])
    def anonymise(self, request: Request, **kwargs: Any) -> Response:
        """Let nobody be able to tell whose account it was, for good. Its records stay as numbers. Twice is harmless."""
        return self.answer(actions.anonymise_account(self.get_object(), **self.input(), by=request.user))


class InvitationSerializer(serializers.ModelSerializer):
    """An invitation to open an account."""

    email = serializers.CharField(read_only=True)
    role = serializers.ChoiceField(choices=actions.ROLES, source="terms.role", read_only=True)
    departments = serializers.ListField(
        child=serializers.ChoiceField(choices=Department.choices),
        source="terms.departments",
        default=[],
        read_only=True,
    )
    capacity = serializers.IntegerField(source="terms.capacity", default=None, read_only=True, allow_null=True)
    expires_at = Instant(read_only=True)
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = EmailLink
        fields = [
            *("id", "email", "role", "departments", "capacity"),
            *("expires_at", "created_at", "updated_at"),
        ]
        read_only_fields = fields


class NewInvitation(serializers.Serializer):
    """Who is invited, and as what."""

    email = _email()
    role = Word(choices=actions.ROLES)
    departments = serializers.ListField(
        child=Word(choices=Department.choices), max_length=len(Department), default=[], help_text="An agent's."
    )
    capacity = Count(max_value=MOST_TICKETS_AT_ONCE, required=False, help_text="An agent's: so many tickets at once.")


class InvitationViewSet(ApiViewSet):
    """Invitations to open an account with a role, while they wait for an answer."""

    operations = {
        "list": "account.manage",
        "retrieve": "account.manage",
        "create": "account.manage",
        "destroy": "account.manage",
    }
    serializer_class = InvitationSerializer
    inputs = {"create": NewInvitation}
    examples = {"create": {"email": "grace@example.org", "role": "agent", "departments": ["sales"], "capacity": 3}}

    def rows(self) -> QuerySet:
        """Every invitation that can still be used."""
        return EmailLink.objects.live().filter(purpose=EmailLink.Purpose.INVITATION)

    def create(self, request: Request) -> Response:
        """Mail an invitation; an earlier one to the address ends."""
        return self.answer(actions.invite(**self.input(), by=request.user), 201)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Withdraw an invitation that nobody has used yet."""
        actions.withdraw_invitation(self.get_object(), by=request.user)
        return self.done()
