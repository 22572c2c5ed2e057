"""The site's addresses, and one whose view has a defect."""

from django.urls import path

from ticketing.urls import handler500, urlpatterns

__all__ = ["handler500", "urlpatterns"]


def broken(request, secret=""):
    raise ValueError(f"{secret} {request.META.get('QUERY_STRING')} {request.body!r}")


urlpatterns = [path("broken", broken), path("broken/<secret>", broken), *urlpatterns]
