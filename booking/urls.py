"""The panel's addresses about bookings."""

from django.urls import path

from booking import day_views, embed_views, feed_views, link_views, move_views, report_views, views, waiting_views

app_name = "booking"

urlpatterns = [
    path("book/", views.booking_new, name="book"),
    path("book/embed/", embed_views.embed, name="embed"),
    path("book/embed/<uuid:pk>/<str:token>/", embed_views.embed_done, name="embed_done"),
    path("book/done/", views.booking_done, name="done"),
    path("book/wait/<uuid:pk>/", waiting_views.wait, name="wait"),
    path("book/wait/asked/", waiting_views.wait_asked, name="wait_asked"),
    path("book/offer/<uuid:pk>/", waiting_views.take_up, name="take_up"),
    path("reports/bookings/", report_views.report, name="report"),
    path("reports/bookings.csv", report_views.table, name="report_table"),
    path("day/", day_views.day, name="day"),
    path("day/walk-in/", day_views.day_walk_in, name="walk_in"),
    path("day/<uuid:pk>/check-in/", day_views.day_check_in, name="check_in"),
    path("day/<uuid:pk>/undo/", day_views.day_undo, name="undo_check_in"),
    path("day/<uuid:pk>/undo-walk-in/", day_views.day_undo_walk_in, name="undo_walk_in"),
    path("day/<uuid:pk>/missed/", day_views.day_missed, name="missed"),
    path("bookings/", views.booking_list, name="list"),
    path("bookings/calendar-link/", feed_views.make, name="feed"),
    path("bookings/calendar-link/remove/", feed_views.remove, name="feed_remove"),
    path("calendar/<str:token>.ics", feed_views.read, name="feed_read"),
    path("bookings/find/", views.booking_find, name="find"),
    path("bookings/<uuid:pk>/", views.booking_detail, name="detail"),
    path("bookings/<uuid:pk>/move/", move_views.booking_move, name="move"),
    path("bookings/<uuid:pk>/cancel/", views.booking_cancel, name="cancel"),
    path("bookings/<uuid:pk>/renew/", link_views.renew, name="renew"),
    path("bookings/<uuid:pk>/visit.ics", link_views.calendar, name="calendar"),
    path("bookings/<uuid:pk>/<str:token>/", link_views.link, name="link"),
]
