"""The addresses of people's own accounts."""

from django.urls import path

from ticketing.views import accounts, privacy

app_name = "account"

urlpatterns = [
    path("log-in/", accounts.log_in, name="log_in"),
    path("language/", accounts.language, name="language"),
    path("log-out/", accounts.log_out, name="log_out"),
    path("sign-up/", accounts.sign_up, name="sign_up"),
    path("sent/", accounts.sent, name="sent"),
    path("forgot/", accounts.forgot, name="forgot"),
    path("link/", accounts.link_form, name="link_form"),
    path("link/<uuid:pk>/<str:secret>/", accounts.link, name="link"),
    path("profile/", accounts.profile, name="profile"),
    path("data/", privacy.own, name="data"),
    path("people/", privacy.people, name="people"),
    path("people/contact/", privacy.contact, name="contact"),
    path("people/<uuid:pk>/", privacy.person, name="person"),
    path("tokens/", accounts.tokens, name="tokens"),
    path("tokens/<uuid:pk>/rename/", accounts.token_rename, name="token_rename"),
    path("tokens/<uuid:pk>/rotate/", accounts.token_rotate, name="token_rotate"),
    path("tokens/<uuid:pk>/revoke/", accounts.token_revoke, name="token_revoke"),
    path("sessions/", accounts.sessions, name="sessions"),
    path("sessions/end-others/", accounts.sessions_end_others, name="sessions_end_others"),
    path("sessions/<uuid:public_id>/end/", accounts.session_end, name="session_end"),
]
