"""The panel's addresses of the support desk."""

from django.urls import path

from support import views

app_name = "support"

urlpatterns = [
    path("questions/", views.tickets, name="tickets"),
    path("questions/new/", views.ticket_new, name="new"),
    path("questions/<str:code>/", views.ticket, name="ticket"),
    path("questions/<str:code>/reply/", views.ticket_reply, name="reply"),
    path("questions/<str:code>/files/<uuid:pk>/", views.ticket_file, name="file"),
    path("questions/<str:code>/insert/", views.ticket_insert, name="insert"),
    path("questions/<str:code>/note/", views.ticket_note, name="note"),
    path("questions/<str:code>/close/", views.ticket_close, name="close"),
    path("questions/<str:code>/reopen/", views.ticket_reopen, name="reopen"),
    path("questions/<str:code>/rate/", views.ticket_rate, name="rate"),
    path("questions/<str:code>/triage/", views.ticket_triage, name="triage"),
    path("questions/<str:code>/tag/", views.ticket_tag, name="tag"),
    path("questions/<str:code>/untag/", views.ticket_untag, name="untag"),
    path("questions/<str:code>/reject/", views.ticket_reject, name="reject"),
    path("questions/<str:code>/take/", views.ticket_take, name="take"),
    path("questions/<str:code>/release/", views.ticket_release, name="release"),
    path("questions/<str:code>/hand-over/", views.ticket_hand_over, name="hand_over"),
    path("questions/<str:code>/assign/", views.ticket_assign, name="assign"),
    path("desk/", views.desk, name="desk"),
    path("desk/online/", views.desk_online, name="online"),
    path("desk/away/", views.desk_away, name="away"),
    path("desk/here/", views.desk_here, name="here"),
    path("desk/offline/", views.desk_offline, name="offline"),
]
