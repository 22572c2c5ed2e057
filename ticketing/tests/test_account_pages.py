import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.db.models.functions import Now
from django.test import Client
from django.urls import get_resolver, reverse

from booking.models import Booking
from booking.tests.factories import BookingFactory
from support.actions import raise_unverified_ticket
from support.models import Ticket
from ticketing import actions
from ticketing.models import Activity, ApiToken, EmailLink, Mail, Session, User
from ticketing.rights import RIGHTS
from ticketing.tests.factories import PASSWORD, UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

NEW = "an entirely different password"
LOG_IN = "/account/log-in/"


def html(response, status=200):
    assert response.status_code == status
    return response.content.decode()


def log_in(client, username, password=PASSWORD, **more):
    return client.post(LOG_IN, {"username": username, "password": password}, **more)


def logged_in(user, **browser):
    client = Client(**browser)
    assert log_in(client, user.username).status_code == 302
    return client


def is_in(client):
    return client.get("/account/profile/").status_code == 200


def mailed_link():
    """The address in the newest mail, as its reader sees it."""
    link = Mail.objects.latest("id").link
    return reverse("account:link", args=[link.pk, link.secret])


def neutral(response):
    """What the page says whoever it is for."""
    text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.content.decode())
    return response.status_code, re.sub(r"person\d+|nobody", "NAME", text)


# Whole journeys


def test_somebody_opens_an_account_and_finds_what_waits_for_the_address(client):
    raise_unverified_ticket(user_id="Ada", phone="1", query="Where?", email="ADA@example.org", by=AnonymousUser())
    BookingFactory(email="ada@example.org")
    assert client.post("/account/sign-up/", {"email": "Ada@example.org"})["Location"] == "/account/sent/"
    assert "mailbox" in html(client.get("/account/sent/"))
    shown = client.get(mailed_link())
    assert shown["Location"] == "/account/link/"
    assert "ada@example.org" in html(client.get("/account/link/"))
    typed = {"first_name": "Ada", "last_name": "", "password": PASSWORD}
    assert client.post("/account/link/", typed)["Location"] == "/"
    user = User.objects.get()
    assert is_in(client)
    assert (Ticket.objects.get().user, Booking.objects.get().account) == (user, user)
    assert is_in(logged_in(user))


def test_somebody_forgets_the_password_and_is_logged_out_everywhere(client):
    user = UserFactory()
    elsewhere = logged_in(user)
    for _ in range(5):
        log_in(client, user.username, "wrong")
    assert log_in(client, user.username).status_code == 429
    client.post("/account/forgot/", {"email": user.email})
    client.get(mailed_link())
    assert client.post("/account/link/", {"password": NEW})["Location"] == LOG_IN
    assert not Session.objects.filter(account=user).exists()
    assert not is_in(elsewhere)
    assert log_in(client, user.username, NEW).status_code == 302  # the lock is gone too
    assert Mail.objects.latest("id").template == "password_changed"


def test_somebody_changes_the_password_and_stays_logged_in_here_only():
    user = UserFactory()
    here, elsewhere = logged_in(user), logged_in(user)
    before = here.session.session_key
    typed = {"part": "password", "old": PASSWORD, "new": NEW}
    assert here.post("/account/profile/", typed)["Location"] == "/account/profile/"
    assert here.session.session_key != before
    assert Session.objects.filter(account=user).count() == 1
    assert is_in(here)
    assert not is_in(elsewhere)


def test_somebody_changes_the_address_being_logged_in_when_the_link_is_used(client):
    user = UserFactory()
    here = logged_in(user)
    typed = {"part": "address", "email": "new@example.org", "password": PASSWORD}
    assert here.post("/account/profile/", typed)["Location"] == "/account/sent/"
    client.get(mailed_link())  # in another browser
    assert client.get("/account/link/")["Location"] == f"{LOG_IN}?next=/account/link/"
    answer = client.post(LOG_IN, {"username": user.username, "password": PASSWORD, "next": "/account/link/"})
    assert answer["Location"] == "/account/link/"
    assert "new@example.org" in html(client.get("/account/link/"))
    assert client.post("/account/link/")["Location"] == "/account/profile/"
    user.refresh_from_db()
    assert user.email == "new@example.org"


def test_an_invited_agent_opens_the_account_and_comes_online(client):
    actions.invite(email="mei@example.org", role="agent", departments=["sales"], by=None)
    client.get(mailed_link())
    client.post("/account/link/", {"first_name": "Mei", "last_name": "", "password": PASSWORD})
    assert User.objects.get().agent.departments == ["sales"]


def test_a_profile_page_saves_each_of_its_forms_and_shows_errors_at_their_fields(client):
    user = UserFactory()
    client.force_login(user)
    page = html(client.get("/account/profile/"))
    assert page.count("<h1>") == 1
    assert len(set(re.findall(r'id="(\w+)"', page))) == len(re.findall(r'id="(\w+)"', page))
    typed = {"part": "names", "first_name": "Augusta", "last_name": "King", "language": "de"}
    assert client.post("/account/profile/", typed).status_code == 302
    user.refresh_from_db()
    assert (user.first_name, user.last_name, user.language) == ("Augusta", "King", "de")
    User.objects.update(language="en")
    with nothing_changes():
        page = html(client.post("/account/profile/", {"part": "password", "old": "wrong", "new": NEW}))
        assert html(client.post("/account/profile/", {"part": "nonsense"}))
    assert 'id="id_password_old_error"' in page
    assert "This is not your password." in page
    assert "wrong" not in page.replace("went wrong", "")


# Links


def test_a_mail_scanner_that_opens_the_link_changes_nothing_and_the_secret_leaves_the_address(client):
    actions.sign_up(email="ada@example.org", language="en", by=AnonymousUser())
    secret = EmailLink.objects.get().secret
    with nothing_changes():
        answer = client.get(mailed_link())
        page = client.get("/account/link/")
    assert secret not in answer["Location"] + html(page)
    assert "no-store" in answer["Cache-Control"]
    assert not any(secret in str(session.get_decoded()) for session in Session.objects.all())
    assert client.post(mailed_link()).status_code == 405


def test_every_dead_link_answers_alike(client):
    actions.sign_up(email="ada@example.org", language="en", by=AnonymousUser())
    link = EmailLink.objects.get()
    addresses = [
        reverse("account:link", args=[link.pk, "x" * 64]),
        reverse("account:link", args=[uuid4(), link.secret]),
        reverse("account:link_form"),
    ]
    path = mailed_link()
    client.get(path)
    EmailLink.objects.update(used_at=Now())
    answers = [neutral(client.get(address)) for address in [*addresses, path]]
    answers.append(neutral(client.post("/account/link/", {"first_name": "A", "password": PASSWORD})))
    assert {status for status, _ in answers} == {404}
    assert len(set(answers)) == 1
    assert not User.objects.exists()


def test_an_error_on_the_form_of_a_link_keeps_the_link(client):
    actions.sign_up(email="ada@example.org", language="en", by=AnonymousUser())
    client.get(mailed_link())
    with nothing_changes():
        page = html(client.post("/account/link/", {"first_name": "Ada", "password": "12345678"}))
    assert 'id="id_password_error"' in page
    assert "12345678" not in page
    assert client.post("/account/link/", {"first_name": "Ada", "password": PASSWORD}).status_code == 302


# Who is asked and who is told


@pytest.mark.parametrize("path", ["/account/sign-up/", "/account/forgot/"])
def test_an_address_with_an_account_and_one_without_are_answered_alike(client, path):
    UserFactory(email="here@example.org")
    answers = [client.post(path, {"email": email}) for email in ("here@example.org", "new@example.org")]
    assert [(answer.status_code, answer["Location"]) for answer in answers] == [(302, "/account/sent/")] * 2
    assert len({neutral(client.get(answer["Location"])) for answer in answers}) == 1


def test_an_unknown_name_a_wrong_password_and_a_closed_account_are_answered_alike(client):
    user, closed = UserFactory(), UserFactory(is_active=False)
    answers = [
        neutral(log_in(client, user.username, "wrong")),
        neutral(log_in(client, "nobody", "wrong")),
        neutral(log_in(client, closed.username, PASSWORD)),
    ]
    assert len(set(answers)) == 1
    assert "The username or the password is wrong." in answers[0][1]


def test_an_unknown_name_takes_as_much_hashing_as_a_wrong_password(client, settings):
    settings.PASSWORD_HASHERS = ["ticketing.tests.test_account_pages.CountingHasher"]
    user, sleeper = UserFactory(), UserFactory()
    User.objects.filter(pk=sleeper.pk).update(password="!never set")

    def hashes(name):
        before = len(CountingHasher.seen)
        log_in(client, name, "wrong")
        return len(CountingHasher.seen) - before

    assert [hashes(name) for name in (user.username, user.email, "nobody", sleeper.username)] == [1] * 4


class CountingHasher(MD5PasswordHasher):
    algorithm = "counting"
    seen = []

    def encode(self, password, salt):
        self.seen.append(salt)
        return super().encode(password, salt)


@pytest.mark.parametrize("spelling", ["ada", "ADA", " Ada ", "Ada.Byron@Example.org", "ada.byron@example.org"])
def test_one_logs_in_by_name_or_address_in_whatever_case(client, spelling):
    UserFactory(username="ada", email="Ada.Byron@example.org")
    assert log_in(client, spelling).status_code == 302
    assert is_in(client)


def test_a_name_that_is_anothers_address_goes_before_the_address(client):
    first = UserFactory(username="ada@example.org", email="x@example.org")
    UserFactory(email="ada@example.org", password=NEW)
    log_in(client, "ada@example.org")
    assert client.session["_auth_user_id"] == str(first.pk)


def test_two_hundred_wrong_passwords_from_forged_addresses_lock_and_the_right_person_gets_in_from_elsewhere(client):
    user = UserFactory()
    spellings = [user.username, user.username.upper(), f" {user.username}", user.username.title()]
    for number in range(200):
        answer = log_in(
            client,
            spellings[number % 4],
            f"guess {number}",
            headers={"X-Forwarded-For": f"198.51.{number}.7", "User-Agent": f"browser {number}"},
        )
        assert answer.status_code == (200 if number < 4 else 429)
    assert log_in(client, user.username).status_code == 429
    assert log_in(client, user.username, REMOTE_ADDR="192.0.2.7").status_code == 302


def test_an_unknown_name_is_locked_like_a_known_one(client):
    user = UserFactory()
    for name in (user.username, "nobody"):
        for _ in range(5):
            log_in(client, name, "wrong")
    assert neutral(log_in(client, user.username)) == neutral(log_in(client, "nobody"))


def test_a_success_by_address_forgets_the_failures_before_it(client):
    user = UserFactory()
    for _ in range(2):
        for _ in range(4):
            assert log_in(client, user.email, "wrong").status_code == 200
        assert log_in(client, user.email).status_code == 302
        client.post("/account/log-out/")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:///evil.example",
        "\x00",
    ],
)
def test_log_in_leads_to_no_other_site(client, elsewhere):
    user = UserFactory()
    typed = {"username": user.username, "password": PASSWORD}
    for answer in (client.post(f"{LOG_IN}?next={elsewhere}", typed), client.post(LOG_IN, {**typed, "next": elsewhere})):
        assert answer.status_code == 200 or answer["Location"] == "/"
    client.force_login(user)
    assert client.get(LOG_IN, {"next": elsewhere})["Location"] == "/"


def test_log_in_leads_to_the_page_that_was_wanted(client):
    user = UserFactory()
    asked = client.get("/account/tokens/?page=2")
    assert asked["Location"] == f"{LOG_IN}?next=/account/tokens/%3Fpage%3D2"
    assert 'value="/account/tokens/?page=2"' in html(client.get(asked["Location"]))
    answer = client.post(LOG_IN, {"username": user.username, "password": PASSWORD, "next": "/account/tokens/?page=2"})
    assert answer["Location"] == "/account/tokens/?page=2"


def test_the_demo_names_its_accounts_and_production_none(client, settings):
    call_command("demo", verbosity=0)
    assert User.objects.filter(is_demo=True, email_confirmed_at=None).count() == 0
    assert "<code>amara</code>" in html(client.get(LOG_IN))
    settings.SITE_MODE = "production"
    assert "amara" not in html(client.get(LOG_IN))


# Sessions


def test_a_session_planted_before_the_log_in_is_worth_nothing_after_it(client):
    actions.sign_up(email="ada@example.org", language="en", by=AnonymousUser())
    client.get(mailed_link())  # anonymous, with a session
    planted = client.cookies[settings.SESSION_COOKIE_NAME].value
    log_in(client, UserFactory().username)
    assert is_in(client)
    attacker = Client()
    attacker.cookies[settings.SESSION_COOKIE_NAME] = planted
    assert not is_in(attacker)


FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"


def test_sessions_are_shown_with_their_browsers_and_ended_one_by_one(client):
    user, stranger = UserFactory(), UserFactory()
    here = logged_in(user, headers={"User-Agent": "Here\x07 " + "x" * 300})
    there = logged_in(user, headers={"User-Agent": FIREFOX})
    other = logged_in(stranger, headers={"User-Agent": FIREFOX.replace("Windows", "Android")})
    page = html(here.get("/account/sessions/"))
    assert re.findall(r"<h2>([^<]+)</h2>", page) == ["Firefox on Windows", "Unknown browser"]
    assert page.count("Logged in <time") == 2
    assert not any(key in page for key in Session.objects.values_list("session_key", flat=True))
    row = Session.objects.get(device=FIREFOX)
    assert other.post(f"/account/sessions/{row.public_id}/end/").status_code == 404
    assert is_in(there)
    assert here.post(f"/account/sessions/{row.public_id}/end/").status_code == 302
    assert not is_in(there)
    assert is_in(here)
    again = logged_in(user)
    here.post("/account/sessions/end-others/")
    assert (is_in(here), is_in(again), is_in(other)) == (True, False, True)
    assert len(Session.objects.get(account=user).device) == 200


def test_a_superusers_own_page_shows_own_sessions_and_tokens_only():
    boss, user = UserFactory(role="supervisor", is_superuser=True), UserFactory()
    client = logged_in(boss)
    logged_in(user, headers={"User-Agent": FIREFOX})
    actions.issue_token(user, name="their till", by=user)
    assert "Firefox" not in html(client.get("/account/sessions/"))
    assert "their till" not in html(client.get("/account/tokens/"))
    assert client.post(f"/account/tokens/{ApiToken.objects.get().pk}/rotate/").status_code == 404


def test_a_deactivated_person_is_out_at_the_next_request_by_browser_and_by_token(client):
    user = UserFactory(role="agent")
    browser, headers = logged_in(user), bearer(user)
    assert is_in(browser)
    assert client.get("/tickets", headers=headers).status_code == 200
    actions.deactivate(user, by=None)
    assert not is_in(browser)
    assert client.get("/tickets", headers=headers).status_code == 401
    assert log_in(client, user.username).status_code == 200
    assert not Session.objects.filter(account=user).exists()


def test_a_role_that_was_taken_ends_at_the_next_request(client):
    user = UserFactory(role="supervisor")
    client.force_login(user)
    assert client.get("/admin/").status_code == 200
    actions.set_role(user, role="customer", by=None)
    assert client.get("/admin/").status_code == 302


def test_log_out_is_a_post_and_ends_the_session():
    client = logged_in(UserFactory())
    assert client.get("/account/log-out/").status_code == 405
    assert client.post("/account/log-out/").status_code == 302
    assert not is_in(client)
    assert not Session.objects.filter(account__isnull=False).exists()


# Tokens


def test_a_token_is_shown_once_and_works_until_it_is_rotated_or_revoked(client):
    user = UserFactory(role="agent")
    client.force_login(user)

    def shown():
        page = html(client.get("/account/tokens/"))
        return re.search(r"Your new token: <code>([\w-]{43})</code>", page)[1]

    def status(secret):
        return Client().get("/tickets", headers={"Authorization": f"Bearer {secret}"}).status_code

    answer = client.post("/account/tokens/", {"name": "till", "lasts": "30"})
    first = shown()
    assert first not in answer["Location"] + html(client.get("/account/tokens/"))
    assert status(first) == 200
    token = ApiToken.objects.get()
    client.post(f"/account/tokens/{token.pk}/rename/", {"name": "<b>new till</b>"})
    assert "&lt;b&gt;new till&lt;/b&gt;" in html(client.get("/account/tokens/"))
    client.post(f"/account/tokens/{token.pk}/rotate/")
    second = shown()
    assert (status(first), status(second)) == (401, 200)
    client.post(f"/account/tokens/{token.pk}/revoke/")
    assert status(second) == 401
    assert "till" not in html(client.get("/account/tokens/"))


def test_a_token_says_when_it_was_made_and_used_and_until_when_it_works(client):
    user = UserFactory()
    client.force_login(user)
    assert "You have no tokens" in html(client.get("/account/tokens/"))
    assert '<option value="90" selected>' in html(client.get("/account/tokens/"))
    client.post("/account/tokens/", {"name": "till", "lasts": ""})
    page = html(client.get("/account/tokens/"))
    assert re.search(r"<dt>Made</dt><dd><time [^>]+>Today, ", page)
    assert "<dt>Last used</dt><dd>Never</dd>" in page
    assert "<dt>Works until</dt><dd>You revoke it</dd>" in page
    ApiToken.objects.update(last_used_at=Now(), expires_at=Now() + timedelta(days=1))
    page = html(client.get("/account/tokens/"))
    assert re.search(r"<dt>Last used</dt><dd><time [^>]+>Today, ", page)
    assert re.search(r"<dt>Works until</dt><dd><time [^>]+>Tomorrow, ", page)


def test_a_stranger_finds_no_token_of_anothers(client):
    actions.issue_token(UserFactory(), name="x", by=None)
    client.force_login(UserFactory())
    with nothing_changes():
        for verb in ("rename", "rotate", "revoke"):
            for pk in (ApiToken.objects.get().pk, uuid4()):
                assert client.post(f"/account/tokens/{pk}/{verb}/", {"name": "y"}).status_code == 404


def test_a_name_that_is_none_is_said_on_the_page_before(client):
    user = UserFactory()
    actions.issue_token(user, name="till", by=user)
    client.force_login(user)
    path = f"/account/tokens/{ApiToken.objects.get().pk}/rename/"
    with nothing_changes():
        answer = client.post(path, {"name": " "}, headers={"Referer": "http://testserver/account/tokens/"}, follow=True)
    assert "must not be empty" in html(answer)


# Every page


def pages():
    for pattern in get_resolver("ticketing.views.urls").url_patterns:
        yield pattern.name, pattern.callback


@pytest.mark.parametrize(("name", "view"), list(pages()))
def test_each_page_names_its_operation_and_takes_no_form_from_elsewhere(name, view):
    assert view.operation in RIGHTS
    arguments = {"link": [uuid4(), "x"], "person": [uuid4()]}.get(
        name, [uuid4()] if "_" in name and name.split("_")[0] in ("token", "session") else []
    )
    answer = Client(enforce_csrf_checks=True).post(reverse(f"account:{name}", args=arguments))
    assert answer.status_code == 403


@pytest.mark.parametrize("name", ["log_in", "sign_up", "forgot", "sent", "profile", "tokens", "sessions"])
def test_each_page_is_whole_labelled_never_kept_and_without_script(name):
    client = Client()
    if name in ("profile", "tokens", "sessions"):
        client.force_login(UserFactory())
    answer = client.get(reverse(f"account:{name}"))
    page = html(answer)
    assert page.count("<h1>") == 1
    assert not re.search(r"<script(?![^>]* src=)", page)
    assert "no-store" in answer["Cache-Control"]
    for field in re.findall(r'<(?:input|select)[^>]* name="(?!csrf|part|next)[^>]*>', page):
        assert re.search(f'<label for="{re.search("id=.([^ ]+?).[ >]", field)[1]}"', page), field
        assert "<select" in field or "autocomplete=" in field, field


@pytest.mark.parametrize("path", ["/account/profile/", "/account/tokens/", "/account/sessions/"])
def test_a_page_about_an_account_asks_for_the_log_in_first(client, path):
    assert client.get(path)["Location"] == f"{LOG_IN}?next={path}"
    assert client.post(path)["Location"] == f"{LOG_IN}?next={path}"


def test_the_navigation_knows_who_is_logged_in(client):
    assert "/account/log-in/" in html(client.get("/"))
    client.force_login(UserFactory())
    page = html(client.get("/"))
    assert "/account/profile/" in page
    assert "/account/log-out/" in page


def test_a_password_stays_out_of_what_failures_leave_behind(client):
    from axes.models import AccessAttempt

    log_in(client, "nobody", "my secret guess")
    assert "my secret guess" not in str(list(AccessAttempt.objects.values()))


# The admin


@pytest.fixture
def owner(client):
    boss = UserFactory(role="supervisor", is_superuser=True)
    client.force_login(boss)
    client.boss = boss
    return client


def act(client, model, action, *chosen):
    data = {"action": action, "_selected_action": [str(one) for one in chosen]}
    return html(client.post(f"/admin/ticketing/{model}/", data, follow=True))


def test_a_supervisor_logs_in_to_the_admin_and_a_customer_is_told_no(client):
    customer, boss = UserFactory(), UserFactory(role="supervisor")
    page = html(client.post("/admin/login/", {"username": customer.username, "password": PASSWORD}))
    assert "errornote" in page
    assert not Session.objects.filter(account=customer).exists()
    client.post(
        "/admin/login/", {"username": boss.username, "password": PASSWORD}, headers={"User-Agent": "Admin's browser"}
    )
    assert client.get("/admin/").status_code == 200
    assert Session.objects.get(account=boss).device == "Admin's browser"


def test_accounts_are_deactivated_and_reactivated_and_refusals_are_shown(owner):
    user = UserFactory()
    page = act(owner, "user", "deactivate", user.pk, owner.boss.pk)
    assert "1 done" in page
    assert "You cannot deactivate your own account." in page
    assert not User.objects.get(pk=user.pk).is_active
    act(owner, "user", "reactivate", user.pk)
    assert User.objects.get(pk=user.pk).is_active


def test_a_role_is_changed_by_its_verb_and_the_last_superuser_stays(owner):
    user = UserFactory()
    path = f"/admin/ticketing/user/{user.pk}/change/"
    assert 'value="customer" selected' in html(owner.get(path))
    assert owner.post(path, {"role": "superuser", "email": "x@example.org"}).status_code == 302
    user.refresh_from_db()
    assert (user.role, user.is_superuser) == ("supervisor", True)
    assert user.email != "x@example.org"
    assert 'value="superuser" selected' in html(owner.get(path))
    assert Activity.objects.about(user).filter(operation="account.set_role").exists()
    owner.post(path, {"role": "gate"})
    path = f"/admin/ticketing/user/{owner.boss.pk}/change/"
    page = html(owner.post(path, {"role": "gate"}, headers={"Referer": f"http://testserver{path}"}, follow=True))
    assert "last superuser" in page
    assert owner.post(path, {"role": "king"}).status_code == 200
    assert User.objects.get(pk=owner.boss.pk).is_superuser


def test_no_account_is_added_or_deleted_in_the_admin(owner):
    user = UserFactory()
    assert owner.get("/admin/ticketing/user/add/").status_code == 403
    assert owner.post(f"/admin/ticketing/user/{user.pk}/delete/", {"post": "yes"}).status_code == 403
    act(owner, "user", "delete_selected", user.pk)
    assert User.objects.filter(pk=user.pk).exists()


def test_somebody_is_invited_in_the_admin_and_the_invitation_withdrawn(owner):
    path = "/admin/ticketing/emaillink/add/"
    typed = {"email": "Mei@example.org", "role": "agent", "departments": ["sales"], "capacity": "3"}
    assert "departments" in html(owner.get(path))
    assert owner.post(path, typed).status_code == 302
    link = EmailLink.objects.get()
    assert link.terms == {"role": "agent", "departments": ["sales"], "capacity": 3}
    page = html(owner.get(f"/admin/ticketing/emaillink/{link.pk}/change/"))
    assert "mei@example.org" in page
    assert link.secret not in page
    assert "1 done" in act(owner, "emaillink", "withdraw_invitation", link.pk)
    assert "no invitation that could still be used" in act(owner, "emaillink", "withdraw_invitation", link.pk)


def test_a_supervisor_reads_accounts_and_changes_none_and_sees_no_links_sessions_or_webhooks(client):
    boss, user = UserFactory(role="supervisor"), UserFactory()
    actions.invite(email="mei@example.org", role="agent", by=None)
    browser = logged_in(user)
    client.force_login(boss)
    with nothing_changes():
        for model, status in (("user", 200), ("emaillink", 403), ("session", 403), ("webhook", 403)):
            assert client.get(f"/admin/ticketing/{model}/").status_code == status
        assert client.get("/admin/ticketing/emaillink/add/").status_code == 403
        act(client, "user", "deactivate", user.pk)
        for model, verb in (("emaillink", "withdraw_invitation"), ("session", "end_session")):
            assert client.post(f"/admin/ticketing/{model}/", {"action": verb}).status_code == 403
    assert is_in(browser)


def test_a_session_is_ended_in_the_admin_whose_pages_show_no_key(owner):
    browser = logged_in(UserFactory(), headers={"User-Agent": "There"})
    row = Session.objects.get(device="There")
    page = html(owner.get("/admin/ticketing/session/"))
    assert str(row.public_id) in page
    assert not any(key in page for key in Session.objects.values_list("session_key", flat=True))
    act(owner, "session", "end_session", row.session_key, "nonsense")
    assert is_in(browser)
    assert "1 done" in act(owner, "session", "end_session", row.public_id)
    assert not is_in(browser)


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [("/panel/events/?name=jazz", "/panel/events/?name=jazz"), ("", "/"), ("https://example.org/", "/")],
)
def test_whoever_opens_an_account_on_the_way_to_a_page_comes_to_it(client, wanted, leads_to):
    page = html(client.get(LOG_IN, {"next": wanted}))
    way = re.search(r'href="(/account/sign-up/[^"]*)"', page)[1].replace("&amp;", "&")
    assert client.post(way, {"email": "ines@example.org"}).status_code == 302
    client.get(mailed_link())
    typed = {"first_name": "Inês", "password": NEW}
    assert client.post("/account/link/", typed)["Location"] == leads_to
    assert is_in(client)
