"""The frame of every page, the start page, and the page that shows the pieces."""

import re
from pathlib import Path

import pytest

from ticketing.tests.factories import UserFactory

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
