"""Keeps a few services running, each with its whole process group, and leaves nothing behind however it ends.

Three kinds of process run this file: the supervisor; a starter per service, which becomes the service; and the
guardian, which outlives the supervisor by the few seconds that it takes to end what that left running.
"""

import contextlib
import ctypes
import errno
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, cast

logger = logging.getLogger(__name__)

# All in seconds.
LOOK_EVERY = 0.1  # at the processes
ASK_EVERY = 1.0  # the callbacks
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # before a service is started again
WELL_AFTER = 10.0  # a service that lived so long had started well, ready or not
STALE_PATIENCE = 2.5  # between TERM and KILL for a service that hangs
STOP_PATIENCE = 3.5  # the same when everything stops
GUARDIAN_PATIENCE = 3.0  # the same when the supervisor was killed
ATTEMPTS = 5  # early ends in a row after which a service that never started well is given up

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Service:
    """A program to keep running; `env` is added to the environment of the supervisor."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    grace: float = 20  # seconds from its start in which nobody asks whether it is stale


@dataclass(eq=False)
class Supervisor:
    """Runs the services until a signal comes or one of them cannot be kept running.

    `is_stale(name)` says whether that service hangs, `is_ready(name)` whether it has started well: one that once did
    is never given up. `on_tick()` does what the caller wants done every second. They are called in a thread of their
    own: what they wait for does not keep a dead service from being restarted.
    """

    services: Sequence[Service]
    _: KW_ONLY
    is_stale: Callable[[str], bool] = lambda name: False
    is_ready: Callable[[str], bool] = lambda name: False
    on_tick: Callable[[], object] = lambda: None
    on_stop: Callable[[], object] = lambda: None  # called once, in the main thread, before the services are ended

    def __post_init__(self) -> None:
        self._guardian = _Guardian()
        self._kept = [_Kept(service, self._guardian) for service in self.services]
        self._signals = 0
        self._ending = threading.Event()
        self._troubled: set[str] = set()

    def run(self) -> int:
        """Exit code: 0 after a signal, 1 if a service was given up. To be called in the main thread."""
        with _handling(self._count_signal):
            watch = threading.Thread(target=self._watch, daemon=True)
            watch.start()
            try:
                failed = self._keep()
            finally:
                self._ending.set()
                self._stop()
                watch.join(0.5)
                self._guardian.end()
        return int(failed)

    def _count_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1

    def _keep(self) -> bool:
        """Whether a service was given up."""
        while not self._signals:
            self._guardian.be_there()
            for kept in self._kept:
                kept.look()
                if kept.given_up:
                    return True
            time.sleep(LOOK_EVERY)
        return False

    def _stop(self) -> None:
        """End everything; a second signal shortens the wait."""
        logger.info("stopping")
        self._ask("the stop", self.on_stop)
        for kept in self._kept:
            kept.terminate()
        end = time.monotonic() + STOP_PATIENCE
        living = self._kept
        while living and time.monotonic() < end and self._signals < 2:
            time.sleep(LOOK_EVERY)
            living = [kept for kept in living if not kept.has_ended()]
        for kept in self._kept:
            kept.kill()

    def _watch(self) -> None:
        while not self._ending.wait(ASK_EVERY):
            self._ask("the tick", self.on_tick)
            for kept in self._kept:
                self._ask_about(kept)

    def _ask_about(self, kept: "_Kept") -> None:
        process = kept.process
        if kept.ready is not process and self._ask(f"{kept.name}, start", lambda: self.is_ready(kept.name)):
            kept.ready = process
        if kept.is_past_grace() and self._ask(kept.name, lambda: self.is_stale(kept.name)):
            kept.stale = process

    def _ask(self, name: str, question: Callable[[], object]) -> object:
        """Its answer, or None if it failed, which is told once until it succeeds again."""
        try:
            answer = question()
        except Exception:
            if name not in self._troubled:
                logger.exception("%s: the check failed", name)
            self._troubled.add(name)
            return None
        self._troubled.discard(name)
        return answer


class _Kept:
    """A service and the process that is it at the moment."""

    def __init__(self, service: Service, guardian: "_Guardian") -> None:
        self.name = service.name
        self.process: subprocess.Popen[bytes] | None = None
        # The processes last found stale and ready; both may be gone already.
        self.stale: subprocess.Popen[bytes] | None = None
        self.ready: subprocess.Popen[bytes] | None = None
        self.given_up = False
        self._service = service
        self._guardian = guardian
        self._started = 0.0
        self._start_at = 0.0
        self._kill_at: float | None = None
        self._pause = FIRST_PAUSE
        self._attempts_left: int | None = ATTEMPTS

    def look(self) -> None:
        """Start what is to be started, bury what has ended, restart what hangs."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._start_at:
                self._start()
        elif self.process.poll() is not None:
            self._bury(self.process)
        elif self._kill_at is not None:
            if now >= self._kill_at:
                _signal_group(self.process.pid, signal.SIGKILL)
        elif self.stale is self.process:
            logger.warning("%s: no heartbeat, restarting", self.name)
            self._kill_at = now + STALE_PATIENCE
            self.terminate()

    def has_ended(self) -> bool:
        """And if so, what it left of its group has ended too."""
        if self.process is not None and self.process.poll() is not None:
            self._end_group(self.process)
        return self.process is None

    def is_past_grace(self) -> bool:
        return self.process is not None and time.monotonic() - self._started > self._service.grace

    def terminate(self) -> None:
        """Only the main process: it knows in which order its children are best ended."""
        if self.process is not None:
            self.process.terminate()

    def kill(self) -> None:
        """The whole group, at once."""
        if self.process is not None:
            self._end_group(self.process)

    def _start(self) -> None:
        self._started = time.monotonic()
        self._kill_at = None
        try:
            self.process = self._spawn()
        except OSError as error:
            logger.error("%s: could not be started: %s", self.name, error)
            self._plan_restart("it could not be started", well=False)
        else:
            logger.info("%s: started, process %d", self.name, self.process.pid)

    def _spawn(self) -> subprocess.Popen[bytes]:
        """The starter becomes the service only when the guardian knows of it, so that none is ever unknown."""
        process = subprocess.Popen(
            _this_file("start", *self._service.argv),
            env={**os.environ, **self._service.env},
            cwd=self._service.cwd,
            bufsize=0,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        self._guardian.learn(process.pid)
        with contextlib.suppress(BrokenPipeError), cast(IO[bytes], process.stdin) as stdin:
            stdin.write(b"!")
        return process

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        """What the main process left of its group goes too: nobody would tell it to stop."""
        code = process.returncode
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        self._end_group(process)
        if self._kill_at is None:
            logger.warning("%s: ended (%s)", self.name, how)
            self._plan_restart(how, well=self.ready is process or time.monotonic() - self._started >= WELL_AFTER)

    def _end_group(self, process: subprocess.Popen[bytes]) -> None:
        _signal_group(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
        self._guardian.forget(process.pid)
        self.process = None

    def _plan_restart(self, how: str, *, well: bool) -> None:
        """Soon after it had started well, later after each time it had not; give up what never did."""
        if well:
            self._pause, self._attempts_left = FIRST_PAUSE, None
        elif self._attempts_left is not None:
            self._attempts_left -= 1
            self.given_up = not self._attempts_left
        if self.given_up:
            logger.error("%s: given up, it ended %d times right after its start (%s)", self.name, ATTEMPTS, how)
        self._start_at = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)


class _Guardian:
    """The process that ends the groups it was told of when the supervisor's end of its pipe closes.

    The pipe closes with the supervisor, however that ends: its write end is closed in every other process.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: set[int] = set()

    def be_there(self) -> None:
        """Start the process, or another one that is told everything if somebody killed it."""
        if self._process is None:
            self._process = self._spawn()
        elif self._process.poll() is not None:
            logger.warning("the guardian ended, starting another")
            with contextlib.suppress(OSError):  # too many processes: try again at the next look
                self._process = self._spawn()
                for group in self._groups:
                    self._tell(f"+{group}")

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            _this_file("guard"),
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def learn(self, group: int) -> None:
        self._groups.add(group)
        self._tell(f"+{group}")

    def forget(self, group: int) -> None:
        """Its number may soon belong to somebody else."""
        self._groups.discard(group)
        self._tell(f"-{group}")

    def end(self) -> None:
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.communicate(timeout=1)

    def _tell(self, line: str) -> None:
        pipe = cast(IO[bytes], cast("subprocess.Popen[bytes]", self._process).stdin)
        with contextlib.suppress(BrokenPipeError):  # it is dead: the next one is told everything
            pipe.write(f"{line}\n".encode())


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there; OSError if the address is not ours or not allowed.

    Granian shares a port with whoever listens on it in the same way, so its own start would not tell.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections just closed do not count
        try:
            probe.bind(address)
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


@contextlib.contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle the stop signals; one that the shell or nohup has set to be ignored stays ignored."""
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    handled = [number for number in STOP_SIGNALS if before[number] != signal.SIG_IGN]
    for number in handled:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])


def _signal_group(group: int, number: int) -> bool:
    """Whether the group was there; macOS says EPERM of one that has only zombies."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _this_file(*words: str) -> list[str]:
    """Isolated: not this folder but the standard library is what it imports from."""
    return [sys.executable, "-I", "-S", __file__, *words]


def _start(argv: list[str]) -> None:
    """Become the service; end if the supervisor ended first."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if not os.read(0, 1):
        sys.exit(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and the service would inherit that
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 that is what it is for
    except OSError as error:
        sys.exit(f"{argv[0]}: {error.strerror}")


def _guard() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        change = groups.add if line[0] == "+" else groups.discard
        change(int(line[1:]))
    _end_all(groups)


def _end_all(groups: Iterable[int]) -> None:
    living = [group for group in groups if _signal_group(group, signal.SIGTERM)]
    end = time.monotonic() + GUARDIAN_PATIENCE
    while living and time.monotonic() < end:
        time.sleep(LOOK_EVERY)
        living = [group for group in living if _signal_group(group, 0)]
    for group in living:
        _signal_group(group, signal.SIGKILL)


if __name__ == "__main__":
    if sys.argv[1] == "guard":
        _guard()
    else:
        _start(sys.argv[2:])
