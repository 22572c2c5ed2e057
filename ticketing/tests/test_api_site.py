"""The site itself over /api/v1/: the trail, what leaves, who hears of it, and the description of it all."""

import json
import re
import uuid

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from ticketing.models import Activity, Delivery, Mail, Webhook
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

V1 = "/api/v1/"
NOWHERE = "00000000-0000-4000-8000-000000000000"
HOOK = {"url": "https://hooks.example.org/x", "description": "Board", "operations": ["booking.book"]}


@pytest.fixture
def people():
    roles = {role: UserFactory(role=role) for role in ("customer", "agent", "gate", "supervisor")}
    return {**roles, "superuser": UserFactory(role="supervisor", is_superuser=True)}


@pytest.fixture
def as_(people):
    """The headers of each role; nobody has none."""
    return {"anonymous": {}, **{role: bearer(person) for role, person in people.items()}}


@pytest.fixture
def webhook():
    return Webhook.objects.create(url=HOOK["url"], operations=["booking.book"])


def line(operation="booking.book", **fields):
    """A line of the trail, as somebody else's change would write it."""
    return Activity.objects.create(operation=operation, role="system", **fields)


def mail(**fields):
    return Mail.objects.create(to="ada@example.org", template="reset", context={"private": "yes"}, **fields)


def send(client, path, body=None, headers=None, method="post"):
    return getattr(client, method)(V1 + path, body or {}, content_type="application/json", headers=headers)


def get(client, path, headers=None):
    response = client.get(V1 + path, headers=headers)
    assert response.status_code == 200, response.content
    return response.json()


def ids(client, path, headers=None):
    return [row["id"] for row in get(client, path, headers)["results"]]


def refused(response, status, code):
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json"), response.content
    assert response.json()["code"] == code
    return response.json()


def key():
    return {"Idempotency-Key": uuid.uuid4().hex}


# Who may


CALLS = [
    ("get", "activities/", {}),
    ("get", "activities/{activity}/", {}),
    ("get", "mails/", {}),
    ("get", "mails/{mail}/", {}),
    ("post", "mails/{mail}/resend/", {}),
    ("get", "deliveries/", {}),
    ("get", "deliveries/{delivery}/", {}),
    ("post", "deliveries/{delivery}/resend/", {}),
    ("get", "webhooks/", {}),
    ("get", "webhooks/{webhook}/", {}),
    ("post", "webhooks/", HOOK),
    ("patch", "webhooks/{webhook}/", {"description": "x"}),
    ("post", "webhooks/{webhook}/rotate/", {}),
    ("delete", "webhooks/{webhook}/", {}),
]
ANSWERS = {
    "anonymous": [401] * 14,
    "customer": [403] * 14,
    "agent": [403] * 14,
    "gate": [403] * 14,
    "supervisor": [200] * 8 + [403] * 6,
    "superuser": [200] * 10 + [201, 200, 200, 204],
}


@pytest.mark.parametrize("role", ANSWERS)
def test_in_production_each_role_reaches_what_the_table_of_rights_says(client, production, as_, webhook, role):
    names = {
        "webhook": webhook.pk,
        "activity": line().pk,
        "mail": mail(dead_at=Now()).pk,
        "delivery": Delivery.objects.get().pk,
    }
    Delivery.objects.update(dead_at=Now())
    answers = [send(client, path.format(**names), body, as_[role], method).status_code for method, path, body in CALLS]
    assert answers == ANSWERS[role]


@pytest.mark.parametrize("noun", ["activities", "mails", "deliveries", "webhooks"])
def test_what_is_not_there_is_missing_whatever_it_is_called(client, as_, noun):
    names = ("0", "-1", "1" * 18, "9" * 19, "9" * 400, "x", "1.0", "%D9%A1", "%00", NOWHERE)
    answers = [client.get(f"{V1}{noun}/{name}/", headers=as_["superuser"]) for name in names]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    refused(answers[0], 404, "not_found")


@pytest.mark.parametrize("path", ["activities/", "mails/", "deliveries/", "webhooks/"])
def test_a_list_costs_the_same_for_one_row_and_for_twenty(client, production, as_, webhook, path):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            get(client, path, as_["superuser"])
        return len(queries)

    def one_more():
        Webhook.objects.create(url=HOOK["url"])
        line()
        mail()

    one_more()
    cost()  # the first use of a token is written down
    one = cost()
    for _ in range(19):
        one_more()
    assert cost() == one == 2  # the token and the rows


# The trail


def test_the_trail_is_read_newest_first_and_page_by_page(client, as_):
    made = [line().pk for _ in range(5)]
    link, seen = V1 + "activities/?limit=2&operation=booking.book", []
    while link:
        page = client.get(link, headers=as_["supervisor"]).json()
        seen += [row["id"] for row in page["results"]]
        link = page["next"]
    assert seen == made[::-1]
    assert ids(client, "activities/?ordering=id&operation=booking.book", as_["supervisor"]) == made


def test_the_trail_is_narrowed_by_what_who_on_what_and_when(client, as_, people):
    who, what = people["agent"], uuid.uuid4()
    old = line(actor=who, at="2020-05-01T00:00:00Z")
    new = line("booking.cancel", object_id=what, kind="booking.booking", details={"count": 2})
    for query, found in (
        ("operation=booking.cancel", new),
        (f"object={what}", new),
        (f"actor={who.pk}&at_to=2021-01-01T00:00:00Z", old),
        ("at_from=2020-05-01T00:00:00Z&at_to=2020-05-01T00:00:01Z", old),
    ):
        assert ids(client, f"activities/?{query}", as_["supervisor"]) == [found.pk]
    row = get(client, f"activities/{new.pk}/", as_["supervisor"])
    assert (row["object"], row["actor"], row["details"], row["kind"]) == (
        str(what),
        None,
        {"count": 2},
        "booking.booking",
    )
    for nonsense in ("actor=x", "object=", "at_from=now", "kind=x", "cursor=WyI5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OSJd"):
        response = client.get(f"{V1}activities/?{nonsense}", headers=as_["supervisor"])
        assert response.status_code in (200, 400), response.content
        assert response.status_code == 400 or "cursor" in nonsense


# Webhooks


def test_a_webhook_is_made_once_per_key_and_its_secret_is_shown_once(client, production, as_):
    once = {**as_["superuser"], **key()}
    made, again = (send(client, "webhooks/", HOOK, once) for _ in range(2))
    assert (made.status_code, again.status_code) == (201, 201)
    row = made.json()
    assert row["secret"].startswith("whsec_")
    assert again.json() == {**row, "secret": None}
    assert Webhook.objects.count() == 1
    shown = client.get(made["Location"], headers=as_["superuser"])
    assert {**shown.json(), "secret": row["secret"]} == {**row, "is_active": True}
    assert row["secret"] not in client.get(V1 + "webhooks/", headers=as_["superuser"]).content.decode()


def test_what_is_left_out_of_a_change_stays_and_what_is_read_only_too(client, production, as_, webhook):
    path = f"webhooks/{webhook.pk}/"
    before = get(client, path, as_["superuser"])
    body = {"description": "Hall", "secret_version": 9, "secret": "x", "made_by": NOWHERE, "id": NOWHERE}
    after = send(client, path, body, as_["superuser"], "patch").json()
    assert after == {**before, "description": "Hall", "updated_at": after["updated_at"]}
    assert Webhook.objects.get().secret_version == 1


def test_a_webhook_that_was_changed_in_between_is_left_as_it_is(client, production, as_, webhook):
    Webhook.objects.update(updated_at="2020-01-01T00:00:00Z")
    path = f"webhooks/{webhook.pk}/"
    mine = {**as_["superuser"], "If-Match": client.get(V1 + path, headers=as_["superuser"])["ETag"]}
    assert send(client, path, {"is_active": False}, mine, "patch").json()["is_active"] is False
    with nothing_changes():
        refused(send(client, path, headers=mine, method="delete"), 412, "precondition_failed")
        refused(send(client, f"{path}rotate/", headers=mine), 412, "precondition_failed")


def test_a_version_that_can_be_none_is_refused_also_when_the_request_is_repeated(client, production, as_, webhook):
    path, once = f"webhooks/{webhook.pk}/", {**as_["superuser"], **key()}
    assert send(client, path, {"is_active": False}, once, "patch").status_code == 200
    answer = send(client, path, {"is_active": False}, {**once, "If-Match": "0"}, "patch")
    assert list(refused(answer, 400, "invalid")["errors"]) == ["If-Match"]


def test_a_rotated_webhook_has_another_secret(client, production, as_):
    made = send(client, "webhooks/", HOOK, as_["superuser"]).json()
    rotated = send(client, f"webhooks/{made['id']}/rotate/", headers=as_["superuser"]).json()
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != made["secret"]


def test_a_removed_webhook_is_gone(client, production, as_, webhook):
    path = f"webhooks/{webhook.pk}/"
    assert send(client, path, headers=as_["superuser"], method="delete").status_code == 204
    refused(send(client, path, headers=as_["superuser"], method="delete"), 404, "not_found")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "http://hooks.example.org"),
        ("url", "https://u:p@example.org"),
        ("url", "https://example.org:22"),
        ("url", "ftp://example.org"),
        ("url", 5),
        ("url", "https://example.org/" + "x" * 500),
        ("operations", "booking.book"),
        ("operations", ["Booking"]),
        ("operations", [5]),
        ("description", None),
        ("is_active", "true"),
    ],
)
def test_a_webhook_is_checked(client, production, as_, webhook, field, value):
    with nothing_changes():
        for path, method in (("webhooks/", "post"), (f"webhooks/{webhook.pk}/", "patch")):
            answer = send(client, path, {**HOOK, field: value}, as_["superuser"], method)
            assert answer.status_code == 400
            assert list(answer.json()["errors"]) == [field]
            assert {type(sentence) for sentence in answer.json()["errors"][field]} == {str}


# What leaves


def test_mails_and_deliveries_are_found_by_how_far_they_came(client, as_, webhook):
    for _ in range(4):
        line()
    for model, noun in ((Mail, "mails"), (Delivery, "deliveries")):
        if model is Mail:
            for _ in range(4):
                mail()
        late, sent, dead, due = model.objects.order_by("pk")
        model.objects.filter(pk=late.pk).update(next_at="2100-01-01T00:00:00Z")
        model.objects.filter(pk=sent.pk).update(sent_at=Now())
        model.objects.filter(pk=dead.pk).update(dead_at=Now(), last_error="No.")
        for state, found in (("unsent", [due, late]), ("due", [due]), ("sent", [sent]), ("dead", [dead])):
            assert ids(client, f"{noun}/?state={state}", as_["supervisor"]) == [row.pk for row in found]
        refused(client.get(f"{V1}{noun}/?state=lost", headers=as_["supervisor"]), 400, "invalid")
    other = Webhook.objects.create(url=HOOK["url"])
    assert ids(client, f"deliveries/?webhook={other.pk}", as_["supervisor"]) == []


def test_a_mail_is_shown_without_what_stands_in_it(client, as_):
    row = get(client, f"mails/{mail().pk}/", as_["supervisor"])
    assert (row["to"], row["template"]) == ("ada@example.org", "reset")
    assert "private" not in json.dumps(row)


def test_what_was_given_up_is_sent_again_once_per_key(client, production, as_):
    given_up = mail(dead_at=Now(), attempts=12, last_error="No.")
    once, path = {**as_["supervisor"], **key()}, f"mails/{given_up.pk}/resend/"
    first, second = (send(client, path, headers=once) for _ in range(2))
    assert (first.status_code, first.json()["dead_at"], first.json()["attempts"]) == (200, None, 0)
    assert second.json() == first.json()
    assert second["Idempotent-Replayed"] == "true"
    assert Activity.objects.filter(operation="site.resend").count() == 1
    with nothing_changes():
        refused(send(client, path, headers=as_["supervisor"]), 409, "not_given_up")


def test_nothing_is_sent_again_to_a_webhook_that_is_off(client, production, as_, webhook):
    line()
    Webhook.objects.update(is_active=False)
    Delivery.objects.update(dead_at=Now())
    with nothing_changes():
        path = f"deliveries/{Delivery.objects.get().pk}/resend/"
        refused(send(client, path, headers=as_["supervisor"]), 409, "switched_off")


# The description


def described(client):
    response = client.get(V1 + "schema/")
    assert response.status_code == 200
    return response.json()


def operations(schema):
    for path, verbs in schema["paths"].items():
        for verb, operation in verbs.items():
            yield f"{verb} {path}", operation


def test_every_operation_says_who_may_and_what_it_can_answer(client, production):
    for name, operation in operations(described(client)):
        assert "**Who may**" in operation["description"], name
        assert {"401", "403", "429", "503"} <= set(operation["responses"]), name
        assert [status for status in operation["responses"] if status.startswith("2")], name
        assert name.startswith("get ") or {"400", "409", "415", "422"} <= set(operation["responses"]), name


def test_the_description_knows_the_mode(client, settings):
    post = "post /api/v1/allocation/options/"
    assert {} in dict(operations(described(client)))[post]["security"]
    settings.SITE_MODE = "production"
    assert {} not in dict(operations(described(client)))[post]["security"]


def test_what_lets_somebody_in_is_shown_by_three_answers_alone(client):
    inside = {"digest", "password", "session_key", "session_data", "token", "secret", "manage_token", "terms"}
    showing = {
        name
        for name, component in described(client)["components"]["schemas"].items()
        for field, shape in component.get("properties", {}).items()
        if field in inside and not shape.get("writeOnly")
    }
    assert showing == {"ShownToken", "ShownWebhook", "BookingMade"}


def test_every_example_is_accepted_by_the_demo(client, as_):
    for name, operation in operations(described(client)):
        verb, path = name.split()
        bodies = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {})
        if bodies and verb == "post" and "{" not in path:
            [example] = bodies.values()
            answer = client.post(path, example["value"], content_type="application/json", headers=as_["superuser"])
            assert answer.status_code in (200, 201, 202, 404, 409), (name, answer.content)


def test_the_page_of_the_description_runs_no_script_but_the_sites_own(client, settings):
    page = client.get(V1 + "docs/")
    assert page.status_code == 200
    assert page["Content-Security-Policy"] == settings.CONTENT_SECURITY_POLICY
    assert "unsafe" not in settings.CONTENT_SECURITY_POLICY
    scripts = re.findall(r"<script(.*?)>(.*?)</script>", page.content.decode())
    assert len(scripts) == 2
    assert {text for _source, text in scripts} == {""}
    assert "<style" not in page.content.decode()
