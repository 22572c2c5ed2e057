"""Files that come along: seen by whoever sees what they came with, kept by whoever fetches them, run by nobody."""

import base64
import re
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from support import actions
from support.errors import FileEmpty, FileTooLarge, FileTypeRefused, TooManyFiles
from support.models import Attachment, Reply, Ticket
from support.policies import File, clean_file_name
from support.tests.factories import A_FILE, ReplyFactory, TicketFactory
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

EVIL = b"<html><script>alert(1)</script>"


@pytest.fixture
def agent():
    return UserFactory(role="agent")


@pytest.fixture
def ticket():
    return TicketFactory(files=[File("screen.png", EVIL)])


def of(person):
    client = Client()
    client.force_login(person)
    return client


def address(file):
    return f"/panel/questions/{file.ticket.code}/files/{file.pk}/"


def bare(answer, file):
    """The answer without what names the file or is new each time."""
    return re.sub(f'{file.pk}|value="[A-Za-z0-9]{{64}}"', "", answer.content.decode())


def api(person, path):
    return Client().get(f"/api/v1/support/{path}", headers=bearer(person))


def test_a_file_comes_with_a_question_a_reply_and_a_note_and_is_fetched_as_it_was(agent, ticket):
    client = of(ticket.user)
    files = [SimpleUploadedFile("Brief ö.pdf", b"%PDF"), SimpleUploadedFile("log.txt", b"1\n2")]
    client.post(f"/panel/questions/{ticket.code}/reply/", {"message": "See these.", "files": files})
    page = client.get(f"/panel/questions/{ticket.code}/").content.decode()
    for file in Attachment.objects.all():
        assert f'<a href="{address(file)}">{file.name}</a>' in page
    got = {file.name: client.get(address(file)).content for file in Attachment.objects.all()}
    assert got == {"screen.png": EVIL, "Brief ö.pdf": b"%PDF", "log.txt": b"1\n2"}
    assert Activity.objects.about(ticket).filter(operation="support.reply").get().details == {"files": 2}


def test_a_new_question_takes_files_on_its_page():
    client = of(UserFactory())
    asked = {"subject": "s", "message": "m", "priority": "low", "department": ""}
    client.post("/panel/questions/new/", {**asked, "files": SimpleUploadedFile("a.png", b"x")})
    assert Ticket.objects.get().files.get().name == "a.png"


def test_it_leaves_the_site_in_a_way_that_nothing_of_it_is_run_or_shown(agent, ticket):
    file = ticket.files.get()
    for answer in (of(ticket.user).get(address(file)), api(ticket.user, f"attachments/{file.pk}/content/")):
        assert answer.content == EVIL
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"] == 'attachment; filename="screen.png"'
        assert "sandbox" in answer["Content-Security-Policy"]
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "private, no-store" in answer["Cache-Control"]


def test_to_a_stranger_a_file_and_to_a_customer_a_notes_file_is_as_one_that_is_missing(agent, ticket):
    customer, stranger = ticket.user, UserFactory()
    mine = ticket.files.get()
    note = actions.note_on_ticket(ticket, message="x", by=agent, files=[A_FILE]).files.get()
    missing = Attachment(pk=uuid.uuid4(), ticket=ticket)
    for person, file in ((stranger, mine), (stranger, note), (customer, note)):
        for path in (address, lambda it: f"/api/v1/support/attachments/{it.pk}/content/"):
            client, headers = (of(person), {}) if path is address else (Client(), bearer(person))
            hidden, none = client.get(path(file), headers=headers), client.get(path(missing), headers=headers)
            assert hidden.status_code == none.status_code == 404
            assert bare(hidden, file) == bare(none, missing)
    listed = api(customer, f"attachments/?ticket={ticket.code}").json()["results"]
    assert [row["id"] for row in listed] == [str(mine.pk)]
    assert "Foto.png" not in of(customer).get(f"/panel/questions/{ticket.code}/").content.decode()
    assert of(agent).get(address(note)).status_code == api(agent, f"attachments/{note.pk}/").status_code == 200
    assert of(customer).get(address(mine).replace(ticket.code, TicketFactory(by=customer).code)).status_code == 404
    assert Client().get(address(mine)).status_code == 302


@pytest.mark.parametrize(
    ("files", "refusal"),
    [
        ([File("run.exe", b"x")], FileTypeRefused),
        ([File("run.png.html", b"x")], FileTypeRefused),
        ([File("png", b"x")], FileTypeRefused),
        ([File("gpj\u202egnp.exe", b"x")], FileTypeRefused),
        ([File("a.png", b"")], FileEmpty),
        ([File("a.png", b"x" * (1024 * 1024 + 1))], FileTooLarge),
        ([A_FILE] * 3, TooManyFiles),
        ([A_FILE, File("run.exe", b"x")], FileTypeRefused),
    ],
)
def test_what_is_too_large_too_many_or_of_another_kind_is_refused_whole(ticket, settings, files, refusal):
    settings.ATTACHMENT_MIB, settings.ATTACHMENTS_AT_ONCE = 1, 2
    with nothing_changes(), pytest.raises(refusal):
        actions.reply_to_ticket(ticket, message="x", by=ticket.user, files=files)


def test_the_refusal_stands_at_the_field_with_the_sentence(ticket):
    client = of(ticket.user)
    with nothing_changes():
        sent = {"message": "My text", "files": SimpleUploadedFile("run.exe", b"x")}
        page = client.post(f"/panel/questions/{ticket.code}/reply/", sent).content.decode()
    assert "Files like “run.exe” are not taken." in page
    assert "My text</textarea>" in page


def test_a_form_that_comes_back_asks_for_its_files_once_more(ticket):
    sent = {"message": " ", "files": SimpleUploadedFile("a.png", b"x")}
    page = of(ticket.user).post(f"/panel/questions/{ticket.code}/reply/", sent).content.decode()
    assert "Choose the files once more" in page
    assert "once more" not in of(ticket.user).post(f"/panel/questions/{ticket.code}/reply/", {}).content.decode()


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\Ada\\Bild.PNG", "Bild.PNG"),
        ("a\r\nSet-Cookie: x.png", "aSet-Cookie x.png"),
        ('x".html;.png', "x .html.png"),
        ("invoice\u202egnp.exe.png", "invoicegnp.exe.png"),
        (".png", "file.png"),
        ("   ", ""),
        ("o\u0308" * 90 + "x" * 90 + ".png", "ö" * 90 + "x" * 6 + ".png"),
        ("a." + "x" * 200, "x" * 100),
    ],
)
def test_names_are_cleaned(name, clean):
    assert clean_file_name(name) == clean


def test_programs_send_and_find_files(agent, ticket):
    def post(person, what, **said):
        path = f"/api/v1/support/{what}/"
        return Client().post(path, said, content_type="application/json", headers=bearer(person))

    one = {"name": "a.png", "content": base64.b64encode(b"x" * 10).decode()}
    reply = post(ticket.user, "replies", ticket=ticket.code, message="x", files=[one]).json()
    assert [(file["name"], file["size"]) for file in reply["files"]] == [("a.png", 10)]
    assert post(agent, "notes", ticket=ticket.code, message="x", files=[one]).status_code == 201
    opened = post(ticket.user, "tickets", subject="s", message="m", files=[one]).json()
    assert Ticket.objects.get(code=opened["code"]).files.count() == 1
    for content, status in (("", 400), ("x", 400), ("====", 400), (7, 400), ("eA==", 201)):
        sent = post(ticket.user, "replies", ticket=ticket.code, message="x", files=[{**one, "content": content}])
        assert sent.status_code == status
    refused = post(ticket.user, "replies", ticket=ticket.code, message="x", files=[{**one, "name": "a.exe"}])
    assert (refused.status_code, refused.json()["code"]) == (409, "file_type_refused")
    assert Reply.objects.filter(files__name="a.exe").count() == 0


def test_no_list_reads_what_is_in_the_files_and_a_page_asks_for_all_of_them_at_once(
    agent, ticket, django_assert_num_queries
):
    for _ in range(3):
        ReplyFactory(ticket=ticket, files=[A_FILE, A_FILE])
    assert Attachment.objects.first().get_deferred_fields() == {"content"}
    assert Reply.objects.prefetch_related("files").last().files.first().get_deferred_fields() == {"content"}
    with django_assert_num_queries(1):
        list(Attachment.objects.visible_to(agent, "support.reply").beside(ticket, list(Reply.objects.none())))
