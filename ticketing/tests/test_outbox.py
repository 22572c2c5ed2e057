"""Mails and events, sent to real servers on this machine by the verbs; see test_outbox_live.py for the process."""

import base64
import io
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import policy
from email.parser import BytesParser

import pytest
import standardwebhooks
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models.functions import Now
from django.template import TemplateDoesNotExist

import allocation.actions
import support.actions
from support.tests.factories import TicketFactory, online_agent
from ticketing import actions
from ticketing.actions import outbox
from ticketing.errors import Invalid, NotAllowed, NotFound
from ticketing.models import Activity, Allowance, Delivery, EmailLink, Mail, Session, Webhook
from ticketing.sending import addresses, mails, webhooks
from ticketing.tests.factories import UserFactory
from ticketing.tests.receivers import MailServer, Receiver, free_port, silent
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

PUBLIC = "https://example.org/hook"
TEMPLATES = ["sign_up", "already_registered", "invitation", "reset", "change_address", "password_changed"]
TEMPLATES += ["address_changed"]


@pytest.fixture
def owner():
    return UserFactory(role="supervisor", is_superuser=True)


@pytest.fixture
def here(settings):
    """Webhooks may go to this machine."""
    settings.WEBHOOK_PRIVATE_HOSTS = ["127.0.0.1"]
    return settings


@pytest.fixture
def receiver(here):
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def hook(receiver):
    return actions.create_webhook(url=receiver.url, by=None, operations=["test.happened", "test.more"])[0]


@pytest.fixture
def post_office(settings):
    with MailServer() as server:
        use(settings, server.port)
        yield server


def use(settings, port):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port


def happens(obj=None, operation="test.happened", **details):
    return Activity.objects.record(operation, obj, by=None, **details)


def comes_due(model=Delivery):
    model.objects.unsent().update(next_at=Now())


def post(template="password_changed", to="ada@example.org", **fields):
    return actions.post_mail(to=to, template=template, language="en", **fields)


def a_link(purpose="sign_up", **fields):
    return EmailLink.objects.create(
        purpose=purpose, email="ada@example.org", expires_at=Now() + timedelta(hours=1), **fields
    )


def parsed(mail):
    return BytesParser(policy=policy.default).parsebytes(mails.render(mail).message().as_bytes())


# Events


def test_each_line_of_the_trail_reaches_the_webhook_once_and_signed(receiver, hook):
    user = UserFactory()
    line = happens(user, count=3)
    assert actions.send_due_deliveries() == (1, 0)
    assert actions.send_due_deliveries() == (0, 0)
    [request] = receiver.requests
    line.refresh_from_db()
    assert json.loads(request.body) == {
        "type": "test.happened",
        "timestamp": line.at.isoformat(),
        "data": {"kind": "ticketing.user", "id": str(user.pk), "role": "system", "details": {"count": 3}},
    }
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert Delivery.objects.get().attempts == 1


def test_the_signature_is_that_of_standard_webhooks_also_by_the_secret_before(receiver):
    hook, first = actions.create_webhook(url=receiver.url, by=None)
    second = actions.rotate_webhook_secret(hook, by=None)
    assert first.startswith("whsec_")
    assert len(base64.b64decode(first.removeprefix("whsec_"))) == 32
    assert first != second
    actions.send_due_deliveries()
    for request in receiver.requests:
        for secret in (first, second):
            standardwebhooks.Webhook(secret).verify(request.body, dict(request.headers.items()))
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            standardwebhooks.Webhook(second).verify(request.body + b" ", dict(request.headers.items()))
    third = actions.rotate_webhook_secret(hook, by=None)
    actions.send_due_deliveries()
    last = receiver.requests[-1]
    standardwebhooks.Webhook(third).verify(last.body, dict(last.headers.items()))
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(first).verify(last.body, dict(last.headers.items()))


def test_only_the_operations_asked_for_are_sent_and_an_empty_list_asks_for_all(receiver, hook):
    happens(operation="test.other")
    assert not Delivery.objects.exists()
    Webhook.objects.update(operations=[])
    happens(operation="test.other")
    assert Delivery.objects.get().activity.operation == "test.other"


def test_a_purchase_and_a_dispatch_feed_the_webhooks_though_the_database_writes_their_lines(receiver):
    hook, _ = actions.create_webhook(url=receiver.url, by=None)
    option = allocation.actions.create_option(name="Hall", description="", allocation=5, by=None)
    allocation.actions.purchase(option.pk, quantity=2, buyer=UserFactory().pk, by=None)
    TicketFactory()
    online_agent()
    assert support.actions.assign_waiting_tickets() == 1
    assert Delivery.objects.filter(webhook=hook).count() == Activity.objects.count()
    actions.send_due_deliveries()
    told = {json.loads(request.body)["type"] for request in receiver.requests}
    assert {"allocation.purchase", "support.assign"} <= told


def test_an_event_that_fails_is_put_off_longer_each_time_and_goes_out_with_the_same_id_and_body(receiver, hook):
    happens()
    receiver.status = 503
    assert actions.send_due_deliveries() == (0, 1)
    assert actions.send_due_deliveries() == (0, 0)
    delivery = Delivery.objects.get()
    assert (delivery.attempts, delivery.last_error) == (1, "It answered 503.")
    receiver.status = 204
    comes_due()
    assert actions.send_due_deliveries() == (1, 0)
    first, second = receiver.requests
    assert (first.id, first.body) == (second.id, second.body)
    delivery.refresh_from_db()
    assert (delivery.attempts, delivery.last_error, delivery.dead_at) == (2, "", None)


def test_the_pauses_grow_by_four_up_to_a_day_and_twelve_attempts_take_some_days():
    for attempts in range(1, outbox.ATTEMPTS):
        due = min(5 * 4 ** (attempts - 1), 86_400)
        pauses = {outbox.pause(attempts).total_seconds() for _ in range(50)}
        assert 0.8 * due <= min(pauses) < max(pauses) <= 1.2 * due
    whole = sum((outbox.pause(attempts) for attempts in range(1, outbox.ATTEMPTS)), timedelta())
    assert timedelta(days=2) < whole < timedelta(days=6)


def test_after_the_last_attempt_it_is_given_up_until_somebody_sends_it_again(receiver, hook):
    boss = UserFactory(role="supervisor")
    line = happens()
    receiver.status = 500
    for _ in range(outbox.ATTEMPTS):
        comes_due()
        assert actions.send_due_deliveries() == (0, 1)
    delivery = Delivery.objects.get()
    assert delivery.dead_at
    comes_due()
    assert actions.send_due_deliveries() == (0, 0)
    receiver.status = 200
    actions.resend(delivery, by=boss)
    assert actions.send_due_deliveries() == (1, 0)
    assert receiver.ids == [webhooks.event_id(line)] * (outbox.ATTEMPTS + 1)
    assert Activity.objects.get(operation="site.resend").details == {"kind": "delivery", "number": delivery.pk}


def test_only_what_was_given_up_is_sent_again_and_only_by_whoever_minds_the_outbox(receiver, hook):
    happens()
    delivery, mail = Delivery.objects.get(), post()
    boss, agent = UserFactory(role="supervisor"), UserFactory(role="agent")
    with nothing_changes():
        for row in (delivery, mail):
            with pytest.raises(actions.NotGivenUp):
                actions.resend(row, by=boss)
            with pytest.raises(NotAllowed):
                actions.resend(row, by=agent)
    actions.switch_off_webhook(hook, by=None)
    with nothing_changes(), pytest.raises(actions.SwitchedOff):
        actions.resend(Delivery.objects.get(), by=boss)


def test_the_events_of_one_object_go_out_in_order_and_those_of_others_do_not_wait(receiver, hook):
    one, other = UserFactory(), UserFactory()
    first, second = happens(one), happens(one, "test.more")
    receiver.status = 500
    assert actions.send_due_deliveries() == (0, 1)
    receiver.status = 200
    third = happens(other)
    assert actions.send_due_deliveries() == (1, 0)
    assert receiver.ids[1:] == [webhooks.event_id(third)]
    comes_due()
    assert actions.send_due_deliveries() == (2, 0)
    assert receiver.ids[2:] == [webhooks.event_id(first), webhooks.event_id(second)]


def test_one_that_was_given_up_no_longer_holds_back_the_later_ones(receiver, hook):
    one = UserFactory()
    happens(one)
    Delivery.objects.update(attempts=outbox.ATTEMPTS - 1)
    later = happens(one)
    receiver.status = 500
    actions.send_due_deliveries()
    receiver.status = 200
    Delivery.objects.unsent().update(next_at=Now())
    actions.send_due_deliveries()
    assert Delivery.objects.get(activity=later).sent_at
    assert Delivery.objects.dead().count() == 1


def test_410_switches_the_webhook_off_and_what_waits_is_given_up(receiver, hook):
    for _ in range(3):
        happens(UserFactory())
    receiver.status = 410
    assert actions.send_due_deliveries() == (0, 1)
    assert Delivery.objects.dead().count() == 3
    assert Delivery.objects.values_list("last_error", flat=True)[0] == "It answered 410: the webhook was switched off."
    assert Activity.objects.filter(operation="site.switch_off_webhook", role="system", object_id=hook.pk).exists()
    happens()
    assert Delivery.objects.count() == 3


def test_a_line_written_while_the_webhook_was_being_switched_off_is_given_up_and_not_sent(receiver, hook):
    happens()
    Webhook.objects.update(is_active=False)
    assert actions.send_due_deliveries() == (0, 1)
    assert Delivery.objects.get().dead_at
    assert receiver.requests == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_the_row_says_so(here, hook, receiver, status):
    with Receiver() as elsewhere:
        receiver.status, receiver.headers = status, {"Location": elsewhere.url}
        happens()
        assert actions.send_due_deliveries() == (0, 1)
        assert elsewhere.requests == []
    assert "redirect" in Delivery.objects.get().last_error


def test_a_receiver_that_is_away_or_breaks_off_is_named_in_a_sentence(here, hook):
    Webhook.objects.update(url=f"http://127.0.0.1:{free_port()}/")
    happens()
    actions.send_due_deliveries()
    assert Delivery.objects.get().last_error == "It refused the connection."
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].close(), daemon=True).start()
        Webhook.objects.update(url=f"http://127.0.0.1:{server.getsockname()[1]}/")
        comes_due()
        actions.send_due_deliveries()
    assert Delivery.objects.get().last_error == "The connection broke."


def test_a_receiver_that_says_nothing_is_left_in_time(here, hook, monkeypatch):
    monkeypatch.setattr(webhooks, "TOTAL", 0.5)
    with silent() as (port, _):
        Webhook.objects.update(url=f"http://127.0.0.1:{port}/")
        happens()
        began = time.monotonic()
        assert actions.send_due_deliveries() == (0, 1)
        assert time.monotonic() - began < 2
    assert Delivery.objects.get().last_error == "It did not answer in time."


def test_a_receiver_whose_answer_drips_is_left_in_time_too(here, hook, monkeypatch):
    monkeypatch.setattr(webhooks, "TOTAL", 0.8)

    def drip(server):
        connection, _ = server.accept()
        for letter in b"HTTP/1.1 200 OK\r\n" + b"X-Header: drips\r\n" * 50:
            try:
                connection.send(bytes([letter]))
            except OSError:
                return
            time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, args=(server,), daemon=True).start()
        Webhook.objects.update(url=f"http://127.0.0.1:{server.getsockname()[1]}/")
        happens()
        began = time.monotonic()
        assert actions.send_due_deliveries() == (0, 1)
        assert time.monotonic() - began < 2
    assert Delivery.objects.get().last_error == "It did not answer in time."


def test_an_endless_answer_is_a_success_as_soon_as_its_head_says_so(here, hook):
    def flood(server):
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                while True:
                    connection.sendall(b"x" * 65536)
            except OSError:
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=flood, args=(server,), daemon=True).start()
        Webhook.objects.update(url=f"http://127.0.0.1:{server.getsockname()[1]}/")
        happens()
        assert actions.send_due_deliveries() == (1, 0)


# Where they may go

PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%1",
    "fc00::1",
    "fd12::1",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a00:1::",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "100::1",
]


@pytest.mark.parametrize(
    "address",
    PRIVATE,
)
def test_an_address_that_is_not_public_is_known(address):
    assert not addresses.is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]
)
def test_a_public_address_is_known(address):
    assert addresses.is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
def test_however_this_machine_is_named_nothing_is_sent_to_it_unless_it_is_allowed(receiver, hook, settings, host):
    settings.WEBHOOK_PRIVATE_HOSTS = []
    with Receiver() as other:
        Webhook.objects.update(url=f"http://{host}:8080/hook")
        happens()
        assert actions.send_due_deliveries() == (0, 1)
        assert other.requests == []
    assert "not public" in Delivery.objects.get().last_error


def test_a_host_is_resolved_once_and_the_address_that_was_checked_is_the_one_connected_to(receiver, hook, monkeypatch):
    asked = []

    def rebinding(host, port, *args, **kwargs):
        """A name server of somebody bad: harmless at first, then inside."""
        asked.append(host)
        address = "127.0.0.1" if host == "127.0.0.1" or len(asked) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(addresses, "ALLOWED_PORTS", {receiver.port})
    Webhook.objects.update(url=f"http://rebinding.example:{receiver.port}/hook")
    happens()
    actions.send_due_deliveries()
    assert [name for name in asked if name != "127.0.0.1"] == ["rebinding.example"]
    [request] = receiver.requests
    assert request.headers["Host"] == f"rebinding.example:{receiver.port}"


def test_one_private_address_among_public_ones_is_enough_to_send_nothing(receiver, hook, settings, monkeypatch):
    settings.WEBHOOK_PRIVATE_HOSTS = []
    mixed = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("8.8.8.8", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: mixed)
    Webhook.objects.update(url="http://mixed.example/")
    happens()
    assert actions.send_due_deliveries() == (0, 1)
    assert "not public" in Delivery.objects.get().last_error


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "//example.org/",
        "https://me:secret@example.org/",
        "https://me@example.org/",
        "https://example.org:22/",
        "https://example.org:6379/",
        "https://example.org:99999/",
        "https://example.org:x/",
        "https://[::1/",
        "https://example.org/#part",
        "https://example.org/a b",
        "https://example.org/%zz",
        "https://0*",
        "https://-a.example.org/",
        "https://example.org/a]",
        "https://example.org?[",
        "https://example.org/\r\nX-Evil: 1",
        "https://exämple.org/",
        "https://example.org\\@127.0.0.1/",
    ],
)
def test_what_is_no_address_for_a_webhook_is_refused_when_it_is_saved(owner, url):
    hook, _ = actions.create_webhook(url=PUBLIC, by=None)
    with nothing_changes():
        with pytest.raises(Invalid) as refused:
            actions.create_webhook(url=url, by=owner)
        assert set(refused.value.errors) == {"url"}
        with pytest.raises(Invalid):
            actions.change_webhook(hook, url=url, description="", operations=[], is_active=True, by=owner)


def test_production_wants_https_also_of_what_the_demo_saved(receiver, hook, production):
    with nothing_changes(), pytest.raises(Invalid):
        actions.create_webhook(url="http://example.org/", by=None)
    assert actions.create_webhook(url=PUBLIC, by=None)[1]
    Delivery.objects.all().delete()
    happens()
    assert actions.send_due_deliveries()[0] == 0
    assert receiver.requests == []


def test_the_certificate_is_checked_against_the_name(here, hook, tmp_path, monkeypatch):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    names = ["-subj", "/CN=hooks", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout {key} -out {certificate}".split()
    subprocess.run([*made, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Receiver() as receiver:
        receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
        Webhook.objects.update(url=f"https://127.0.0.1:{receiver.port}/hook")
        happens()
        assert actions.send_due_deliveries() == (0, 1)
        assert "certificate" in Delivery.objects.get().last_error
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        comes_due()
        assert actions.send_due_deliveries() == (1, 0)
        here.WEBHOOK_PRIVATE_HOSTS = ["localhost"]
        Webhook.objects.update(url=f"https://localhost:{receiver.port}/hook")
        happens()
        assert actions.send_due_deliveries() == (0, 1)
        assert len(receiver.requests) == 1


# Webhooks


def test_webhooks_are_the_superusers_and_every_change_is_in_the_trail(owner):
    hook, secret = actions.create_webhook(url=PUBLIC, description="Till", operations=["booking.book"], by=owner)
    actions.change_webhook(hook, url=PUBLIC, description="Desk", operations=[], is_active=False, by=owner)
    actions.rotate_webhook_secret(hook, by=owner)
    actions.remove_webhook(hook, by=owner)
    actions.remove_webhook(hook, by=owner)
    trail = Activity.objects.about(hook).values_list("operation", flat=True)
    verbs = ["create_webhook", "change_webhook", "rotate_webhook_secret", "remove_webhook"]
    assert [operation.removeprefix("site.") for operation in trail] == verbs
    assert secret not in str(list(Activity.objects.values()))
    with pytest.raises(NotFound):
        actions.rotate_webhook_secret(hook, by=owner)


def test_a_supervisor_may_not_touch_webhooks():
    boss = UserFactory(role="supervisor")
    hook, _ = actions.create_webhook(url=PUBLIC, by=None)
    fields = {"url": PUBLIC, "description": "", "operations": [], "is_active": True}
    with nothing_changes():
        for verb in (
            lambda: actions.create_webhook(url=PUBLIC, by=boss),
            lambda: actions.change_webhook(hook, **fields, by=boss),
            lambda: actions.rotate_webhook_secret(hook, by=boss),
            lambda: actions.switch_off_webhook(hook, by=boss),
            lambda: actions.remove_webhook(hook, by=boss),
        ):
            with pytest.raises(NotAllowed):
                verb()


def test_an_operation_that_cannot_be_one_is_refused():
    with nothing_changes(), pytest.raises(Invalid) as refused:
        actions.create_webhook(url=PUBLIC, operations=["everything"], by=None)
    assert set(refused.value.errors) == {"operations"}


def test_one_that_is_switched_off_gives_up_what_waits_and_hears_nothing_more(receiver, hook, owner):
    happens()
    actions.change_webhook(hook, url=hook.url, description="", operations=[], is_active=False, by=owner)
    happens()
    assert Delivery.objects.get().dead_at
    actions.change_webhook(hook, url=hook.url, description="", operations=["test.happened"], is_active=True, by=owner)
    happens()
    assert actions.send_due_deliveries() == (1, 0)


# Mails


def test_a_mail_is_sent_once_and_only_if_the_change_it_tells_of_is_kept(post_office):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        post()
        raise ZeroDivisionError
    assert actions.send_due_mails() == (0, 0)
    mail = post()
    assert actions.send_due_mails() == (1, 0)
    assert actions.send_due_mails() == (0, 0)
    [received] = post_office.mails
    assert received["To"] == "ada@example.org"
    assert received["From"] == "noreply@127.0.0.1"
    mail.refresh_from_db()
    assert mail.sent_at


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_mail_says_the_same_as_text_and_as_html(template, settings):
    settings.SITE_URL = "https://tickets.example.org"
    message = parsed(post(template, link=a_link()))
    assert message["Subject"]
    assert message.get_content_type() == "multipart/alternative"
    text = message.get_body(["plain"]).get_content()
    html = message.get_body(["html"]).get_content()
    assert "https://tickets.example.org" in text
    assert not {"{{", "{%", "None"} & set(text.split())
    for line in filter(None, text.splitlines()):
        assert line in html
    assert html.startswith("<!doctype html>")


def test_a_link_is_derived_when_the_mail_is_made_and_stands_in_no_table(settings):
    settings.SITE_URL = "https://tickets.example.org"
    link = a_link()
    mail = post("sign_up", link=link)
    message = parsed(mail)
    address = f"https://tickets.example.org/account/link/{link.pk}/{link.secret}/"
    assert address in message.get_body(["plain"]).get_content().splitlines()
    assert f'<a href="{address}">' in message.get_body(["html"]).get_content()
    assert link.secret not in json.dumps(list(Mail.objects.values()), default=str)


def test_a_mail_speaks_the_language_of_the_person():
    message = parsed(actions.post_mail(to="ada@example.org", template="sign_up", language="de", link=a_link()))
    assert '<html lang="de">' in message.get_body(["html"]).get_content()


@pytest.mark.parametrize("ended", [{"used_at": Now()}, {"expires_at": Now()}])
def test_a_mail_whose_link_has_ended_is_not_sent(post_office, ended):
    link = a_link()
    mail = post("sign_up", link=link)
    EmailLink.objects.filter(pk=link.pk).update(**ended)
    assert actions.send_due_mails() == (0, 1)
    mail.refresh_from_db()
    assert mail.dead_at
    assert mail.last_error == "Its link has ended."
    assert post_office.mails == []


def test_the_identity_of_a_mail_stays_and_no_two_mails_share_it():
    mail, other = post(), post()
    again = Mail.objects.get(pk=mail.pk)
    assert parsed(mail)["Message-ID"] == parsed(again)["Message-ID"] != parsed(other)["Message-ID"]
    assert parsed(mail)["Auto-Submitted"] == "auto-generated"


NAMES = [
    "Ada\r\nBcc: eve@example.org",
    "Ada\nBcc: eve@example.org",
    "Ada\r\n\r\n<script>",
    "Ada\x0bBcc: x",
    "Ada\u2028X: y",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_forged_name_adds_no_header_and_no_markup(name, settings, tmp_path, post_office):
    (tmp_path / "mail").mkdir()
    blocks = "{% block subject %}Hello {{ name }}!{% endblock %}{% block text %}{{ name }}{% endblock %}"
    (tmp_path / "mail" / "greeting.txt").write_text('{% extends "mail/base.txt" %}' + blocks)
    engine = settings.TEMPLATES[0]
    settings.TEMPLATES = [engine | {"DIRS": [*engine["DIRS"], tmp_path]}]
    post("greeting", context={"name": name})
    assert actions.send_due_mails() == (1, 0)
    [received] = post_office.mails
    assert received["Bcc"] is None
    assert received["X"] is None
    assert received.get_all("To") == ["ada@example.org"]
    assert received["Subject"].startswith("Hello Ada")
    html = received.get_payload()[1].get_payload(decode=True)
    assert b"<script>" not in html


@pytest.mark.parametrize("to", ["ada@example.org\r\nBcc: eve@example.org", "a@b.org, c@d.org", "nobody", ""])
def test_what_is_no_address_is_refused_when_the_mail_is_written(to):
    with nothing_changes(), pytest.raises(Invalid):
        post(to=to)


def test_a_template_that_does_not_exist_is_found_when_the_mail_is_written():
    with pytest.raises(TemplateDoesNotExist):
        post("no_such_thing")


def test_a_recipient_refused_for_good_is_given_up_at_once_and_the_others_are_served(post_office):
    post_office.refusals = {"gone@example.org": "550 No such user gone@example.org"}
    gone, mail = post(to="gone@example.org"), post()
    assert actions.send_due_mails() == (1, 1)
    gone.refresh_from_db()
    assert gone.dead_at
    assert gone.last_error == "The mail server refused the recipient (550)."
    assert [received["To"] for received in post_office.mails] == [mail.to]


def test_a_recipient_refused_for_now_is_tried_again(post_office):
    post_office.refusals = {"ada@example.org": "451 Come back later"}
    mail = post()
    assert actions.send_due_mails() == (0, 1)
    mail.refresh_from_db()
    assert (mail.attempts, mail.dead_at) == (1, None)
    post_office.refusals = {}
    comes_due(Mail)
    assert actions.send_due_mails() == (1, 0)


def test_a_mail_server_that_is_away_or_silent_is_named_without_the_address(settings):
    mail = post()
    use(settings, free_port())
    assert actions.send_due_mails() == (0, 1)
    mail.refresh_from_db()
    assert mail.last_error == "The mail server cannot be used (ConnectionRefusedError)."
    settings.EMAIL_TIMEOUT = 0.3
    with silent() as (port, _):
        use(settings, port)
        comes_due(Mail)
        assert actions.send_due_mails() == (0, 1)
    mail.refresh_from_db()
    assert mail.last_error == "The mail server did not answer in time."


def test_a_mail_that_cannot_be_made_is_put_off_and_neither_log_nor_row_tells_its_link(settings, caplog):
    settings.ROOT_URLCONF = "ticketing.tests.factories"  # where no link leads
    link = a_link()
    mail = post("sign_up", link=link)
    assert actions.send_due_mails() == (0, 1)
    mail.refresh_from_db()
    assert mail.last_error.startswith("The site could not make it (")
    assert "could not be made" in caplog.text
    assert link.secret not in caplog.text + mail.last_error


def test_nothing_is_sent_inside_a_transaction(transactional_db, post_office, receiver, hook):
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mails, "send", lambda mail: seen.append(connection.in_atomic_block))
        patch.setattr(webhooks, "send", lambda delivery, now: seen.append(connection.in_atomic_block))
        post()
        happens()
        actions.send_due_mails()
        actions.send_due_deliveries()
    assert seen == [False, False]


# Many at once, and what a crash leaves


def at_once(function, times):
    def one(_):
        try:
            return function()
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def test_many_senders_at_once_send_each_row_once_and_each_object_in_order(
    transactional_db, receiver, hook, post_office
):
    users = [UserFactory() for _ in range(5)]
    lines = [happens(users[number % 5], number=number) for number in range(40)]
    for _ in range(20):
        post()

    def send():
        return actions.send_due_deliveries()[0], actions.send_due_mails()[0]

    sent = at_once(send, 6)
    while actions.send_due_deliveries()[0]:  # what waited behind another sender's row when the last one looked
        pass
    assert sum(count for _, count in sent) == 20 == len(post_office.mails)
    assert sorted(receiver.ids) == sorted(map(webhooks.event_id, lines))
    for user in users:
        numbers = [json.loads(request.body)["data"] for request in receiver.requests]
        mine = [data["details"]["number"] for data in numbers if data["id"] == str(user.pk)]
        assert mine == sorted(mine)


def test_what_was_claimed_by_a_sender_that_died_is_sent_again_with_the_same_identity(transactional_db, receiver, hook):
    line = happens()
    claimed = outbox._claim(Delivery.objects.all(), outbox.DELIVERY_CLAIM)
    webhooks.send(claimed, now=claimed.now)
    assert actions.send_due_deliveries() == (0, 0)
    comes_due()
    assert actions.send_due_deliveries() == (1, 0)
    assert receiver.ids == [webhooks.event_id(line)] * 2


def test_a_sender_that_comes_late_with_a_failure_does_not_disturb_the_next_one(transactional_db, receiver, hook):
    happens()
    late = outbox._claim(Delivery.objects.all(), outbox.DELIVERY_CLAIM)
    comes_due()
    outbox._claim(Delivery.objects.all(), outbox.DELIVERY_CLAIM)
    outbox._put_off(late, "It answered 500.")
    assert Delivery.objects.get().last_error == ""


def test_a_webhook_is_removed_without_breaking_the_change_that_is_just_being_written(transactional_db, receiver, hook):
    wrote, removed = threading.Event(), threading.Event()

    def change():
        with transaction.atomic():
            happens()
            wrote.set()
            assert not removed.wait(0.5)

    def remove():
        wrote.wait(5)
        actions.remove_webhook(hook, by=None)
        removed.set()

    jobs = iter([change, remove])
    at_once(lambda: next(jobs)(), 2)
    assert Activity.objects.filter(operation="test.happened").count() == 1
    assert not Webhook.objects.exists()
    assert not Delivery.objects.exists()


# Upkeep, promises, admin, settings


def test_what_was_sent_or_given_up_thirty_days_ago_is_forgotten_and_what_waits_is_not(hook):
    def aged(model, **fields):
        return model.objects.filter(pk=fields.pop("pk")).update(**fields)

    for days in (29, 31):
        for fact in ("sent_at", "dead_at", "created_at"):
            happens()
            aged(Delivery, pk=Delivery.objects.latest("pk").pk, **{fact: Now() - timedelta(days=days)})
            aged(Mail, pk=post().pk, **{fact: Now() - timedelta(days=days)})
        EmailLink.objects.filter(pk=a_link().pk).update(expires_at=Now() - timedelta(days=days - 23))
    for key, minutes in (("old", -1), ("young", 1)):
        Allowance.objects.create(key=key, spent_until=Now() + timedelta(minutes=minutes))
        Session.objects.create(
            session_key=key, session_data="", expire_date=Now() + timedelta(minutes=minutes), created_at=Now(),
            public_id=UserFactory().pk,
        )  # fmt: skip
    actions.forget_outlived()
    assert Delivery.objects.count() == Mail.objects.count() == 4
    assert EmailLink.objects.count() == 1
    assert Allowance.objects.get().key == Session.objects.get().session_key == "young"


@pytest.mark.parametrize("table", ["mail", "delivery"])
def test_the_audit_finds_what_nobody_sends_and_excuses_what_fails(hook, table):
    post()
    happens()
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE ticketing_{table} SET next_at = now() - interval '61 minutes'")
    post()
    happens()
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("audit", stdout=out)
    assert [line.split()[1] for line in out.getvalue().splitlines() if "UNTRUE" in line] == ["X7"]
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE ticketing_{table} SET attempts = 1 WHERE next_at > now() - interval '1 minute'")
    call_command("audit", stdout=out)


def test_the_command_sends_what_is_due_and_says_how_many(post_office, receiver, hook):
    post()
    happens()
    out = io.StringIO()
    call_command("outbox", once=True, stdout=out)
    assert out.getvalue() == "1 mails sent, 0 not sent.\n1 events sent, 0 not sent.\n"
    assert (len(post_office.mails), len(receiver.requests)) == (1, 1)


class TestAdmin:
    path = "/admin/ticketing/webhook/"

    def form(self, **fields):
        return {"url": PUBLIC, "description": "Till", "operations": "booking.book", "is_active": "on"} | fields

    def test_a_superuser_makes_changes_and_removes_a_webhook_and_sees_its_secret_once(self, client, owner):
        client.force_login(owner)
        page = client.post(f"{self.path}add/", self.form(), follow=True).content.decode()
        hook = Webhook.objects.get()
        secret = "whsec_" + base64.b64encode(hook.key).decode()
        assert secret in page.replace("&#x3D;", "=").replace("&#x2B;", "+")
        assert (hook.operations, hook.made_by) == (["booking.book"], owner)
        page = client.get(f"{self.path}{hook.pk}/change/").content.decode()
        assert "whsec_" not in page
        client.post(f"{self.path}{hook.pk}/change/", self.form(operations="", description="Desk"))
        hook.refresh_from_db()
        assert (hook.operations, hook.description) == ([], "Desk")
        assert "whsec_" in self.act(client, "make_new_secrets", hook)
        self.act(client, "remove_webhook", hook)
        assert not Webhook.objects.exists()
        verbs = ["create_webhook", "change_webhook", "rotate_webhook_secret", "remove_webhook"]
        assert list(Activity.objects.values_list("operation", flat=True)) == [f"site.{verb}" for verb in verbs]

    def act(self, client, action, row, path=None):
        data = {"action": action, "_selected_action": [str(row.pk)]}
        return client.post(path or self.path, data, follow=True).content.decode()

    def test_an_address_that_cannot_be_one_is_refused_with_its_sentence(self, client, owner):
        client.force_login(owner)
        with nothing_changes():
            answer = client.post(f"{self.path}add/", self.form(url="https://me:secret@example.org/"))
            assert "neither a user name and password" in answer.context["adminform"].form.errors["url"][0]

    def test_a_supervisor_sees_webhooks_and_changes_none(self, client):
        client.force_login(UserFactory(role="supervisor"))
        hook, _ = actions.create_webhook(url=PUBLIC, by=None)
        with nothing_changes():
            assert client.post(f"{self.path}add/", self.form()).status_code == 403
            assert client.post(f"{self.path}{hook.pk}/change/", self.form()).status_code == 403
            self.act(client, "make_new_secrets", hook)
            self.act(client, "remove_webhook", hook)

    def test_a_supervisor_finds_what_was_given_up_and_sends_it_again(self, client, hook):
        client.force_login(UserFactory(role="supervisor"))
        happens()
        for row in (Delivery.objects.get(), post()):
            path = f"/admin/ticketing/{row._meta.model_name}/"
            dead = f"{path}?state=dead"
            assert client.get(dead).context["cl"].result_count == 0
            type(row).objects.update(dead_at=Now(), attempts=12)
            assert client.get(dead).context["cl"].result_count == 1
            assert "1 done" in self.act(client, "resend", row, path)
            row.refresh_from_db()
            assert (row.dead_at, row.attempts) == (None, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SITE_URL", "tickets.example.org"),
        ("SITE_URL", "https://tickets.example.org/path"),
        ("SITE_URL", "https://me@tickets.example.org"),
        ("SITE_URL", "ftp://tickets.example.org"),
        ("SITE_URL", "https://tickets.example.org\n"),
        ("SITE_URL", "https://[::1"),
        ("EMAIL_URL", "nonsense"),
        ("EMAIL_URL", "smtp://host:port"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(name, value, tmp_path):
    environment = {"SITE_MODE": "demo", "TICKETING_HOME": str(tmp_path), name: value, "PATH": "/usr/bin:/bin"}
    ended = subprocess.run([sys.executable, "manage.py", "rights"], env=environment, capture_output=True, text=True)
    assert (ended.returncode, name in ended.stderr, "Traceback" in ended.stderr) == (1, True, False)
