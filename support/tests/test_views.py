"""Saved views: a list of questions under a name, for oneself or for everybody at the desk."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from support import actions
from support.errors import NothingNarrowed, TooManyViews, ViewNameTaken
from support.forms import StaffNarrowForm
from support.models import MOST_VIEWS, SavedView
from support.policies import NARROWED_BY, narrowing
from ticketing.errors import NotAllowed
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss():
    return UserFactory(role="supervisor")


@pytest.fixture
def agent():
    return UserFactory(role="agent")


@pytest.fixture
def other():
    return UserFactory(role="agent")


def of(person):
    client = Client()
    client.force_login(person)
    return client


def page(person, query=""):
    return of(person).get(f"/panel/questions/?{query}").content.decode()


def test_what_narrows_the_list_is_kept_under_a_name_and_leads_there_again(agent):
    client = of(agent)
    assert "Keep this list" not in page(agent)
    assert "Keep this list" in page(agent, "late=on")
    sent = {"name": "Late and technical"}
    answer = client.post("/panel/questions/views/?late=on&department=technical&after=x&nonsense=1", sent)
    assert (answer.status_code, answer.url) == (302, "/panel/questions/?department=technical&late=on")
    shown = page(agent, "late=on&department=technical")
    assert '<a class="pill" href="/panel/questions/?department=technical&amp;late=on" aria-current="page"' in shown
    assert "Keep this list" not in shown
    assert "Remove this view" in shown
    assert "Remove this view" not in page(agent, "late=on")
    assert "Late and technical" in page(agent)


def test_a_form_sent_twice_keeps_one_and_another_of_the_same_name_says_so_on_the_form(agent):
    client, sent = of(agent), {"name": "Mine", "form_key": "6b0e2b1e-7a5e-4f7e-9d0a-5f6f0b8d2c11"}
    for _ in range(2):
        assert client.post("/panel/questions/views/?mine=on", sent).status_code == 302
    assert SavedView.objects.count() == 1
    with nothing_changes():
        again = client.post("/panel/questions/views/?late=on", {"name": "mIne"}).content.decode()
    assert "You keep a view with this name already." in again
    assert 'value="mIne"' in again


def test_nobody_else_sees_finds_or_removes_what_is_not_shared(agent, other, boss):
    view = actions.keep_view(name="Secret plan", query="tag=x", by=agent)
    for person in (other, boss):
        assert "Secret plan" not in page(person, "tag=x")
        client, program = of(person), Client(headers=bearer(person))
        with nothing_changes():
            assert client.post(f"/panel/questions/views/{view.pk}/remove/").status_code == 404
            assert program.get(f"/api/v1/support/views/{view.pk}/").status_code == 404
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.change_view(view, name="Mine now", by=boss)


def test_what_a_supervisor_shares_everybody_at_the_desk_has_and_only_supervisors_change(agent, boss):
    view = actions.keep_view(name="To do first", query="priority=high", is_shared=True, by=boss)
    shown = page(agent, "priority=high")
    assert "To do first" in shown
    assert "Remove this view" not in shown
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.remove_view(view, by=agent)
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.keep_view(name="x", query="late=on", is_shared=True, by=agent)
    own = actions.keep_view(name="y", query="late=on", by=agent)
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.change_view(own, is_shared=True, by=agent)
    actions.remove_view(view, by=UserFactory(role="supervisor"))
    assert "To do first" not in page(agent)


def test_an_agents_form_has_no_box_that_shares_and_what_is_sent_of_it_counts_for_nothing(agent, boss):
    assert "For everybody at the desk" not in page(agent, "late=on")
    assert "For everybody at the desk" in page(boss, "late=on")
    of(agent).post("/panel/questions/views/?late=on", {"name": "x", "is_shared": "on"})
    assert not SavedView.objects.get().is_shared


def test_customers_have_no_views(agent):
    customer = UserFactory()
    actions.keep_view(name="Shared", query="late=on", is_shared=True, by=UserFactory(role="supervisor"))
    assert "Shared" not in page(customer, "status=open")
    assert "Keep this list" not in page(customer, "status=open")
    client = of(customer)
    with nothing_changes():
        assert client.post("/panel/questions/views/?status=open", {"name": "x"}).status_code == 403


@pytest.mark.parametrize("query", ["", "?", "after=x", "late=", "unknown=1"])
def test_every_question_is_no_view(agent, query):
    with nothing_changes(), pytest.raises(NothingNarrowed):
        actions.keep_view(name="All", query=query, by=agent)


def test_what_is_kept_is_written_alike_however_it_was_typed():
    assert narrowing("?tag=a+b&status=open&tag=c&x=y") == narrowing("tag=c&status=open") == "status=open&tag=c"
    assert narrowing("search=\0ü") == narrowing("search=%00%C3%BC") == "search=%00%C3%BC"


def test_all_that_narrows_the_list_is_kept_and_nothing_else():
    assert set(NARROWED_BY) == set(StaffNarrowForm.base_fields)


def test_a_change_and_a_removal_are_in_the_trail(agent):
    view = actions.keep_view(name="One", query="late=on", by=agent)
    assert actions.change_view(view, name="Two", query="mine=on", by=agent).query == "mine=on"
    actions.remove_view(view, by=agent)
    told = [f"support.{verb}_view" for verb in ("keep", "change", "remove")]
    assert list(Activity.objects.order_by("id").values_list("operation", flat=True)) == told


def test_over_the_api_it_is_kept_changed_listed_and_removed(agent, boss):
    client = Client(headers=bearer(agent))
    actions.keep_view(name="Shared", query="late=on", is_shared=True, by=boss)
    sent = {"name": "Mine", "query": "?mine=on&x=1"}
    kept = client.post("/api/v1/support/views/", sent, "application/json").json()
    assert (kept["query"], kept["shared"], kept["own"]) == ("mine=on", False, True)
    rows = client.get("/api/v1/support/views/").json()["results"]
    assert {(row["name"], row["own"]) for row in rows} == {("Mine", True), ("Shared", False)}
    where = f"/api/v1/support/views/{kept['id']}/"
    assert client.patch(where, {"shared": True}, "application/json").status_code == 403
    assert client.patch(where, {"query": "x=1"}, "application/json").json()["code"] == "nothing_narrowed"
    assert client.delete(where).status_code == 204


def test_nobody_keeps_more_than_they_find_again(agent):
    SavedView.objects.bulk_create(SavedView(user=agent, name=f"{n}", query="late=on") for n in range(MOST_VIEWS))
    with nothing_changes(), pytest.raises(TooManyViews):
        actions.keep_view(name="One more", query="late=on", by=agent)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_with_one_name_one_is_kept_and_never_more_than_the_most(agent):
    SavedView.objects.bulk_create(SavedView(user=agent, name=f"{n}", query="late=on") for n in range(MOST_VIEWS - 2))

    def keep(name):
        try:
            return actions.keep_view(name=name, query="late=on", by=agent)
        except (ViewNameTaken, TooManyViews):
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(keep, ["Same"] * 4 + [f"Other {number}" for number in range(4)]))
    assert len([view for view in kept if view]) == 2
    assert SavedView.objects.count() == MOST_VIEWS


def test_the_page_asks_as_often_for_one_view_as_for_twenty(agent, django_assert_max_num_queries):
    actions.keep_view(name="First", query="late=on", by=agent)
    client = of(agent)
    client.get("/panel/questions/?mine=on")
    with django_assert_max_num_queries(20) as few:
        client.get("/panel/questions/?mine=on")
    SavedView.objects.bulk_create(SavedView(user=agent, name=f"{n}", query=f"tag={n}") for n in range(20))
    with django_assert_max_num_queries(len(few)):
        client.get("/panel/questions/?mine=on")
