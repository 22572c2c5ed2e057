"""Which language a page speaks, and that programs are always answered in the same words."""

import re

import pytest
from django.test import Client

from support.tests.factories import TicketFactory
from ticketing.tests.factories import UserFactory

pytestmark = pytest.mark.django_db
GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de-AT,de;q=0.9,en;q=0.5"}


def spoken(client, path="/", **headers):
    return re.search(r'<html lang="([^"]+)">', client.get(path, **headers).content.decode())[1]


def test_a_page_speaks_what_the_browser_asks_for(client):
    assert spoken(client) == "en"
    assert spoken(client, **GERMAN) == "de"
    assert spoken(client, HTTP_ACCEPT_LANGUAGE="xx") == "en"
    answer = client.get("/", **GERMAN)
    assert answer["Content-Language"] == "de"
    assert "Accept-Language" in answer["Vary"]


def test_the_language_of_the_account_goes_before_that_of_the_browser(client):
    client.force_login(UserFactory(language="de"))
    assert spoken(client) == "de"
    assert spoken(client, "/nowhere/") == "de"
    client.force_login(UserFactory(language="en"))
    assert spoken(client, **GERMAN) == "en"


def test_one_button_changes_it_for_this_browser_and_for_the_account_and_leads_back(client):
    answer = client.post("/account/language/", {"language": "de"}, HTTP_REFERER="http://testserver/panel/book/")
    assert (answer.status_code, answer["Location"]) == (302, "http://testserver/panel/book/")
    assert spoken(client) == "de"
    person = UserFactory(language="en")
    client.force_login(person)
    assert client.post("/account/language/", {"language": "de"}, HTTP_REFERER="http://evil.test/")["Location"] == "/"
    person.refresh_from_db()
    assert person.language == "de"


def test_a_language_that_the_site_does_not_speak_is_refused(client):
    answer = client.post("/account/language/", {"language": "tlh"})
    assert answer.status_code == 400
    assert "django_language" not in client.cookies


def test_a_form_from_elsewhere_does_not_change_it():
    assert Client(enforce_csrf_checks=True).post("/account/language/", {"language": "de"}).status_code == 403


@pytest.mark.parametrize(
    "path", ["/tickets", "/api/v1/support/tickets/", "/health/ready", "/api/v1/nowhere", "/health"]
)
def test_programs_are_answered_in_the_same_words_whatever_they_ask_for(client, path):
    person = UserFactory(language="de", role="supervisor")
    TicketFactory()
    plain, german = client.get(path), client.get(path, **GERMAN)
    assert german["Content-Language"] == plain["Content-Language"] == "en"
    client.force_login(person)
    assert client.get(path, **GERMAN)["Content-Language"] == "en"
