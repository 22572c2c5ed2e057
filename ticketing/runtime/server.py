"""The bridge between granian and the WSGI application: no slow client holds a thread, or fills memory or disk.

The event loop reads the whole body of a request, a thread runs the application and spools its answer, and the
event loop sends that answer at the reader's pace. A connection costs a thread only while the application works.
The price: an answer is sent when it is complete, so nothing can be pushed to a page bit by bit.
"""

import asyncio
import contextlib
import functools
import io
import json
import logging
import os
import queue
import resource
import socket
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from dataclasses import KW_ONLY, dataclass
from typing import IO, Any
from urllib.parse import unquote_to_bytes

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Headers = list[tuple[bytes, bytes]]

KIB, MIB = 2**10, 2**20

LANE, QUICK, BULK = "bridge.lane", "quick", "bulk"  # a key of the environment, and its values
DEFER = "bridge-defer"  # a header of the answer
LONG_FOR, LONG_KNOWN = 60, 256  # seconds for which a long answer is remembered, and how many are

# Bytes in one message to granian, which buffers some fourteen of them for a reader who does not read.
PIECE = 16 * KIB
# Bytes that a reader must take in `reader_stall`. Not less: the kernel takes them from us in leaps.
STRIDE = 256 * KIB
# What is read and dropped after an early refusal. To close on unread bytes would reset the connection, and the
# client would never see why.
DRAIN_BYTES, DRAIN_SECONDS = 16 * MIB, 5
# Of one process. Each connection may need two descriptors, its socket and its spooled answer.
CONNECTIONS, SPARE_DESCRIPTORS = 4096, 256


def command(target: str, *, host: str, port: int, processes: int) -> list[str]:
    """The argv that serves `target` ("package.module:bridge"); `host` is an IP address, names are not resolved."""
    options = {
        "--interface": "asgi",
        "--host": host,
        "--port": port,
        "--workers": processes,
        "--http": 1,
        "--loop": "asyncio",
        "--backlog": 2048,
        # Open connections of one process, not requests at work: the slow ones must leave room for the others.
        "--backpressure": _connections(),
        # Milliseconds for all headers of a request; also what an idle connection is kept open.
        "--http1-header-read-timeout": 20_000,
        # Bytes buffered per connection and direction, and so the longest head of a request (431 beyond).
        "--http1-buffer-size": 64 * KIB,
        # Seconds. granian would wait for every open connection, and a slow one never ends by itself.
        "--workers-kill-timeout": 2,
        # One level below, there is a line for every client that leaves early.
        "--log-level": "warning",
    }
    switches = ["--no-ws", "--no-access-log", "--respawn-failed-workers"]
    words = [str(word) for pair in options.items() for word in pair]
    return [sys.executable, "-m", "granian", *words, *switches, target]


def _connections() -> int:
    """As many as there are descriptors for; granian raises the soft limit to the hard one by itself."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return CONNECTIONS
    return max(1, min(CONNECTIONS, (hard - SPARE_DESCRIPTORS) // 2))


PROBLEMS_BELOW = "/api/v1/"
PAGES_BELOW = "/panel/"
TOO_LARGE_FOR_PEOPLE = (
    "This is too large. Go back, choose smaller or fewer files, and send it again.\n"
    "Das ist zu groß. Gehen Sie zurück, wählen Sie kleinere oder weniger Dateien, und senden Sie es noch einmal.\n"
)


class _Refusal(Exception):
    """The bridge answers by itself, in the shape of the site's other failures; `close` if the body is not all read."""

    def __init__(self, status: int, message: str, *, close: bool = False) -> None:
        self.status = status
        self.close = close
        self.message = message
        super().__init__(message)

    def answer(self, path: str) -> tuple[Headers, bytes]:
        """Headers and body: a problem document (RFC 9457) where the site answers in those."""
        kind, shown = b"application/json", {"status": False, "message": self.message, "errors": {}}
        if path.startswith(PAGES_BELOW):
            words = TOO_LARGE_FOR_PEOPLE if self.status == 413 else self.message
            return self.headers(b"text/plain; charset=utf-8", len(words.encode())), words.encode()
        if path.startswith(PROBLEMS_BELOW):
            said = {"type": "about:blank", "title": "Refused", "code": "refused", "detail": self.message}
            kind, shown = b"application/problem+json", {**said, "status": self.status, "errors": {}}
        body = json.dumps(shown).encode()
        return self.headers(kind, len(body)), body

    def headers(self, kind: bytes, length: int) -> Headers:
        headers = [(b"content-type", kind), (b"content-length", b"%d" % length), *GUARDED]
        if self.close:
            headers.append((b"connection", b"close"))
        if self.status == 503:
            headers.append((b"retry-after", b"1"))
        return headers


# What the site's own answers carry too (toolkit/middleware.py), as far as it matters here.
GUARDED: Headers = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
]


def _malformed() -> _Refusal:
    return _Refusal(400, "The request is not well formed.", close=True)


def _too_slow() -> _Refusal:
    return _Refusal(408, "The request came too slowly.", close=True)


def _too_large() -> _Refusal:
    return _Refusal(413, "The request is too large.", close=True)


def _broken() -> _Refusal:
    return _Refusal(500, "Something went wrong on the server.")


def _busy(*, close: bool = False) -> _Refusal:
    return _Refusal(503, "The server is busy. Try again in a moment.", close=close)


class _Budget:
    """Bytes that all answers on disk share, counted from any thread."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        with self._lock:
            if size > self._left:
                raise _busy()
            self._left -= size

    def give_back(self, size: int) -> None:
        with self._lock:
            self._left += size


@contextlib.contextmanager
def _spooling() -> Iterator[None]:
    """A full disk is a busy server, not a fault of the application."""
    try:
        yield
    except OSError as error:
        logger.error("An answer could not be spooled: %s", error)
        raise _busy() from error


class _Answer:
    """What the application said; up to `memory` bytes of it in memory, a longer one in an unnamed file."""

    def __init__(self, memory: int, directory: str | None, budget: _Budget) -> None:
        self.status = 0
        self.deferred = False
        self.headers: Headers = []
        self.size = 0
        self._memory = memory
        self._directory = directory
        self._budget = budget
        self._on_disk = 0
        self._file: IO[bytes] = io.BytesIO()

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        """PEP 3333's start_response; nothing was sent yet, so a second call with `exc_info` just replaces."""
        if self.status and not exc_info:
            raise RuntimeError("The application called start_response twice.")
        self.status = int(status.split(" ", 1)[0])
        self.deferred = any(name.lower() == DEFER for name, _ in headers)
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return self.write

    def write(self, chunk: bytes) -> None:
        """Keep `chunk`, or refuse with 503 when the disk or our share of it is full."""
        self.size += len(chunk)
        with _spooling():
            if self.size > self._memory:
                self._make_room_on_disk()
            self._file.write(chunk)

    def _make_room_on_disk(self) -> None:
        self._budget.take(self.size - self._on_disk)
        self._on_disk = self.size
        if isinstance(self._file, io.BytesIO):
            start = self._file.getvalue()
            self._file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115 closed by close()
            self._file.write(start)

    def complete(self, *, head: bool) -> None:
        """Make it ready to be read."""
        if not self.status:
            raise RuntimeError("The application did not call start_response.")
        with _spooling():
            self._file.seek(0)  # writes out what is still buffered
        self._set_length(head)

    def _set_length(self, head: bool) -> None:
        """The length keeps the connection after a whole answer, and shows a cut one to be cut."""
        given = any(name == b"content-length" for name, _ in self.headers)
        if head and (given or not self.size):
            return
        self.headers = [pair for pair in self.headers if pair[0] != b"content-length"]
        self.headers.append((b"content-length", b"%d" % self.size))

    def read(self, size: int) -> bytes:
        # From disk this blocks the event loop, briefly: the file is new, and the page cache still has it.
        return self._file.read(size)

    def close(self) -> None:
        """Give the space back."""
        with contextlib.suppress(OSError):  # of what a full disk did not take
            self._file.close()
        self._budget.give_back(self._on_disk)
        self._on_disk = 0


class _Threads:
    """The threads that the application runs in; hands over at a third of what concurrent.futures costs."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def start(self) -> None:
        for number in range(self.size):
            threading.Thread(target=self._work, name=f"wsgi-{number}", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._jobs.get()()

    async def run(self, function: Callable[..., _Answer], *arguments: Any) -> _Answer:
        """What `function` returns in one of the threads; it may raise a _Refusal and nothing else."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Answer] = loop.create_future()

        def job() -> None:
            try:
                answer = function(*arguments)
            except _Refusal as refusal:
                loop.call_soon_threadsafe(future.set_exception, refusal)
            else:
                loop.call_soon_threadsafe(future.set_result, answer)

        self._jobs.put(job)
        return await future


class _LongAnswers:
    """Addresses whose answers were long a moment ago: many readers of one list need not find that out one by one."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, bytes, bytes], float] = {}

    def lane_of(self, scope: Message) -> str:
        return BULK if self._until.get(_address(scope), 0) > time.monotonic() else QUICK

    def remember(self, scope: Message) -> None:
        if len(self._until) >= LONG_KNOWN:
            self._until.clear()
        if scope["method"] in ("GET", "HEAD"):  # of others the body decides
            self._until[_address(scope)] = time.monotonic() + LONG_FOR


def _is_form_with_files(scope: Message) -> bool:
    return any(
        name == b"content-type" and value.lower().startswith(b"multipart/form-data") for name, value in scope["headers"]
    )


def _address(scope: Message) -> tuple[str, bytes, bytes]:
    return scope["method"], scope["raw_path"], scope["query_string"]


@dataclass(eq=False)
class Bridge:
    """An ASGI application that runs a WSGI one in threads."""

    wsgi: Application
    _: KW_ONLY
    threads: int = 4  # requests at work at once
    bulk_threads: int = 1  # requests at work at once beside those, for long answers
    waiting: int = 1000  # requests that may wait for a thread of their lane; 503 beyond
    max_body: int = MIB  # bytes of one request's body; 413 beyond
    max_upload: int = MIB  # bytes of a form with files, which some pages take; 413 beyond
    uploads_below: str = ""  # where those pages are
    max_bodies: int = 256 * MIB  # bytes of all bodies held at once; 503 beyond, for large ones beyond half of it
    body_stall: float = 30  # seconds without a byte of the body; 408 beyond
    body_deadline: float = 120  # seconds for the whole body; 408 beyond
    memory: int = 128 * KIB  # bytes of an answer that stays in memory; a longer one goes to disk
    spool_limit: int = 1024 * MIB  # bytes of all answers on disk at once; 503 beyond
    spool_directory: str | None = None  # None: the system's. Name another where /tmp is in memory
    reader_stall: float = 60  # seconds in which a reader must take STRIDE bytes, or is cut off

    def __post_init__(self) -> None:
        self._lanes = {QUICK: _Threads(self.threads), BULK: _Threads(self.bulk_threads)}
        self._inside = dict.fromkeys(self._lanes, 0)
        self._long = _LongAnswers()
        self._budget = _Budget(self.spool_limit)
        self._held = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            raise ValueError(f"The bridge does not speak {scope['type']}.")

    async def _live(self, receive: Receive, send: Send) -> None:
        """When granian sends the shutdown, the last connection has ended and no thread is at work."""
        await receive()
        for lane in self._lanes.values():
            lane.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        body = bytearray()
        try:
            await self._fill(body, scope, receive)
            answer = await self._work(scope, body)
        except _Refusal as refusal:
            await _refuse(refusal, scope["path"], receive, send)
            return
        finally:
            self._held -= len(body)
        try:
            await self._send(answer, scope, send)
        finally:
            answer.close()

    async def _fill(self, body: bytearray, scope: Message, receive: Receive) -> None:
        """Read the whole body, or refuse as soon as it is known to be too large or too slow."""
        length, chunked = _framing(scope)
        most = self._most(scope)
        if length > most:
            raise _too_large()
        if not length and not chunked:
            return
        now = asyncio.get_running_loop().time
        end = now() + self.body_deadline
        try:
            async with asyncio.timeout(self.body_stall) as limit:
                while await self._more(body, receive, most) and len(body) != length:
                    limit.reschedule(min(end, now() + self.body_stall))
        except TimeoutError as error:
            raise _too_slow() from error

    def _most(self, scope: Message) -> int:
        """How large the body of this request may be."""
        takes_files = self.uploads_below and scope["method"] == "POST" and scope["path"].startswith(self.uploads_below)
        return max(self.max_body, self.max_upload) if takes_files and _is_form_with_files(scope) else self.max_body

    async def _more(self, body: bytearray, receive: Receive, most: int) -> bool:
        """Read one chunk; whether another may follow."""
        message = await receive()
        if message["type"] == "http.disconnect":  # ended too early, or chunks that cannot be read
            raise _malformed()
        chunk = message["body"]
        if len(body) + len(chunk) > most:
            raise _too_large()
        # Large ones leave room for all the others.
        room = self.max_bodies if len(body) + len(chunk) <= self.max_body else self.max_bodies // 2
        if self._held + len(chunk) > room:
            raise _busy(close=True)
        body += chunk
        self._held += len(chunk)
        return bool(message["more_body"])

    async def _work(self, scope: Message, body: bytearray) -> _Answer:
        answer = await self._work_in(self._long.lane_of(scope), scope, body)
        if not answer.deferred:
            return answer
        answer.close()
        self._long.remember(scope)
        return await self._work_in(BULK, scope, body)

    async def _work_in(self, lane: str, scope: Message, body: bytearray) -> _Answer:
        if self._inside[lane] >= self._lanes[lane].size + self.waiting:
            raise _busy()
        self._inside[lane] += 1
        try:
            return await self._lanes[lane].run(self._run, lane, scope, body)
        finally:
            self._inside[lane] -= 1

    def _run(self, lane: str, scope: Message, body: bytearray) -> _Answer:
        """In one thread, from the application's first line to the close() of what it returned."""
        answer = _Answer(self.memory, self.spool_directory, self._budget)
        try:
            self._collect({**environ(scope, body), LANE: lane}, answer)
            answer.complete(head=scope["method"] == "HEAD")
        except _Refusal:
            answer.close()
            raise
        except BaseException as error:  # an application that exits must not take the thread with it
            answer.close()
            logger.exception("The application failed: %s", scope["method"])  # a path may hold secrets
            raise _broken() from error
        return answer

    def _collect(self, environment: dict[str, Any], answer: _Answer) -> None:
        chunks = self.wsgi(environment, answer.start)
        try:
            for chunk in chunks:
                answer.write(chunk)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()  # Django gives this thread's database connection back here

    async def _send(self, answer: _Answer, scope: Message, send: Send) -> None:
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
        elif answer.size <= PIECE:
            # Not watched: granian takes it at once, and the kernel most of it.
            await send({"type": "http.response.body", "body": answer.read(PIECE)})
        else:
            await self._pour(answer, scope, send)

    async def _pour(self, answer: _Answer, scope: Message, send: Send) -> None:
        """Send piece by piece: `send` waits while the client does not read."""
        try:
            for _ in range(0, answer.size, STRIDE):
                async with asyncio.timeout(self.reader_stall):
                    await _stride(answer, send)
                await asyncio.sleep(0)  # for a client that has left `send` never waits: let the others have a turn
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            # granian has no time-out for this and no way to close: it would keep the connection for ever.
            await asyncio.to_thread(_hang_up, scope["client"])


async def _stride(answer: _Answer, send: Send) -> None:
    for _ in range(STRIDE // PIECE):
        if piece := answer.read(PIECE):
            await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _refuse(refusal: _Refusal, path: str, receive: Receive, send: Send) -> None:
    headers, body = refusal.answer(path)
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    if refusal.close:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await _drain(receive)


async def _drain(receive: Receive) -> None:
    left, more = DRAIN_BYTES, True
    while more and left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        more = message.get("more_body", False)


def _hang_up(client: tuple[str, str]) -> None:
    """Cut the connection of `client`, which is found by its address among this process's descriptors."""
    peer = (client[0], int(client[1]))
    for descriptor in map(int, os.listdir("/dev/fd")):
        with contextlib.suppress(OSError):  # closed meanwhile, or not connected
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                _cut(descriptor, peer)


def _cut(descriptor: int, peer: tuple[str, int]) -> None:
    with socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM) as twin:
        if twin.getpeername()[:2] == peer:
            twin.shutdown(socket.SHUT_RDWR)


def _framing(scope: Message) -> tuple[int, bool]:
    """The length announced (0 if none) and whether the body comes in chunks.

    400 for what a proxy might read in another way. Of a length beside chunks granian shows only the chunks, and
    closes after the answer, so that nothing can be smuggled.
    """
    length = 0
    hosts, codings = [], []
    for name, value in scope["headers"]:
        if name == b"host":
            hosts.append(value)
        elif name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            codings.append(value.lower())
    if len(hosts) != 1 or not hosts[0] or codings not in ([], [b"chunked"]) or scope["method"] == "CONNECT":
        raise _malformed()
    return length, bool(codings)


def environ(scope: Message, body: bytes | bytearray) -> dict[str, Any]:
    """PEP 3333's environment of one request."""
    prefix, path = scope["root_path"], unquote_to_bytes(scope["raw_path"]).decode("latin-1")
    return {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": prefix,
        "PATH_INFO": path.removeprefix(prefix),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": scope["client"][0],
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": scope["server"][1],
        "SERVER_PROTOCOL": "HTTP/1.0" if scope["http_version"] == "1" else "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **_header_variables(scope["headers"]),
    }


def _header_variables(headers: Headers) -> dict[str, str]:
    variables: dict[str, str] = {}
    for name, value in headers:
        if key := _variable(name):
            text = value.decode("latin-1")
            if key in variables:
                text = variables[key] + ("; " if key == "HTTP_COOKIE" else ",") + text
            variables[key] = text
    return variables


@functools.lru_cache(maxsize=512)
def _variable(name: bytes) -> str:
    """The header's name in the environment, empty for those that must not get there.

    With an underscore it could pose as another (X_Forwarded_For), Proxy as a setting of the process; the length
    and the coding no longer describe the body.
    """
    if b"_" in name or name in (b"content-length", b"transfer-encoding", b"proxy"):
        return ""
    text = name.decode("latin-1").upper().replace("-", "_")
    return text if text == "CONTENT_TYPE" else f"HTTP_{text}"
