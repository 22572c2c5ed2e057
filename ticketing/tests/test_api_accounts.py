"""Accounts over /api/v1/."""

import hashlib
import json
import uuid

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ticketing import actions
from ticketing.models import Activity, ApiToken, EmailLink, IdempotencyKey, Mail, Session, User
from ticketing.tests.factories import PASSWORD, UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

V1 = "/api/v1/"
NOWHERE = "00000000-0000-4000-8000-000000000000"
ANOTHER = "another horse battery staple"


@pytest.fixture
def people():
    roles = {role: UserFactory(role=role) for role in ("customer", "agent", "gate", "supervisor")}
    return {**roles, "superuser": UserFactory(role="supervisor", is_superuser=True)}


@pytest.fixture
def as_(people):
    """The headers of each role; nobody has none."""
    return {"anonymous": {}, **{role: bearer(person) for role, person in people.items()}}


@pytest.fixture
def browser(people):
    """The customer, logged in by a browser."""
    browser = Client()
    browser.force_login(people["customer"])
    return browser


def send(client, path, body=None, headers=None, method="post"):
    return getattr(client, method)(V1 + path, body or {}, content_type="application/json", headers=headers)


def get(client, path, headers=None):
    response = client.get(V1 + path, headers=headers)
    assert response.status_code == 200, response.content
    return response.json()


def ids(client, path, headers=None):
    return {row["id"] for row in get(client, path, headers)["results"]}


def refused(response, status, code):
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json"), response.content
    assert response.json()["code"] == code
    return response.json()


def key():
    return {"Idempotency-Key": uuid.uuid4().hex}


# Who may


CALLS = [
    ("get", "account/", {}),
    ("patch", "account/", {"last_name": "Lovelace"}),
    ("post", "account/password/", {"old": PASSWORD, "new": ANOTHER}),
    ("post", "account/address/", {"email": "new@example.org", "password": ANOTHER}),
    ("get", "tokens/", {}),
    ("post", "tokens/", {"name": "till"}),
    ("get", "tokens/{token}/", {}),
    ("patch", "tokens/{token}/", {"name": "mine"}),
    ("post", "tokens/{token}/rotate/", {}),
    ("delete", "tokens/{token}/", {}),
    ("get", "sessions/", {}),
    ("delete", "sessions/{session}/", {}),
    ("post", "sessions/end_others/", {}),
    ("get", "accounts/", {}),
    ("get", "accounts/{account}/", {}),
    ("patch", "accounts/{account}/", {"role": "agent"}),
    ("post", "accounts/{account}/deactivate/", {}),
    ("post", "accounts/{account}/reactivate/", {}),
    ("get", "invitations/", {}),
    ("post", "invitations/", {"email": "grace@example.org", "role": "agent"}),
    ("delete", "invitations/{invitation}/", {}),
]
# What each role is answered in production, about somebody else's rows, in the order above.
ANSWERS = {
    "anonymous": [401] * 21,
    "customer": [200, 200, 204, 202, 200, 201, 404, 404, 404, 404, 200, 404, 204, *[403] * 8],
    "supervisor": [200, 200, 204, 202, 200, 201, 404, 404, 404, 204, 200, 404, 204, 200, 200, *[403] * 6],
    "superuser": [200, 200, 204, 202, 200, 201, 404, 404, 404, 204, 200, 204, 204, *[200] * 6, 201, 204],
}


@pytest.mark.parametrize("role", ANSWERS)
def test_in_production_each_role_reaches_what_the_table_of_rights_says(client, production, as_, role):
    somebody = UserFactory()
    Client().force_login(somebody)
    bearer(somebody)
    names = {
        "token": somebody.tokens.get().pk,
        "session": somebody.sessions.get().public_id,
        "account": somebody.pk,
        "invitation": actions.invite(email="ida@example.org", role="gate", by=None).pk,
    }
    answers = [send(client, path.format(**names), body, as_[role], method).status_code for method, path, body in CALLS]
    assert answers == ANSWERS[role]


@pytest.mark.parametrize("noun", ["tokens", "sessions", "accounts", "invitations"])
def test_somebody_elses_answers_as_a_missing_one(client, production, as_, people, noun):
    Client().force_login(people["agent"])
    theirs = {
        "tokens": people["agent"].tokens.get().pk,
        "sessions": people["agent"].sessions.get().public_id,
        "accounts": UserFactory(is_active=False).pk,
        "invitations": EmailLink.objects.create(purpose="sign_up", email="x@example.org", expires_at=Now()).pk,
    }[noun]
    caller = as_[{"accounts": "supervisor", "invitations": "superuser"}.get(noun, "customer")]
    answers = [client.get(f"{V1}{noun}/{pk}/", headers=caller) for pk in (theirs, NOWHERE, "x")]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    refused(answers[0], 404, "not_found")


def test_nothing_that_lets_anybody_in_is_shown_in_a_list(client, production, as_, people):
    Client().force_login(people["superuser"])
    link = actions.invite(email="ida@example.org", role="gate", by=None)
    hidden = [
        *ApiToken.objects.values_list("digest", flat=True),
        *User.objects.values_list("password", flat=True),
        *Session.objects.values_list("session_key", flat=True),
        *(headers["Authorization"].removeprefix("Bearer ") for headers in as_.values() if headers),
        link.secret,
    ]
    for path in ("account/", "accounts/", "tokens/", "sessions/", "invitations/"):
        answer = client.get(V1 + path, headers=as_["superuser"]).content.decode()
        assert [secret for secret in hidden if secret in answer] == []


@pytest.mark.parametrize("path", ["accounts/", "tokens/", "sessions/", "invitations/"])
def test_a_list_costs_the_same_for_one_row_and_for_twenty(client, production, as_, path):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            get(client, path, as_["superuser"])
        return len(queries)

    def one_more():
        somebody = UserFactory()
        Client().force_login(somebody)
        bearer(somebody)
        actions.invite(email=f"{somebody.pk}@example.org", role="gate", by=None)

    one_more()
    cost()  # the first use of a token is written down
    one = cost()
    for _ in range(19):
        one_more()
    assert cost() == one == 2  # the token and the rows


# One's own account


def test_people_see_and_change_their_own_profile_and_nothing_else_of_it(client, production, as_, people):
    me = people["customer"]
    row = get(client, "account/", as_["customer"])
    assert (row["id"], row["username"], row["role"]) == (str(me.pk), me.username, "customer")
    body = {
        "first_name": "Augusta",
        "language": "de",
        "role": "supervisor",
        "is_superuser": True,
        "is_active": False,
        "username": "boss",
        "email": "boss@example.org",
        "email_confirmed_at": "2030-01-01T00:00:00Z",
        "id": NOWHERE,
    }
    changed = send(client, "account/", body, as_["customer"], "patch").json()
    assert changed == {**row, "first_name": "Augusta", "language": "de", "name": changed["name"]}
    assert "Augusta" in changed["name"]


@pytest.mark.parametrize(("field", "value"), [("first_name", ""), ("first_name", 5), ("language", "xx")])
def test_a_profile_is_checked(client, as_, field, value):
    with nothing_changes():
        answer = refused(send(client, "account/", {field: value}, as_["customer"], "patch"), 400, "invalid")
    assert list(answer["errors"]) == [field]


def test_a_profile_that_was_changed_in_between_is_left_as_it_is(client, production, as_, people):
    tag = client.get(V1 + "account/", headers=as_["customer"])["ETag"]
    mine = {**as_["customer"], "If-Match": tag}
    assert send(client, "account/", {"last_name": "King"}, mine, "patch").status_code == 200
    with nothing_changes():
        refused(send(client, "account/", {"last_name": "Queen"}, mine, "patch"), 412, "precondition_failed")


def test_a_new_password_ends_other_sessions_and_keeps_the_one_that_asks(production, people, browser):
    elsewhere = Client()
    elsewhere.force_login(people["customer"])
    assert send(browser, "account/password/", {"old": PASSWORD, "new": ANOTHER}).status_code == 204
    assert browser.get(V1 + "account/").status_code == 200
    assert elsewhere.get(V1 + "account/").status_code == 401
    assert User.objects.get(pk=people["customer"].pk).check_password(ANOTHER)


def test_a_cookie_that_comes_along_with_a_token_keeps_no_session(production, as_, people, browser):
    answer = send(browser, "account/password/", {"old": PASSWORD, "new": ANOTHER}, as_["customer"])
    assert answer.status_code == 204
    assert browser.get(V1 + "account/").status_code == 401


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [("wrong horse", ANOTHER, "old"), (PASSWORD, "short", "new"), (PASSWORD, "password", "new"), (5, ANOTHER, "old")],
)
def test_a_password_is_not_changed_without_the_old_one_or_to_a_poor_one(client, as_, old, new, field):
    with nothing_changes():
        answer = send(client, "account/password/", {"old": old, "new": new}, as_["customer"])
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


def test_a_password_in_a_body_leaves_nothing_behind_that_it_could_be_guessed_from(client, production, as_):
    once, body = {**as_["customer"], **key()}, json.dumps({"old": PASSWORD, "new": ANOTHER})
    for _ in range(2):
        assert send(client, "account/password/", body, once).status_code == 204
    assert Activity.objects.filter(operation="account.change_password").count() == 1
    bare = hashlib.sha256(f"POST /api/v1/account/password {body.encode().hex()}".encode()).hexdigest()
    assert IdempotencyKey.objects.get().fingerprint != bare


def test_a_new_address_is_asked_for_by_mail(client, production, as_, people):
    body = {"email": "new@example.org", "password": PASSWORD}
    assert send(client, "account/address/", body, as_["customer"]).status_code == 202
    assert Mail.objects.get().to == "new@example.org"
    assert User.objects.get(pk=people["customer"].pk).email == people["customer"].email
    with nothing_changes():
        answer = send(client, "account/address/", {**body, "password": "wrong"}, as_["customer"])
    assert list(refused(answer, 400, "wrong_password")["errors"]) == ["password"]


# Becoming somebody


@pytest.mark.parametrize("path", ["sign-ups/", "password-resets/"])
def test_whether_an_address_has_an_account_is_told_to_nobody(client, production, people, path):
    cache.clear()
    known = send(client, path, {"email": people["customer"].email})
    unknown = send(client, path, {"email": "nobody@example.org"})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (202, b"")
    assert {name: value for name, value in known.items() if name != "X-Request-ID"} == {
        name: value for name, value in unknown.items() if name != "X-Request-ID"
    }
    with nothing_changes():
        for nonsense in ("", "x", 5, None, "a@b", "x" * 200 + "@example.org"):
            assert list(refused(send(client, path, {"email": nonsense}), 400, "invalid")["errors"]) == ["email"]


def link_of(purpose):
    return EmailLink.objects.get(purpose=purpose)


def test_a_stranger_signs_up_and_logs_in(client, production):
    send(client, "sign-ups/", {"email": "Grace@Example.org"})
    link = link_of("sign_up")
    body = {"secret": link.secret, "first_name": "Grace", "password": ANOTHER, "role": "supervisor"}
    assert send(client, f"links/{link.pk}/open_account/", body).status_code == 204
    grace = User.objects.get(email="grace@example.org")
    assert (grace.role, grace.first_name, grace.check_password(ANOTHER)) == ("customer", "Grace", True)
    with nothing_changes():
        refused(send(client, f"links/{link.pk}/open_account/", body), 404, "dead_link")


def test_a_link_is_used_once_per_key_and_answers_alike(client, production):
    send(client, "sign-ups/", {"email": "grace@example.org"})
    link = link_of("sign_up")
    body, once = {"secret": link.secret, "first_name": "Grace", "password": ANOTHER}, key()
    answers = [send(client, f"links/{link.pk}/open_account/", body, once) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 204]
    assert answers[1]["Idempotent-Replayed"] == "true"


def test_an_invited_agent_becomes_one(client, production, as_):
    body = {"email": "ida@example.org", "role": "agent", "departments": ["sales"], "capacity": 2}
    row = send(client, "invitations/", body, as_["superuser"]).json()
    assert {name: row[name] for name in body} == body
    link = link_of("invitation")
    body = {"secret": link.secret, "first_name": "Ida", "last_name": "Rhodes", "password": ANOTHER}
    assert send(client, f"links/{link.pk}/open_account/", body).status_code == 204
    ida = User.objects.get(email="ida@example.org")
    assert (ida.role, ida.agent.departments, ida.agent.capacity) == ("agent", ["sales"], 2)


def test_a_forgotten_password_is_replaced(client, production, people):
    send(client, "password-resets/", {"email": people["agent"].email})
    link = link_of("reset")
    body = {"secret": link.secret, "password": ANOTHER}
    assert send(client, f"links/{link.pk}/reset_password/", body).status_code == 204
    assert User.objects.get(pk=people["agent"].pk).check_password(ANOTHER)


def test_a_new_address_is_confirmed_by_its_owner_alone(client, production, as_, people):
    actions.ask_for_new_address(people["customer"], email="new@example.org", password=PASSWORD, by=None)
    link = link_of("change")
    path, body = f"links/{link.pk}/confirm/", {"secret": link.secret}
    with nothing_changes():
        refused(send(client, path, body), 401, "log_in_first")
        refused(send(client, path, body, as_["agent"]), 404, "dead_link")
    assert send(client, path, body, as_["customer"]).status_code == 204
    assert User.objects.get(pk=people["customer"].pk).email == "new@example.org"


def test_a_missing_link_answers_as_one_with_another_secret(client, production, people):
    actions.ask_for_reset(email=people["agent"].email, by=AnonymousUser())
    body = {"secret": "0" * 64, "password": ANOTHER}
    with nothing_changes():
        paths = [f"links/{pk}/reset_password/" for pk in (link_of("reset").pk, NOWHERE)]
        answers = [send(client, path, body) for path in paths]
        other = send(client, f"links/{link_of('reset').pk}/open_account/", {**body, "first_name": "Eve"})
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, other.content)}
    refused(other, 404, "dead_link")


# Tokens


def test_a_token_works_and_is_shown_once(client, production, as_):
    once = {**as_["customer"], **key()}
    made, again = (send(client, "tokens/", {"name": "till", "days": 3}, once) for _ in range(2))
    assert (made.status_code, again.status_code) == (201, 201)
    assert get(client, "account/", {"Authorization": f"Bearer {made.json()['token']}"})
    assert again.json() == {**made.json(), "token": None, "last_used_at": again.json()["last_used_at"]}
    shown = get(client, f"tokens/{made.json()['id']}/", as_["customer"])
    assert "token" not in shown
    assert shown["expires_at"]


@pytest.mark.parametrize(
    ("field", "value"), [("name", ""), ("name", "x" * 101), ("days", 0), ("days", "3"), ("days", 3661), ("days", 1.5)]
)
def test_a_token_is_checked(client, as_, field, value):
    with nothing_changes():
        answer = send(client, "tokens/", {"name": "till", field: value}, as_["customer"])
    assert list(refused(answer, 400, "invalid")["errors"]) == [field]


def test_a_rotated_token_lets_in_with_the_new_secret_alone(client, production, as_):
    made = send(client, "tokens/", {"name": "till"}, as_["customer"]).json()
    rotated = send(client, f"tokens/{made['id']}/rotate/", headers=as_["customer"])
    assert rotated.status_code == 200
    refused(client.get(V1 + "account/", headers={"Authorization": f"Bearer {made['token']}"}), 401, "log_in_first")
    assert get(client, "account/", {"Authorization": f"Bearer {rotated.json()['token']}"})


def test_a_token_is_renamed_and_nothing_else_of_it_changes(client, production, as_):
    made = send(client, "tokens/", {"name": "till"}, as_["customer"]).json()
    body = {"name": "door", "user": NOWHERE, "expires_at": None, "digest": "x", "token": "x"}
    row = send(client, f"tokens/{made['id']}/", body, as_["customer"], "patch").json()
    made.pop("token")
    assert row == {**made, "name": "door", "updated_at": row["updated_at"]}


def test_a_revoked_token_is_dead_from_the_next_request_on(client, production, as_):
    made = send(client, "tokens/", {"name": "till"}, as_["customer"]).json()
    path = f"tokens/{made['id']}/"
    assert send(client, path, headers=as_["customer"], method="delete").status_code == 204
    refused(client.get(V1 + "account/", headers={"Authorization": f"Bearer {made['token']}"}), 401, "log_in_first")
    with nothing_changes():
        refused(send(client, path, {"name": "x"}, as_["customer"], "patch"), 404, "not_found")
        refused(send(client, f"{path}rotate/", headers=as_["customer"]), 404, "not_found")
        refused(send(client, path, headers=as_["customer"], method="delete"), 404, "not_found")


# Sessions


def test_people_see_where_they_are_logged_in_and_end_it(production, people, browser):
    elsewhere = Client()
    elsewhere.force_login(people["customer"])
    Client().force_login(people["agent"])
    rows = get(browser, "sessions/")["results"]
    assert sorted(row["current"] for row in rows) == [False, True]
    [other] = [row for row in rows if not row["current"]]
    assert browser.get(f"{V1}sessions/{other['id']}/").json() == other
    assert send(browser, f"sessions/{other['id']}/", method="delete").status_code == 204
    assert elsewhere.get(V1 + "account/").status_code == 401
    assert browser.get(V1 + "account/").status_code == 200


def test_all_other_sessions_end_at_once(production, as_, people, browser):
    elsewhere = Client()
    elsewhere.force_login(people["customer"])
    assert send(browser, "sessions/end_others/").status_code == 204
    assert [row["current"] for row in get(browser, "sessions/")["results"]] == [True]
    assert send(Client(), "sessions/end_others/", headers=as_["customer"]).status_code == 204
    assert browser.get(V1 + "account/").status_code == 401


def test_a_change_from_a_page_of_another_site_is_refused(people):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(people["customer"])
    with nothing_changes():
        answer = send(browser, "account/", {"last_name": "Mallory"}, method="patch")
    assert answer.status_code == 403


# Everybody


def test_accounts_are_found_by_role_state_and_name(client, production, as_, people):
    boss, gone = as_["superuser"], UserFactory(role="agent", is_active=False, last_name="Turing")
    for query, found in (
        ("role=agent&is_active=true", [people["agent"]]),
        ("role=supervisor", [people["supervisor"]]),
        ("role=superuser", [people["superuser"]]),
        ("is_active=false", [gone]),
        ("search=TURING", [gone]),
        (f"search={people['gate'].email}", [people["gate"]]),
    ):
        assert ids(client, f"accounts/?{query}", boss) == {str(person.pk) for person in found}
    for nonsense in ("role=boss", "is_active=1", "password=x", "search="):
        refused(client.get(f"{V1}accounts/?{nonsense}", headers=boss), 400, "invalid")
    names = [row["username"] for row in get(client, "accounts/?ordering=username", boss)["results"]]
    assert names == sorted(names)
    assert ids(client, "accounts/?is_active=false", as_["supervisor"]) == set()


def test_in_the_demo_anybody_sees_its_own_accounts_alone(client):
    shown, _real = UserFactory(is_demo=True), UserFactory()
    assert ids(client, "accounts/") == {str(shown.pk)}


def test_a_role_is_given_and_nothing_else_changes(client, production, as_, people):
    path = f"accounts/{people['customer'].pk}/"
    before = get(client, path, as_["superuser"])
    body = {"role": "superuser", "username": "x", "is_active": False, "email": "x@example.org", "password": "x"}
    assert send(client, path, body, as_["superuser"], "patch").json() == {**before, "role": "superuser"}
    with nothing_changes():
        assert send(client, path, {}, as_["superuser"], "patch").json() == {**before, "role": "superuser"}
        answer = send(client, path, {"role": "anonymous"}, as_["superuser"], "patch")
    assert list(refused(answer, 400, "invalid")["errors"]) == ["role"]


def test_the_last_superuser_stays_one(client, production, as_, people):
    path = f"accounts/{people['superuser'].pk}/"
    with nothing_changes():
        refused(send(client, path, {"role": "agent"}, as_["superuser"], "patch"), 409, "last_superuser")
        refused(send(client, f"{path}deactivate/", headers=as_["superuser"]), 409, "not_yourself")


def test_a_role_is_not_changed_over_somebody_elses_change(client, production, as_, people):
    path = f"accounts/{people['customer'].pk}/"
    tag = client.get(V1 + path, headers=as_["superuser"])["ETag"]
    User.objects.filter(pk=people["customer"].pk).update(role="gate")
    with nothing_changes():
        answer = send(client, path, {"role": "agent"}, {**as_["superuser"], "If-Match": tag}, "patch")
    refused(answer, 412, "precondition_failed")


def test_a_deactivated_account_is_out_at_once_and_comes_back_without_its_tokens(client, production, as_, people):
    path = f"accounts/{people['agent'].pk}/"
    assert send(client, f"{path}deactivate/", headers=as_["superuser"]).json()["is_active"] is False
    refused(client.get(V1 + "account/", headers=as_["agent"]), 401, "log_in_first")
    assert send(client, f"{path}reactivate/", headers=as_["superuser"]).json()["is_active"] is True
    refused(client.get(V1 + "account/", headers=as_["agent"]), 401, "log_in_first")


def test_invitations_are_listed_and_withdrawn(client, production, as_):
    boss = as_["superuser"]
    made = send(client, "invitations/", {"email": "ida@example.org", "role": "gate"}, {**boss, **key()})
    assert made.status_code == 201
    row = made.json()
    assert client.get(made["Location"], headers=boss).json() == row
    assert (row["departments"], row["capacity"]) == ([], None)
    assert ids(client, "invitations/", boss) == {row["id"]}
    assert send(client, f"invitations/{row['id']}/", headers=boss, method="delete").status_code == 204
    assert ids(client, "invitations/", boss) == set()
    with nothing_changes():
        refused(send(client, f"invitations/{row['id']}/", headers=boss, method="delete"), 404, "not_found")


def test_the_same_key_invites_once(client, production, as_):
    once, body = {**as_["superuser"], **key()}, {"email": "ida@example.org", "role": "gate"}
    first, second = (send(client, "invitations/", body, once) for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert Mail.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "x"),
        ("role", "boss"),
        ("role", 5),
        ("departments", ["kitchen"]),
        ("departments", "sales"),
        ("capacity", 0),
        ("capacity", 1001),
        ("capacity", "3"),
    ],
)
def test_an_invitation_is_checked(client, as_, field, value):
    body = {"email": "ida@example.org", "role": "agent", field: value}
    with nothing_changes():
        answer = refused(send(client, "invitations/", body, as_["superuser"]), 400, "invalid")
    assert list(answer["errors"]) == [field]


def test_nobody_is_invited_who_is_here(client, as_, people):
    with nothing_changes():
        body = {"email": people["customer"].email, "role": "gate"}
        refused(send(client, "invitations/", body, as_["superuser"]), 409, "has_account")
