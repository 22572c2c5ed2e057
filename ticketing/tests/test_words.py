"""What templates say of instants, browsers and the way back."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone, translation
from django.utils.html import escape

from ticketing.templatetags.words import browser, linked, when
from ticketing.toolkit.times import in_full, in_words

AT = datetime(2026, 11, 21, 13, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def zone(settings):
    settings.TIME_ZONE = "Europe/Berlin"


def on_day(days, hour=14):
    """An instant so many days from today, on the site's clocks."""
    today = timezone.localtime().replace(hour=hour, minute=30, second=0, microsecond=0)
    return (today + timedelta(days=days)).astimezone(UTC)


def test_an_instant_is_told_in_full_on_the_clocks_of_the_site():
    assert in_full(AT) == "Saturday 21 November 2026, 14:30"
    with translation.override("de"):
        assert in_full(AT).startswith("Samstag")


def test_programs_read_it_with_its_offset_and_nothing_is_told_of_no_instant():
    long_ago = AT.replace(year=2020)
    assert when(long_ago) == '<time datetime="2020-11-21T14:30:00+01:00">Saturday 21 November 2020, 14:30</time>'
    assert when(None) == ""


@pytest.mark.parametrize(("days", "words"), [(-1, "yesterday, 14:30"), (0, "today, 14:30"), (1, "tomorrow, 14:30")])
def test_the_days_around_today_are_told_by_their_names_and_in_full_on_asking(days, words):
    at = on_day(days)
    assert in_words(at) == words
    assert f'title="{in_full(at)}"' in when(at)


@pytest.mark.parametrize("days", [-2, 2])
def test_other_days_are_told_in_full(days):
    assert in_words(on_day(days)) == in_full(on_day(days))


def test_of_a_time_that_comes_twice_it_is_said_which_one():
    first, second = (datetime(2027, 10, 31, hour, 30, tzinfo=UTC) for hour in (0, 1))
    assert in_full(first) == "Sunday 31 October 2027, 02:30, before the clocks are put back"
    assert in_full(second) == "Sunday 31 October 2027, 02:30, after the clocks are put back"
    assert in_full(second + timedelta(minutes=30)) == "Sunday 31 October 2027, 03:00"
    assert in_full(datetime(2027, 3, 28, 1, tzinfo=UTC)) == "Sunday 28 March 2027, 03:00"


def test_a_day_ends_at_midnight_on_the_clocks_of_the_site(settings):
    settings.TIME_ZONE = "Pacific/Kiritimati"  # fourteen hours ahead: another day than in UTC for most of it
    assert in_words(on_day(0, hour=0)) == "today, 00:30"


def test_alone_it_begins_with_a_capital():
    page = Template('{% include "partials/_when.html" with at=at only %}').render(Context({"at": on_day(0)}))
    assert ">Today, 14:30</time>" in page
    assert ">today, 14:30</time>" in when(on_day(0))


def test_on_paper_the_day_is_always_named():
    assert f">{in_full(on_day(0))}</time>" in when(on_day(0), "full")


WINDOWS, LINUX, ANDROID = "Windows NT 10.0; Win64; x64", "X11; Linux x86_64", "Linux; Android 14; Pixel 8"
IPHONE, MAC = "iPhone; CPU iPhone OS 17_5 like Mac OS X", "Macintosh; Intel Mac OS X 10_15_7"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (f"Mozilla/5.0 ({WINDOWS}; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Windows"),
        (f"Mozilla/5.0 ({WINDOWS}) {CHROME} Safari/537.36 Edg/126.0.0.0", "Edge on Windows"),
        (f"Mozilla/5.0 ({LINUX}) {CHROME} Safari/537.36", "Chrome on Linux"),
        (f"Mozilla/5.0 ({LINUX}) {CHROME} Safari/537.36 OPR/112.0.0.0", "Opera on Linux"),
        (f"Mozilla/5.0 ({ANDROID}) {CHROME} Mobile Safari/537.36", "Chrome on Android"),
        (f"Mozilla/5.0 ({ANDROID}) {CHROME} SamsungBrowser/25.0 Mobile Safari/537.36", "Samsung Internet on Android"),
        (f"Mozilla/5.0 ({IPHONE}) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        (f"Mozilla/5.0 ({IPHONE}) AppleWebKit/605.1.15 CriOS/126.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),
        (f"Mozilla/5.0 ({MAC}) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15", "Safari on macOS"),
        *[(agent, "Unknown browser") for agent in ("", "curl/8.5.0", "Mozilla/5.0", "Firefox/ on Windows", "<b>")],
    ],
)
def test_a_browser_is_called_by_its_name_and_an_unknown_one_unknown(agent, words):
    assert browser(agent) == words


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://testserver/panel/events/", "http://testserver/panel/events/"),
        ("http://testserver/here/?a=1", ""),
        ("https://evil.example/", ""),
        ("", ""),
    ],
)
def test_the_way_back_leads_to_another_page_of_ours_or_nowhere(rf, referer, back):
    request = rf.get("/here/?a=1", headers={"referer": referer})
    page = Template("{% load words %}{% way_back as back %}{{ back }}")
    assert page.render(Context({"request": request})) == back


@pytest.mark.parametrize(
    ("said", "addresses"),
    [
        ("https://a.example", ["https://a.example"]),
        ("HTTP://A.example/ü?q=(1), and http://b.example:80/.", ["HTTP://A.example/ü?q=(1)", "http://b.example:80/"]),
        ("(https://a.example/wiki/Ada_(name))", ["https://a.example/wiki/Ada_(name)"]),
        ("“https://a.example/”", ["https://a.example/"]),
        ("https://a.example/\u202egpj.exe", ["https://a.example/"]),
        ('https://a.example/"onclick=x', ["https://a.example/"]),
        ("https://<b>", []),
        ("<b>https://a.example</b> & https://b.example", ["https://a.example", "https://b.example"]),
        ("https:// a.example ftp://a.example javascript:x mailto:a@b.example a.example", []),
    ],
)
def test_only_whole_addresses_of_pages_are_linked_and_all_else_is_text(said, addresses):
    shown = linked(said)
    assert re.findall('<a href="([^"]+)" rel="noopener nofollow">', shown) == [escape(found) for found in addresses]
    assert re.sub("<a [^>]*>|</a>", "", shown) == escape(said)
