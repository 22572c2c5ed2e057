"""Behind the site's own bridge."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.textbook.settings"
os.environ["TICKETING_ROLE"] = "web"

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from ticketing.runtime.server import Bridge

application = Bridge(get_wsgi_application(), threads=settings.WEB_THREADS)
