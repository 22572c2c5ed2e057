"""Tests run on the embedded PostgreSQL, started when the first test needs a database."""

import pytest
from django.conf import settings

from ticketing.runtime import postgres


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings):
    if settings.USES_EMBEDDED_DATABASE:
        postgres.start(settings.TICKETING_HOME)


@pytest.fixture
def production(settings):
    """The site in production mode, apart from what only matters on the way in."""
    settings.SITE_MODE = "production"
    return settings
