"""python -m benchmarks.textbook PORT: tables, something on sale and a token, which is printed; then the server."""

import os
import sys

import django
from django.core.management import call_command


def main(port: int) -> None:
    """Prepare the database that the settings name, and become the server."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.textbook.settings"
    django.setup()
    call_command("migrate", "authtoken", verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)
    sys.stdout.write(f"{opened()}\n")
    sys.stdout.flush()
    from ticketing.runtime import server

    argv = server.command("benchmarks.textbook.asgi:application", host="127.0.0.1", port=port, processes=2)
    os.execv(argv[0], argv)  # noqa: S606


def opened() -> str:
    """Put something on sale; the token of somebody who buys."""
    from django.contrib.auth import get_user_model
    from django.db import connections
    from rest_framework.authtoken.models import Token

    from benchmarks.textbook.models import Option

    Option.objects.get_or_create(pk=1, defaults={"allocation": 1_000_000})
    token, _is_new = Token.objects.get_or_create(user=get_user_model().objects.get(username="sofia"))
    connections.close_all()
    return str(token.key)


main(int(sys.argv[1]))
