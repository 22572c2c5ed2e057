"""The panel's addresses about what is on, and tickets."""

from django.urls import path

from allocation import (
    document_views,
    gate_views,
    hold_views,
    report_views,
    ticket_views,
    transfer_views,
    views,
    waiting_views,
)

app_name = "allocation"

urlpatterns = [
    path("events/", views.events, name="events"),
    path("events/report/", report_views.events, name="reports"),
    path("events/<uuid:pk>/report/", report_views.report, name="report"),
    path("events/<uuid:pk>/report/options.csv", report_views.options_table, name="report_options"),
    path("events/<uuid:pk>/report/sales.csv", report_views.sales_table, name="report_sales"),
    path("events/<uuid:pk>/report/admissions.csv", report_views.admissions_table, name="report_admissions"),
    path("events/<uuid:pk>/", views.event, name="event"),
    path("events/<uuid:pk>/buy/", views.buy, name="buy"),
    path("events/<uuid:pk>/wait/", waiting_views.wait, name="wait"),
    path("events/wait/asked/", waiting_views.wait_asked, name="wait_asked"),
    path("events/offer/<uuid:pk>/", waiting_views.take_up, name="take_up"),
    path("holds/<uuid:pk>/", hold_views.hold, name="hold"),
    path("holds/<uuid:pk>/buy/", hold_views.hold_buy, name="hold_buy"),
    path("holds/<uuid:pk>/release/", hold_views.hold_release, name="hold_release"),
    path("tickets/", ticket_views.tickets, name="tickets"),
    path("tickets/<uuid:pk>/", ticket_views.ticket, name="ticket"),
    path("tickets/<uuid:pk>/cancel/", ticket_views.ticket_cancel, name="ticket_cancel"),
    path("gate/", gate_views.gates, name="gates"),
    path("gate/<uuid:pk>/", gate_views.gate, name="gate"),
    path("gate/scans/<uuid:pk>/undo/", gate_views.undo, name="undo"),
    path("tickets/<uuid:pk>/hand-on/", transfer_views.hand_on, name="hand_on"),
    path("tickets/<uuid:pk>/withdraw/", transfer_views.withdraw, name="withdraw"),
    path("tickets/<uuid:pk>/ticket.pdf", document_views.ticket_pdf, name="ticket_pdf"),
    path("tickets/<uuid:pk>/event.ics", document_views.ticket_calendar, name="ticket_calendar"),
    path("purchases/<uuid:pk>/tickets.pdf", document_views.purchase_pdf, name="purchase_pdf"),
    path("purchases/<uuid:pk>/events.ics", document_views.purchase_calendar, name="purchase_calendar"),
    path("transfers/<uuid:pk>/", transfer_views.transfer, name="transfer"),
    path("transfers/<str:secret>/", transfer_views.link, name="transfer_link"),
    path("purchases/<uuid:pk>/cancel/", ticket_views.purchase_cancel, name="purchase_cancel"),
]
