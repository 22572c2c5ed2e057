"""What pages do while somebody is on them: the menu, what refreshes itself, and what stays as it was left."""

import pytest

from ticketing.tests.browser.conftest import shoot
from ticketing.tests.browser.test_every_page import findings
from ticketing.tests.test_site import within


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_menu_opens_over_a_narrow_page_and_closes_again(visit, colours):
    with visit("amara", width=360, color_scheme=colours) as page:
        page.goto("/panel/bookings/")
        places = page.get_by_role("navigation", name="Main")
        assert not places.is_visible()
        page.get_by_role("button", name="Menu").click()
        assert places.get_by_role("link", name="My tickets").is_visible()
        shoot(page, f"menu-360-{colours}")
        assert findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.keyboard.press("Escape")
        assert not places.is_visible()


def test_a_dialog_opens_and_closes_without_a_script(visit):
    with visit(width=360, scripts=False) as page:
        page.goto("/panel/style/")
        page.get_by_role("button", name="Take away").last.click()
        page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
        assert not page.get_by_role("dialog").is_visible()


@pytest.mark.parametrize(("name", "path"), [("", "/"), ("amara", "/panel/events/"), ("sofia", "/panel/board/")])
def test_a_page_that_cannot_refresh_itself_says_so_and_goes_on_when_it_can(visit, name, path):
    with visit(name) as page:
        page.clock.install()
        page.goto(path)
        page.context.set_offline(True)
        page.clock.fast_forward(31_000)
        page.get_by_text("Not up to date since").wait_for()
        shoot(page, f"offline-{name or 'nobody'}")
        page.context.set_offline(False)
        page.clock.fast_forward(31_000)
        within(10, lambda: not page.get_by_text("Not up to date since").count())
        assert page.url.endswith(path)


def test_the_numbers_of_a_chart_stay_open_while_the_board_refreshes_itself(site, visit):
    site.everybody_leaves()
    site.raise_ticket()
    with visit("sofia") as page:
        page.clock.install()
        page.goto("/panel/board/")
        page.get_by_text("Show the numbers").first.click()
        site.raise_ticket()
        with page.expect_response(lambda answer: answer.url.endswith("/panel/board/")):
            page.clock.fast_forward(16_000)
        within(10, lambda: "2" in page.locator("#board .figure").first.inner_text())
        assert page.locator("#board figure table").first.is_visible()


def test_a_board_that_is_held_still_does_not_change(site, visit):
    with visit("sofia") as page:
        page.clock.install()
        page.goto("/panel/board/?still")
        asked = []
        page.on("request", lambda sent: asked.append(sent.url) if "/panel/" in sent.url else None)
        page.clock.fast_forward(60_000)
        page.wait_for_timeout(500)
        assert asked == []


def test_the_facts_beside_a_conversation_refresh_with_it(site, visit):
    site.everybody_leaves()
    with visit("amara") as page:
        page.clock.install()
        page.goto("/panel/questions/new/")
        page.get_by_label("Subject").fill("Where is the entrance?")
        page.get_by_label("Message").fill("I stand before a wall.")
        page.locator("main").get_by_role("button", name="Send").click()
        facts = page.get_by_role("complementary")
        assert "nobody yet" in facts.inner_text()
        page.get_by_label("Your reply").fill("It is a ")
        page.get_by_role("button", name="Close").focus()
        code = page.url.rstrip("/").rpartition("/")[2]
        site.sql("UPDATE support_ticket SET status = 'completed', closed_at = now() WHERE code = %s", code)
        page.clock.fast_forward(21_000)
        facts.get_by_role("button", name="Open it again").wait_for()
        assert page.get_by_label("Your reply").input_value() == "It is a "
        assert "Your reply opens it again." in page.locator("main").inner_text()
        facts.get_by_role("button", name="Open it again").click()
        assert "open again" in page.locator(".messages").inner_text()


def test_whoever_goes_back_for_another_time_finds_what_they_typed_and_nobody_else_does(visit):
    with visit() as page:
        page.goto("/panel/book/?date=2031-09-12&time=10:15")
        page.get_by_label("First name").fill("Inês")
        page.get_by_role("link", name="Change the time").click()
        page.get_by_role("radio", name="11:30").check()
        page.get_by_role("button", name="Go on with this time").click()
        assert page.get_by_label("First name").input_value() == "Inês"
        page.get_by_role("link", name="Change the day").click()
        page.goto("/")
        page.goto("/panel/book/?date=2031-09-12&time=10:15")
        assert page.get_by_label("First name").input_value() == ""


def test_a_step_back_to_a_refused_form_shows_the_form_and_asks_for_nothing(visit):
    details = "/panel/book/?date=2031-09-12&time=10:15"
    with visit() as page:
        page.goto(details)
        page.get_by_label("First name").fill("Inês")
        page.get_by_label("Last name").fill("Gonçalves")
        page.get_by_label("Phone number").fill("12")
        page.get_by_role("button", name="Book", exact=True).click()
        assert page.locator("main .errorlist").is_visible()
        page.get_by_role("link", name="For programs").click()
        page.go_back()
        assert page.get_by_label("Phone number").is_visible()
        assert "10:15" in page.locator("main").inner_text()
        page.goto("/account/log-in/?next=/panel/desk/")
        page.locator("input[name=username]").fill("nobody")
        page.locator("input[name=password]").fill("nothing")
        page.locator("main").get_by_role("button", name="Log in").click()
        page.get_by_role("link", name="For programs").click()
        page.go_back()
        assert page.locator("input[name=password]").is_visible()
        assert "/account/log-in/" in page.url
