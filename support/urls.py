"""The panel's addresses of the support desk."""

from django.urls import path

from support import desk_views, hand_views, report_views, thread_views, views

app_name = "support"

urlpatterns = [
    path("questions/", views.tickets, name="tickets"),
    path("questions/views/", views.view_keep, name="keep_view"),
    path("questions/views/<uuid:pk>/remove/", views.view_remove, name="remove_view"),
    path("questions/new/", views.ticket_new, name="new"),
    path("questions/<str:code>/", thread_views.ticket, name="ticket"),
    path("questions/<str:code>/reply/", thread_views.ticket_reply, name="reply"),
    path("questions/<str:code>/files/<uuid:pk>/", thread_views.ticket_file, name="file"),
    path("questions/<str:code>/insert/", thread_views.ticket_insert, name="insert"),
    path("questions/<str:code>/note/", thread_views.ticket_note, name="note"),
    path("questions/<str:code>/close/", thread_views.ticket_close, name="close"),
    path("questions/<str:code>/reopen/", thread_views.ticket_reopen, name="reopen"),
    path("questions/<str:code>/rate/", thread_views.ticket_rate, name="rate"),
    path("questions/<str:code>/triage/", thread_views.ticket_triage, name="triage"),
    path("questions/<str:code>/tag/", thread_views.ticket_tag, name="tag"),
    path("questions/<str:code>/untag/", thread_views.ticket_untag, name="untag"),
    path("questions/<str:code>/reject/", thread_views.ticket_reject, name="reject"),
    path("questions/<str:code>/next/", hand_views.ticket_next, name="next"),
    path("questions/<str:code>/take/", hand_views.ticket_take, name="take"),
    path("questions/<str:code>/release/", hand_views.ticket_release, name="release"),
    path("questions/<str:code>/hand-over/", hand_views.ticket_hand_over, name="hand_over"),
    path("questions/<str:code>/assign/", hand_views.ticket_assign, name="assign"),
    path("desk/", desk_views.desk, name="desk"),
    path("desk/online/", desk_views.desk_online, name="online"),
    path("desk/away/", desk_views.desk_away, name="away"),
    path("desk/here/", desk_views.desk_here, name="here"),
    path("desk/offline/", desk_views.desk_offline, name="offline"),
    path("desk/reports/", report_views.report, name="reports"),
    path("desk/reports/<slug:name>.csv", report_views.table, name="report_table"),
]
