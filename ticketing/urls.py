"""Every address of the site. The contracts' literal paths come last; no two of them collide."""

from django.contrib import admin
from django.urls import include, path

from ticketing import health
from ticketing.views import board, site

handler404 = "ticketing.views.site.missing"
handler500 = "ticketing.toolkit.logs.server_error"

urlpatterns = [
    path("", site.home, name="home"),
    path("health/ready", health.ready, name="ready"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("ticketing.api.urls")),
    path("account/", include("ticketing.views.urls")),
    path("panel/style/", site.style, name="style"),
    path("panel/board/", board.board, name="board"),
    path("panel/waiting/", include("ticketing.views.waiting_urls")),
    path("panel/", include("booking.urls")),
    path("panel/", include("support.urls")),
    path("panel/", include("allocation.urls")),
    path("", include("support.compat.ticket_service")),
    path("", include("support.compat.ticketing_system")),
    path("", include("booking.compat.ticket_management_system")),
    path("", include("allocation.compat.ticket_allocation")),
    path("", include("allocation.compat.tickets_api")),
]
