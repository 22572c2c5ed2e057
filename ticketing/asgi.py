"""The site behind the bridge that reads a request whole before it takes a thread."""

from ticketing.wsgi import application as wsgi  # isort: skip - it sets the role before settings are read

from django.conf import settings

from ticketing.runtime.server import Bridge

application = Bridge(
    wsgi, threads=settings.WEB_THREADS, max_upload=settings.UPLOAD_BYTES, uploads_below="/panel/questions/"
)
