"""The panel's addresses about what is on, and tickets."""

from django.urls import path

from allocation import views

app_name = "allocation"

urlpatterns = [
    path("events/", views.events, name="events"),
    path("events/<uuid:pk>/buy/", views.buy, name="buy"),
    path("tickets/", views.tickets, name="tickets"),
    path("tickets/<uuid:pk>/", views.ticket, name="ticket"),
]
