"""The panel's addresses about bookings."""

from django.urls import path

from booking import views

app_name = "booking"

urlpatterns = [
    path("book/", views.booking_new, name="book"),
    path("book/done/", views.booking_done, name="done"),
    path("bookings/", views.booking_list, name="list"),
    path("bookings/find/", views.booking_find, name="find"),
    path("bookings/<uuid:pk>/", views.booking_detail, name="detail"),
    path("bookings/<uuid:pk>/cancel/", views.booking_cancel, name="cancel"),
]
