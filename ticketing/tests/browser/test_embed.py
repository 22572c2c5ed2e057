"""The booking in a frame: pages of another origin show it, if they are named, and somebody books there."""

import re
from urllib.parse import quote

import pytest

from ticketing.tests.browser.conftest import shoot

BOTH = pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])


@pytest.fixture
def frame(site, browser):
    """Opens a page of another host, with the booking in a frame: `frame("localhost")`."""
    contexts = []

    def opened(host, path="/panel/book/embed/", **look):
        context = browser.new_context(**look)
        contexts.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.refusals = []
        page.on("console", lambda said: page.refusals.append(said.text) if said.type == "error" else None)
        page.goto(f"http://{host}:{site.shop.port}/?{quote(site.url + path)}")
        return page

    yield opened
    for context in contexts:
        context.close()


@BOTH
def test_somebody_books_in_a_frame_of_another_site_without_cookies(site, frame, scripts):
    page = frame("localhost", java_script_enabled=scripts, viewport={"width": 420, "height": 900})
    inside = page.frame_locator("iframe")
    inside.locator("input[type=date]").first.fill("2031-09-13")
    inside.get_by_role("button", name="Show the times").click()
    inside.get_by_role("radio", name=re.compile("10:15")).check()
    inside.get_by_role("button", name="Go on with this time").click()
    inside.get_by_label("First name").fill("Inês")
    inside.get_by_label("Last name").fill("Gonçalves")
    inside.get_by_label("Phone number").fill("5550100031")
    shoot(page, f"embed-details-{scripts}")
    inside.get_by_role("button", name="Book", exact=True).click()
    assert inside.get_by_role("heading", level=1).inner_text() == "Your time is booked"
    shoot(page, f"embed-done-{scripts}")
    assert page.context.cookies() == []
    assert page.refusals == []
    with page.expect_popup() as window:
        inside.get_by_role("link", name="See it, move it or cancel it").click()
    assert "Your booking" in window.value.locator("h1").inner_text()


def test_a_page_that_is_not_named_does_not_frame_it(frame):
    page = frame("127.0.0.1")
    page.wait_for_timeout(500)
    assert any("frame-ancestors" in said for said in page.refusals)
    assert page.frame_locator("iframe").get_by_role("heading", name="Book a time").count() == 0


def test_a_named_page_frames_no_other_page(frame):
    page = frame("localhost", path="/panel/book/")
    page.wait_for_timeout(500)
    assert any("frame" in said.lower() for said in page.refusals)
    assert page.frame_locator("iframe").get_by_role("heading", name="Book a time").count() == 0
