"""Tests run on the embedded PostgreSQL, started when the first test needs a database."""

import gc
import os
import shutil
import signal

import pytest
from django.conf import settings
from django.db.backends.postgresql.operations import DatabaseOperations

from ticketing.runtime import postgres

# These start servers and kill them. Beside other tests they would wait for the processor more than for each other.
LIVE = {
    "test_benchmarks.py",
    "test_lanes.py",
    "test_outbox_live.py",
    "test_postgres.py",
    "test_server.py",
    "test_site.py",
    "test_supervisor.py",
}


def pytest_configure(config):
    # Whoever starts the tests in the background would have them and what they start ignore both signals.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


BROWSER = "ticketing/tests/browser/"  # these need Chromium
# The browser's driver leaves an event loop behind, in which Django would not talk to the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def part_of(path):
    """The part of the tests that a file belongs to, by its mark; those without one need neither of the two."""
    if BROWSER in path.as_posix():
        return "browser"
    return "live" if path.name in LIVE else ""


PARTS = {"live": {"live"}, "browser": {"browser"}, "not live and not browser": {""}}


def pytest_ignore_collect(collection_path, config):
    """Files of other parts than the one that is asked for need not be read, by each process again."""
    asked = PARTS.get(config.option.markexpr)
    is_other = asked and collection_path.name.startswith("test_") and part_of(collection_path) not in asked
    return True if is_other else None


def pytest_collection_modifyitems(items):
    for item in items:
        if part := part_of(item.path):
            item.add_marker(part)


def pytest_collection_finish():
    """What is there by now stays to the end: nobody need look through it again and again for what is left over."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Debian's Chromium, which runs as root only without its sandbox."""
    quiet = ["--disable-quic", "--disable-background-networking", "--disable-component-update"]
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {**browser_type_launch_args, "executable_path": shutil.which("chromium"), "args": quiet + sandbox}


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings):
    if settings.USES_EMBEDDED_DATABASE:
        postgres.start(settings.TICKETING_HOME)


@pytest.fixture(scope="session", autouse=True)
def empty_tables_stay_as_they_are():
    """After a test on several connections, their rows are deleted.

    Django would have every table and index made anew, which takes PostgreSQL longer than most of these tests.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", delete_rows)
        yield


def delete_rows(operations, style, tables, **more):
    """The statements that empty these tables in one transaction, at whose end the references are looked at.

    As when they are made anew, nobody may still be at work in them.
    """
    if not tables:
        return []
    names = [operations.quote_name(table) for table in tables]
    return [f"LOCK TABLE {', '.join(names)}", *[f"DELETE FROM {name}" for name in names]]


@pytest.fixture
def production(settings):
    """The site in production mode, apart from what only matters on the way in."""
    settings.SITE_MODE = "production"
    return settings
