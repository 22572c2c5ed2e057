"""The addresses of waiting lists."""

from django.urls import path

from ticketing.views import waiting

app_name = "waiting"

urlpatterns = [
    path("<uuid:pk>/", waiting.place, name="place"),
    path("<uuid:pk>/confirm/", waiting.confirm, name="confirm"),
    path("<uuid:pk>/leave/", waiting.leave, name="leave"),
    path("<uuid:pk>/decline/", waiting.decline, name="decline"),
    path("<uuid:pk>/accept/", waiting.accept, name="accept"),
    path("<uuid:pk>/<str:secret>/", waiting.link, name="link"),
]
