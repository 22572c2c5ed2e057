"""manage.py up"""

import http.client
import json
import logging
import os
import sys
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, connections

from ticketing.actions import check_mode, remember_mode
from ticketing.runtime import postgres, server
from ticketing.runtime.heartbeat import BEATING, GRACE, is_stale
from ticketing.runtime.notify import notify
from ticketing.runtime.supervisor import Service, Supervisor, port_is_free
from ticketing.schedules import sync_schedules
from ticketing.toolkit.commands import DomainCommand

logger = logging.getLogger(__name__)

LOOK_EVERY = 10.0  # seconds between two looks at the whole, when systemd listens
MIGRATING = 7_346_002  # an advisory lock: of two sites that start on one database, one migrates and the other waits


class Command(DomainCommand):
    help = (
        "Run the whole site under one supervisor: database (unless DATABASE_URL names one), migrations, the demo's "
        "data, web server, queue, sweep and outbox. Ctrl-C or TERM stops everything."
    )
    requires_system_checks = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="The address to listen on (default: 127.0.0.1).")
        parser.add_argument("--port", type=int, default=settings.PORT, help="The port (default: PORT, or 8000).")

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        if not settings.IS_DEMO:
            self.check(include_deployment_checks=True, display_num_errors=True)
        check_address(host, port)
        keep_database()
        prepare()
        self.address = host, port
        self.told = False
        self.look_at = 0.0
        supervisor = Supervisor(
            services(host, port),
            is_stale=hangs,
            is_ready=self.is_ready,
            on_tick=self.tick,
            on_stop=lambda: notify("STOPPING=1"),
        )
        sys.exit(supervisor.run())

    def tick(self) -> None:
        """Revive the database, say once where the site is, and from then on tell systemd while all is well."""
        try:
            keep_database()
        except postgres.DatabaseWontStart as error:
            logger.error("%s", error)
        if not self.told and answers(*self.address):
            self.told = True
            host, port = self.address
            self.stdout.write(f"The {settings.SITE_MODE} site is at http://{host}:{port}/ (Ctrl-C stops everything)")
            self.stdout.flush()
        if "NOTIFY_SOCKET" in os.environ and monotonic() >= self.look_at and is_well(*self.address):
            self.look_at = monotonic() + LOOK_EVERY
            notify("READY=1", "WATCHDOG=1")  # that it is ready counts the first time

    def is_ready(self, name: str) -> bool:
        """Whether a service has started well: the web servers once the site has answered, the others by living on."""
        return self.told and name.startswith("web")


def check_address(host: str, port: int) -> None:
    """Refuse to start where nobody could listen."""
    try:
        free = port_is_free(host, port)
    except (OSError, OverflowError) as error:
        raise CommandError(f"Nothing can listen on {host}, port {port}: {error}.", returncode=1) from error
    if not free:
        raise CommandError(f"Port {port} is taken. Stop what listens there, or set PORT to another one.", returncode=1)


def keep_database() -> None:
    """Have the embedded server run, if this site uses it."""
    if settings.USES_EMBEDDED_DATABASE:
        postgres.start(settings.TICKETING_HOME)


def prepare() -> None:
    """Bring tables and schedules up to date, and the demo's data or production's static files."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
    check_mode()
    call_command("migrate", verbosity=0, interactive=False)
    remember_mode()
    if settings.IS_DEMO:
        call_command("demo", verbosity=0)
    else:
        call_command("collectstatic", verbosity=0, interactive=False)
    sync_schedules()
    connections.close_all()  # which gives the lock back


def services(host: str, port: int) -> list[Service]:
    """What runs beside the database."""
    web = server.command("ticketing.asgi:application", host=host, port=port, processes=1)
    return [
        # Servers of one process each share the port: while one is started again, the others lose no connection.
        *(
            Service(f"web {number}", web, {"TICKETING_ROLE": "web"}, cwd=settings.BASE_DIR)
            for number in range(1, settings.WEB_PROCESSES + 1)
        ),
        Service("cluster", [sys.executable, "manage.py", "qcluster"], cwd=settings.BASE_DIR, grace=GRACE),
        Service("sweep", [sys.executable, "manage.py", "sweep"], cwd=settings.BASE_DIR, grace=GRACE),
        # The demo's links lead to the port that it listens on.
        Service("outbox", [sys.executable, "manage.py", "outbox"], {"PORT": str(port)}, settings.BASE_DIR, GRACE),
    ]


def hangs(name: str) -> bool:
    """Whether a service that should give signs of life has stopped."""
    return name in BEATING and is_stale(name)


def answers(host: str, port: int) -> bool:
    """Whether the site answers there."""
    return _asked(host, port, "/health")[0] < 500


def is_well(host: str, port: int) -> bool:
    """Whether a restart would mend nothing: all parts live, or it is the database that is away."""
    status, body = _asked(host, port, "/health/ready")
    parts = json.loads(body)["parts"] if status in (200, 503) and body.startswith(b"{") else {}
    return parts.get("database") == "away" or all(parts.get(name) == "ok" for name in BEATING)


def _asked(host: str, port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    name = settings.ALLOWED_HOSTS[0].lstrip(".")
    try:
        connection.request("GET", path, headers={"Host": name})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 599, b""
    finally:
        connection.close()
