"""The booking in a frame of another site's page: for nobody in particular, without cookies, where the owner says so."""

import re

import pytest
from django.test import Client

from booking.models import Booking
from booking.tests.factories import BookingFactory, ServiceFactory
from booking.tests.walking import visit
from ticketing.checks import production_settings
from ticketing.tests.factories import UserFactory

pytestmark = pytest.mark.django_db

EMBED = "/panel/book/embed/"
SHOP = "https://www.example.org"
TYPED = {"firstname": "Ishan", "lastname": "Dixit", "phone_number": "9927898022", "date": "2031-05-06", "time": "12:00"}


@pytest.fixture
def framed(settings):
    settings.EMBED_ORIGINS = [SHOP, "https://shop.example.org:8443"]
    settings.SITE_MODE = "production"


@pytest.fixture
def stranger():
    """A browser in a frame: it keeps no cookies, and a form without a token of ours is not refused for it."""
    client = Client(enforce_csrf_checks=True)

    def without_cookies(**request):
        client.cookies.clear()
        return Client.request(client, **request)

    client.request = without_cookies
    return client


def ancestors(response):
    return re.search(r"frame-ancestors ([^;]*)", response["Content-Security-Policy"])[1]


def test_somebody_books_step_by_step_without_any_cookie(framed, stranger):
    ServiceFactory(slug="passports", name="Passports"), ServiceFactory(slug="permits", name="Permits")
    page = visit(stranger, EMBED).follow("Passports")
    [ask_day] = [
        form for form in page.forms if form.method == "get" and any(f.get("name") == "date" for f in form.shown())
    ]
    page = ask_day.send(date="2031-05-06")
    page = page.form("time").send(time="12:00")
    typed = {name: TYPED[name] for name in ("firstname", "lastname", "phone_number")}
    page = page.form("firstname").send(**typed)
    booking = Booking.objects.get()
    assert page.here == []
    assert page.address.startswith(f"{EMBED}{booking.pk}/{booking.manage_token}/")
    assert booking.slot.service.slug == "passports"
    assert str(booking.pk) in page.words
    assert not stranger.cookies


@pytest.mark.parametrize(
    "query",
    ["", "?service=passports", "?service=passports&date=2031-05-06", "?service=passports&month=2031-05", "?date=x"],
)
def test_every_link_and_form_stays_in_the_frame_or_opens_a_window_of_its_own(framed, stranger, query):
    ServiceFactory(slug="passports"), ServiceFactory(slug="permits")
    page = stranger.get(EMBED + query).content.decode()
    for tag in re.findall(r"<(?:a|form)\b[^>]*>", page):
        where = re.search(r'(?:href|action)="([^"]*)"', tag)
        assert 'target="_blank"' in tag or not where or where[1].startswith(EMBED), tag
    assert "csrfmiddlewaretoken" not in page
    assert "<nav" not in page.replace('<nav class="pages"', "")
    assert "<script" not in page


def test_a_form_that_is_sent_twice_books_once(framed, stranger):
    key = re.search(r'name="form_key" value="([^"]+)"', stranger.get(EMBED, TYPED).content.decode())[1]
    got = [stranger.post(EMBED, {**TYPED, "form_key": key}) for _ in range(2)]
    assert got[0]["Location"] == got[1]["Location"]
    assert Booking.objects.count() == 1


def test_what_is_refused_is_said_in_the_frame(framed, stranger):
    BookingFactory.create_batch(20)
    page = stranger.post(EMBED, {**TYPED, "phone_number": "1"})
    assert page.status_code == 200
    assert "exactly ten digits" in page.content.decode()
    full = stranger.post(EMBED, TYPED)
    assert "fully booked" in full.content.decode()
    assert f'action="{EMBED}"' in full.content.decode()


def test_whoever_is_logged_in_is_nobody_there(framed):
    customer, client = UserFactory(first_name="Zelda"), Client()
    client.force_login(customer)
    assert "Zelda" not in client.get(EMBED, TYPED).content.decode()
    client.post(EMBED, TYPED)
    assert Booking.objects.get().account is None
    assert "bookings_just_made" not in client.session


def test_only_the_named_sites_frame_it_and_only_these_pages(framed, stranger):
    booking = BookingFactory()
    receipt = f"{EMBED}{booking.pk}/{booking.manage_token}/"
    for path in (EMBED, receipt):
        page = stranger.get(path)
        assert page.status_code == 200
        assert ancestors(page) == f"{SHOP} https://shop.example.org:8443"
        assert "X-Frame-Options" not in page
    for path in ("/", "/panel/book/", "/panel/bookings/find/", "/account/log-in/"):
        page = stranger.get(path)
        assert (ancestors(page), page["X-Frame-Options"]) == ("'none'", "DENY")


def test_without_the_setting_nobody_frames_it(stranger):
    page = stranger.get(EMBED)
    assert (page.status_code, ancestors(page), page["X-Frame-Options"]) == (200, "'none'", "DENY")


def test_a_refusal_of_too_many_is_seen_in_the_frame(framed, stranger, settings):
    settings.THROTTLES = {"booking.book": "1/hour"}
    page = [stranger.post(EMBED, TYPED) for _ in range(2)][1]
    assert (page.status_code, ancestors(page)[: len(SHOP)]) == (429, SHOP)
    assert "<nav" not in page.content.decode()


def test_the_receipt_wants_its_token_and_tells_nobody_where_it_is(framed, stranger):
    booking, other = BookingFactory(), BookingFactory()
    page = stranger.get(f"{EMBED}{booking.pk}/{booking.manage_token}/")
    assert (page["Referrer-Policy"], "no-store" in page["Cache-Control"]) == ("no-referrer", True)
    wrong = [f"{EMBED}{pk}/{token}/" for pk, token in ((booking.pk, other.manage_token), (booking.pk, "x"))]
    assert {stranger.get(path).status_code for path in wrong} == {404}


def test_the_check_wants_https(framed, settings):
    settings.EMBED_ORIGINS = ["http://www.example.org"]
    assert "ticketing.E022" in {one.id for one in production_settings(None)}
    settings.EMBED_ORIGINS = [SHOP]
    assert "ticketing.E022" not in {one.id for one in production_settings(None)}
