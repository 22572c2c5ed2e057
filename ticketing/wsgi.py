"""The site as a WSGI application: a web process, with its pool and time-outs."""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ticketing.settings")
os.environ.setdefault("TICKETING_ROLE", "web")

from django.core.wsgi import get_wsgi_application
from django.db import OperationalError, connection
from django.urls import reverse


def keep_to_the_mode() -> None:
    """End with a sentence when the database is used in the other mode."""
    from ticketing.actions import check_mode  # models are there only now
    from ticketing.errors import Refused

    try:
        check_mode()
    except Refused as refusal:
        sys.exit(str(refusal))
    except OperationalError:
        pass  # the database is away, which is no reason not to start: every request will say so
    finally:
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]  # servers may fork after this


application = get_wsgi_application()
keep_to_the_mode()
reverse("home")  # loads every address now, or the first of a crowd would wait for that
