"""People's data on their own page, and on the supervisor's."""

import io
import json
import zipfile

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from ticketing.models import Activity, User
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.lives import Life, naming

pytestmark = pytest.mark.django_db

MARK, PHONE = "zephyrine", "5559876543"
MEANT = {"forget": "1", "reason": "request", "sure": "on"}


@pytest.fixture
def life():
    return Life(MARK, PHONE, UserFactory(role="agent", username="desk")).happen()


@pytest.fixture
def boss():
    return UserFactory(role="supervisor", username="boss")


def browser(user):
    client = Client()
    client.force_login(user)
    return client


def unpacked(answer):
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/zip"
    assert "no-store" in answer["Cache-Control"]
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as bundle:
        return json.loads(bundle.read("data.json"))


def test_people_download_what_the_site_has_of_them(life):
    client = browser(life.account)
    assert "Download your data" in client.get("/account/data/").content.decode()
    told = unpacked(client.post("/account/data/"))
    assert told["account"][0]["username"] == life.account.username
    assert Activity.objects.filter(operation="account.export", actor=life.account.pk).exists()


def test_looking_at_the_page_exports_nothing(life):
    browser(life.account).get("/account/data/")
    assert not Activity.objects.filter(operation="account.export").exists()


def test_a_supervisor_finds_somebody_and_has_to_mean_it(life, boss):
    client = browser(boss)
    page = client.post("/account/people/", {"who": life.email})["Location"]
    assert page == f"/account/people/{life.account.pk}/"
    assert f"{MARK}note" not in json.dumps(unpacked(client.post(page, {"export": "1"})))
    assert f"{MARK}note" in json.dumps(unpacked(client.post(page, {"export": "1", "internal": "on"})))
    client.post(page, {"forget": "1", "reason": "request"})
    assert User.objects.get(pk=life.account.pk).is_active
    assert client.post(page, MEANT)["Location"] == page
    assert naming(MARK, PHONE) == []
    assert "This account is anonymised" in client.get(page).content.decode()


def test_the_page_says_what_is_ahead_and_ends_it_if_told(life, boss):
    life.plan()
    client, page = browser(boss), f"/account/people/{life.account.pk}/"
    assert "2 tickets to events" in client.get(page).content.decode()
    refused = client.post(page, MEANT).content.decode()
    assert "End that first" in refused
    client.post(page, {**MEANT, "end": "on"})
    assert naming(MARK, PHONE) == []


def test_somebody_without_an_account_is_found_by_what_they_left(life, boss):
    client = browser(boss)
    User.objects.filter(pk=life.account.pk).update(email="")
    found = client.post("/account/people/", {"who": "guest@mail.example"}).content.decode()
    assert 'value="guest@mail.example"' in found
    told = unpacked(client.post("/account/people/contact/", {"phone": PHONE, "email": "", "export": "1"}))
    assert told["person"] == {"account": None, "email": "", "phone": PHONE}
    answer = client.post("/account/people/contact/", {"phone": PHONE, "email": "", **MEANT})
    assert answer["Location"] == "/account/people/"


def test_customers_and_agents_do_not_come_here(life):
    for user in (life.account, life.desk):
        client = browser(user)
        for page in ("/account/people/", f"/account/people/{life.account.pk}/"):
            assert client.get(page).status_code == 403
        assert "Personal data of others" not in client.get("/account/profile/").content.decode()


def test_programs_export_and_anonymise(life, boss):
    api = Client(headers=bearer(boss))
    address = f"/api/v1/accounts/{life.account.pk}"
    assert unpacked(api.get(f"{address}/export/"))["replies"]
    assert len(unpacked(api.get(f"{address}/export/?internal=true"))["replies"]) == 3
    assert api.get(f"{address}/export/?internal=perhaps").status_code == 400
    life.plan()
    refused = api.post(f"{address}/anonymise/", {"reason": "request"}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (409, "still_ahead")
    done = api.post(f"{address}/anonymise/", {"reason": "request", "end": True}, content_type="application/json")
    assert (done.status_code, done.json()["email"], done.json()["is_active"]) == (200, "", False)
    assert naming(MARK, PHONE) == []


def test_a_strangers_account_is_as_if_it_were_not_there(life):
    api = Client(headers=bearer(life.friend))
    foreign = api.get(f"/api/v1/accounts/{life.account.pk}/export/")
    missing = api.get("/api/v1/accounts/00000000-0000-4000-8000-000000000005/export/")
    assert (foreign.status_code, foreign.content) == (404, missing.content)
    assert unpacked(api.get("/api/v1/account/export/"))["account"][0]["id"] == str(life.friend.pk)


def test_the_administration_leads_to_the_page_of_one_account(life, boss):
    client = browser(boss)
    chosen = {"action": "show_personal_data", "_selected_action": [str(life.account.pk)]}
    answer = client.post("/admin/ticketing/user/", chosen)
    assert answer["Location"] == f"/account/people/{life.account.pk}/"
    chosen["_selected_action"].append(str(life.friend.pk))
    assert client.post("/admin/ticketing/user/", chosen, follow=True).content.decode().count("Select one account") == 1


def test_the_commands_do_it_on_the_machine(life, tmp_path, capsys):
    there = tmp_path / "person.zip"
    call_command("export_person", life.account.username, "--to", str(there))
    assert json.loads(zipfile.ZipFile(there).read("data.json"))["account"]
    with pytest.raises(CommandError, match="File exists"):
        call_command("export_person", life.account.username, "--to", str(there))
    with pytest.raises(CommandError, match="not an e-mail"):
        call_command("export_person", "@", "--to", str(tmp_path / "nobody.zip"))
    call_command("anonymise_person", life.email, "--yes")
    assert f"anonymised-{life.account.pk}" in capsys.readouterr().out
    assert naming(MARK, PHONE) == []


def test_every_page_still_answers_when_somebody_is_forgotten(life, boss):
    call_command("anonymise_person", life.account.username, "--yes")
    client = browser(UserFactory(role="supervisor", is_superuser=True, is_staff=True))
    rows = {
        "support/ticket": life.question.pk,
        "booking/booking": life.booking.pk,
        "allocation/ticket": life.ticket.pk,
        "ticketing/user": life.account.pk,
    }
    pages = [f"/admin/{table}/{pk}/change/" for table, pk in rows.items()]
    pages += [f"/admin/{table}/" for table in rows]
    pages += ["/panel/board/", "/panel/day/", "/panel/questions/", f"/panel/questions/{life.question.code}/"]
    pages += [f"/panel/tickets/{life.ticket.pk}/", f"/admin/ticketing/user/{life.account.pk}/history/"]
    assert [page for page in pages if client.get(page).status_code != 200] == []
    said = client.get(f"/panel/questions/{life.question.code}/").content.decode()
    assert "is removed, for good" in said
    assert 'id="reply"' not in said
    for address in ("support/tickets", "booking/bookings", "allocation/purchases", "accounts", "activities", "waiting"):
        assert client.get(f"/api/v1/{address}/").status_code == 200


def test_nobody_is_made_up_of_a_typing_error(life, boss):
    client = browser(boss)
    for typed in ("nobody-here", "nobody@mail.example", "555 0000", str(life.account.name)):
        found = client.post("/account/people/", {"who": typed}).content.decode()
        assert "Nothing here names that." in found
        assert "Anonymise" not in found
