"""manage.py outbox"""

import logging
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

from django.db import Error, connection

from ticketing import actions
from ticketing.actions import Outcome
from ticketing.management.commands.sweep import Step
from ticketing.models import Heartbeat, Mail
from ticketing.toolkit.commands import DomainCommand

logger = logging.getLogger(__name__)

# All in seconds.
LOOK_EVERY = 0.5  # for what is due
TURN = 5.0  # after which the next one is served
LONGEST_REST = 60.0  # of a mail server or a webhook that fails again and again
LONGEST_TURN = 300.0  # more than all time-outs together: a thread that takes longer is stuck
STOP_PATIENCE = 2.0  # for what is just being sent


class Lane:
    """Serves sources of work with a few threads: who has waited longest first, none with more than `each` at a time.

    A source is whatever can fail as a whole: a webhook, or the mail server. One that fails rests, longer each time, so
    that it wears out neither its rows nor the others' patience.
    """

    def __init__(
        self,
        sources: Callable[[], Iterable[Any]],
        send_next: Callable[[Any], Outcome | None],
        *,
        threads: int,
        each: int,
        stop: threading.Event,
    ) -> None:
        self.sources, self.send_next, self.each, self.stop = sources, send_next, each, stop
        self.looking = threading.Lock()  # held by the one thread that looks for work while the others wait behind it
        self.books = threading.Lock()
        self.busy: Counter[Any] = Counter()
        self.failures: Counter[Any] = Counter()
        self.served_at: dict[Any, float] = {}
        self.rests_until: dict[Any, float] = {}
        self.turns: dict[threading.Thread, float] = {}
        # Daemons: a send that hangs keeps nobody from stopping. Its row is sent again once its claim has run out.
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(threads)]

    def start(self) -> None:
        """Begin."""
        for thread in self.threads:
            thread.start()

    def join(self, end: float) -> None:
        """Wait until that time at most for what is being sent."""
        for thread in self.threads:
            thread.join(max(0, end - monotonic()))

    def is_well(self) -> bool:
        """Whether no thread has ended or is stuck."""
        with self.books:
            oldest = min(self.turns.values(), default=monotonic())
        return all(thread.is_alive() for thread in self.threads) and monotonic() - oldest < LONGEST_TURN

    def work(self) -> None:
        """What each thread does: look for work until there is some, let the next one look, serve."""
        while not self.stop.is_set():
            with self.looking:
                found = self.next_source()
            for source in found:
                self.serve(source)
        connection.close()

    def next_source(self) -> list[Any]:
        """One source, noted as busy; none when the site stops."""
        while not self.stop.is_set():
            found = sorted(self.ready(), key=lambda source: self.served_at.get(source, 0))[:1]
            if found:
                with self.books:
                    self.busy.update(found)
                    self.served_at.update(dict.fromkeys(found, monotonic()))
                return found
            self.stop.wait(LOOK_EVERY)
        return []

    def ready(self) -> list[Any]:
        """Sources for which something is due and which may be served now."""
        try:
            sources = list(self.sources())
        except Error as error:
            logger.warning("outbox: the database says: %s", error)
            connection.close()
            return []
        now = monotonic()
        with self.books:
            return [s for s in sources if self.busy[s] < self.each and self.rests_until.get(s, 0) <= now]

    def serve(self, source: Any) -> None:
        """Send for a while; a failure ends the turn and earns a rest."""
        thread = threading.current_thread()
        with self.books:
            self.turns[thread] = monotonic()
        failed = not self.send_some(source)
        with self.books:
            del self.turns[thread]
            self.busy[source] -= 1
            if failed:
                self.failures[source] += 1
                self.rests_until[source] = monotonic() + min(2.0 ** self.failures[source], LONGEST_REST)

    def send_some(self, source: Any) -> bool:
        """False as soon as one fails."""
        end = monotonic() + TURN
        try:
            while monotonic() < end and not self.stop.is_set() and (outcome := self.send_next(source)):
                if outcome == Outcome.FAILED:
                    return False
                self.failures[source] = 0
        except Error as error:
            logger.warning("outbox: the database says: %s", error)
            return False
        finally:
            connection.close()
        return True


class Command(DomainCommand):
    help = (
        "Send what the site has to tell: mails, and events for webhooks, each once and again until it has arrived. "
        "A mail server or a receiver that hangs keeps nothing else waiting."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--once", action="store_true", help="Send what is due and stop.")

    def handle(self, *args: Any, once: bool = False, **options: Any) -> None:
        if once:
            for what, (sent, failed) in {
                "mails": actions.send_due_mails(),
                "events": actions.send_due_deliveries(),
            }.items():
                self.stdout.write(f"{sent} {what} sent, {failed} not sent.")
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        run(stop)


def run(stop: threading.Event) -> None:
    """Both lanes until `stop` is set, and a sign of life for the watchdog while they are well."""
    lanes = [
        Lane(mail_server, lambda _: actions.send_next_mail(), threads=2, each=2, stop=stop),
        Lane(actions.webhooks_to_serve, actions.send_next_delivery, threads=8, each=2, stop=stop),
    ]
    for lane in lanes:
        lane.start()
    pulse = Step(2, lambda: all(lane.is_well() for lane in lanes) and Heartbeat.objects.beat("outbox"))
    while not stop.wait(LOOK_EVERY):
        pulse.run_if_due()
    end = monotonic() + STOP_PATIENCE
    for lane in lanes:
        lane.join(end)


def mail_server() -> list[str]:
    """The one place all mails go to, if any is due."""
    return ["mail server"] if Mail.objects.due().exists() else []
