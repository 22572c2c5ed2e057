import io

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ, Schedule

from ticketing.actions import issue_token
from ticketing.models import Activity, ApiToken, Heartbeat, IdempotencyKey, User
from ticketing.tasks import enqueue
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client):
    client.force_login(UserFactory(role="supervisor"))
    return client


@pytest.fixture
def owner(client):
    client.force_login(UserFactory(role="supervisor", is_superuser=True))
    return client


def make(number):
    user = UserFactory()
    issue_token(user, name=f"program {number}", by=None)
    IdempotencyKey.objects.create(caller="", route="r", key=str(number), fingerprint="f", made=user.pk)
    Heartbeat.objects.beat(f"process {number}")
    enqueue("ticketing.tasks.beat")


CORE = [model for model in admin.site._registry if model._meta.app_label in ("ticketing", "django_q")]


@pytest.mark.parametrize("model", CORE, ids=lambda model: model._meta.label)
def test_each_list_and_search_costs_the_same_for_one_row_and_for_twenty(owner, model):
    call_command("sync_schedules", stdout=io.StringIO())
    path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"

    def cost(query=""):
        with CaptureQueriesContext(connection) as queries:
            assert owner.get(path + query).status_code == 200
        return len(queries)

    make(0)
    cost()
    one = cost()
    for number in range(1, 20):
        make(number)
    assert cost() == one <= 10
    assert cost("?q=a") <= 12


@pytest.mark.parametrize("model", [Activity, ApiToken, IdempotencyKey, Heartbeat, OrmQ, Schedule])
def test_what_only_verbs_write_is_read_only_even_for_the_owner(owner, model):
    call_command("sync_schedules", stdout=io.StringIO())
    make(0)
    path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    row = model.objects.first()
    with nothing_changes():
        assert owner.get(f"{path}{row.pk}/change/").status_code == 200
        assert owner.post(f"{path}{row.pk}/change/", {"name": "x"}).status_code == 403
        assert owner.post(f"{path}{row.pk}/delete/", {"post": "yes"}).status_code == 403
        assert owner.get(f"{path}add/").status_code == 403


def test_no_secret_is_shown(owner):
    user = UserFactory()
    bearer(user)
    token = ApiToken.objects.get()
    page = owner.get(f"/admin/ticketing/apitoken/{token.pk}/change/").content.decode()
    assert token.digest not in page


def test_a_token_is_revoked_by_its_verb(owner):
    headers = bearer(user := UserFactory())
    token = ApiToken.objects.get(user=user)
    data = {"action": "revoke_token", "_selected_action": [str(token.pk)]}
    assert b"1 done" in owner.post("/admin/ticketing/apitoken/", data, follow=True).content
    assert owner.get("/tickets", headers=headers).status_code == 401


def test_accounts_and_roles_are_the_superusers(boss):
    user = UserFactory()
    path = f"/admin/ticketing/user/{user.pk}/change/"
    with nothing_changes():
        assert boss.post(path, {"role": "supervisor"}).status_code == 403
    assert boss.get("/admin/ticketing/user/").status_code == 200


def test_the_owner_changes_a_role(owner):
    user = UserFactory()
    path = f"/admin/ticketing/user/{user.pk}/change/"
    form = {"username": user.username, "role": "agent", "is_active": "on", "email": user.email}
    assert owner.post(path, form).status_code == 302
    assert User.objects.get(pk=user.pk).role == "agent"


def test_every_model_of_the_site_stands_in_the_admin():
    for app in ("ticketing", "support", "booking", "allocation"):
        assert set(apps.get_app_config(app).get_models()) <= set(admin.site._registry)


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model._meta.label)
def test_a_page_to_add_opens_where_one_may_add_and_an_impossible_id_is_not_found(owner, model):
    path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    assert owner.get(f"{path}add/").status_code in (200, 403)
    assert owner.get(f"{path}%00/change/").status_code in (302, 404)


def test_the_admin_says_that_it_is_the_demo(owner, client):
    assert b"This is a demo" in owner.get("/admin/").content
    client.logout()
    assert b"This is a demo" in client.get("/admin/login/").content


@pytest.mark.django_db
def test_what_has_no_trail_says_so_and_the_site_has_one_way_to_a_new_password(client):
    client.force_login(UserFactory(role="supervisor", is_superuser=True))
    Heartbeat.objects.beat("cluster")
    assert client.get("/admin/ticketing/heartbeat/cluster/history/").status_code == 200
    assert client.get("/admin/password_change/")["Location"] == "/account/profile/"


@pytest.mark.django_db
def test_nobody_deletes_a_lock_or_makes_a_group_without_a_trace(client):
    client.force_login(UserFactory(role="supervisor", is_superuser=True))
    assert client.get("/admin/axes/accessattempt/").status_code == 200
    assert "delete_selected" not in client.get("/admin/axes/accessattempt/").content.decode()
    assert client.get("/admin/auth/group/add/").status_code == 404
