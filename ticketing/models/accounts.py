"""Who people are, and what lets them in."""

import secrets
import uuid

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ticketing import querysets, rights
from ticketing.models.base import Record, State, Tone

ROLE_TONES: dict[str, Tone] = {"agent": "calm", "gate": "calm", "supervisor": "warn", "superuser": "warn"}


class User(AbstractUser):
    """One identity for everybody: customer, agent, gate staff or supervisor."""

    class Role(models.TextChoices):
        CUSTOMER = "customer", _("customer")
        AGENT = "agent", _("agent")
        GATE = "gate", _("gate")
        SUPERVISOR = "supervisor", _("supervisor")

    id = models.UUIDField(_("id"), primary_key=True, default=uuid.uuid4, editable=False)
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.CUSTOMER)
    email_confirmed_at = models.DateTimeField(
        _("address confirmed"), null=True, blank=True, editable=False, help_text=_("Since when the address is proven.")
    )
    language = models.CharField(
        _("language"), max_length=5, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE, db_default="en"
    )
    is_demo = models.BooleanField(
        _("demo account"), default=False, editable=False, help_text=_("Demo accounts are refused in production.")
    )

    anonymised_at = models.DateTimeField(
        _("anonymised"), null=True, blank=True, editable=False, help_text=_("Since when nobody can tell whose it was.")
    )

    objects = querysets.AccountManager()  # type: ignore[misc]  # a manager of our own instead of Django's

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=["customer", "agent", "gate", "supervisor"]), name="ticketing_user_role_known"
            ),
            models.UniqueConstraint(
                Lower("email"),
                condition=~Q(email=""),
                name="ticketing_user_email_once",
                violation_error_message=_("Another account has this e-mail address."),
            ),
            # That it stays so, and that nothing new is made for it, is a trigger's work (migration 0010).
            models.CheckConstraint(
                condition=Q(anonymised_at=None)
                | Q(is_active=False, first_name="", last_name="", email="", password__startswith="!"),  # noqa: S106 - none
                name="ticketing_user_anonymised_is_nobody",
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @classmethod
    def normalize_username(cls, username: str) -> str:
        """Usernames are in lower case, so that log-in need not look at it."""
        return super().normalize_username(username).lower()

    @classmethod
    def typed_name(cls, typed: str) -> str:
        """What somebody means who types this as a name: in one spelling, so that none gives more tries than another."""
        return cls.normalize_username(typed.strip())

    @property
    def name(self) -> str:
        """What the person is called, or the username where no name is known."""
        if self.anonymised_at:
            return gettext("Anonymised account")
        return self.get_full_name() or self.username

    @property
    def rank(self) -> State:
        """Its column in the table of rights; the more it may do, the more it shows."""
        role = rights.role_of(self)
        return State(ROLE_TONES.get(role, ""), role_word(role))

    @property
    def state(self) -> State:
        """Whether it can be used."""
        if self.anonymised_at:
            return State("", _("Anonymised"))
        return State("good", _("Active")) if self.is_active else State("bad", _("Deactivated"))


def role_word(role: str) -> str | Promise:
    """What people call a role of the table of rights, and who else stands in the audit trail."""
    others = {
        rights.Role.SUPERUSER: _("superuser"),
        rights.Role.ANONYMOUS: _("not logged in"),
        rights.SYSTEM: _("the site itself"),
    }
    return dict(User.Role.choices).get(role) or others.get(role, role)


class ApiToken(Record):
    """A program's key to an account. Only the digest is stored; the token is shown once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=100)
    digest = models.CharField(_("digest"), max_length=64, unique=True, editable=False)
    last_used_at = models.DateTimeField(
        _("last used"), null=True, blank=True, editable=False, help_text=_("To about five minutes.")
    )
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = querysets.ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    expired: bool  # by the database's clock, where the query asked for it

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> State:
        """Whether it still opens anything."""
        if self.revoked_at:
            return State("bad", _("Revoked"))
        return State("warn", _("Expired")) if self.expired else State("good", _("Live"))


class EmailLink(Record):
    """A link sent to an e-mail address: whoever uses it proves to read there. Its secret is derived, not stored."""

    class Purpose(models.TextChoices):
        SIGN_UP = "sign_up", _("sign up")
        INVITATION = "invitation", _("invitation")
        RESET = "reset", _("password reset")
        CHANGE = "change", _("change of address")

    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose)
    email = models.EmailField(_("e-mail address"))
    user = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="email_links",
        verbose_name=_("account"),
        help_text=_("Whose password or address it changes; empty when it opens a new account."),
    )
    terms = models.JSONField(
        _("terms"), default=dict, blank=True, help_text=_("What an invitation grants: role, departments, capacity.")
    )
    expires_at = models.DateTimeField(_("expires"))
    used_at = models.DateTimeField(_("used"), null=True, blank=True)

    objects = querysets.EmailLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("e-mail link")
        verbose_name_plural = _("e-mail links")
        constraints = [
            models.CheckConstraint(
                condition=Q(purpose__in=["sign_up", "invitation"], user=None)
                | Q(purpose__in=["reset", "change"], user__isnull=False),
                name="ticketing_emaillink_purpose_fits_account",
            )
        ]
        indexes = [models.Index(Lower("email"), name="ticketing_emaillink_email")]

    expired: bool  # by the database's clock, where the query asked for it

    def __str__(self) -> str:
        return self.get_purpose_display()

    @property
    def state(self) -> State:
        """Whether it waits for its owner."""
        if self.used_at:
            return State("good", _("Used"))
        return State("warn", _("Expired")) if self.expired else State("calm", _("Open"))

    @property
    def secret(self) -> str:
        """What the link in the mail ends in; it stands in no table, log or task."""
        mac = salted_hmac("ticketing.email_link", str(self.pk), secret=settings.SECRET_KEY, algorithm="sha256")
        return mac.hexdigest()

    def opens_with(self, secret: str) -> bool:
        """Whether this is the link's secret, compared in constant time."""
        return secrets.compare_digest(self.secret.encode(), secret.encode("utf-8", "replace"))


class Session(AbstractBaseSession):
    """One browser in which somebody is logged in. Its key stays between the database and the cookie."""

    public_id = models.UUIDField(
        _("id"), unique=True, editable=False, help_text=_("Derived from the key, and safe to show.")
    )
    account = models.ForeignKey(
        User, null=True, on_delete=models.CASCADE, related_name="sessions", verbose_name=_("account")
    )
    device = models.CharField(_("browser"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("since"), editable=False)

    objects = querysets.SessionManager()

    class Meta(AbstractBaseSession.Meta):
        abstract = False
        verbose_name = _("session")
        verbose_name_plural = _("sessions")

    def __str__(self) -> str:
        return self.device or str(self.public_id)

    @classmethod
    def get_session_store_class(cls) -> type:
        """The store that writes these rows."""
        from ticketing.sessions import SessionStore

        return SessionStore
