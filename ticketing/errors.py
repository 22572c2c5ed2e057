"""The ways the site says no. Rules raise these; each medium translates them once (see docs/architecture.md)."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class Refused(Exception):
    """A rule said no: `code` is for programs, `message` for people, `errors` names the fields to blame."""

    code = "refused"
    status = 400
    message: Text = _("The request was refused.")
    retry_after: int | None = None  # seconds, when trying again can help

    def __init__(
        self, message: Text = "", *, field: str | None = None, errors: Mapping[str, Text] | None = None
    ) -> None:
        self.message = message or self.message
        self.field = field
        self.errors = dict(errors or ({field: self.message} if field else {}))
        super().__init__(str(self.message))


class Invalid(Refused):
    """The input breaks a rule of its own, whatever the state of the site."""

    code = "invalid"
    message = _("The request is not valid.")


class LogInFirst(Refused):
    """Nobody is logged in, or the token is not one of ours."""

    code = "log_in_first"
    status = 401
    message = _("Log in first, or send a valid token.")


class NotAllowed(Refused):
    """This role lacks the whole function."""

    code = "not_allowed"
    status = 403
    message = _("Your role may not do this.")


class NotFound(Refused):
    """Missing, or somebody else's: the two answer alike."""

    code = "not_found"
    status = 404
    message = _("There is no such thing.")


class Conflict(Refused):
    """The state of the site stands against it."""

    code = "conflict"
    status = 409
    message = _("This is not possible now.")


class Busy(Conflict):
    """Somebody else held the same row for too long."""

    code = "busy"
    message = _("Others are changing the same thing. Try again in a moment.")
    retry_after = 1


class KeyReused(Refused):
    """An idempotency key came again with another body."""

    code = "key_reused"
    status = 422
    message = _("This Idempotency-Key was used for another request. Use a new key.")


class TooLarge(Refused):
    """The body is over the limit."""

    code = "too_large"
    status = 413
    message = _("The request is too large.")


class TooManyAttempts(Refused):
    """Locked for a while."""

    code = "too_many_attempts"
    status = 429
    message = _("Too many attempts. Try again later.")


class TooManyRequests(Refused):
    """More than is allowed in a time; `retry_after` says when the next one is welcome."""

    code = "too_many_requests"
    status = 429
    message = _("Too many requests. Wait a moment and try again.")


class PreconditionFailed(Refused):
    """The caller changed what somebody else has changed in between."""

    code = "precondition_failed"
    status = 412
    message = _("This was changed since you read it. Read it again, and then decide.")


class Unavailable(Refused):
    """The database is away: nothing was done, a later try can succeed."""

    code = "unavailable"
    status = 503
    message = _("The site is not available at the moment. Try again shortly.")
    retry_after = 2
