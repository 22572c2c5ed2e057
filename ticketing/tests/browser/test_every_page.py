"""Every page in a real browser: readable for everybody, on phones and screens, in light and dark, and in German."""

from pathlib import Path

import pytest

from ticketing.tests.browser.conftest import shoot

AXE = (Path(__file__).parents[1] / "vendor" / "axe.min.js").read_text()
ALL = "SELECT id FROM"
KNOWN = {
    "question": "SELECT code FROM support_ticket WHERE subject LIKE 'I cannot log in%%'",
    "booking": f"{ALL} booking_booking WHERE firstname = 'Amara'",
    "option": f"{ALL} allocation_ticketoption WHERE name LIKE 'Evening%%'",
    "ticket": f"{ALL} allocation_ticket WHERE number = 1 AND purchase_id IS NOT NULL",
}
PAGES = {
    "": [
        "/",
        "/panel/style/",
        "/panel/book/",
        "/panel/book/?date=2031-03-03",
        "/panel/book/?date=2031-03-03&time=10:15",
        "/panel/book/done/",
        "/panel/bookings/find/",
        "/panel/events/",
        "/account/log-in/",
        "/account/sign-up/",
        "/account/forgot/",
        "/account/sent/",
        "/nowhere/",
    ],
    "amara": [
        "/",
        "/panel/book/",
        "/panel/bookings/",
        "/panel/bookings/{booking}/",
        "/panel/bookings/{booking}/cancel/",
        "/panel/events/",
        "/panel/events/{option}/buy/",
        "/panel/tickets/",
        "/panel/tickets/{ticket}/",
        "/panel/questions/",
        "/panel/questions/{question}/",
        "/panel/questions/new/",
        "/panel/desk/",
        "/account/profile/",
        "/account/tokens/",
        "/account/sessions/",
    ],
    "mei": ["/", "/panel/desk/", "/panel/questions/", "/panel/questions/{question}/"],
    "gate": ["/"],
    "sofia": [
        "/",
        "/panel/board/",
        "/panel/desk/",
        "/panel/questions/{question}/",
        "/admin/",
        "/admin/support/ticket/",
        "/admin/booking/booking/",
        "/admin/allocation/ticketoption/",
        "/admin/allocation/ticketoption/{option}/history/",
        "/admin/ticketing/user/",
        "/admin/ticketing/mail/",
    ],
}
REFUSED = ("/nowhere/", "/panel/desk/")  # of what is asked above: by somebody who may not, or not at all
EVERY = [(name, path) for name, paths in PAGES.items() for path in paths]
SHAPES = [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")]


@pytest.fixture(scope="module")
def known(site):
    return {name: site.sql(query)[0][0] for name, query in KNOWN.items()}


@pytest.mark.parametrize(("width", "colours"), SHAPES, ids=lambda part: str(part))
@pytest.mark.parametrize(("name", "path"), EVERY, ids=lambda text: text or "nobody")
def test_a_page_is_light_and_readable_for_everybody_and_complains_about_nothing(
    visit, known, width, colours, name, path
):
    with visit(name, width=width, color_scheme=colours) as page:
        sizes = []
        page.on("requestfinished", lambda sent: sizes.append(sent.sizes()["responseBodySize"]))
        answer = page.goto(path.format(**known))
        shoot(page, f"{name or 'nobody'}{path.replace('/', '-')}{width}-{colours}")
        assert answer.ok or path in REFUSED
        assert 0 < sum(sizes) < (120_000 if path.startswith("/admin/") else 100_000)  # a third of it is Django's jQuery
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert findings(page) == []
        assert page.locator("h1").count() >= 1


@pytest.mark.parametrize("name", PAGES, ids=lambda text: text or "nobody")
def test_every_page_fits_in_german_too_and_without_scripts(visit, known, name):
    with visit(name, width=360, locale="de-DE", scripts=False) as page:
        page.goto("/")
        page.get_by_role("button", name="Deutsch").click()
        too_wide = []
        for path in PAGES[name]:
            page.goto(path.format(**known))
            shoot(page, f"{name or 'nobody'}{path.replace('/', '-')}360-german")
            assert page.locator("html").get_attribute("lang") == "de"
            if page.evaluate("document.documentElement.scrollWidth > 360"):
                too_wide.append(path)
        page.goto("/")
        page.get_by_role("button", name="English").click()
        assert too_wide == []


def findings(page):
    """What axe-core finds; it comes in by the debugger, as the policy of the pages lets no script in."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run().then(result => result.violations)")
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]
