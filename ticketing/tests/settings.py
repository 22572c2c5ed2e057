"""The demo's settings for tests: the same, with a fast password hasher."""

import os

os.environ.setdefault("SITE_MODE", "demo")

from ticketing.settings import *  # noqa: F403 - the mode is known first

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
