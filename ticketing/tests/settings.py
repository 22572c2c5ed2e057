"""The demo's settings for tests: the same, with a fast password hasher."""

import os

os.environ.setdefault("SITE_MODE", "demo")

from ticketing.settings import *  # noqa: F403 - the mode is known first

WHITENOISE_AUTOREFRESH = True  # or each client of a test would list all static files again
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
