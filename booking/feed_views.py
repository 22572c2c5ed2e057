"""Private calendars: the link on the panel, and what calendar programs read by it."""

import hashlib
from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from booking.actions import make_feed, note_read, remove_feed, visits_on
from booking.links import address_of_feed
from booking.models import Feed
from ticketing.errors import NotFound
from ticketing.sending.calendar_files import calendar_file
from ticketing.toolkit.panel import operation
from ticketing.toolkit.throttles import throttle

AGAIN = timedelta(hours=1)  # after which calendar programs are asked to look again


@operation("booking.feeds")
@never_cache
@require_POST
def make(request: HttpRequest) -> HttpResponse:
    """Show a new link for one's own bookings, once."""
    _feed, token = make_feed(by=request.user)
    return render(request, "booking/booking_feed.html", {"address": address_of_feed(token)})


@operation("booking.feeds")
@never_cache
@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    """Make one's own link void."""
    feed = Feed.objects.visible_to(request.user, "booking.feeds").filter(account=request.user).first()
    if feed is None:
        raise NotFound
    remove_feed(feed, by=request.user)
    messages.success(request, _("The calendar link is removed. Calendar programs that have it show nothing new."))
    return redirect("booking:list")


@operation("booking.read_feed")
@require_safe
def read(request: HttpRequest, token: str) -> HttpResponseBase:
    """The calendar of this link, or 304 for whoever has it as it is; unknown, void and garbled links answer alike."""
    throttle(request, AnonymousUser(), "booking.read_feed")
    feed = Feed.objects.opened_by(token)
    if feed is None:
        return _told(HttpResponse("There is no such calendar.\n", content_type="text/plain; charset=utf-8", status=404))
    note_read(feed)
    content = _written(feed)
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    headers = {"ETag": etag, "Content-Disposition": 'inline; filename="calendar.ics"'}
    response = HttpResponse(content, content_type="text/calendar; charset=utf-8", headers=headers)
    return _told(get_conditional_response(request, etag=etag, response=response) or response)


read.is_for_programs = True  # type: ignore[attr-defined]


def _written(feed: Feed) -> bytes:
    """In the language of the account, or else of the site."""
    with translation.override(feed.account.language if feed.account else settings.LANGUAGE_CODE):
        return calendar_file(visits_on(feed), name=feed.name, again=AGAIN)


def _told(response: HttpResponseBase) -> HttpResponseBase:
    """The address is the secret: nobody is sent it, and no cache that others use keeps what it shows."""
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "private, no-cache"
    response["X-Robots-Tag"] = "noindex"
    return response
