"""The panel's addresses about bookings."""

from django.urls import path

from booking import views

app_name = "booking"

urlpatterns = [path("book/", views.booking_new, name="book")]
