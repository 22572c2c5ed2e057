"""The pages in a real browser: readable for everybody, on phones and screens, in light and dark."""

import shutil
from pathlib import Path

import pytest

from ticketing.tests.test_site import Site, home

if not shutil.which("chromium"):
    pytest.skip("Chromium is missing. On Debian: apt install chromium", allow_module_level=True)

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
SHOTS = Path(__file__).resolve().parents[2] / ".screenshots"
EVERYBODY = [
    "/",
    "/panel/style/",
    "/panel/book/",
    "/account/log-in/",
    "/account/sign-up/",
    "/account/forgot/",
    "/nowhere/",
]
PAGES = {
    "": EVERYBODY,
    "amara": [
        "/",
        "/panel/book/",
        "/panel/bookings/",
        "/panel/events/",
        "/panel/tickets/",
        "/panel/questions/",
        "/panel/questions/new/",
        "/account/profile/",
        "/account/tokens/",
        "/account/sessions/",
    ],
    "mei": ["/panel/desk/", "/panel/questions/"],
    "sofia": ["/panel/desk/"],
}


@pytest.fixture(scope="module")
def site():
    with home() as place:
        site = Site(place).start()
        yield site
        site.stop()


@pytest.fixture(scope="module")
def cookies(site, browser):
    """What a browser holds that has logged in, by name; nothing for nobody."""
    return {name: log_in(site, browser, name) if name else {} for name in PAGES}


def log_in(site, browser, name):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/account/log-in/")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", "12345")
    page.click("main button[type=submit]")
    assert page.url == f"{site.url}/"
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture(params=[(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")], ids=lambda p: f"{p[0]} {p[1]}")
def look(request):
    """The width of the window and the colours."""
    return request.param


@pytest.mark.parametrize(
    ("name", "path"),
    [(name, path) for name, paths in PAGES.items() for path in paths],
    ids=lambda text: text or "nobody",
)
def test_a_page_is_readable_for_everybody_and_complains_about_nothing(site, browser, cookies, look, name, path):
    width, colours = look
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=colours, storage_state=cookies[name] or None
    )
    page, complaints, strangers = context.new_page(), [], []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("request", lambda sent: None if sent.url.startswith((site.url, "data:")) else strangers.append(sent.url))
    page.goto(site.url + path)
    shoot(page, f"{name or 'nobody'}{path.replace('/', '-')}{width}-{colours}")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert findings(page) == []
    assert [text for text in complaints if "404" not in text] == []
    assert strangers == []
    assert page.locator("h1").count() >= 1
    context.close()


def shoot(page, name):
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def findings(page):
    """What axe-core finds; it comes in by the debugger, as the policy of the pages lets no script in."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run().then(result => result.violations)")
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def test_a_page_weighs_less_than_a_hundred_kilobytes(site, browser):
    context = browser.new_context()
    page, sizes = context.new_page(), []
    page.on("response", lambda answer: sizes.append(len(answer.body())))
    page.goto(f"{site.url}/panel/book/", wait_until="networkidle")
    assert 0 < sum(sizes) < 100_000
    context.close()
