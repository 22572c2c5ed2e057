"""Pages about the whole site."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.defaults import page_not_found

from ticketing import rights
from ticketing.toolkit.codes import qr
from ticketing.toolkit.language import language_of, speak
from ticketing.toolkit.panel import operation, render_page
from ticketing.views import samples
from ticketing.views.doors import doors


@operation("site.visit")
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Where a visitor starts: the doors, with a live number at those that have one; it refreshes itself."""
    return render_page(request, "home.html", "_doors.html", {"doors": list(doors(request))})


@operation("site.visit")
@require_safe
def style(request: HttpRequest) -> HttpResponse:
    """Every piece that pages are made of, in every state; in the demo only."""
    if not rights.is_demo():
        raise Http404
    return render(
        request,
        "style.html",
        {
            "charts": samples.charts(),
            "pills": samples.pills(),
            "month": samples.month(),
            "weekdays": samples.weekdays(),
            "code": qr("ticket"),
        },
    )


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What stands at an address that is none of ours: no view was asked, so nobody has looked yet who reads this."""
    speak(request, language_of(request))
    return page_not_found(request, exception)
