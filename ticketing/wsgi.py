"""The site as a WSGI application: a web process, with its pool and time-outs."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ticketing.settings")
os.environ.setdefault("TICKETING_ROLE", "web")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
