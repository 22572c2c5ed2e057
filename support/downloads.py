"""How a file that somebody sent leaves the site: to be kept, and never to be run or shown as a page of ours."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from support.models import Attachment

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def as_download(file: Attachment) -> HttpResponse:
    """The content with its name; of a type that no browser opens by itself."""
    named = {"Content-Disposition": content_disposition_header(as_attachment=True, filename=file.name) or "attachment"}
    return HttpResponse(bytes(file.content), content_type="application/octet-stream", headers={**HEADERS, **named})
