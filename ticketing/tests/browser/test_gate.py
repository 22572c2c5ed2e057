"""People come in: a hand scanner that types, with and without scripts, and a camera that sees their codes."""

import uuid
from contextlib import contextmanager
from functools import partial

import pytest
import segno

from ticketing.tests.browser.conftest import shoot, visits_with
from ticketing.tests.browser.test_every_page import findings

BOTH = pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
ALIKE = {"starts_at": "2031-05-06T19:00:00Z", "ends_at": "2031-05-06T22:00:00Z", "time_zone": "UTC", "published": True}


@pytest.fixture(scope="module")
def callers(site):
    """The demo's people by their first names, as they call the API."""
    people = site.call("GET", "/users")[1]
    json = {"Content-Type": "application/json"}
    return {one["name"].split()[0]: {"Authorization": f"Bearer {one['token']}", **json} for one in people}


@pytest.fixture
def stage(site, callers):
    """A new event that the demo's gate serves, and so many codes of tickets for it."""

    def made(count):
        [[gate]] = site.sql("SELECT id::text FROM ticketing_user WHERE username = 'gate'")
        said = {"name": f"Evening {uuid.uuid4().hex[:6]}", **ALIKE, "gates": [gate]}
        event = call(site, "events/", said, callers["Sofia"])
        option = {"event": event["id"], "name": "Stalls", "description": "", "allocation": count}
        option = call(site, "options/", option, callers["Sofia"])
        items = [{"option": option["id"], "quantity": count}]
        bought = call(site, "purchases/", {"items": items}, callers["Amara"])
        codes = [
            site.call("GET", f"/api/v1/allocation/tickets/{ticket}/", **callers["Amara"])[1]["code"]
            for ticket in bought["tickets"]
        ]
        return event, codes

    return made


def call(site, path, body, headers):
    status, answer, _ = site.call("POST", f"/api/v1/allocation/{path}", body, **headers)
    assert status == 201, answer
    return answer


def open_gate(page, event):
    """From the first page to the gate of this event."""
    page.goto("/")
    page.locator("main").get_by_role("link", name="Gate").first.click()
    page.get_by_label("Event").select_option(value=event["id"])
    assert page.get_by_label("Name of the gate").input_value() == "North Gate"
    page.get_by_role("button", name="Open the gate").click()


def show(page, code):
    """As a hand scanner does: whatever has the focus, it types and presses Enter."""
    page.keyboard.type(code)
    page.keyboard.press("Enter")


def word(page, said):
    page.locator("#result .word", has_text=said).wait_for()


@BOTH
def test_a_hand_scanner_admits_one_after_the_other_and_nobody_touches_anything(visit, stage, scripts):
    event, codes = stage(3)
    with visit("gate", scripts=scripts, width=360) as page:
        open_gate(page, event)
        word(page, "Ready")
        shoot(page, f"gate-ready-360-{scripts}")
        for code in codes:
            show(page, code)
            word(page, "Admitted")
            page.locator("#result", has_text="Stalls").wait_for()
        show(page, codes[0])
        word(page, "Already admitted")
        assert "at the gate North Gate, by North Gate" in page.locator("#result").inner_text()
        shoot(page, f"gate-already-360-{scripts}")
        show(page, "nonsense")
        word(page, "Unknown code")
        assert "3 of 3 sold" in " ".join(page.locator("#now").inner_text().split())
        assert page.locator("#now li").count() == 5
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert not scripts or findings(page) == []


def test_a_hand_scanner_may_be_faster_than_the_answers(site, visit, stage):
    event, codes = stage(8)
    with visit("gate") as page:
        page.goto(f"/panel/gate/{event['id']}/?gate=East")
        page.get_by_role("heading", level=1).click()  # the focus is nowhere
        for code in codes:
            show(page, code)
        page.locator("#now .figure", has_text="8").wait_for()
    assert site.sql("SELECT outcome FROM allocation_scan WHERE gate = 'East'") == [("admitted",)] * 8


def test_a_lost_network_says_so_and_trying_again_is_the_same_scan(site, visit, stage):
    event, [code] = stage(1)
    with visit("gate", width=360) as page:
        page.goto(f"/panel/gate/{event['id']}/?gate=West")
        lost = []
        page.route("**/panel/gate/**", partial(answer_and_lose, lost))
        show(page, code)
        word(page, "No connection")
        shoot(page, "gate-lost-360")
        assert findings(page) == []
        show(page, code)  # somebody shows it once more meanwhile
        while len(lost) < 2:
            page.wait_for_timeout(50)
        page.locator("#result:not([aria-busy])").wait_for()
        page.unroute("**/panel/gate/**")
        page.get_by_role("button", name="Try again").click()
        word(page, "Admitted")
    assert site.sql("SELECT outcome FROM allocation_scan WHERE gate = 'West'") == [("admitted",)]


def test_what_was_lost_can_be_left_and_the_next_one_is_scanned(visit, stage):
    event, [code] = stage(1)
    with visit("gate") as page:
        page.goto(f"/panel/gate/{event['id']}/?gate=North")
        page.route("**/panel/gate/**", lambda route: route.abort("internetdisconnected"))
        show(page, "nonsense")
        word(page, "No connection")
        page.get_by_role("button", name="Leave it").click()
        word(page, "Ready")
        page.unroute("**/panel/gate/**")
        show(page, code)
        word(page, "Admitted")


def answer_and_lose(lost, route):
    """The site does what it is asked, but nobody hears of it."""
    if route.request.method == "POST":
        route.fetch()
        route.abort("internetdisconnected")
        lost.append(route)
    else:
        route.continue_()


def test_whoever_does_not_serve_the_event_any_more_is_told_so(site, visit, stage, callers):
    event, [code] = stage(1)
    with visit("gate") as page:
        page.goto(f"/panel/gate/{event['id']}/?gate=North")
        site.call("PATCH", f"/api/v1/allocation/events/{event['id']}/", {"gates": []}, **callers["Sofia"])
        show(page, code)
        word(page, "Not scanned")
        assert "does not admit to this event any more" in page.locator("#result").inner_text()


def test_a_supervisor_undoes_an_admission_and_it_admits_again(visit, stage):
    event, [code] = stage(1)
    with visit("sofia", width=360) as page:
        page.goto(f"/panel/gate/{event['id']}/?gate=North")
        show(page, code)
        word(page, "Admitted")
        page.locator("#now").get_by_role("link", name="Undo").click()
        shoot(page, "gate-undo-360")
        assert findings(page) == []
        page.get_by_label("Reason").fill("The wrong queue.")
        page.get_by_role("button", name="Undo the admission").click()
        assert "The ticket admits again." in page.locator(".messages").inner_text()
        assert "The wrong queue." in page.locator("#now").inner_text()
        show(page, code)
        word(page, "Admitted")


def test_sound_is_switched_on_by_a_press_and_stays_so(visit, stage):
    event, [code] = stage(1)
    with visit("gate") as page:
        page.goto(f"/panel/gate/{event['id']}/?gate=North")
        sound = page.get_by_role("button", name="Sound")
        assert sound.get_attribute("aria-pressed") == "false"
        sound.click()
        page.reload()
        assert sound.get_attribute("aria-pressed") == "true"
        show(page, code)  # the field has the focus, and the page may make a sound
        word(page, "Admitted")


def test_a_camera_sees_a_code_and_admits_once_while_it_stays_in_the_picture(
    site, cookies, stage, browser_type, browser_type_launch_args, tmp_path
):
    event, [code] = stage(1)
    film(code, tmp_path / "code.y4m")
    browser = a_browser_that_sees(tmp_path / "code.y4m", browser_type, browser_type_launch_args)
    with browser as seeing, visits_with(seeing, site, cookies)("gate", width=360) as page:
        page.goto(f"/panel/gate/{event['id']}/?gate=Camera")
        page.get_by_role("button", name="Camera").click()
        word(page, "Admitted")
        page.wait_for_timeout(2500)
        shoot(page, "gate-camera-360", whole=False)
        assert findings(page) == []
        page.get_by_role("button", name="Camera").click()
        assert not page.locator("video").is_visible()
    assert site.sql("SELECT outcome FROM allocation_scan WHERE gate = 'Camera'") == [("admitted",)]


def test_without_a_camera_the_page_says_what_else_there_is(visit, stage):
    event, _codes = stage(1)
    with visit("gate") as page:
        page.goto(f"/panel/gate/{event['id']}/?gate=North")
        page.get_by_role("button", name="Camera").click()
        word(page, "No camera")


@contextmanager
def a_browser_that_sees(file, browser_type, launch):
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    args = [*launch["args"], *fake, f"--use-file-for-fake-video-capture={file}"]
    browser = browser_type.launch(**{**launch, "args": args})
    try:
        yield browser
    finally:
        browser.close()


def film(text, path, width=640, height=480, scale=8):
    """A film of a QR code that somebody holds still, in YUV4MPEG2."""
    rows = [bytes(0 if dark else 255 for dark in row) for row in segno.make(text, error="m").matrix_iter(scale, 4)]
    above, beside = (height - len(rows)) // 2, (width - len(rows)) // 2
    light = b"\xb4" * width
    lines = [light[:beside] + row + light[beside + len(row) :] for row in rows]
    lines = [light] * above + lines + [light] * (height - above - len(rows))
    frame = b"FRAME\n" + b"".join(lines) + b"\x80" * (width * height // 2)
    path.write_bytes(b"YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420jpeg\n" % (width, height) + frame * 5)
