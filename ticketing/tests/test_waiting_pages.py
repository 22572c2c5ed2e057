"""One's place on a waiting list in the browser: by the link that was mailed, from one's account, and in the admin."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ticketing import actions
from ticketing.models import Session, Waiter
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes
from ticketing.tests.waiting import LISTS, ask, broken, comes_due, full, give_back, join, order, states

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def lists(settings):
    settings.WAITING_LISTS = LISTS


@pytest.fixture
def slot():
    return full()


def html(response, status=200):
    assert response.status_code == status, response.content
    return response.content.decode()


def words(response):
    """What the page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", html(response)).split())


def mailed(waiter):
    """The address in the mails, as their reader sees it."""
    waiter.refresh_from_db()
    return reverse("waiting:link", args=[waiter.pk, waiter.secret])


def place(waiter):
    return f"/panel/waiting/{waiter.pk}/"


def opened(client, waiter):
    assert client.get(mailed(waiter))["Location"] == place(waiter)
    return client.get(place(waiter))


# To look


def test_a_mail_scanner_that_opens_the_link_changes_nothing_and_the_secret_leaves_the_address(client, slot):
    waiter = join(slot)
    give_back(slot)
    with nothing_changes():
        answer = client.get(mailed(waiter))
        pages = [client.get(place(waiter) + part) for part in ("", "leave/", "decline/")]
        client.head(mailed(waiter))
    assert waiter.secret not in answer["Location"] + "".join(map(html, pages))
    assert all("no-store" in page["Cache-Control"] for page in [answer, *pages])
    assert not any(waiter.secret in str(session.get_decoded()) for session in Session.objects.all())
    for path in (mailed(waiter), place(waiter)):
        assert client.post(path).status_code == 405
    assert client.get(f"{place(waiter)}accept/").status_code == 405
    assert states(waiter) == [("offered", 1)]


def test_the_page_shows_the_position_the_order_and_the_rules_and_nobodys_name(client, slot):
    join(slot, 3, email="first@example.org", by=UserFactory(first_name="Grace"))
    waiter = join(slot, 4, least=2, email="ada@example.org")
    join(slot, email="last@example.org")
    said = words(opened(client, waiter))
    assert "You are number 2" in said
    assert "You want 4 places, or at least 2" in said
    assert "Waiting 3 people or groups" in said
    assert "1 3 places – 2 You 4 places, or at least 2 – 3 1 place –" in said
    assert "Only what fits nobody on the list is free for everybody." in said
    assert "What is offered is held for 24 hours, but not beyond Tuesday 6 May 2031, 12:00" in said
    assert slot.title in said
    assert "example.org" not in said
    assert "Grace" not in said


def test_everybody_on_the_list_reads_why_somebody_was_moved(client, slot):
    waiter, moved = join(slot), join(slot)
    actions.move_waiter(moved, reason="Needs a <b>seat</b> without steps.", by=None)
    page = html(opened(client, waiter))
    assert "Moved by the organiser: Needs a &lt;b&gt;seat&lt;/b&gt; without steps." in page
    assert "You are number 2" in words(client.get(place(waiter)))


def test_an_offer_is_shown_with_its_end_in_words(client, slot, settings):
    settings.WAITING_OFFER_LASTS = timedelta(hours=48)
    waiter = join(slot, 2)
    give_back(slot, 2)
    page = opened(client, waiter)
    assert "2 places are held for you" in words(page)
    assert re.search(r"Until <time datetime=", html(page))
    assert "Accept" in html(page)
    other = join(slot)
    assert "Offers 1 waits for an answer" in words(opened(client, other))


def test_one_cannot_accept_where_nobody_turns_offers_into_anything(client, slot, settings):
    waiter = join(slot)
    give_back(slot)
    settings.WAITING_LISTS = {}
    assert "Accept" not in html(opened(client, waiter))
    with nothing_changes():
        assert client.post(f"{place(waiter)}accept/").status_code == 404


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (lambda waiter, slot: actions.decline_offer(waiter, by=None), "You have declined"),
        (lambda waiter, slot: actions.leave_list(waiter, by=None), "You have left the list"),
        (lambda waiter, slot: actions.use_offer(waiter, by=None), "You have accepted 1 place"),
        (lambda waiter, slot: comes_due(waiter) or actions.release_overdue(slot), "The offer has ended"),
    ],
)
def test_a_place_that_has_ended_says_how_and_shows_nobody_elses(client, slot, end, said):
    waiter = join(slot)
    join(slot, 3)
    give_back(slot)
    opened(client, waiter)
    end(waiter, slot)
    page = client.get(place(waiter))
    assert said in words(page)
    assert "3 places" not in words(page)
    assert "<button" not in html(page).partition("<main")[2].partition("</main>")[0]
    assert f'hx-get="{place(waiter)}"' not in html(page)


def test_what_is_no_longer_there_says_so(client, slot):
    waiter = join(slot)
    Waiter.objects.filter(pk=waiter.pk).update(stock=uuid4())
    actions.lapse_offers()
    said = words(opened(client, waiter))
    assert "What you waited for is no longer there." in said
    assert "Nothing became free in time" in said


def test_the_part_that_refreshes_itself_is_answered_alone(client, slot):
    waiter = join(slot)
    opened(client, waiter)
    part = html(client.get(place(waiter), headers={"HX-Request": "true"}))
    assert part.strip().startswith('<div id="place"')
    assert part.strip() in html(client.get(place(waiter)))


def test_the_page_costs_the_same_for_one_who_waits_and_for_sixty_and_shows_fifty(client, slot):
    waiter = join(slot)
    opened(client, waiter)

    def cost():
        with CaptureQueriesContext(connection) as queries:
            html(client.get(place(waiter)))
        return len(queries)

    one = cost()
    last = [join(slot) for _ in range(60)][-1]
    assert cost() == one <= 8
    said = words(opened(client, last))
    assert "You are number 61" in said
    assert "The first 50 of 61." in said


# To confirm


def test_a_mail_scanner_confirms_nothing_and_the_form_behind_the_link_does(client, production, slot):
    waiter = ask(slot, 2, by=AnonymousUser())
    with nothing_changes():
        said = words(opened(client, waiter))
        assert client.get(f"{place(waiter)}confirm/").status_code == 405
    assert "Do you want to wait?" in said
    assert "You want 2 places" in said
    answer = client.post(f"{place(waiter)}confirm/")
    assert answer["Location"] == place(waiter)
    assert states(waiter) == [("waiting", None)]
    said = words(client.get(place(waiter)))
    assert "Your place on the waiting list is confirmed." in said
    assert "You are number 1" in said
    with nothing_changes():
        assert client.post(f"{place(waiter)}confirm/").status_code == 302


def test_whoever_asked_from_an_account_sees_the_place_and_is_sent_to_the_mail(client, production, slot):
    customer = UserFactory()
    waiter = ask(slot, by=customer)
    client.force_login(customer)
    page = client.get(place(waiter))
    assert "Open the link in the mail that we sent to this address." in words(page)
    assert f"{place(waiter)}confirm/" not in html(page)
    with nothing_changes():
        assert client.post(f"{place(waiter)}confirm/").status_code == 403
    stranger = Client()
    with nothing_changes():
        assert stranger.post(f"{place(waiter)}confirm/").status_code == 404


# To answer


def test_a_stranger_leaves_by_the_link(client, production, slot):
    waiter = join(slot)
    opened(client, waiter)
    assert "Leave the waiting list?" in words(client.get(f"{place(waiter)}leave/"))
    answer = client.post(f"{place(waiter)}leave/")
    assert answer["Location"] == place(waiter)
    assert states(waiter) == [("left", None)]
    assert "You have left the waiting list." in words(client.get(place(waiter)))
    with nothing_changes():
        assert client.post(f"{place(waiter)}leave/").status_code == 409


def test_a_stranger_declines_and_the_next_is_offered_the_place(client, production, slot):
    waiter, other = join(slot), join(slot)
    give_back(slot)
    opened(client, waiter)
    assert "Decline the offer?" in words(client.get(f"{place(waiter)}decline/"))
    assert client.post(f"{place(waiter)}decline/")["Location"] == place(waiter)
    assert states(waiter, other) == [("declined", 1), ("offered", 1)]
    assert broken() == set()


def test_a_stranger_accepts_and_goes_on_where_the_app_says(client, production, slot):
    waiter = join(slot, 2)
    opened(client, waiter)
    with nothing_changes():
        assert client.post(f"{place(waiter)}accept/").status_code == 409
    give_back(slot, 2)
    assert client.post(f"{place(waiter)}accept/")["Location"] == "/panel/bookings/"
    assert states(waiter) == [("accepted", 2)]
    assert broken() == set()


def test_a_form_from_elsewhere_is_refused(slot):
    waiter, client = join(slot), Client(enforce_csrf_checks=True)
    opened(client, waiter)
    with nothing_changes():
        assert client.post(f"{place(waiter)}leave/").status_code == 403


# Whose it is


def test_without_the_link_or_the_account_a_place_is_missing(client, production, slot):
    waiter, other = join(slot), join(slot, by=UserFactory())
    opened(client, other)
    addresses = [place(one) + part for one in (waiter,) for part in ("", "leave/", "decline/", "accept/")]
    visitors = [client]
    for role in ("customer", "gate"):
        visitor = Client()
        visitor.force_login(UserFactory(role=role))
        visitors.append(visitor)
    with nothing_changes():
        for visitor in visitors:
            for address in addresses:
                missing = address.replace(str(waiter.pk), str(uuid4()))
                for verb in ("get", "post"):
                    statuses = {getattr(visitor, verb)(one).status_code for one in (address, missing)}
                    assert statuses in ({404}, {405})


def test_every_dead_link_answers_alike(client, slot):
    waiter, other = join(slot), join(slot)
    old = mailed(waiter)
    actions.renew_link(waiter, by=None)
    addresses = [
        reverse("waiting:link", args=[waiter.pk, "x" * 64]),
        reverse("waiting:link", args=[waiter.pk, other.secret]),
        reverse("waiting:link", args=[uuid4(), waiter.secret]),
        reverse("waiting:link", args=[waiter.pk, "é"]),
        old,
    ]
    texts = {re.sub(r'value="\w{64}"', "", html(client.get(address), 404)) for address in addresses}
    assert len(texts) == 1


def test_a_new_link_shuts_the_browsers_that_came_by_the_old_one(client, slot):
    waiter = join(slot)
    html(opened(client, waiter))
    actions.renew_link(waiter, by=None)
    html(client.get(place(waiter)), 404)
    html(opened(client, waiter))


def test_a_customer_reaches_their_own_without_the_link_and_staff_everybodys(client, production, slot):
    customer = UserFactory()
    waiter = join(slot, by=customer)
    for person in (customer, UserFactory(role="agent"), UserFactory(role="supervisor")):
        client.force_login(person)
        html(client.get(place(waiter)))
    client.force_login(customer)
    client.post(f"{place(waiter)}leave/")
    assert states(waiter) == [("left", None)]


# The admin


ADMIN = "/admin/ticketing/waiter/"


@pytest.fixture
def boss(client):
    client.force_login(UserFactory(role="supervisor"))
    return client


def test_a_supervisor_moves_somebody_with_a_reason(boss, slot):
    a, b, c = (join(slot, email=f"{letter}@example.org") for letter in "abc")
    page = html(boss.get(f"{ADMIN}{c.pk}/change/"))
    assert "1. a@example.org (1)" in page
    assert "c@example.org (1)" not in page
    with nothing_changes():
        assert "This field is required." in html(boss.post(f"{ADMIN}{c.pk}/change/", {"before": b.pk, "reason": ""}))
    assert boss.post(f"{ADMIN}{c.pk}/change/", {"before": b.pk, "reason": "A wheelchair."}).status_code == 302
    assert order(slot) == [a.email, c.email, b.email]
    boss.post(f"{ADMIN}{b.pk}/change/", {"before": "", "reason": "A wheelchair, too."})
    assert order(slot) == [b.email, a.email, c.email]


def test_what_cannot_be_moved_is_said_and_nothing_is_changed(boss, slot):
    waiter = join(slot)
    give_back(slot)
    path = f"{ADMIN}{waiter.pk}/change/"
    with nothing_changes():
        answer = boss.post(
            path, {"before": "", "reason": "Why not."}, follow=True, headers={"Referer": f"http://testserver{path}x"}
        )
    assert b"Only people who still wait on this list can be moved." in answer.content


def test_everything_else_is_read_only_and_nobody_is_added(boss, slot):
    waiter = join(slot, 2)
    sent = {"before": "", "reason": "Why not.", "quantity": 1, "email": "eve@example.org", "state": "accepted"}
    boss.post(f"{ADMIN}{waiter.pk}/change/", sent)
    waiter.refresh_from_db()
    assert (waiter.quantity, waiter.state) == (2, "waiting")
    assert waiter.email != "eve@example.org"
    for path in ("add/", f"{waiter.pk}/delete/"):
        assert boss.get(ADMIN + path).status_code == 403


def test_people_are_taken_off_and_sent_new_links_by_verbs(boss, slot):
    first, second = join(slot), join(slot)
    give_back(slot)
    old = first.secret

    def run(verb, *waiters):
        return boss.post(ADMIN, {"action": verb, "_selected_action": [one.pk for one in waiters]}, follow=True).content

    assert b"2 done" in run("renew_link", first, second)
    first.refresh_from_db()
    assert not first.opens_with(old)
    assert b"1 done" in run("leave_list", first)
    assert states(first, second) == [("left", 1), ("offered", 1)]
    assert b"0 done" in run("leave_list", first)


def test_the_list_of_the_admin_says_what_is_waited_for_and_costs_the_same_for_one_and_for_twenty(boss, slot):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            page = html(boss.get(ADMIN))
        assert slot.title in page
        return len(queries)

    join(slot)
    join(full("allocation.ticketoption"))
    cost()
    few = cost()
    for _ in range(18):
        join(full(capacity=1))
    assert cost() == few <= 10
    assert slot.title in html(boss.get(f"{ADMIN}{Waiter.objects.of(slot).get().pk}/change/"))


def test_the_list_of_the_admin_finds_people_and_lists(boss, slot):
    waiter, other = join(slot, email="ada@example.org"), join(full(), email="eve@example.org")
    for query in ("?q=ada", f"?q={slot.pk}", f"?q={waiter.pk}"):
        page = html(boss.get(ADMIN + query))
        assert "ada@example.org" in page
        assert other.email not in page
    assert "ada@example.org" in html(boss.get(f"{ADMIN}?state__exact=waiting"))
    assert "ada@example.org" not in html(boss.get(f"{ADMIN}?state__exact=offered"))
