"""Pages about the whole site."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ticketing.toolkit.panel import operation


@operation("site.visit")
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Where a visitor starts."""
    return render(request, "home.html")
