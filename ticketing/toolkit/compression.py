"""Pages travel compressed, and so do the files beside them that no build step has compressed."""

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware

TEXTS = ("text/html", "text/css", "text/javascript", "image/svg+xml")


class CompressedPages(GZipMiddleware):
    """Compress what browsers show. What answers programs stays as it is: small, and on a path where time counts.

    Django adds random bytes, so that the length tells nothing of a secret beside a reflected word.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The same answer, compressed if it is a text for a browser."""
        return super().process_response(request, response) if _is_text(response) else response


def _is_text(response: HttpResponseBase) -> bool:
    return response.get("Content-Type", "").partition(";")[0] in TEXTS
