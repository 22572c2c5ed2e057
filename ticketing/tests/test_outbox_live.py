"""The outbox as a process of the running site, with receivers that are down, slow or silent, and killed."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid

import psutil
import pytest

from ticketing.tests.receivers import Receiver, free_port, silent
from ticketing.tests.test_site import ROOT, Site, home, within


class SiteWithOutbox(Site):
    """Its mail server takes connections and says nothing."""

    def __init__(self, home, mail_port):
        super().__init__(home)
        self.mail_port = mail_port

    def environment(self):
        outside = {"EMAIL_URL": f"smtp://127.0.0.1:{self.mail_port}", "WEBHOOK_PRIVATE_HOSTS": "127.0.0.1"}
        return super().environment() | outside

    def hook(self, port):
        """A new webhook for the life of the tickets."""
        hook = uuid.uuid4()
        self.sql(
            """INSERT INTO ticketing_webhook (id, url, description, operations, is_active, secret_version)
               VALUES (%s, %s, '', '{}', true, 1)""",
            hook,
            f"http://127.0.0.1:{port}/",
        )
        return hook

    def no_hooks(self):
        self.sql("DELETE FROM ticketing_delivery")
        self.sql("DELETE FROM ticketing_webhook")

    def mail(self):
        self.sql(
            """INSERT INTO ticketing_mail ("to", template, language, context)
               VALUES ('ada@example.org', 'password_changed', 'en', '{}')"""
        )

    def tickets(self, number):
        """Each of them is raised and handed out, which makes two events in this order."""
        self.everybody_leaves()
        self.sql("UPDATE support_agent SET capacity = taken + 30")
        self.log_in()
        codes = [self.raise_ticket() for _ in range(number)]
        within(15, lambda: all(self.status_of(code) == "in_progress" for code in codes))

    def all_sent(self, hook):
        unsent = "SELECT 1 FROM ticketing_delivery WHERE webhook_id = %s AND sent_at IS NULL"
        return not self.sql(unsent, hook)

    def expected(self, hook):
        """The events by object, in order."""
        lines = self.sql(
            """SELECT delivery.about, activity.id FROM ticketing_delivery AS delivery
               JOIN ticketing_activity AS activity ON activity.id = delivery.activity_id
               WHERE delivery.webhook_id = %s ORDER BY activity.id""",
            hook,
        )
        return by_object((str(about), number) for about, number in lines)

    def outbox(self):
        [pid] = self.pids(r"manage\.py outbox")
        return pid


def by_object(lines):
    found = {}
    for about, number in lines:
        found.setdefault(about, []).append(number)
    return found


def received(receiver):
    """What came, by object in the order of arrival: the numbers of the trail's lines, which the ids hold."""
    events = [(json.loads(request.body)["data"]["id"], request.id) for request in receiver.requests]
    return by_object((str(about), int(identity.split("_")[1])) for about, identity in events)


@pytest.fixture(scope="module")
def silence():
    with silent() as (port, taken):
        yield port, taken


@pytest.fixture(scope="module")
def running(silence):
    with home() as place:
        site = SiteWithOutbox(place, silence[0]).start()
        yield site
        site.stop()


@pytest.fixture
def site(running):
    yield running
    running.no_hooks()


def test_a_receiver_that_is_down_for_a_while_gets_each_event_once_and_in_order_when_it_is_up(site):
    port = free_port()
    hook = site.hook(port)
    site.tickets(4)
    tried = "SELECT 1 FROM ticketing_delivery WHERE webhook_id = %s AND attempts > 0"
    within(10, lambda: site.sql(tried, hook))
    time.sleep(2)
    with Receiver(port) as receiver:
        within(90, lambda: site.all_sent(hook))
        assert received(receiver) == site.expected(hook)
        assert max(map(len, site.expected(hook).values())) >= 2


def test_a_silent_mail_server_and_a_silent_webhook_hold_up_neither_other_webhooks_nor_tickets(site, silence):
    port, taken = silence
    for _ in range(10):
        site.mail()
    site.hook(port)
    within(10, lambda: len(taken) >= 2)
    with Receiver() as receiver:
        hook = site.hook(receiver.port)
        site.tickets(6)
        within(5, lambda: site.all_sent(hook))
        assert received(receiver) == site.expected(hook)
    assert site.sql("SELECT count(*) FROM ticketing_mail WHERE sent_at IS NULL") == [(10,)]


def test_kill_9_in_the_middle_loses_nothing_and_repeats_only_what_was_on_its_way(site):
    with Receiver(delay=0.3) as receiver:
        hook = site.hook(receiver.port)
        site.tickets(8)
        within(10, lambda: len(receiver.requests) >= 3)
        killed = site.outbox()
        os.kill(killed, signal.SIGKILL)
        within(90, lambda: site.all_sent(hook))
        assert site.outbox() != killed
        arrived = received(receiver)
        first_arrivals = {about: list(dict.fromkeys(numbers)) for about, numbers in arrived.items()}
        assert first_arrivals == site.expected(hook)
        repeated = len(receiver.requests) - len(set(receiver.ids))
        assert repeated <= 2


def test_two_outboxes_beside_each_other_send_everything_once(site):
    command = [sys.executable, "manage.py", "outbox"]
    with Receiver(delay=0.05) as receiver, subprocess.Popen(command, cwd=ROOT, env=site.environment()) as second:
        within(30, lambda: psutil.Process(second.pid).num_threads() > 2)  # it looks for work, and hears of its end
        hook = site.hook(receiver.port)
        site.tickets(10)
        within(30, lambda: site.all_sent(hook))
        second.terminate()
        assert second.wait(5) == 0
        assert received(receiver) == site.expected(hook)


@pytest.fixture
def own_site(silence):
    with home() as place:
        site = SiteWithOutbox(place, silence[0]).start()
        yield site
        if site.process.poll() is None:
            site.stop()


def test_it_stops_long_before_a_mail_and_an_event_that_hang_would_end(own_site, silence):
    site, (port, taken) = own_site, silence
    before = len(taken)
    site.mail()
    site.hook(port)
    site.raise_ticket()
    within(15, lambda: len(taken) >= before + 2)
    pid = site.outbox()
    os.kill(pid, signal.SIGTERM)
    within(8, lambda: pid not in site.processes())  # the mail would be given up after ten
    within(15, lambda: site.pids(r"manage\.py outbox"))
    site.process.send_signal(signal.SIGTERM)
    assert site.process.wait(10) == 0
    within(8, lambda: not site.processes())
