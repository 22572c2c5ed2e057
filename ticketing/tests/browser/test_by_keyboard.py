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
