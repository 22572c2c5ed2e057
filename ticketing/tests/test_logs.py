"""What is logged: one JSON object per line, found again by the request's id, and nothing that somebody entered."""

import io
import json
import logging
import logging.config
import re

import pytest
from django.conf import settings as site
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, OperationalError
from django.test import Client

from ticketing.models import Activity
from ticketing.tests.factories import UserFactory, bearer
from ticketing.toolkit.logs import JsonLines, request_id

SENTINEL = "s3ntinel"


@pytest.fixture
def log(settings):
    """Production's log of everything from DEBUG on, with a view that breaks; `log()` are its lines so far."""
    settings.ROOT_URLCONF = "ticketing.tests.broken_urls"
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    handler.addFilter(
        logging.config.DictConfigurator(site.LOGGING).configure_filter(site.LOGGING["filters"]["without_paths"])
    )
    root = logging.getLogger()
    levels = [(logger, logger.level) for logger in (root, logging.getLogger("ticketing.request"))]
    for logger, _ in levels:
        logger.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    for logger, level in levels:
        logger.setLevel(level)


def requests(log):
    return [line for line in log() if line["logger"] == "ticketing.request"]


def ask(verb, path, body="", **headers):
    client = Client(raise_request_exception=False)
    data = body if isinstance(body, str) else json.dumps(body)
    return client.generic(verb, path, data, content_type="application/json", headers=headers)


@pytest.mark.django_db
def test_a_request_is_logged_with_its_route_and_the_callers_role(log):
    ask("GET", "/tickets/ABCDEF?x=1", **bearer(UserFactory(role="agent")))
    [line] = requests(log)
    assert line.pop("ms") >= 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("time"))
    assert re.fullmatch("[0-9a-f]{32}", line.pop("request_id"))
    assert line == {
        "level": "INFO",
        "logger": "ticketing.request",
        "message": "request",
        "method": "GET",
        "route": r"^tickets/(?P<code>[^/]+)/?\Z",
        "status": 404,
        "role": "agent",
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("verb", "path", "expected"),
    [
        ("GET", "/ticket", {"role": "anonymous", "status": 200}),
        ("GET", f"/nowhere/{SENTINEL}", {"route": None, "status": 404}),
        (SENTINEL.upper(), "/ticket", {"method": "other", "status": 405}),
    ],
)
def test_requests_that_end_otherwise_are_logged_too(log, verb, path, expected):
    ask(verb, path)
    [line] = requests(log)
    assert {name: line.get(name) for name in expected} == expected


@pytest.mark.django_db
def test_somebody_who_is_logged_in_by_cookie_has_their_role(log, client):
    client.force_login(UserFactory(role="supervisor"))
    client.get("/")
    assert requests(log)[-1]["role"] == "supervisor"


@pytest.mark.django_db
def test_questions_about_health_that_are_answered_well_are_routine(log):
    ask("GET", "/health")
    assert [line["level"] for line in requests(log)] == ["DEBUG"]


@pytest.mark.django_db
def test_all_lines_of_a_request_and_its_answer_carry_one_id_and_the_next_request_another(log):
    first, second = ask("GET", "/broken"), ask("GET", "/broken")
    ids = {line["request_id"] for line in log() if "request_id" in line}
    assert ids == {first.headers["X-Request-ID"], second.headers["X-Request-ID"]}
    assert len(ids) == 2
    assert first.headers["X-Request-ID"] in first.content.decode()
    assert request_id.get() == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("behind_proxy", "given", "kept"),
    [
        (True, "abcdef0123456789", True),
        (False, "abcdef0123456789", False),
        (True, "short", False),
        (True, "x" * 65, False),
        (True, 'quote"and space', False),
    ],
)
def test_an_id_is_taken_from_the_proxy_only_and_only_a_sane_one(settings, behind_proxy, given, kept):
    settings.BEHIND_PROXY = behind_proxy
    answer = ask("GET", "/health", **{"X-Request-ID": given})
    assert (answer.headers["X-Request-ID"] == given) is kept


@pytest.mark.django_db
def test_a_defect_is_logged_with_its_lines_of_code_and_without_its_values(log):
    assert ask("POST", f"/broken?q={SENTINEL}", {"phone": SENTINEL}).status_code == 500
    [line] = [line for line in log() if line["level"] == "ERROR"]
    assert "broken_urls.py" in line["traceback"]
    assert line["traceback"].endswith("ValueError")
    assert line["message"] == "Internal Server Error: broken"


def formatted(error, cause=None):
    try:
        raise error from cause
    except Exception:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "it failed", None, __import__("sys").exc_info())
    return json.loads(JsonLines().format(record))["traceback"]


class Stated(Exception):
    sqlstate = "23505"


@pytest.mark.parametrize(
    ("error", "cause", "said"),
    [
        (AttributeError("no attribute x"), None, True),
        (ImproperlyConfigured("SECRET_KEY"), None, True),
        (OperationalError("connection refused"), None, True),
        (ValueError(SENTINEL), None, False),
        (IntegrityError(SENTINEL), Stated(SENTINEL), False),
        (OperationalError(SENTINEL), Stated(SENTINEL), False),
    ],
)
def test_an_error_speaks_only_where_its_words_cannot_be_data(error, cause, said):
    text = formatted(error, cause)
    assert (str(error) in text.rsplit("\n", 1)[-1]) is said
    assert type(error).__qualname__ in text
    assert SENTINEL not in text.replace(f"({SENTINEL!r})", "")


DOORS = [
    ("POST", "/api/agent/login", {"username": SENTINEL, "password": SENTINEL}, {}),
    ("POST", "/api/agent/logout", {}, {"Authorization": f"Bearer {SENTINEL * 5}"}),
    ("GET", f"/users?token={SENTINEL}", "", {"Authorization": f"Bearer {SENTINEL * 5}"}),
    ("GET", f"/tickets/{SENTINEL}", "", {"Cookie": f"sessionid={SENTINEL}"}),
    ("POST", "/tickets", f'{{"subject": "{SENTINEL}", ', {}),
    ("POST", "/api/customer/ticket/generate", {"user_id": SENTINEL, "phone": SENTINEL, "query": SENTINEL}, {}),
    ("POST", "/book/", {"firstname": SENTINEL, "lastname": SENTINEL, "phone_number": SENTINEL}, {}),
    (
        "POST",
        "/book/",
        {
            "firstname": SENTINEL,
            "lastname": SENTINEL,
            "phone_number": "5550199999",
            "date": "12-09-2030",
            "time": "21:00",
        },
        {"Idempotency-Key": SENTINEL * 4},
    ),
    ("POST", "/view/", {"query": "id", "id": SENTINEL, "manage_token": SENTINEL}, {}),
    ("POST", f"/ticket_options/{SENTINEL}/purchases", {"UserID": SENTINEL}, {"Idempotency-Key": SENTINEL * 4}),
    ("UPDATE", f"/ticket/validate?id={SENTINEL}", "", {}),
    ("GET", f"/account/reset/{SENTINEL}/", "", {}),
    ("GET", f"/panel/transfers/{SENTINEL}/", "", {}),
    ("POST", "/api/v1/allocation/transfers/accept/", {"secret": SENTINEL}, {}),
    ("GET", f"/api/v1/me/?token={SENTINEL}", "", {"Authorization": f"Bearer {SENTINEL * 5}"}),
    ("GET", f"/nowhere/{SENTINEL}", "", {"Referer": f"http://testserver/{SENTINEL}", "User-Agent": SENTINEL}),
    ("GET", f"/broken/{SENTINEL}?q={SENTINEL}", SENTINEL, {"Cookie": f"csrftoken={SENTINEL}"}),
    ("GET", "/", "", {"Host": f"{SENTINEL}.example.org"}),
    ("POST", "/panel/book/", SENTINEL, {}),
    ("POST", "/admin/login/", SENTINEL, {"X-Forwarded-For": SENTINEL, "X-Request-ID": SENTINEL}),
]


@pytest.mark.django_db
def test_nothing_that_anybody_enters_at_any_door_is_logged(log):
    for verb, path, body, headers in DOORS:
        ask(verb, path, body, **headers)
    text = json.dumps(log())
    assert len(requests(log)) == len(DOORS)
    assert SENTINEL not in text.lower()
    assert "5550199999" not in text
    assert Activity.objects.exists()  # and some of it was really done


@pytest.mark.django_db
def test_a_token_that_works_and_a_password_that_works_are_not_logged(log):
    headers = bearer(UserFactory(role="agent", username="mei"))
    ask("GET", "/tickets", **headers)
    answer = ask("POST", "/api/agent/login", {"username": "mei", "password": "correct horse battery staple"})
    text = json.dumps(log())
    for secret in (headers["Authorization"].split()[1], answer.json()["token"], "correct horse"):
        assert secret not in text
