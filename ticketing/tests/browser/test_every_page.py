"""Every page in a real browser: readable for everybody, on phones and screens, in light and dark, and in German."""

from pathlib import Path
from uuid import uuid4

import pytest

from ticketing.tests.browser.conftest import shoot

AXE = (Path(__file__).parents[1] / "vendor" / "axe.min.js").read_text()
ALL = "SELECT id FROM"
KNOWN = {
    "question": "SELECT code FROM support_ticket WHERE subject LIKE 'I cannot log in%%'",
    "booking": f"{ALL} booking_booking WHERE firstname = 'Amara'",
    "option": f"{ALL} allocation_ticketoption WHERE name LIKE 'Evening%%'",
    "sold_out": f"{ALL} allocation_ticketoption WHERE taken = capacity",
    "ticket": f"{ALL} allocation_ticket WHERE number = 1 AND purchase_id IS NOT NULL",
    "purchase": f"{ALL} allocation_purchase",
    "event": f"{ALL} allocation_event WHERE name = 'Nuits d’été'",
    "over": f"{ALL} allocation_event WHERE venue = 'Waldbühne'",
    "night": f"{ALL} allocation_event WHERE name LIKE 'Night of%%'",
    "scan": f"{ALL} allocation_scan WHERE outcome = 'admitted'",
    "standing": f"{ALL} allocation_hold WHERE state = 'held'",
    "gone": f"{ALL} allocation_hold WHERE state = 'released'",
    "mine": f"{ALL} allocation_ticket WHERE valid AND number = 3",
    "given_back": f"{ALL} allocation_ticket WHERE cancelled_at IS NOT NULL",
    "several": f"{ALL} allocation_purchase WHERE option_id IS NULL",
    "waiting": f"{ALL} ticketing_waiter WHERE state = 'waiting'",
    "offered": f"{ALL} ticketing_waiter WHERE state = 'offered'",
    "ended": f"{ALL} ticketing_waiter WHERE state = 'lapsed'",
    "service": f"{ALL} booking_service",
    "agent": f"{ALL} support_agent",
    "calendar": f"{ALL} ticketing_calendar",
    "webhook": f"{ALL} ticketing_webhook",
    "account": f"{ALL} ticketing_user WHERE username = 'amara'",
    "mail": f"{ALL} ticketing_mail",
}
PAGES = {
    "": [
        "/",
        "/panel/style/",
        "/panel/book/",
        "/panel/book/?date=2031-03-03",
        "/panel/book/?date=2031-03-03&time=10:15",
        "/panel/book/?date=2001-02-30&time=25:61&service=none",
        "/panel/book/?month=2031-03",
        "/panel/book/done/",
        "/panel/book/embed/",
        "/panel/book/embed/?date=2031-03-03&time=10:15",
        "/panel/book/wait/asked/",
        "/panel/bookings/find/",
        "/panel/events/",
        "/panel/events/{event}/",
        "/panel/events/{sold_out}/wait/",
        "/panel/events/wait/asked/",
        "/account/log-in/",
        "/account/sign-up/",
        "/account/forgot/",
        "/account/sent/",
        "/api/v1/docs/",
        "/api/v1/docs/booking/",
        "/api/v1/docs/waiting/",
        "/nowhere/",
    ],
    "amara": [
        "/",
        "/panel/book/",
        "/panel/bookings/",
        "/panel/bookings/{booking}/",
        "/panel/bookings/{booking}/move/",
        "/panel/bookings/{booking}/cancel/",
        "/panel/events/",
        "/panel/events/{event}/",
        "/panel/events/{option}/buy/",
        "/panel/events/{sold_out}/buy/",
        "/panel/events/{sold_out}/wait/",
        "/panel/events/offer/{offered}/",
        "/panel/holds/{standing}/",
        "/panel/holds/{gone}/",
        "/panel/tickets/",
        "/panel/tickets/{ticket}/",
        "/panel/tickets/{mine}/",
        "/panel/tickets/{mine}/cancel/",
        "/panel/tickets/{mine}/hand-on/",
        "/panel/tickets/{given_back}/",
        "/panel/purchases/{several}/cancel/",
        "/panel/questions/",
        "/panel/questions/?status=closed",
        "/panel/questions/?search=the",
        "/panel/questions/{question}/",
        "/panel/questions/new/",
        "/panel/questions/new/?about=booking.booking:{booking}",
        "/panel/waiting/{waiting}/",
        "/panel/waiting/{waiting}/leave/",
        "/panel/waiting/{offered}/",
        "/panel/waiting/{offered}/decline/",
        "/panel/waiting/{ended}/",
        "/panel/desk/",
        "/account/profile/",
        "/account/tokens/",
        "/account/sessions/",
        "/account/data/",
    ],
    "mei": [
        "/",
        "/panel/desk/",
        "/panel/day/",
        "/panel/questions/",
        "/panel/questions/?late=on&status=open",
        "/panel/questions/{question}/",
    ],
    "gate": ["/", "/panel/gate/", "/panel/gate/{night}/?gate=North"],
    "sofia": [
        "/",
        "/panel/board/",
        "/panel/board/?still",
        "/account/people/",
        "/account/people/{account}/",
        "/panel/gate/{night}/?gate=North",
        "/panel/gate/scans/{scan}/undo/?gate=North",
        "/panel/desk/",
        "/panel/desk/reports/",
        "/panel/desk/reports/?first=2020-01-01&last=2020-02-01",
        "/panel/questions/{question}/",
        "/panel/events/report/",
        "/panel/events/{event}/",
        "/panel/events/{event}/report/",
        "/panel/events/{over}/report/",
        "/admin/",
        "/admin/support/ticket/",
        "/admin/support/tally/",
        "/admin/support/cannedreply/add/",
        "/admin/support/agent/add/",
        "/admin/support/agent/{agent}/change/",
        "/admin/booking/booking/",
        "/admin/booking/feed/",
        "/admin/booking/resource/",
        "/admin/booking/booking/{booking}/change/",
        "/admin/booking/service/{service}/change/",
        "/admin/allocation/event/",
        "/admin/allocation/event/add/",
        "/admin/allocation/event/{event}/change/",
        "/admin/allocation/hold/",
        "/admin/allocation/ticketoption/",
        "/admin/allocation/ticketoption/add/",
        "/admin/allocation/ticketoption/{option}/change/",
        "/admin/allocation/ticketoption/{option}/history/",
        "/admin/allocation/purchase/{purchase}/change/",
        "/admin/ticketing/user/",
        "/admin/ticketing/user/{account}/change/",
        "/admin/ticketing/emaillink/add/",
        "/admin/ticketing/calendar/{calendar}/change/",
        "/admin/ticketing/waiter/{waiting}/change/",
        "/admin/ticketing/webhook/add/",
        "/admin/ticketing/webhook/{webhook}/change/",
        "/admin/ticketing/mail/",
        "/admin/ticketing/mail/{mail}/change/",
    ],
}
REFUSED = ("/nowhere/", "/panel/desk/")  # of what is asked above: by somebody who may not, or not at all
# By a sheet that the debugger brings in. To wait for colours to fade takes a browser that goes on making pictures of
# the page, which one without a screen need not do.
STILL = """
    const still = new CSSStyleSheet();
    still.replaceSync("*, ::before, ::after { transition: none !important }");
    document.adoptedStyleSheets.push(still);
"""
# What the page and all that belongs to it came to over the wire, without the heads of the answers.
WEIGHT = """
    [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .reduce((sum, one) => sum + one.encodedBodySize, 0)
"""
EVERY = [(name, path) for name, paths in PAGES.items() for path in paths]


# Of the list of what is sold out.
WAITS = """
    INSERT INTO ticketing_waiter (
        id, created_at, updated_at, kind, stock, quantity, least, email, account_id, language, state, link_version,
        offered, offered_until
    )
    SELECT gen_random_uuid(), now(), now(), 'allocation.ticketoption', %s, 3, 2, state || '@example.org', account.id,
        'en', state, 1, offered, now() + offered * interval '1 day'
    FROM ticketing_user AS account, (VALUES ('waiting', NULL), ('offered', 2), ('lapsed', NULL)) AS one (state, offered)
    WHERE account.username = 'amara'
"""
# An event with something left, something sold out and something to come; amara holds, bought and gave back some of it.
STAGED = """
    WITH event AS (
        INSERT INTO allocation_event (
            id, created_at, updated_at, name, venue, description, starts_at, ends_at, time_zone, published
        )
        VALUES (
            gen_random_uuid(), now(), now(), 'Nuits d’été', 'Salle des fêtes', 'In the open air.',
            '2031-07-14 19:00+00', '2031-07-14 23:00+00', 'America/Argentina/Buenos_Aires', true
        )
        RETURNING id, ends_at
    ), option AS (
        INSERT INTO allocation_ticketoption (
            id, created_at, updated_at, capacity, taken, held, name, description, event_id, on_sale_from,
            on_sale_until, least, "limit"
        )
        SELECT gen_random_uuid(), now(), now(), 40, one.taken, one.held, one.name, 'Seats without numbers.', event.id,
            one.on_sale_from::timestamptz, ends_at, 1, 6
        FROM event, (
            VALUES ('Parterre', 5, 2, NULL), ('Balcony', 40, 1, NULL), ('Late comers', 0, 0, '2031-07-01 08:00+00')
        ) AS one (name, taken, held, on_sale_from)
        RETURNING id, name, held
    ), account AS (
        SELECT id FROM ticketing_user WHERE username = 'amara'
    ), hold AS (
        INSERT INTO allocation_hold (id, created_at, updated_at, buyer, account_id, until, state)
        SELECT gen_random_uuid(), now(), now(), account.id, account.id, now() + interval '2 hours', state
        FROM account, unnest(ARRAY['held', 'released']) AS state
        RETURNING id
    ), item AS (
        INSERT INTO allocation_helditem (hold_id, option_id, quantity)
        SELECT hold.id, option.id, option.held FROM hold, option WHERE option.held > 0
    ), purchase AS (
        INSERT INTO allocation_purchase (id, created_at, updated_at, buyer, account_id, quantity)
        SELECT gen_random_uuid(), now(), now(), account.id, account.id, 4 FROM account
        RETURNING id, account_id
    )
    INSERT INTO allocation_ticket (
        id, created_at, updated_at, option_id, purchase_id, holder_id, number, valid, cancelled_at
    )
    SELECT gen_random_uuid(), now(), now(), option.id, purchase.id, purchase.account_id,
        row_number() OVER (ORDER BY option.name DESC, place),
        NOT (option.name = 'Balcony' AND place = 2),
        CASE WHEN option.name = 'Balcony' AND place = 2 THEN now() END
    FROM purchase, option, generate_series(1, 2) AS place
    WHERE option.name IN ('Parterre', 'Balcony')
"""
# By the demo's gate, for what it serves.
SCANNED = """
    UPDATE allocation_scan SET
        event_id = (SELECT id FROM allocation_event WHERE name LIKE 'Night of%%'),
        account_id = (SELECT id FROM ticketing_user WHERE username = 'gate')
"""

# An event that is over, with what its report shows: sold in some weeks, some given back, admitted at six gates.
OVER = """
    WITH event AS (
        INSERT INTO allocation_event (
            id, created_at, updated_at, name, venue, description, starts_at, ends_at, time_zone, published
        )
        VALUES (
            gen_random_uuid(), '2025-08-01', now(), 'Der Widerspenstigen Zähmung, Freilichtbühne', 'Waldbühne', '',
            '2025-10-26 00:00+00', '2025-10-26 04:00+00', 'Europe/Berlin', true
        )
        RETURNING id, starts_at, ends_at
    ), option AS (
        INSERT INTO allocation_ticketoption (
            id, created_at, updated_at, capacity, taken, held, name, description, event_id, on_sale_until, least
        )
        SELECT gen_random_uuid(), now(), now(), 300, 0, 0, name, '', event.id, ends_at, 1
        FROM event, unnest(ARRAY['Parkett', 'Rang', 'Stehplatz', 'Loge', 'Rollstuhlplatz mit Begleitung']) AS name
        RETURNING id, name
    ), ticket AS (
        SELECT gen_random_uuid() AS id, gen_random_uuid() AS purchase, option.id AS option, one,
            starts_at - one * interval '7 hours' AS sold,
            starts_at + (one %% 50) * interval '2 minutes' AS came,
            one %% 9 = 0 AS is_returned
        FROM event, option, generate_series(1, 20 + 5 * length(option.name)) AS one
    ), purchase AS (
        INSERT INTO allocation_purchase (id, created_at, updated_at, option_id, buyer, quantity)
        SELECT purchase, sold, sold, option, id, 1 FROM ticket
    ), made AS (
        INSERT INTO allocation_ticket (
            id, created_at, updated_at, option_id, purchase_id, number, valid, cancelled_at, admitted_at
        )
        SELECT id, sold, sold, option, purchase, 1, NOT is_returned,
            CASE WHEN is_returned THEN sold + interval '5 hours' END,
            CASE WHEN one %% 4 > 0 AND NOT is_returned THEN came END
        FROM ticket
    )
    INSERT INTO allocation_scan (
        id, created_at, updated_at, ticket_id, gate, nonce, code_digest, outcome
    )
    SELECT gen_random_uuid(), came, came, id, 'Gate ' || one %% 6, gen_random_uuid(), 'x', 'admitted'
    FROM ticket WHERE one %% 4 > 0 AND NOT is_returned
"""
SOLD = """
    UPDATE allocation_ticketoption AS option SET taken = (
        SELECT count(*) FROM allocation_ticket AS ticket WHERE option_id = option.id AND cancelled_at IS NULL
    )
    FROM allocation_event AS event WHERE event.id = event_id AND venue = 'Waldbühne'
"""
# What the desk did in the last three weeks.
HAPPENED = """
    INSERT INTO support_milestone (ticket_id, what, at, asked_at, department, priority, agent_id, in_time)
    SELECT gen_random_uuid(), what, asked + ends * (number %% 17 + 1), asked, department, priority, agent.id,
        CASE what WHEN 'answered' THEN number %% 4 > 0 END
    FROM generate_series(1, 400) AS number
    CROSS JOIN LATERAL (SELECT
        now() - number * interval '77 minutes' AS asked,
        (ARRAY['sales', 'technical', 'security', ''])[1 + number %% 4] AS department,
        (ARRAY['low', 'medium', 'high'])[1 + number %% 3] AS priority
    ) AS question
    CROSS JOIN (VALUES ('asked', interval '0'), ('handed', interval '4 minutes'), ('answered', interval '19 minutes'),
        ('closed', interval '3 hours')) AS happened (what, ends)
    JOIN LATERAL (SELECT id FROM support_agent ORDER BY id LIMIT 1 OFFSET number %% 2) AS agent ON true
    WHERE asked + ends * (number %% 17 + 1) < now()
"""


def make_what_the_demo_has_none_of(site):
    people = site.call("GET", "/users")[1]
    token = next(one["token"] for one in people if one["name"] == "Sofia Marino")
    sofia = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    made = [
        site.call("POST", "/api/v1/hours/calendars/", {"slug": "desk", "name": "The desk in Ærøskøbing"}, **sofia),
        site.call("POST", "/api/v1/webhooks/", {"url": "https://example.org/hook"}, **sofia),
        site.call("POST", "/api/v1/invitations/", {"email": "noor@example.org", "role": "agent"}, **sofia),
        option := site.call("POST", "/ticket_options", {"Name": "Reading", "Desc": "Sold out.", "Allocation": 2}),
    ]
    buyer = {"Quantity": 2, "UserID": "406c1d05-bbb2-4e94-b183-7d208c2692e1"}
    made.append(site.call("POST", f"/ticket_options/{option[1]['ID']}/purchases", buyer))
    ticket = site.call("POST", "/api/v1/allocation/tickets/", {}, **sofia)[1]["id"]
    for code in (ticket, ticket, "nonsense"):
        shown = {"code": code, "gate": "North", "nonce": str(uuid4())}
        made.append(site.call("POST", "/api/v1/allocation/scans/", shown, **sofia))
    assert [status // 100 for status, *_ in made] == [2] * 8
    site.sql(SCANNED)
    site.sql(WAITS, option[1]["ID"])
    site.sql(STAGED)
    site.sql(OVER)
    site.sql(HAPPENED)
    site.sql(SOLD)


@pytest.fixture(scope="session")  # as its site is: tests of one module may come in several turns
def known(site):
    make_what_the_demo_has_none_of(site)
    return {name: site.sql(query)[0][0] for name, query in KNOWN.items()}


# A page is loaded once for both: it is told its width by nothing but its sheets.
WIDTHS = [360, 1280]
# The same is there at either width: of the narrow page only what its layout decides is looked at.
LOOKED_AT = {
    360: {"runOnly": ["color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block"]},
    1280: {},
}


@pytest.mark.parametrize(("name", "path"), EVERY, ids=lambda text: text or "nobody")
def test_a_page_is_light_and_readable_for_everybody_and_complains_about_nothing(look, known, name, path):
    picture = f"{name or 'nobody'}{path.replace('/', '-')}"
    with look(name, WIDTHS[0]) as page:
        answer = page.goto(path.format(**known))
        assert answer.ok or path in REFUSED
        for width in WIDTHS:
            widen(page, width)
            shoot(page, f"{picture}{width}-light")
            assert 0 < page.evaluate(WEIGHT) < 100_000
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), width
            assert page.locator("h1").count() >= 1
            assert (width, findings(page, **LOOKED_AT[width])) == (width, [])
        wear_dark(page)
        assert findings(page, runOnly=["color-contrast", "link-in-text-block"]) == []  # what colours decide
        for width in reversed(WIDTHS):
            widen(page, width)
            shoot(page, f"{picture}{width}-dark")


def widen(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("window.innerWidth") == width


def wear_dark(page):
    """Change the colours of the page that stands there, at once."""
    page.evaluate(STILL)
    page.emulate_media(color_scheme="dark")


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


def findings(page, **options):
    """What axe-core finds; it comes in by the debugger, as the policy of the pages lets no script in.

    Nor any style: to look into sheets that sheets import, axe would add some.
    """
    if not page.evaluate("'axe' in window"):
        debug(page, "Runtime.evaluate", expression=AXE)
    asked = {"preload": False, "resultTypes": ["violations"], **options}
    found = page.evaluate("asked => axe.run(asked).then(result => result.violations)", asked)
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def debug(page, command, **parameters):
    """Ask the browser itself: the driver would read so long a script three times before it hands it on."""
    debugger = page.context.new_cdp_session(page)
    answer = debugger.send(command, parameters)
    assert "exceptionDetails" not in answer
    debugger.detach()


def test_where_only_days_are_picked_nobody_is_warned_of_their_clock(visit, known):
    with visit("sofia", timezone_id="Asia/Tokyo") as page:
        page.goto("/admin/ticketing/calendar/{calendar}/change/".format(**known))
        warnings = page.locator(".timezonewarning")
        assert warnings.count() > 0
        assert not any(one.is_visible() for one in warnings.all())
