#!/usr/bin/env python
"""The operator's command line; starts the embedded database first when a command needs it."""

import os
import sys

# Commands that ask the database nothing.
OFFLINE = {
    "help",
    "version",
    "rights",
    "up",  # starts the database itself, once it knows that its port is free
    "check",
    "makemessages",
    "compilemessages",
    "collectstatic",
    "findstatic",
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ticketing.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command == "runserver":
        os.environ.setdefault("TICKETING_ROLE", "web")
    try:
        from django.core.exceptions import ImproperlyConfigured
    except ImportError:
        sys.exit("Django is not installed here. Run script/server, or: pip install -r requirements.txt")
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    from ticketing.errors import Refused
    from ticketing.runtime.postgres import DatabaseWontStart

    try:
        if command not in OFFLINE and not command.startswith("-") and "--help" not in sys.argv:
            start_embedded_database()
            keep_to_the_mode("check_mode")
        execute_from_command_line(sys.argv)
        if command == "migrate":
            keep_to_the_mode("remember_mode")
    except (ImproperlyConfigured, DatabaseWontStart, Refused) as error:
        sys.exit(f"{error}")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None):
            raise
        sys.exit(f"The database does not answer. Check DATABASE_URL, and that its server runs.\n{error}")


def start_embedded_database() -> None:
    """Start the server that ships with the site, unless DATABASE_URL names another one."""
    from django.conf import settings

    from ticketing.runtime import postgres

    if settings.USES_EMBEDDED_DATABASE:
        postgres.start(settings.TICKETING_HOME)


def keep_to_the_mode(verb: str) -> None:
    """Refuse a database that is used in the other mode, before anything is changed; `migrate` has it remembered."""
    import django

    django.setup()
    from django.db import connections

    from ticketing import actions

    getattr(actions, verb)()
    connections.close_all()  # commands that fork must not share it


if __name__ == "__main__":
    main()
