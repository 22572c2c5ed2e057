"""Sessions in the database that know whose they are, so that people can see and end them (SESSION_ENGINE)."""

import uuid
from hashlib import sha256
from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ticketing.models import Session

DEVICE, SINCE = "device", "since"  # the session's own keys for the browser's name and the instant of the log-in


class SessionStore(DatabaseStore):
    """Django's store, with account and browser beside the data."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Our table."""
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row of this session, which is written anew at every change."""
        row = cast(Session, super().create_model_instance(data))
        row.account_id = data.get(SESSION_KEY)
        row.public_id = uuid.UUID(bytes=sha256(row.session_key.encode()).digest()[:16], version=4)
        row.device = str(data.get(DEVICE, ""))[:200]
        row.created_at = parse_datetime(str(data.get(SINCE, ""))) or timezone.now()
        return row
