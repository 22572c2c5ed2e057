"""Days at the support desk, as those live them who ask, who answer, and who look after both."""

import pytest

from ticketing.tests.browser.conftest import shoot
from ticketing.tests.browser.keys import press, tab_to
from ticketing.tests.browser.test_every_page import findings
from ticketing.tests.test_site import within

BOTH = pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
TEN = 10


def test_an_agent_works_through_ten_questions_by_keys_alone(site, visit):
    site.everybody_leaves()
    with visit("abhinav") as page:
        page.goto("/panel/desk/")
        page.keyboard.press("o")
        enter(page)
        assert "You are online" in said(page, ".messages")
        codes = [site.raise_ticket() for _ in range(TEN)]
        within(15, lambda: site.status_of(codes[0]) == "in_progress")
        page.reload()
        shoot(page, "picture-desk", whole=False)
        for number in range(TEN):
            if number == 0 or "Go to the desk" in said(page, ".messages"):
                within(15, lambda: open_the_first(page))
            else:
                enter(page)  # on the way to the next one, where the cursor is
            page.keyboard.press("r")
            page.keyboard.type(f"Answer number {number}")
            with page.expect_navigation():
                page.keyboard.press("Control+Enter")
            page.keyboard.press("e")
            enter(page)
            assert "The question is closed" in said(page, ".messages")
        shoot(page, "journey-agent-1280-light")
    assert {site.status_of(code) for code in codes} == {"completed"}
    assert [answers(site, code) for code in codes] == [1] * TEN


def open_the_first(page):
    """From the desk; false while nothing has come."""
    if not page.url.endswith("/panel/desk/"):
        with page.expect_navigation():
            page.keyboard.press("d")
    page.keyboard.press("j")
    if not page.evaluate("document.activeElement.matches('[aria-labelledby=mine] a')"):
        page.reload()
        return False
    enter(page)
    return True


def test_the_sheet_names_every_key_of_the_page_each_once_and_switches_them_off(site, visit):
    site.everybody_leaves()
    code = site.raise_ticket()
    with visit("sofia") as page:
        for path in ("/panel/questions/", "/panel/desk/", f"/panel/questions/{code}/"):
            page.goto(path)
            keys = page.eval_on_selector_all("[data-key]", "all => all.map(one => one.dataset.key)")
            assert len(keys) == len(set(keys)) > 2
            page.keyboard.press("?")
            sheet = page.get_by_role("dialog", name="Keys of this page")
            shown = sheet.locator("[data-these] kbd").all_inner_texts()
            told = sheet.locator("[data-these] dd").all_inner_texts()
            assert sorted(shown) == sorted(keys)
            assert all(told)
            shoot(page, f"keys{path.replace('/', '-')}".replace(code, "CODE"), whole=False)
            assert findings(page) == []
            page.keyboard.press("Escape")
            assert not sheet.is_visible()
        page.get_by_role("button", name="Keys of this page").click()
        page.get_by_label("Keys are on, in this browser").uncheck()
        page.keyboard.press("Escape")
        page.keyboard.press("i")
        assert page.locator("details[open]").count() == 0


@pytest.mark.parametrize(
    ("key", "field"),
    [("r", "id_reply_message"), ("i", "id_note_message"), ("p", "id_triage_priority"), ("l", "id_tag_tag")],
)
def test_a_key_leads_to_each_field_and_what_is_typed_there_is_no_key(site, visit, key, field):
    code = site.raise_ticket()
    with visit("sofia") as page:
        page.goto(f"/panel/questions/{code}/")
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.id") == field
        page.keyboard.press("q")
        assert page.evaluate("document.activeElement.id") == field
        assert page.url.endswith(f"/{code}/")
        page.keyboard.press("Escape")
        with page.expect_navigation():
            page.keyboard.press("q")
        assert page.url.endswith("/panel/questions/")


def test_a_key_does_nothing_by_itself_but_to_lead_there(site, visit):
    site.everybody_leaves()
    code = site.raise_ticket()
    with visit("sofia") as page:
        page.goto(f"/panel/questions/{code}/")
        for key, words in {"t": "Take it", "e": "Close: it is answered", "x": "", "a": ""}.items():
            page.keyboard.press(key)
            assert words in page.evaluate("document.activeElement.textContent")
            page.evaluate("document.activeElement.blur()")
        assert site.status_of(code) == "created"


@BOTH
def test_somebody_asks_is_answered_and_says_how_it_was(site, visit, scripts):
    subject = f"The door does not open, {'with' if scripts else 'without'} scripts"
    with visit("amara", scripts=scripts, width=360) as page, visit("sofia", scripts=scripts) as staff:
        page.goto("/panel/questions/")
        press(page, "a", "Ask a question")
        tab_to(page, "input", "Subject")
        page.keyboard.type(subject)
        tab_to(page, "textarea", "")
        page.keyboard.type("It is locked, and nobody answers the bell.")
        press(page, "button", "Send the question")
        assert "The question is sent" in said(page, ".messages")
        staff.goto(page.url)
        tab_to(staff, "textarea", "Reply")
        staff.keyboard.type("Somebody comes down at once.")
        press(staff, "button", "Send the reply")
        page.reload()
        assert "Somebody comes down at once." in said(page, "main")
        press(page, "button", "Close: it is answered")
        assert scripts is False or findings(page) == []
        tab_to(page, "radio", "")
        page.keyboard.press("Space")
        tab_to(page, "textarea", "Comment")
        page.keyboard.type("Quick and friendly.")
        shoot(page, f"journey-rated-{scripts}")
        press(page, "button", "Send the rating")
        assert "Thank you" in said(page, ".messages")
        staff.reload()
        assert "Quick and friendly." in said(staff, "main")


@BOTH
def test_two_agents_on_one_question_see_each_other_and_neither_talks_past_the_other(site, visit, scripts):
    site.everybody_leaves()
    code = site.raise_ticket()
    with visit("mei", scripts=scripts) as mei, visit("sofia", scripts=scripts) as sofia:
        for page in (mei, sofia):
            page.goto(f"/panel/questions/{code}/")
        assert "Mei Tanaka has this question open, too." in said(sofia, "main")
        mei.locator("#id_reply_message").fill("Please try the side door.")
        sofia.locator("#id_reply_message").fill("The side door is locked until noon.")
        sofia.get_by_role("button", name="Send the reply").click()
        assert "Your reply is sent." in said(sofia, ".messages")
        mei.get_by_role("button", name="Send the reply").click()
        assert answers(site, code) == 1
        between = mei.get_by_role("region", name="What came in between")
        assert "The side door is locked until noon." in between.inner_text()
        assert mei.locator("#id_reply_message").input_value() == "Please try the side door."
        shoot(mei, f"journey-two-agents-{scripts}")
        assert scripts is False or findings(mei) == []
        mei.locator("#id_reply_message").fill("It opens at noon; until then please ring.")
        mei.get_by_role("button", name="Send it now").click()
        assert "Your reply is sent." in said(mei, ".messages")
    assert answers(site, code) == 2


@BOTH
def test_a_supervisor_finds_out_why_a_ticket_waits(site, visit, scripts):
    site.everybody_leaves()
    code = site.raise_ticket()
    with visit("sofia", scripts=scripts) as page:
        page.goto("/")
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Board").click()
        shoot(page, "picture-board", whole=False)
        assert "no agent is online" in page.locator("tr", has_text="hey there").first.inner_text().lower()
        page.get_by_role("link", name="hey there").first.click()
        assert code in said(page, "main")
        assert "online" in said(page, "main")
        assert scripts is False or findings(page) == []
        shoot(page, f"journey-supervisor-{scripts}")


def enter(page):
    with page.expect_navigation():
        page.keyboard.press("Enter")


def said(page, where):
    return page.locator(where).inner_text()


def answers(site, code):
    query = "SELECT count(*) FROM support_reply r JOIN support_ticket t ON t.id = r.ticket_id WHERE t.code = %s"
    return site.sql(query, code)[0][0]
