"""A booking and the day at the front desk by keyboard alone, each with and without scripts."""

from datetime import UTC, datetime, timedelta

import pytest

from ticketing.tests.browser.conftest import shoot
from ticketing.tests.browser.keys import choose, fill_in, press, tab_to
from ticketing.tests.browser.test_every_page import findings
from ticketing.tests.test_site import within

BOTH = pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])


@BOTH
def test_somebody_books_moves_and_cancels_by_keyboard_alone(visit, scripts):
    with visit(scripts=scripts) as page:
        page.goto("/")
        press(page, "a", "Book a time")
        tab_to(page, "input", "Day")
        page.keyboard.type("09122031")
        press(page, "button", "Show the times")
        tab_to(page, "input", ":")
        choose(page, "10:45")
        press(page, "button", "Go on with this time")
        for label, text in [("First name", "Zoë"), ("Last name", "Ångström"), ("Phone number", "5550100009")]:
            fill_in(page, label, text)
        press(page, "button", "Book")
        assert said(page, "h1") == "Your time is booked"
        press(page, "button", "See it, move it or cancel it")
        tab_to(page, "input", "Time")
        page.keyboard.type("1130AM")
        press(page, "button", "Save")
        assert "as you wanted it" in said(page, ".messages")
        assert "11:30" in said(page, "main")
        press(page, "a", "Cancel the booking")
        press(page, "button", "Cancel the booking")
        assert "cancelled" in said(page, ".messages")


@BOTH
def test_the_front_desk_works_through_a_day_by_keyboard_alone(site, visit, scripts):
    came, late = (f"{name} {'with' if scripts else 'without'} scripts" for name in ("Came", "Late"))
    book(site, came, timedelta(seconds=30))
    book(site, late, -timedelta(minutes=20))
    with visit("mei", scripts=scripts) as page:
        page.goto("/")
        press(page, "a", "Arrivals")
        press(page, "button", "Check in", beside=came)
        assert f"Ada {came} is checked in." in said(page, ".messages")
        press(page, "button", "Undo", beside=came)
        assert f"Ada {came} is expected again." in said(page, ".messages")
        press(page, "button", "Did not come", beside=late)
        assert f"Ada {late} did not come." in said(page, ".messages")
        fill_in(page, "First name", "Zoë")
        fill_in(page, "Last name", f"Unannounced {scripts}")
        press(page, "button", "Let them in")
        assert "They are checked in." in said(page, ".messages")
        walked_in = page.locator("li", has_text=f"Unannounced {scripts}")
        assert "walked in" in walked_in.inner_text()
        shoot(page, f"journey-front-desk-{scripts}")
        assert not scripts or findings(page) == []  # axe needs scripts itself


@BOTH
def test_agents_go_away_take_hand_over_and_put_back_by_keyboard_alone(site, visit, scripts):
    site.everybody_leaves()
    with visit("mei", scripts=scripts) as mei, visit("abhinav", scripts=scripts) as abhinav:
        for page in (mei, abhinav):
            page.goto("/panel/desk/")
            press(page, "button", "Go online")
        press(mei, "button", "Go away")
        assert "You are away" in said(mei, ".messages")
        press(abhinav, "button", "Go away")
        code = site.raise_ticket()
        mei.reload()
        press(mei, "a", "hey there")
        assert "Whoever could take it is away." in said(mei, "main")
        press(mei, "button", "Take it")
        assert "in your hands" in said(mei, ".messages")
        unfold(mei, "Hand it over")
        assert "Nobody else is online and has room." in said(mei, "main")
        press(abhinav, "button", "I am back")
        mei.reload()
        unfold(mei, "Hand it over")
        tab_to(mei, "textarea", "Note")
        mei.keyboard.type("Knows the machine.")
        shoot(mei, f"journey-hand-over-{scripts}")
        assert not scripts or findings(mei) == []
        press(mei, "button", "Hand over")
        assert "handed over" in said(mei, ".messages")
        abhinav.reload()
        press(abhinav, "a", "hey there")
        assert "Note at the handover: Knows the machine." in said(abhinav, "main")
        press(abhinav, "button", "Put it back")
        assert site.status_of(code) == "created"


@pytest.mark.parametrize("width", [360, 1280])
def test_a_supervisor_assigns_a_question_by_keyboard_alone(site, visit, width):
    site.everybody_leaves()
    with visit("mei") as page:
        page.goto("/panel/desk/")
        press(page, "button", "Go online")
    code = site.raise_ticket()
    within(10, lambda: site.status_of(code) == "in_progress")
    with visit("sofia", width=width) as page:
        page.goto(f"/panel/questions/{code}/")
        unfold(page, "Assign it")
        assert "Nobody else is online and has room." in said(page, "main")
        with visit("abhinav") as abhinav:
            abhinav.goto("/panel/desk/")
            press(abhinav, "button", "Go online")
        page.reload()
        unfold(page, "Assign it")
        shoot(page, f"journey-assign-{width}-light")
        assert findings(page) == []
        press(page, "button", "Assign")
        assert "The question is assigned." in said(page, ".messages")
        assert "Abhinav" in page.get_by_role("complementary").inner_text()


def unfold(page, words):
    """Open what is folded away under these words."""
    tab_to(page, "summary", words)
    page.keyboard.press("Enter")


def test_whoever_is_on_a_button_stays_there_when_the_page_refreshes_itself(site, visit):
    book(site, "Stays", timedelta(seconds=40))
    with visit("mei") as page:
        page.clock.install()
        page.goto("/panel/day/")
        tab_to(page, "button", "Check in", beside="Stays")
        book(site, "Newly there", timedelta(seconds=20))
        page.clock.fast_forward(21_000)
        page.get_by_text("Newly there").wait_for()
        assert page.evaluate("document.activeElement.closest('li').textContent.includes('Stays')")


def test_a_number_that_is_being_typed_is_not_taken_away(site, visit):
    book(site, "Many", timedelta(seconds=50))
    site.sql("UPDATE booking_booking SET party = 2 WHERE lastname = 'Many'")
    of_it = "FROM booking_booking WHERE slot_id = booking_slot.id AND lastname = 'Many'"
    site.sql(f"UPDATE booking_slot SET taken = taken + 1 {of_it}")
    with visit("mei") as page:
        page.clock.install()
        page.goto("/panel/day/")
        came = page.locator("li", has_text="Many").get_by_label("Came")
        came.fill("1")
        book(site, "Later there", timedelta(seconds=20))
        page.clock.fast_forward(21_000)
        page.wait_for_timeout(500)
        assert came.input_value() == "1"
        page.get_by_role("heading", level=1).click()
        page.evaluate("document.activeElement.blur()")
        page.clock.fast_forward(21_000)
        within(10, lambda: page.get_by_text("Later there").count())


def said(page, where):
    return page.locator(where).inner_text()


def book(site, lastname, ahead):
    """A booking of the demo's usual service, so far from now, on today's page unless it is midnight."""
    starts_at = (datetime.now(UTC) + ahead).isoformat()
    person = {"firstname": "Ada", "lastname": lastname, "phone": "5550100009", "starts_at": starts_at}
    headers = {"Content-Type": "application/json"}
    assert site.call("POST", "/api/v1/booking/bookings/", person, **headers)[0] == 201
