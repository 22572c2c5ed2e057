"""What people come for, from the first page to the last, each with and without scripts."""

import re
import time

import pytest

from ticketing.tests.browser.conftest import PASSWORD, shoot
from ticketing.tests.browser.test_every_page import findings
from ticketing.tests.test_site import within

BOTH = pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])


@BOTH
def test_a_first_time_visitor_on_a_phone_books_buys_asks_and_cancels(site, visit, scripts):
    address = f"ines-{scripts}@example.org".lower()
    with visit(scripts=scripts, width=360, has_touch=True, is_mobile=True) as page:
        page.goto("/")
        page.locator("main").get_by_role("link", name=re.compile("Book a time")).click()
        book_a_time(page, address)
        open_an_account(site, page, address)
        buy_two(page, scripts)
        ask_about_them(page)
        cancel_the_booking(page)


def book_a_time(page, address):
    page.get_by_role("region", name="Choose a day").locator("input[type=date]").fill("2031-09-12")
    page.get_by_role("button", name="Show the times").click()
    page.get_by_role("radio", name=re.compile("10:15")).check()
    shoot(page, "picture-booking", whole=False)
    page.get_by_role("button", name="Go on with this time").click()
    page.get_by_label("First name").fill("Inês")
    page.get_by_label("Last name").fill("Gonçalves")
    page.get_by_label("Phone number").fill("5550100009")
    page.get_by_label("E-mail address").fill(address)
    page.get_by_role("button", name="Book", exact=True).click()
    assert page.get_by_role("heading", level=1).inner_text() == "Your time is booked"
    assert re.search("[0-9a-f]{8}-[0-9a-f]{4}-4", page.locator("main").inner_text())


def open_an_account(site, page, address):
    """On the way to buying: whoever buys has an account, to find the tickets again."""
    page.goto("/panel/events/")
    page.get_by_role("link", name=re.compile("Log in to buy Evening")).click()
    page.get_by_role("link", name="I have no account yet").click()
    page.get_by_label("E-mail address").fill(address)
    page.locator("main").get_by_role("button").click()
    page.goto(re.search(r"http\S+/account/link/\S+", site.mail_to(address, "/account/link/"))[0])
    page.get_by_label("First name").fill("Inês")
    page.locator("input[type=password]").first.fill("a long and winding phrase")
    page.locator("main").get_by_role("button").click()
    assert "Welcome" in page.locator(".messages").inner_text()
    assert page.get_by_role("heading", level=1).inner_text().startswith("Evening")


def buy_two(page, scripts):
    page.goto("/panel/events/")
    offer = page.locator("li.card", has_text="Evening of chamber music")
    offer.get_by_role("spinbutton").fill("2")
    offer.get_by_role("button", name=re.compile("Choose")).click()
    assert page.get_by_role("heading", level=1).inner_text() == "Held for you"
    assert page.get_by_role("timer").count() == scripts
    shoot(page, "picture-held", whole=False)
    page.get_by_role("button", name="Buy").click()
    assert "You have 2 tickets" in page.locator(".messages").inner_text()
    page.get_by_role("link", name=re.compile("Ticket 1")).first.click()
    assert page.get_by_role("img", name=re.compile("code of this ticket")).is_visible()


def ask_about_them(page):
    page.get_by_role("link", name=re.compile("I need help with this")).click()
    assert "Evening of chamber music" in page.get_by_label("Subject").input_value()
    message = page.get_by_label("Message")
    message.fill(message.input_value() + "\nMay my tickets be used by somebody else?")
    page.locator("main").get_by_role("button", name="Send").click()
    assert "used by somebody else" in page.locator(".thread").inner_text()


def cancel_the_booking(page):
    page.goto("/panel/bookings/")
    page.get_by_role("link", name=re.compile("12 September 2031")).click()
    page.get_by_role("link", name="Cancel the booking").click()
    page.get_by_role("button", name="Cancel the booking").click()
    assert "cancelled" in page.locator(".messages").inner_text()


def test_the_board_refreshes_itself(site, visit):
    site.everybody_leaves()
    with visit("sofia") as page:
        page.clock.install()
        page.goto("/panel/board/")
        before = page.locator("main").inner_text()
        site.raise_ticket()
        page.clock.fast_forward(16_000)
        within(10, lambda: page.locator("main").inner_text() != before)


def test_a_form_sent_twice_has_one_effect(site, visit):
    with visit("amara") as page:
        page.goto("/panel/questions/new/")
        page.get_by_label("Subject").fill(f"Once {time.time_ns()}")
        subject = page.get_by_label("Subject").input_value()
        page.get_by_label("Message").fill("Please count me once.")
        page.evaluate(
            """async () => {
                const form = document.querySelector("main form[method=post]");
                const send = () => fetch(form.action, {method: "POST", body: new FormData(form)});
                await Promise.all([send(), send(), send()]);
            }"""
        )
    assert site.sql("SELECT count(*) FROM support_ticket WHERE subject = %s", subject) == [(1,)]


@BOTH
def test_somebody_who_goes_back_and_forth_stays_where_they_think_they_are(visit, scripts):
    with visit("amara", scripts=scripts) as page:
        page.goto("/panel/questions/")
        page.goto("/panel/questions/?status=closed")
        page.go_back()
        assert page.url.endswith("/panel/questions/")
        page.go_forward()
        assert "closed" in page.url
        assert page.get_by_role("heading", level=1).is_visible()


def test_what_is_held_counts_down_is_said_at_the_last_minutes_and_ends_with_a_fresh_page(visit):
    with visit("amara") as page:
        page.clock.install()
        page.goto("/panel/events/")
        page.locator("li.card", has_text="Guided tour").get_by_role("button", name=re.compile("Choose")).click()
        left = page.get_by_role("timer")
        assert re.fullmatch("9:5[0-9]|10:00", left.inner_text())
        page.clock.run_for(2000)
        assert re.fullmatch("9:5[0-9]", left.inner_text())
        assert page.locator("#news").inner_text() == ""
        page.clock.fast_forward("05:00")
        assert page.locator("#news").text_content() == "You have five minutes left to buy these tickets."
        page.clock.fast_forward("04:00")
        assert page.locator("#news").text_content() == "You have one minute left to buy these tickets."
        with page.expect_navigation():
            page.clock.fast_forward("02:00")
        page.get_by_role("button", name="Give back").click()
        assert "Nothing is held for you any more." in page.locator(".messages").inner_text()


def test_a_log_in_leads_to_the_page_that_was_wanted(visit):
    with visit() as page:
        page.goto("/panel/questions/")
        page.locator("input[name=username]").fill("amara")
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("main").get_by_role("button", name="Log in").click()
        assert page.url.endswith("/panel/questions/")


@BOTH
def test_a_ticket_is_handed_on_to_somebody_who_logs_in_and_accepts(visit, scripts):
    with visit("amara", scripts=scripts, width=360) as page:
        buy_two(page, scripts)
        ticket, code = page.url, page.locator(".qr").inner_html()
        page.get_by_role("link", name="Hand this ticket on").click()
        shoot(page, f"hand-on-{scripts}")
        page.get_by_role("button", name="Make the link").click()
        link = page.get_by_label("Send this address").input_value()
        shoot(page, f"handed-on-{scripts}")
        assert not scripts or findings(page) == []
        page.get_by_role("link", name="Back to the ticket").click()
        assert "is offered by a link" in page.locator("main").inner_text()
        shoot(page, f"offered-{scripts}")
    with visit(scripts=scripts) as page:
        page.goto(link)
        assert link not in page.url
        shoot(page, f"transfer-{scripts}")
        assert not scripts or findings(page) == []
        page.get_by_role("link", name="Log in").last.click()
        page.locator("input[name=username]").fill("mei")
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("main").get_by_role("button", name="Log in").click()
        page.get_by_role("button", name="Accept this ticket").click()
        assert "The ticket is yours." in page.locator(".messages").inner_text()
        assert page.url == ticket
        assert page.locator(".qr").inner_html() != code
        shoot(page, f"accepted-{scripts}")
    with visit("amara", scripts=scripts) as page:
        page.goto("/panel/tickets/")
        shoot(page, f"tickets-{scripts}")
        assert page.goto(ticket).status == 200  # in the demo everybody sees each ticket
        assert page.locator(".qr").count() == 0
        assert "Its code is shown to whoever holds it" in page.locator("main").inner_text()


@BOTH
def test_somebody_waits_for_what_is_sold_out_leaves_comes_back_and_is_offered_it(site, visit, scripts):
    people = {one["name"]: one["token"] for one in site.call("GET", "/users")[1]}
    sofia = {"Authorization": f"Bearer {people['Sofia Marino']}", "Content-Type": "application/json"}
    name = f"Rare {time.time_ns()}"
    option = site.call("POST", "/api/v1/allocation/options/", {"name": name, "allocation": 1}, **sofia)[1]["id"]
    bought = {"items": [{"option": option, "quantity": 1}], "buyer": "406c1d05-bbb2-4e94-b183-7d208c2692e1"}
    purchase = site.call("POST", "/api/v1/allocation/purchases/", bought, **sofia)[1]["id"]
    with visit("amara", scripts=scripts, width=360) as page:
        wait_for(page, name, scripts)
        page.get_by_role("link", name="Leave the list").click()
        page.locator("main").get_by_role("button", name="Leave the list").click()
        assert "You have left the list" in page.locator("main").inner_text()
        wait_for(page, name, scripts)
        assert site.call("POST", f"/api/v1/allocation/purchases/{purchase}/cancel/", {}, **sofia)[0] == 200
        page.reload()
        shoot(page, f"offered-place-{scripts}")
        page.get_by_role("button", name="Accept").click()
        assert not scripts or findings(page) == []
        page.locator("main").get_by_role("button", name="Buy").click()
        assert "You have 1 ticket" in page.locator(".messages").inner_text()


def wait_for(page, name, scripts):
    page.goto(f"/panel/events/?q={name}")
    page.get_by_role("link", name=f"Wait for tickets {name}").click()
    shoot(page, f"wait-{scripts}")
    assert not scripts or findings(page) == []
    page.locator("main").get_by_role("button", name="Wait for tickets").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Your place on the waiting list"
    assert "You are number 1" in page.locator("main").inner_text()
    shoot(page, f"waiting-{scripts}")
    assert not scripts or findings(page) == []
