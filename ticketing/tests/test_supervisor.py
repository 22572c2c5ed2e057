"""The supervisor with real small programs, which are killed, hang, refuse to end and leave orphans."""

import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ticketing.runtime import supervisor
from ticketing.runtime.supervisor import ATTEMPTS, FIRST_PAUSE, STOP_PATIENCE, port_is_free

PROJECT = Path(supervisor.__file__).resolve().parents[2]
PATIENCE = 15  # seconds until something counts as stuck

SUPERVISE = """
import fcntl, json, logging, sys, time
from pathlib import Path
from ticketing.runtime.supervisor import Service, Supervisor

folder = Path(sys.argv[1])
lock = open(folder / "lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
__import__("os").set_inheritable(lock.fileno(), True)
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")

def is_stale(name):
    if (folder / "hang").exists():
        time.sleep(1000)
    if (folder / "fail").exists():
        raise OSError("the database is away")
    return (folder / f"{name} is stale").exists()

def is_ready(name):
    return (folder / f"{name} is ready").exists()

def on_tick():
    with open(folder / "ticks", "a") as ticks:
        ticks.write(".")

services = [Service(**one) for one in json.loads(sys.argv[2])]
sys.exit(Supervisor(services, is_stale=is_stale, is_ready=is_ready, on_tick=on_tick).run())
"""

# The programs note their process in the file that they are given.
NOTE = "import os, signal, subprocess, sys, time; print(os.getpid(), file=open(sys.argv[1], 'a')); "
SLEEP = NOTE + "time.sleep(1000)"
REFUSE = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP  # deaf before anybody knows of it
FAMILY = NOTE + f"subprocess.Popen([sys.executable, '-c', {REFUSE!r}, sys.argv[1]]); time.sleep(1000)"
# Ends its child itself, slowly, and says whether it could.
ORDERLY = (
    NOTE
    + """
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'])
def end(*_):
    time.sleep(1)
    print('child', 'lives' if child.poll() is None else 'was ended by others', flush=True)
    child.kill()
    sys.exit()
signal.signal(signal.SIGTERM, end)
print('at work', flush=True)
while True:
    time.sleep(1000)
"""
)
FAIL = NOTE + "print(time.monotonic(), file=open(sys.argv[1] + ' times', 'a')); sys.exit(3)"


class Supervised:
    """A supervisor in a process of its own."""

    def __init__(self, folder, services):
        self.folder = folder
        argv = [sys.executable, "-c", SUPERVISE, str(folder), json.dumps(services)]
        with (folder / "log").open("w") as log:
            self.process = subprocess.Popen(argv, cwd=PROJECT, stdout=log, stderr=log)

    def log(self):
        return (self.folder / "log").read_text()

    def started(self, name):
        """The processes that the service was, in their order."""
        return [int(found) for found in re.findall(rf"^{name}: started, process (\d+)$", self.log(), re.M)]

    def noted(self, name):
        """The processes that its programs noted, children included."""
        path = self.folder / name
        return [int(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []

    def runs(self, name, *, processes=1):
        """That many noted processes of the service, once they are there."""
        return eventually(lambda: len(self.noted(name)) >= processes and self.noted(name))

    def restarted(self, name, starts=2):
        return eventually(lambda: len(self.started(name)) >= starts and self.started(name))

    def ticks_twice(self):
        """Whatever is asked every second has been asked since."""
        path = self.folder / "ticks"
        size = path.stat().st_size if path.exists() else 0
        eventually(lambda: path.exists() and path.stat().st_size >= size + 2)

    def guardian(self):
        """The guardian's process, when it is at work."""
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if child.cmdline()[-1:] == ["guard"]:
                    return child
        return None

    def everything(self):
        return {self.process.pid, *(child.pid for child in psutil.Process(self.process.pid).children(recursive=True))}

    def end(self, number=signal.SIGTERM):
        """Its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@pytest.fixture
def supervise(tmp_path):
    """Starts a supervisor of these programs or services; what it leaves behind at the end of the test is killed."""
    running = []

    def start(*services, **programs):
        python = [program_service(tmp_path, name, program) for name, program in programs.items()]
        running.append(Supervised(tmp_path, [*services, *python]))
        return running[-1]

    yield start
    for one in running:
        left = one.everything() if one.process.poll() is None else set()
        noted = (one.noted(name) for name in ("web", "cluster", "sweep"))
        for pid in left.union(*noted):
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
        one.process.wait()


def program_service(folder, name, program):
    return {"name": name, "argv": [sys.executable, "-c", program, str(folder / name)], "grace": 0.5}


def eventually(holds, seconds=PATIENCE):
    """What `holds` returned when it was true at last."""
    end = time.monotonic() + seconds
    while not (held := holds()):
        assert time.monotonic() < end, "It never came true."
        time.sleep(0.05)
    return held


def lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def none_lives(pids):
    return not any(lives(pid) for pid in pids)


# Keeping services running


def test_a_service_that_dies_is_started_again(supervise):
    it = supervise(web=SLEEP, cluster=SLEEP)
    web, cluster = it.runs("web")[0], it.runs("cluster")[0]
    os.kill(web, signal.SIGKILL)
    assert it.restarted("web")[0] == web
    assert lives(it.runs("web", processes=2)[1])
    assert it.started("cluster") == [cluster]
    assert "web: ended (killed by signal 9)" in it.log()


def test_orphans_of_a_dead_service_end_before_it_is_started_again(supervise):
    it = supervise(web=FAMILY)
    main, child = it.runs("web", processes=2)
    os.kill(main, signal.SIGKILL)
    it.restarted("web")
    eventually(lambda: not lives(child))


def test_a_stale_service_is_restarted_even_if_it_refuses_to_end(supervise, tmp_path):
    it = supervise(web=SLEEP, cluster=REFUSE)
    stale = it.runs("cluster")[0]
    mark = tmp_path / "cluster is stale"
    mark.touch()
    eventually(lambda: "cluster: no heartbeat, restarting" in it.log())
    mark.unlink()
    assert it.restarted("cluster")[0] == stale
    assert not lives(stale)
    time.sleep(0.5)
    assert it.log().count("no heartbeat") == 1
    assert len(it.started("web")) == 1


def test_nobody_asks_whether_a_service_is_stale_that_has_just_started(supervise, tmp_path):
    (tmp_path / "web is stale").touch()
    it = supervise({"name": "web", "argv": ["sleep", "1000"], "grace": 1000})
    it.ticks_twice()
    assert len(it.started("web")) == 1


@pytest.mark.parametrize("trouble", ["hang", "fail"])
def test_a_check_that_hangs_or_fails_keeps_nothing_from_being_done(supervise, tmp_path, trouble):
    (tmp_path / trouble).touch()
    it = supervise(web=SLEEP)
    web = it.runs("web")[0]
    eventually((tmp_path / "ticks").exists)
    time.sleep(1)
    os.kill(web, signal.SIGKILL)
    it.restarted("web")
    assert it.end() == 0
    assert it.log().count("web: the check failed") == (trouble == "fail")


def test_a_service_that_never_starts_well_is_given_up_with_a_sentence(supervise, tmp_path):
    it = supervise(web=FAIL, cluster=SLEEP)
    assert it.process.wait(PATIENCE) == 1
    assert f"web: given up, it ended {ATTEMPTS} times right after its start (exit code 3)" in it.log()
    assert none_lives(it.started("cluster"))
    times = [float(line) for line in (tmp_path / "web times").read_text().split()]
    assert len(times) == ATTEMPTS
    assert times[-1] - times[-2] > 2 * (times[1] - times[0])  # the pauses grow


def test_a_service_that_started_well_is_started_again_soon_and_never_given_up(supervise, tmp_path):
    mark = tmp_path / "web is ready"
    mark.touch()
    it = supervise(web=SLEEP)
    for start in range(1, 5):
        process = it.restarted("web", start)[-1]
        it.ticks_twice()
        os.kill(process, signal.SIGKILL)
        killed = time.monotonic()
        it.restarted("web", start + 1)
        assert time.monotonic() - killed < 5 * FIRST_PAUSE
    mark.unlink()
    for start in range(5, 5 + ATTEMPTS):
        os.kill(it.restarted("web", start)[-1], signal.SIGKILL)
    eventually(lambda: it.log().count("web: ended") == 4 + ATTEMPTS)
    assert it.end() == 0


def test_a_program_that_does_not_exist_is_named(supervise):
    it = supervise({"name": "web", "argv": ["no-such-program"]})
    eventually(lambda: "web: ended (exit code 1)" in it.log())
    assert "no-such-program: No such file or directory" in it.log()


def test_a_folder_that_does_not_exist_is_named(supervise, tmp_path):
    it = supervise({"name": "web", "argv": ["true"], "cwd": str(tmp_path / "nowhere")})
    eventually(lambda: "web: could not be started: [Errno 2] No such file or directory" in it.log())
    assert it.end() == 0


def test_a_service_gets_its_environment_and_its_folder_and_no_input(supervise, tmp_path):
    script = 'cat; echo "$PLACE in $PWD with $HOME"; sleep 1000'
    argv = ["sh", "-c", script]
    it = supervise({"name": "web", "argv": argv, "cwd": str(tmp_path), "env": {"PLACE": "here"}})
    eventually(lambda: f"here in {tmp_path} with {os.environ['HOME']}" in it.log())


# Stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_everything(supervise, number):
    it = supervise(web=SLEEP, cluster=SLEEP)
    pids = it.runs("web") + it.runs("cluster") + [it.guardian().pid]
    assert it.end(number) == 0
    assert none_lives(pids)


def test_a_service_has_time_to_end_its_own_children(supervise):
    it = supervise(cluster=ORDERLY)
    eventually(lambda: "at work" in it.log())
    assert it.end() == 0
    assert "child lives" in it.log()


def test_whoever_ignores_the_request_to_end_is_killed_with_his_family(supervise):
    it = supervise(web=REFUSE, cluster=FAMILY, sweep=SLEEP)
    pids = it.runs("web") + it.runs("cluster", processes=2) + it.runs("sweep")
    assert it.end() == 0
    eventually(lambda: none_lives(pids))


def test_a_second_signal_does_not_wait(supervise):
    it = supervise(web=REFUSE)
    web = it.runs("web")[0]
    begun = time.monotonic()
    it.process.terminate()
    eventually(lambda: "stopping" in it.log())
    assert it.end() == 0
    assert time.monotonic() - begun < STOP_PATIENCE
    assert not lives(web)


def test_a_signal_that_was_to_be_ignored_stays_ignored(supervise):
    with ignored(signal.SIGHUP):
        it = supervise(web=SLEEP)
    it.runs("web")
    it.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert it.process.poll() is None


@contextlib.contextmanager
def ignored(number):
    before = signal.signal(number, signal.SIG_IGN)
    yield
    signal.signal(number, before)


# Killed itself


def test_nothing_is_left_when_the_supervisor_is_killed(supervise):
    it = supervise(web=FAMILY, cluster=REFUSE, sweep=SLEEP)
    pids = it.runs("web", processes=2) + it.runs("cluster") + it.runs("sweep") + [it.guardian().pid]
    it.process.kill()
    eventually(lambda: none_lives(pids))


def test_a_killed_guardian_is_replaced_by_one_that_knows_everything(supervise):
    it = supervise(web=REFUSE)
    web, first = it.runs("web")[0], it.guardian()
    first.kill()
    second = eventually(lambda: (found := it.guardian()) and found.pid != first.pid and found)
    eventually(lambda: second.status() == psutil.STATUS_SLEEPING)
    it.process.kill()
    eventually(lambda: none_lives([web, second.pid]))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
def test_services_are_told_to_end_even_if_the_guardian_was_killed_too(supervise):
    it = supervise(web=SLEEP)
    web = it.runs("web")[0]
    it.process.send_signal(signal.SIGSTOP)
    it.guardian().kill()
    it.process.kill()
    eventually(lambda: not lives(web))


def test_a_lock_of_a_killed_supervisor_is_free_while_its_services_still_end(supervise, tmp_path):
    it = supervise(web=REFUSE)
    web = it.runs("web")[0]
    it.process.kill()
    it.process.wait()
    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert lives(web)


def test_the_guardian_ends_the_groups_it_knows_and_none_that_it_was_told_to_forget(tmp_path):
    known, forgotten = (subprocess.Popen(["sleep", "1000"], start_new_session=True) for _ in range(2))
    guard = subprocess.Popen(supervisor._this_file("guard"), stdin=subprocess.PIPE)
    with guard.stdin as pipe:
        pipe.write(f"+{known.pid}\n+{forgotten.pid}\n-{forgotten.pid}\n".encode())
    assert known.wait(PATIENCE) == -signal.SIGTERM
    assert guard.wait(PATIENCE) == 0
    assert forgotten.poll() is None
    forgotten.kill()
    forgotten.wait()


def test_a_service_does_not_begin_before_the_supervisor_says_so():
    starter = supervisor._this_file("start", "echo", "begun")
    assert subprocess.run(starter, input=b"", capture_output=True).stdout == b""
    assert subprocess.run(starter, input=b"!", capture_output=True).stdout == b"begun\n"


def test_a_service_has_the_usual_signals():
    starter = supervisor._this_file("start", "sh", "-c", "kill -PIPE $$; echo survived")
    ended = subprocess.run(starter, input=b"!", capture_output=True)
    assert (ended.returncode, ended.stdout) == (-signal.SIGPIPE, b"")


# Ports


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_port_is_taken_when_somebody_listens(listening):
    port = listening.getsockname()[1]
    assert not port_is_free("127.0.0.1", port)
    assert not port_is_free("localhost", port)
    listening.close()
    assert port_is_free("127.0.0.1", port)


def test_a_port_is_taken_even_if_the_listener_would_share_it():
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        assert not port_is_free("127.0.0.1", server.getsockname()[1])


def test_connections_just_closed_leave_the_port_free(listening):
    address = listening.getsockname()
    with socket.create_connection(address):
        listening.accept()[0].close()  # closed first on this side: it lingers here
    listening.close()
    assert port_is_free(*address)


def test_an_address_that_is_not_ours_is_said_to_be_so():
    with pytest.raises(OSError, match=r"Cannot assign|Can't assign"):
        port_is_free("192.0.2.1", 8000)
