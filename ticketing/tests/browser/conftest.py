"""The site as people see it: a demo with its processes, its mail server, and Debian's Chromium in front of it."""

import os
import re
import shutil
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import pytest

from ticketing.tests.receivers import FramingPage, MailServer
from ticketing.tests.test_site import Site, home, within

PASSWORD = "12345"  # of every account of the demo
PEOPLE = ["amara", "mei", "abhinav", "sofia", "gate"]
SHOTS = Path(__file__).resolve().parents[3] / ".screenshots"


def pytest_collection_modifyitems(items):
    missing = pytest.mark.skip(reason="Chromium is missing. On Debian: apt install chromium")
    for item in items:
        if not shutil.which("chromium") and "browser" in item.keywords:
            item.add_marker(missing)


class SiteWithMail(Site):
    """Its mails arrive at a real mail server, and one page of another site may frame its booking."""

    def __init__(self, home, server, shop):
        super().__init__(home)
        self.server, self.shop = server, shop

    def environment(self):
        outside = {
            "EMAIL_URL": f"smtp://127.0.0.1:{self.server.port}",
            "EMBED_ORIGINS": f"http://localhost:{self.shop.port}",
        }
        return super().environment() | outside

    def mail_to(self, address, saying=""):
        """The text of the last mail to this address that holds this, once it is there."""

        def last():
            ours = [text(mail) for mail in self.server.mails if mail["To"] == address]
            return next((told for told in reversed(ours) if saying in told), None)

        return within(15, last)


def text(mail):
    """What a mail says without its HTML."""
    parts = {part.get_content_type(): part for part in mail.walk()}
    return parts["text/plain"].get_payload(decode=True).decode()


@pytest.fixture(scope="session")
def site():
    with home() as place, MailServer() as server, FramingPage() as shop:
        site = SiteWithMail(place, server, shop).start()
        yield site
        site.stop()


@pytest.fixture(scope="session")
def cookies(site, browser):
    """What the browser of each of the demo's people holds; nothing for nobody."""
    return {"": None, **{name: log_in(site, browser, name) for name in PEOPLE}}


def log_in(site, browser, name):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/account/log-in/")
    page.locator("input[name=username]").fill(name)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main").get_by_role("button", name="Log in").click()
    assert page.url == f"{site.url}/"
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def visit(site, browser, cookies):
    """Opens a browser as somebody: `with visit("mei") as page`. At its end nothing may have been complained about."""
    return visits_with(browser, site, cookies)


def visits_with(browser, site, cookies):
    """How this browser is opened as somebody."""

    @contextmanager
    def opened(name="", scripts=True, width=1280, height=800, **look):
        page, complaints = open_page(
            browser,
            site,
            viewport={"width": width, "height": height},
            storage_state=cookies[name],
            java_script_enabled=scripts,
            **look,
        )
        try:
            yield page
        finally:
            page.context.close()
        assert complaints == []

    return opened


def open_page(browser, site, **more):
    """A page of a browser of its own, and what is complained about there."""
    context = browser.new_context(base_url=site.url, **more)
    context.set_default_timeout(10_000)
    page = context.new_page()
    return page, list_complaints(page, site.url)


@pytest.fixture(scope="session")
def tabs(site, browser):
    """A page for each of the demo's people that stays open: to open one takes longer than to look at most pages."""
    tabs = defaultdict(lambda: open_page(browser, site))
    yield tabs
    for page, _ in tabs.values():
        page.context.close()


@pytest.fixture
def look(tabs, cookies):
    """Like `visit`, in a page that stays open and forgets each time whatever it was told."""

    @contextmanager
    def opened(name, width):
        page, complaints = tabs[name]
        begin_anew(page, cookies[name], width)
        try:
            yield page
        finally:
            found, complaints[:] = list(complaints), []
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
        assert found == []

    return opened


def begin_anew(page, cookies, width):
    page.context.clear_cookies()
    page.context.add_cookies(cookies["cookies"] if cookies else [])
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": width, "height": 800})


def list_complaints(page, url):
    """What the console says, the policy of the pages reports, or asks another host, from now on."""
    found = []
    page.on("console", lambda said: found.append(said.text) if is_complaint(said) else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    ours = (url, "data:", f"blob:{url}")
    page.on("request", lambda sent: None if sent.url.startswith(ours) else found.append(sent.url))
    return found


# That a page answered 403 or 404, or that there is no network: as the browser says it, and htmx after it.
NO_FAULT = r"status of 40[34]|ERR_INTERNET_DISCONNECTED|^htmx:(sendError|afterRequest),"


def is_complaint(said):
    """Whether the console was told of a fault of ours; scripts of others warn of what they could do faster."""
    if said.type == "warning" and "/static/vendor/" in said.location.get("url", ""):
        return False
    return said.type in ("error", "warning") and not re.search(NO_FAULT, said.text)


def shoot(page, name, *, whole=True):
    """Keep a picture of the page, or of what a screen shows of it, to be looked at; with PICTURES=no nobody does."""
    if os.environ.get("PICTURES") == "no":
        return
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=whole)
