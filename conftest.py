"""Tests run on the embedded PostgreSQL, started when the first test needs a database."""

import signal

import pytest
from django.conf import settings

from ticketing.runtime import postgres

# These start servers and kill them. Beside other tests they would wait for the processor more than for each other.
LIVE = {
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


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.name in LIVE:
            item.add_marker("live")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings):
    if settings.USES_EMBEDDED_DATABASE:
        postgres.start(settings.TICKETING_HOME)


@pytest.fixture
def production(settings):
    """The site in production mode, apart from what only matters on the way in."""
    settings.SITE_MODE = "production"
    return settings
