"""Waiting lists over /api/v1/waiting/."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ticketing.models import Activity, Waiter
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes
from ticketing.tests.waiting import KINDS, LISTS, broken, full, give_back, join, left, order, states

pytestmark = pytest.mark.django_db

WAITING = "/api/v1/waiting/"
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def lists(settings):
    settings.WAITING_LISTS = LISTS


@pytest.fixture
def slot():
    return full()


@pytest.fixture
def people():
    return {role: UserFactory(role=role) for role in ("customer", "agent", "gate", "supervisor")}


@pytest.fixture
def as_(people):
    """The headers of each role; nobody has none."""
    return {"anonymous": {}, **{role: bearer(person) for role, person in people.items()}}


def send(client, path, body=None, headers=None):
    return client.post(path, body or {}, content_type="application/json", headers=headers)


def get(client, path, headers=None):
    response = client.get(path, headers=headers)
    assert response.status_code == 200, response.content
    return response.json()


def refused(response, status, code):
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json"), response.content
    assert response.json()["code"] == code
    return response.json()


def wish(stock, /, **more):
    return {"kind": stock._meta.label_lower, "stock": str(stock.pk), "quantity": 2, "email": "ada@example.org", **more}


def one(waiter, verb=""):
    return f"{WAITING}{waiter.pk}/{verb}"


def link(waiter):
    return {"Manage-Token": waiter.secret}


CALLS = [
    ("get", WAITING, {}),
    ("get", WAITING + "{waiter}/", {}),
    ("post", WAITING, {}),
    ("post", WAITING + "{waiter}/move/", {"reason": "Why not."}),
    ("post", WAITING + "{offered}/decline/", {}),
    ("post", WAITING + "{waiter}/leave/", {}),
]
# By call in the order above: what each role is answered in production about somebody else's rows.
ANSWERS = {
    "anonymous": [401, 404, 201, 401, 404, 404],
    "customer": [200, 404, 201, 403, 404, 404],
    "agent": [200, 200, 201, 403, 200, 200],
    "gate": [403, 404, 403, 403, 404, 404],
    "supervisor": [200, 200, 201, 200, 200, 200],
}


@pytest.mark.parametrize("role", ANSWERS)
def test_in_production_each_role_reaches_what_the_table_of_rights_says(client, production, as_, slot, role):
    offered, waiter = join(slot), join(slot)
    give_back(slot)
    names = {"waiter": waiter.pk, "offered": offered.pk}
    answers = []
    for method, path, body in CALLS:
        sent = wish(slot) if path == WAITING else body
        call = getattr(client, method)
        more = {} if method == "get" else {"data": sent, "content_type": "application/json"}
        answers.append(call(path.format(**names), headers=as_[role], **more).status_code)
    assert answers == ANSWERS[role]


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_stranger_joins_looks_and_leaves_by_the_secret_of_the_link(client, production, kind):
    stock = full(kind)
    join(stock)
    response = send(client, WAITING, wish(stock, least=1))
    assert response.status_code == 201, response.content
    waiter = Waiter.objects.get(email="ada@example.org")
    assert f"{response['Location']}/" == one(waiter)
    shown = response.json()
    assert {name: shown[name] for name in ("kind", "quantity", "least", "state", "position", "offered")} == {
        "kind": kind,
        "quantity": 2,
        "least": 1,
        "state": "unconfirmed",
        "position": None,
        "offered": None,
    }
    assert waiter.secret not in response.content.decode()
    refused(client.get(one(waiter)), 404, "not_found")
    refused(client.get(one(waiter), headers={"Manage-Token": "x" * 64}), 404, "not_found")
    assert get(client, one(waiter), link(waiter)) == shown
    with nothing_changes():
        refused(send(client, one(waiter, "confirm/")), 404, "not_found")
    confirmed = send(client, one(waiter, "confirm/"), headers=link(waiter)).json()
    assert (confirmed["state"], confirmed["position"]) == ("waiting", 2)
    give_back(stock, 2)
    assert get(client, one(waiter), link(waiter))["offered"] == 1
    left_it = send(client, one(waiter, "leave/"), headers=link(waiter))
    assert left_it.json()["state"] == "left"
    refused(send(client, one(waiter, "leave/"), headers=link(waiter)), 409, "not_on_the_list")
    assert left(stock) == 1
    assert broken() == set()


def test_an_offer_is_declined_and_goes_on(client, slot, people, as_):
    first, second = join(slot, by=people["customer"]), join(slot)
    refused(send(client, one(first, "decline/"), headers=as_["customer"]), 409, "no_offer")
    give_back(slot)
    assert send(client, one(first, "decline/"), headers=as_["customer"]).json()["state"] == "declined"
    assert states(first, second) == [("declined", 1), ("offered", 1)]


def test_one_reaches_the_place_of_the_link_and_no_other(client, production, slot):
    waiter, other = join(slot), join(slot)
    for verb in ("leave/", "decline/"):
        with nothing_changes():
            refused(send(client, one(other, verb), headers=link(waiter)), 404, "not_found")
    with nothing_changes():
        refused(client.get(WAITING, headers=link(waiter)), 401, "log_in_first")


def test_a_customer_lists_their_own_and_staff_all(client, production, slot, people, as_):
    mine, other = join(slot, by=people["customer"]), join(slot)
    assert [row["id"] for row in get(client, WAITING, as_["customer"])["results"]] == [str(mine.pk)]
    for role in ("agent", "supervisor"):
        rows = get(client, WAITING, as_[role])["results"]
        assert [row["id"] for row in rows] == [str(other.pk), str(mine.pk)]
        assert [row["position"] for row in rows] == [2, 1]


def test_a_list_is_narrowed_and_put_in_its_order(client, slot, as_):
    offered, a, b = join(slot), join(slot), join(slot)
    join(full("allocation.ticketoption"))
    give_back(slot)
    Waiter.objects.filter(pk=a.pk).update(place=10**9)
    head = as_["agent"]
    waiting = get(client, f"{WAITING}?stock={slot.pk}&state=waiting&ordering=place&limit=1", head)
    assert [row["id"] for row in waiting["results"]] == [str(b.pk)]
    rest = client.get(waiting["next"], headers=head).json()
    assert ([row["id"] for row in rest["results"]], rest["next"]) == ([str(a.pk)], None)
    assert [row["id"] for row in get(client, f"{WAITING}?state=offered", head)["results"]] == [str(offered.pk)]
    assert len(get(client, f"{WAITING}?kind=allocation.ticketoption", head)["results"]) == 1
    refused(client.get(f"{WAITING}?state=lost", headers=head), 400, "invalid")
    refused(client.get(f"{WAITING}?email=ada", headers=head), 400, "invalid")


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"kind": "support.agent"}, 404, "no_waiting_list", "kind"),
        ({"kind": "ticketing.user"}, 404, "no_waiting_list", "kind"),
        ({"kind": "nonsense"}, 400, "invalid", "kind"),
        ({"stock": NOWHERE}, 404, "not_found", "stock"),
        ({"stock": "x"}, 400, "invalid", "stock"),
        ({"quantity": 0}, 400, "invalid", "quantity"),
        ({"quantity": 5}, 400, "invalid", "quantity"),
        ({"quantity": 2**31}, 400, "invalid", "quantity"),
        ({"quantity": True}, 400, "invalid", "quantity"),
        ({"least": 3}, 400, "invalid", "least"),
        ({"email": "ada@"}, 400, "invalid", "email"),
        ({"email": None}, 400, "invalid", "email"),
    ],
)
def test_what_cannot_be_waited_for_is_refused_by_name(client, slot, change, status, code, field):
    with nothing_changes():
        problem = refused(send(client, WAITING, wish(slot, **change)), status, code)
    assert list(problem["errors"]) == [field]


def test_whether_an_address_is_on_the_list_is_told_to_staff_and_not_to_strangers(client, slot, as_):
    waiter = join(slot, email="ada@example.org")
    answers = [send(client, WAITING, wish(slot, email=f"{name}@example.org")) for name in ("ada", "eve")]
    own = {"id", "email", "created_at", "updated_at"}
    there, new = ({key: value for key, value in one.json().items() if key not in own} for one in answers)
    assert [one.status_code for one in answers] == [201, 201]
    assert there == new
    assert states(waiter) == [("waiting", None)]
    with nothing_changes():
        refused(send(client, WAITING, wish(slot), as_["agent"]), 409, "already_waiting")


def test_to_have_asked_from_an_account_does_not_confirm_somebody_elses_address(client, slot, as_, people):
    asked = send(client, WAITING, wish(slot), as_["customer"]).json()
    path = f"{WAITING}{asked['id']}/confirm/"
    with nothing_changes():
        refused(send(client, path, headers=as_["customer"]), 403, "link_needed")
    assert send(client, path, headers=as_["agent"]).json()["state"] == "waiting"


def test_nobody_joins_while_there_is_room(client, slot):
    give_back(slot, 3)
    with nothing_changes():
        refused(send(client, WAITING, wish(slot, email="eve@example.org")), 409, "there_is_room")


def test_a_request_that_is_repeated_with_its_key_joins_once(client, slot, as_):
    head = {**as_["customer"], "Idempotency-Key": uuid.uuid4().hex}
    first, again = (send(client, WAITING, wish(slot), head) for _ in range(2))
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    assert again["Idempotent-Replayed"] == "true"
    assert Waiter.objects.count() == 1


def test_a_supervisor_moves_somebody_for_a_reason_that_all_can_read(client, slot, as_):
    a, b, c = (join(slot, email=f"{letter}@example.org") for letter in "abc")
    body = {"before": str(b.pk), "reason": "A wheelchair."}
    moved = send(client, one(c, "move/"), body, as_["supervisor"]).json()
    assert (moved["position"], moved["moved_reason"]) == (2, "A wheelchair.")
    assert order(slot) == [a.email, c.email, b.email]
    assert send(client, one(b, "move/"), {"before": None, "reason": "Too."}, as_["supervisor"]).json()["position"] == 1
    assert "wheelchair" not in str(list(Activity.objects.values()))
    for body, status, code in (
        ({}, 400, "invalid"),
        ({"reason": " "}, 400, "invalid"),
        ({"reason": "Why not.", "before": NOWHERE}, 404, "not_found"),
        ({"reason": "Why not.", "before": str(join(full()).pk)}, 409, "not_waiting"),
    ):
        with nothing_changes():
            refused(send(client, one(a, "move/"), body, as_["supervisor"]), status, code)


def test_a_change_over_somebody_elses_is_refused(client, slot, as_):
    waiter = join(slot)
    tag = client.get(one(waiter), headers=as_["agent"])["ETag"]
    give_back(slot)
    with nothing_changes():
        late = send(client, one(waiter, "leave/"), headers={**as_["agent"], "If-Match": tag})
        refused(late, 412, "precondition_failed")
    tag = client.get(one(waiter), headers=as_["agent"])["ETag"]
    assert send(client, one(waiter, "leave/"), headers={**as_["agent"], "If-Match": tag}).status_code == 200


def test_the_list_costs_the_same_for_one_row_and_for_twenty(client, slot, as_):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            get(client, WAITING, as_["supervisor"])
        return len(queries)

    join(slot)
    cost()  # the first use of a token is written down
    before = cost()
    for _ in range(19):
        join(slot)
    assert cost() == before == 2  # the token and the rows


def test_strangers_join_so_often_a_minute(client, production, settings):
    settings.THROTTLES = {"anonymous": "100/minute", "waiting.join": "2/minute"}
    stocks = [full(capacity=2) for _ in range(3)]
    answers = [send(client, WAITING, wish(stock)).status_code for stock in stocks]
    assert answers == [201, 201, 429]
