"""One family of refusals, and how each medium says it."""

import json
import logging

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import OperationalError, transaction
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory
from django_q.models import OrmQ
from psycopg import errors as postgres
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.exceptions import ValidationError as SerializerError
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from ticketing import errors
from ticketing.tasks import enqueue, task
from ticketing.tests.factories import UserFactory
from ticketing.texts import clean_text
from ticketing.toolkit.commands import DomainCommand
from ticketing.toolkit.contracts import ContractView
from ticketing.toolkit.middleware import RefusalPages, way_back
from ticketing.toolkit.panel import refusals_on

KINDS = [
    (errors.Invalid, 400),
    (errors.LogInFirst, 401),
    (errors.NotAllowed, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.Busy, 409),
    (errors.TooLarge, 413),
    (errors.KeyReused, 422),
    (errors.TooManyAttempts, 429),
    (errors.Unavailable, 503),
]


class SoldOut(errors.Conflict):
    code = "sold_out"
    message = "Nothing is left."


def database_error(kind):
    error = OperationalError("trouble")
    error.__cause__ = kind() if kind else None
    return error


def problem(error):
    class View(APIView):
        authentication_classes = permission_classes = ()

        def get(self, request):
            raise error

    answer = View.as_view()(APIRequestFactory().get("/"))
    answer.render()
    assert answer["Content-Type"] == "application/problem+json"
    return answer, json.loads(answer.content)


def contract(error):
    class View(ContractView):
        operations = {"GET": "site.health"}
        sentences = {SoldOut: "there is not any available tickets"}

        def get(self, request):
            raise error

    return View.as_view()(RequestFactory().get("/"))


@pytest.mark.parametrize(("kind", "status"), KINDS)
def test_the_api_answers_with_a_problem_document(kind, status):
    answer, body = problem(kind())
    assert answer.status_code == body["status"] == status
    assert body["code"] == kind.code
    assert body["detail"] == str(kind.message)
    assert set(body) == {"type", "title", "status", "code", "detail", "errors"}
    assert ("Retry-After" in answer) == (kind.retry_after is not None)
    assert ("WWW-Authenticate" in answer) == (status == 401)


def test_the_problem_document_names_the_field():
    assert problem(SoldOut(field="quantity"))[1]["errors"] == {"quantity": ["Nothing is left."]}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Http404(), 404),
        (ValidationError({"name": ["Too long."]}), 400),
        (SerializerError({"name": ["Too long."]}), 400),
        (SerializerError(["No."]), 400),
        (MethodNotAllowed("PUT"), 405),
        (database_error(postgres.LockNotAvailable), 409),
        (database_error(postgres.QueryCanceled), 409),
        (database_error(postgres.DeadlockDetected), 409),
        (database_error(postgres.AdminShutdown), 503),
        (database_error(postgres.TooManyConnections), 503),
        (database_error(None), 503),
    ],
)
def test_other_failures_are_problem_documents_too(error, status):
    assert problem(error)[0].status_code == status


def test_a_defect_stays_a_defect():
    with pytest.raises(ZeroDivisionError):
        problem(ZeroDivisionError())
    with pytest.raises(OperationalError):
        contract(database_error(postgres.UndefinedTable))


@pytest.mark.parametrize(("kind", "status"), KINDS)
def test_a_contract_answers_in_its_one_shape(kind, status):
    answer = contract(kind(field="name"))
    body = json.loads(answer.content)
    assert answer.status_code == status
    assert body == {"status": False, "message": str(kind.message), "errors": {"name": str(kind.message)}}


def test_a_contract_has_words_of_its_own_for_a_refusal():
    assert json.loads(contract(SoldOut()).content)["message"] == "there is not any available tickets"


def test_a_database_that_is_away_is_503_in_a_contract():
    answer = contract(database_error(None))
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")


def test_a_form_shows_it_on_the_field_or_on_the_form():
    class Form(forms.Form):
        quantity = forms.IntegerField()

    form = Form({"quantity": 1})
    assert form.is_valid()
    with refusals_on(form):
        raise SoldOut(field="quantity")
    with refusals_on(form):
        raise errors.NotAllowed
    assert form.errors == {"quantity": ["Nothing is left."], "__all__": ["Your role may not do this."]}


def page_for(request, error):
    return RefusalPages(lambda _: HttpResponse()).process_exception(request, error)


def test_a_page_says_it_with_its_status(rf):
    answer = page_for(rf.get("/x/"), SoldOut())
    assert answer.status_code == 409
    assert b"Nothing is left." in answer.content
    assert b"<html" in answer.content


def test_htmx_gets_only_the_part(rf):
    part = page_for(rf.get("/x/", headers={"HX-Request": "true"}), SoldOut())
    assert part.status_code == 409
    assert b"<html" not in part.content
    assert b'role="alert"' in part.content


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "path", "roles"),
    [
        ("customer", "/panel/desk/", "It takes one of these roles: agent, supervisor."),
        ("agent", "/panel/bookings/", "It takes one of these roles: customer, supervisor."),
        ("gate", "/panel/questions/", "It takes one of these roles: customer, agent, supervisor."),
    ],
)
def test_a_page_that_is_for_others_says_for_whom_and_who_asks(client, production, role, path, roles):
    client.force_login(UserFactory(role=role, first_name="Grace", last_name="Hopper"))
    answer = client.get(path, headers={"referer": "http://testserver/account/profile/"})
    page = answer.content.decode()
    assert answer.status_code == 403
    assert f"You are logged in as Grace Hopper, with the role {role}." in page
    assert roles in page
    assert "log in with another account" in page
    assert 'href="http://testserver/account/profile/"' in page


@pytest.mark.django_db
def test_a_form_that_is_too_old_says_so_and_nothing_of_roles():
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory())
    answer = client.post("/panel/questions/new/", {})
    assert answer.status_code == 403
    assert b"The form is too old." in answer.content
    assert b"with the role" not in answer.content


@pytest.mark.django_db
def test_a_page_that_refuses_in_the_admin_says_who_asks(client):
    client.force_login(UserFactory(role="supervisor", is_staff=True, first_name="Grace", last_name="Hopper"))
    answer = client.get("/admin/ticketing/user/add/")
    assert answer.status_code == 403
    assert b"You are logged in as Grace Hopper" in answer.content


@pytest.mark.django_db
def test_the_address_of_a_button_says_so_when_it_is_opened_like_a_page(client):
    answer = client.get("/account/log-out/")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert b"There is no page here" in answer.content
    assert b"only buttons of other pages" in answer.content
    assert b"Go back to the page that the button is on" in answer.content
    assert b"<title>There is no page here" in answer.content


@pytest.mark.django_db
def test_a_form_that_was_not_ours_says_what_to_do_next():
    answer = Client(enforce_csrf_checks=True).post("/account/sign-up/")
    assert answer.status_code == 403
    assert b"<title>This was not allowed" in answer.content
    assert b"Go back, load the page again" in answer.content


@pytest.mark.django_db
def test_a_program_that_asks_by_the_wrong_verb_gets_no_page(client):
    for path in ("/health/ready", "/health", "/api/v1/support/tickets/"):
        answer = client.delete(path)
        assert answer.status_code == 405, path
        assert b"<html" not in answer.content, path


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (errors.Conflict(), "Go back and look at how it is now"),
        (errors.Busy(), "Try again in 1 second."),
        (errors.TooManyAttempts(), '<a href="/account/forgot/">Choose a new one</a>'),
        (errors.Unavailable(), "Load this page again in a minute."),
        (errors.Invalid(), "Go to the start page"),
    ],
)
def test_a_page_says_what_to_do_next(rf, refusal, words):
    assert words in page_for(rf.get("/x/"), refusal).content.decode()


@pytest.mark.parametrize(("seconds", "words"), [(1, "1 second."), (99, "99 seconds."), (100, "2 minutes.")])
def test_a_page_says_how_long_to_wait(rf, seconds, words):
    refusal = errors.TooManyRequests()
    refusal.retry_after = seconds
    answer = page_for(rf.get("/x/"), refusal)
    assert f"Try again in {words}" in answer.content.decode()
    assert answer["Retry-After"] == str(seconds)


def test_no_refusal_is_no_page(rf):
    assert page_for(rf.get("/"), ZeroDivisionError()) is None


@pytest.mark.parametrize(
    ("referer", "back"),
    [("http://testserver/panel/", "http://testserver/panel/"), ("https://evil.example/", ""), ("//evil.example", "")],
)
def test_the_way_back_is_never_to_another_site(rf, referer, back):
    assert way_back(rf.post("/x/", headers={"referer": referer})) == back


def test_a_command_ends_with_the_sentence_and_1():
    class Command(DomainCommand):
        requires_system_checks = []

        def handle(self, *args, **options):
            raise SoldOut

    with pytest.raises(CommandError, match="Nothing is left") as refused:
        call_command(Command())
    assert refused.value.returncode == 1


def test_a_refused_task_is_an_answer_and_is_not_retried(caplog):
    @task
    def refusing():
        raise SoldOut

    with caplog.at_level(logging.INFO):
        assert refusing() == {"refused": "sold_out"}
    assert "sold_out" in caplog.text


@pytest.mark.django_db
def test_a_task_is_queued_with_the_change_that_asks_for_it_or_not_at_all():
    with pytest.raises(RuntimeError), transaction.atomic():
        enqueue("ticketing.tasks.beat")
        raise RuntimeError
    assert OrmQ.objects.count() == 0
    enqueue("ticketing.tasks.beat")
    assert OrmQ.objects.count() == 1


def test_a_task_that_does_not_exist_is_noticed_by_whoever_asks_for_it():
    with pytest.raises(ImportError):
        enqueue("ticketing.tasks.nonsense")


@pytest.mark.parametrize("text", ["", " ", "x" * 11, "a\0b", "a\nb", "a\x85b", "\ud800", None, 5, "a\u2028b"])
def test_texts_that_are_refused(text):
    with pytest.raises(errors.Invalid) as refused:
        clean_text(text, field="name", limit=10)
    assert list(refused.value.errors) == ["name"]


def test_texts_that_are_taken():
    assert clean_text("  Zoë 👩‍👩‍👧 ", field="name", limit=10) == "Zoë 👩‍👩‍👧"
    assert clean_text(" ", field="name", limit=10, empty=True) == ""
    assert clean_text("a\nb", field="name", limit=10, lines=True) == "a\nb"
