"""What every noun of /api/v1/ does alike, shown on ticket options."""

import threading
import uuid

import pytest
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import connections
from django.test.utils import override_script_prefix
from django.utils import translation

from allocation.models import TicketOption
from allocation.tests.factories import TicketOptionFactory
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

OPTIONS = "/api/v1/allocation/options/"
NEW = {"name": "Evening", "description": "", "allocation": 5}


@pytest.fixture
def boss():
    return bearer(UserFactory(role="supervisor"))


def key():
    return {"Idempotency-Key": uuid.uuid4().hex}


def post(client, headers, body=NEW, path=OPTIONS):
    return client.post(path, body, content_type="application/json", headers=headers)


@pytest.mark.django_db
def test_a_new_row_is_answered_with_its_address_and_its_version(client, production, boss):
    response = post(client, boss)
    assert response.status_code == 201
    again = client.get(response["Location"], headers=boss)
    assert (again.json(), again["ETag"]) == (response.json(), response["ETag"])


@pytest.mark.django_db
def test_the_address_of_a_new_row_begins_where_the_site_does(client, boss):
    for prefix in ("/", "/desk/", "/"):
        with override_script_prefix(prefix):
            response = post(client, boss)
        assert response["Location"] == f"{prefix}api/v1/allocation/options/{response.json()['id']}"


@pytest.mark.django_db
@pytest.mark.parametrize("path", [OPTIONS, OPTIONS.rstrip("/")])
def test_addresses_answer_with_and_without_the_trailing_slash(client, path, boss):
    assert client.get(path).status_code == 200
    assert post(client, boss, path=path).status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/", "/api/v1/nothing/", "/api/v1/allocation/options/x/y/"])
def test_an_address_that_does_not_exist_is_a_problem_document(client, path):
    response = client.get(path)
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
    assert response.json()["code"] == "not_found"


@pytest.mark.django_db
def test_a_bad_token_is_refused_even_where_nobody_needs_one(client):
    response = client.get(OPTIONS, headers={"Authorization": "Bearer " + "x" * 40})
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 5),
        ("name", True),
        ("name", "  "),
        ("name", "a\x07b"),
        ("name", "a\x1c"),
        ("name", "a" + " " * 200),
        ("name", "x" * 201),
        ("name", None),
        ("description", []),
        ("allocation", "5"),
        ("allocation", 1.5),
        ("allocation", True),
        ("allocation", 0),
        ("allocation", 2**31),
    ],
)
def test_a_value_that_merely_looks_right_is_refused_by_name(client, boss, field, value):
    with nothing_changes():
        response = post(client, boss, {**NEW, field: value})
    assert response.status_code == 400
    assert list(response.json()["errors"]) == [field]


@pytest.mark.django_db
def test_a_whole_number_may_be_written_with_a_point(client, boss):
    answer = client.post(OPTIONS, b'{"name": "Evening", "allocation": 5.0}', "application/json", headers=boss)
    assert answer.json()["allocation"] == 5


@pytest.mark.django_db
def test_every_field_that_is_wrong_is_named_at_once(client, boss):
    assert set(post(client, boss, {"name": "", "allocation": 0}).json()["errors"]) == {"name", "allocation"}


@pytest.mark.django_db
@pytest.mark.parametrize("body", [b"{", b'{"name": "a", "name": "b"}', b"[]", b'"x"', b"\xff", b'{"name": "\\ud800"}'])
def test_a_broken_body_is_refused(client, boss, body):
    with nothing_changes():
        response = client.post(OPTIONS, body, content_type="application/json", headers=boss)
    assert response.status_code == 400


@pytest.mark.django_db
def test_another_content_type_is_refused(client, boss):
    assert client.post(OPTIONS, NEW, headers=boss).status_code == 415


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["put", "delete", "options", "trace"])
def test_a_verb_without_an_action_is_405_with_what_there_is(client, method):
    response = getattr(client, method)(OPTIONS)
    assert (response.status_code, response["Allow"]) == (405, "GET, POST, HEAD")


# Idempotency


@pytest.mark.django_db
def test_the_same_key_makes_one_row_and_answers_alike(client, boss):
    once = key()
    first, second = (post(client, {**boss, **once}) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert TicketOption.objects.count() == 1


@pytest.mark.django_db
def test_a_key_with_another_body_is_refused(client, boss):
    once = key()
    post(client, {**boss, **once})
    with nothing_changes():
        assert post(client, {**boss, **once}, {**NEW, "allocation": 6}).status_code == 422


@pytest.mark.django_db
def test_a_refused_request_leaves_its_key_free(client, boss):
    once = key()
    assert post(client, {**boss, **once}, {"name": ""}).status_code == 400
    assert post(client, {**boss, **once}).status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("weak", ["", "short", "x" * 201, "with a space in the middle", "é" * 30])
def test_a_key_that_could_be_guessed_or_is_no_word_is_refused_by_name(client, boss, weak):
    with nothing_changes():
        refused = post(client, {**boss, "Idempotency-Key": weak})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["Idempotency-Key"])


@pytest.mark.django_db
def test_two_accounts_may_use_the_same_key(client, boss):
    once = key()
    other = bearer(UserFactory(role="supervisor"))
    ids = {post(client, {**who, **once}).json()["id"] for who in (boss, other)}
    assert len(ids) == 2


@pytest.mark.django_db(transaction=True)
def test_twins_with_one_key_make_one_row(client, boss):
    once, answers = {**boss, **key()}, []
    start = threading.Barrier(8)

    def call():
        start.wait()
        answers.append(post(client.__class__(), once))
        connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert TicketOption.objects.count() == 1


# Versions


@pytest.mark.django_db(transaction=True)
def test_a_change_over_somebody_elses_is_refused(client, boss):
    made = post(client, boss)
    path = made["Location"]
    mine = {**boss, "If-Match": made["ETag"]}
    changed = client.patch(path, {"allocation": 7}, content_type="application/json", headers=mine)
    assert changed.status_code == 200
    assert changed["ETag"] != made["ETag"]
    with nothing_changes():
        late = client.patch(path, {"allocation": 9}, content_type="application/json", headers=mine)
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")


@pytest.mark.django_db
@pytest.mark.parametrize("version", ["", "0", "abc", '"a', '"a" "b"', '"a",,"b"'])
def test_what_is_no_version_is_refused_by_name(client, boss, version):
    path = post(client, boss)["Location"]
    with nothing_changes():
        refused = client.patch(path, {}, content_type="application/json", headers={**boss, "If-Match": version})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["If-Match"])


@pytest.mark.django_db
def test_one_of_several_versions_is_enough(client, boss):
    made = post(client, boss)
    named = {**boss, "If-Match": f'W/"1", "0", {made["ETag"]}'}
    assert client.patch(made["Location"], {}, content_type="application/json", headers=named).status_code == 200


# Lists


@pytest.mark.django_db
def test_pages_show_every_row_once_also_where_all_were_made_at_one_instant(client):
    TicketOptionFactory.create_batch(5)
    TicketOption.objects.update(created_at="2030-01-01T00:00:00Z")
    link, seen = OPTIONS + "?limit=2", []
    while link:
        page = client.get(link).json()
        seen += [row["id"] for row in page["results"]]
        link = page["next"]
    assert len(seen) == 5
    assert set(seen) == {str(pk) for pk in TicketOption.objects.values_list("pk", flat=True)}


@pytest.mark.django_db
def test_the_order_can_be_turned_round(client):
    made = [str(TicketOptionFactory().pk) for _ in range(3)]
    for age, pk in enumerate(made):
        TicketOption.objects.filter(pk=pk).update(created_at=f"2030-01-0{age + 1}T00:00:00Z")
    assert [row["id"] for row in client.get(OPTIONS + "?ordering=created_at").json()["results"]] == made
    assert [row["id"] for row in client.get(OPTIONS).json()["results"]] == made[::-1]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=10000000000000000000000",
        "limit=x",
        "limit=",
        "ordering=capacity",
        "ordering=--created_at",
        "cursor=x",
        "cursor=WyIyMDMwIiwgIngiXQ==",
        "cursor=W10=",
        "cursor=bnVsbA==",
        "cursor=WzEsMl0=",
        "owner__password__startswith=a",
        "limit=1&limit=2",
        "cursor=%00",
    ],
)
def test_a_list_says_what_it_does_not_understand(client, query):
    response = client.get(f"{OPTIONS}?{query}")
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")


# Throttles


@pytest.mark.django_db
def test_a_caller_without_an_account_is_asked_to_wait_and_an_account_is_not(client, production, boss, settings):
    settings.THROTTLES = {"anonymous": "3/hour"}
    assert [client.get(OPTIONS).status_code for _ in range(4)] == [200, 200, 200, 429]
    waiting = client.get(OPTIONS)
    assert 1 <= int(waiting["Retry-After"]) <= 1201
    assert client.get(OPTIONS, headers=boss).status_code == 200
    assert client.get(OPTIONS, REMOTE_ADDR="192.0.2.7").status_code == 200


@pytest.mark.django_db
def test_beside_a_token_nobody_looks_at_cookies_and_languages(client, boss, monkeypatch):
    client.force_login(UserFactory(language="de"))
    monkeypatch.setattr(SessionMiddleware, "process_request", None)
    monkeypatch.setattr(translation, "get_language_from_request", None)
    made = post(client, boss)
    assert (made.status_code, made["Content-Language"]) == (201, "en")
    assert not made.cookies
    assert "cookie" not in made["Vary"].lower()


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "status"), [(OPTIONS, 401), ("/api/v1/nothing/", 404), ("/api/v1/schema/", 200)])
def test_a_wrong_token_makes_nobody_of_whoever_is_logged_in(client, production, path, status):
    client.force_login(UserFactory())
    assert client.get(path, headers={"Authorization": "Bearer " + "no-token-of-ours-at-all"}).status_code == status


@pytest.mark.django_db
def test_the_pages_about_the_api_know_who_is_logged_in_whatever_else_comes(client, production):
    client.force_login(UserFactory())
    assert b"/account/log-out/" in client.get("/api/v1/docs/", headers={"Authorization": "Basic eDp5"}).content
