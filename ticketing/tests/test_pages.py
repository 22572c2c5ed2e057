"""The frame of every page, the start page, and the page that shows the pieces."""

import re
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from django.template.loader import render_to_string

from booking.tests.factories import BookingFactory
from ticketing.tests.factories import UserFactory
from ticketing.toolkit.times import in_full

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db


def places(client, path="/"):
    """What the main navigation offers."""
    page = client.get(path).content.decode()
    return re.findall(r'<a href="([^"]+)"(?: aria-current="page")?>', page.split("<nav")[1].split("</nav>")[0])


def test_the_navigation_offers_what_a_role_may_do(client, production):
    assert "/panel/book/" in places(client)
    assert "/admin/" not in places(client)
    client.force_login(UserFactory(role="supervisor"))
    assert "/admin/" in places(client)
    client.force_login(UserFactory(role="gate"))
    assert "/panel/book/" not in places(client)


def test_the_page_one_is_on_is_marked(client):
    assert 'href="/panel/book/" aria-current="page"' in client.get("/panel/book/").content.decode()


def test_on_a_narrow_screen_the_places_are_behind_a_button_that_needs_no_script(client):
    client.force_login(UserFactory(role="supervisor", last_name="von " + "Hohenlohe" * 10))
    page = client.get("/panel/desk/").content.decode()
    assert re.search(r'<button class="[^"]*menu" type="button" popovertarget="places">Menu</button>', page)
    assert '<nav id="places" popover aria-label="Main">' in page
    assert page.count('aria-current="page"') == 1
    assert 'href="/panel/desk/" aria-current="page"' in page


def test_every_page_brings_the_words_for_a_part_that_is_not_up_to_date(client, settings):
    settings.TIME_ZONE = "America/New_York"
    page = client.get("/").content.decode()
    assert '<div class="stale" id="stale" role="status" data-zone="America/New York"></div>' in page
    words = re.search(r'<template id="stale-words">(.+?)</template>', page, re.DOTALL)[1]
    assert "Not up to date since <time></time>." in words
    assert "Load this page again" in words


def test_a_page_that_is_not_there_leads_on_and_strangers_to_the_log_in(client):
    answer = client.get("/nowhere/?a=1&b=2", headers={"referer": "http://testserver/panel/events/"})
    page = answer.content.decode()
    assert answer.status_code == 404
    assert 'href="/account/log-in/?next=%2Fnowhere%2F%3Fa%3D1%26b%3D2"' in page
    assert 'href="http://testserver/panel/events/"' in page
    assert 'href="/"' in page
    client.force_login(UserFactory())
    page = client.get("/nowhere/", headers={"referer": "https://evil.example/"}).content.decode()
    assert "log in first" not in page
    assert "evil" not in page


def test_whoever_booked_can_ask_about_it_with_one_link(client):
    person = UserFactory()
    booking = BookingFactory(by=person)
    client.force_login(person)
    page = client.get(f"/panel/bookings/{booking.pk}/").content.decode()
    link = re.search(r'href="/panel/questions/new/\?([^"]+)"', page)[1]
    asked = dict(parse_qsl(link.replace("&amp;", "&")))
    assert asked["subject"] == f"About my booking on {in_full(booking.starts_at)}"
    assert str(booking.pk) in asked["message"]
    client.force_login(UserFactory(role="supervisor"))
    assert "/panel/questions/new/?" not in client.get(f"/panel/bookings/{booking.pk}/").content.decode()


@pytest.mark.parametrize("name", ["400", "500"])
def test_the_pages_of_the_worst_need_nothing_and_speak_both_languages(name):
    page = render_to_string(f"{name}.html", {"request_id": "abc"})
    assert '<html lang="en">' in page
    assert '<section lang="de">' in page
    assert 'href="/"' in page
    assert not re.search(r"<(?:link|script|img)", page)


def test_a_request_that_nobody_can_read_is_answered_with_a_page_that_helps(client):
    answer = client.get("/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert b"<h1>That was not understood</h1>" in answer.content


def test_a_form_that_is_too_large_is_answered_with_a_page_that_helps(client, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 5
    answer = client.post("/account/log-in/", {f"field{number}": "x" for number in range(9)})
    assert answer.status_code == 400
    assert b"<h1>That was not understood</h1>" in answer.content


def test_the_pieces_are_shown_in_the_demo_only(client, settings):
    assert client.get("/panel/style/").status_code == 200
    settings.SITE_MODE = "production"
    assert client.get("/panel/style/").status_code == 404


def test_no_template_brings_styles_or_scripts_of_its_own_which_browsers_would_refuse():
    for path in (ROOT / "templates").rglob("*.html"):
        if "mail" not in path.parts:
            assert not re.search(r"<style|style=|<script(?![^>]*src)|\son[a-z]+=", path.read_text()), path


def test_colours_are_decided_in_one_place():
    for name in ("base", "components"):
        rules = (ROOT / "static" / "css" / f"{name}.css").read_text().replace("@media print", "").split("print")[0]
        found = set(re.findall(r"#[0-9a-f]{3,8}\b", rules)) - {"#000", "#999", "#ffffff"}  # print, and what is scanned
        assert found == set()


def test_the_page_of_the_pieces_shows_a_month_with_days_in_every_state(client):
    page = client.get("/panel/style/").content.decode()
    month = page.split('<table class="month">')[1].split("</table>")[0]
    for words in ("past", "closed", "too late", "not yet", "full", "3 free times", "many free times"):
        assert f"<small>{words}</small>" in month
    assert 'aria-current="date"' in month


def test_the_word_of_every_pill_begins_with_a_capital(client):
    page = client.get("/panel/style/").content.decode()
    words = re.findall(r'<span class="pill[^"]*">([^<]+)</span>', page)
    assert len(words) > 30
    assert [word for word in words if word != word[0].upper() + word[1:]] == []


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_no_page_writes_a_pill_in_small_letters(path):
    written = re.findall(r'<span class="pill[^"]*">(\{% translate [^%]*%\}|\{\{[^}]*\}\})', path.read_text())
    assert [one for one in written if "|capfirst" not in one and not re.match(r'\{% translate "[A-Z]', one)] == []
