"""Many clients at once over HTTP, each on a connection that is kept: one thread, and as little work as possible."""

import json
import re
import selectors
import socket
import time
from collections.abc import Generator, Iterable
from typing import Any, NamedTuple

PATIENCE = 30
LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)


class Answer(NamedTuple):
    """What came back, and after how many seconds."""

    status: int
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


Client = Generator[bytes, Answer, None]  # yields a request, is sent its answer, and so on


def post(path: str, body: dict[str, object], **headers: str) -> bytes:
    """A request that sends JSON; an underscore in the name of a header stands for a hyphen."""
    data = json.dumps(body).encode()
    kind = f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{kind}{more}\r\n".encode() + data


def get(path: str) -> bytes:
    """A request that asks."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def ask(port: int, request: bytes) -> Answer:
    """The answer to one request."""

    def client() -> Client:
        found.append((yield request))

    found: list[Answer] = []
    drive(port, [client()])
    return found[0]


def drive(port: int, clients: Iterable[Client]) -> float:
    """Let all clients go on until each has ended; for how many seconds that was."""
    with selectors.DefaultSelector() as selector:
        connections = [_Connection(port, client) for client in clients]
        try:
            for connection in connections:
                selector.register(connection.socket, selectors.EVENT_READ, connection)
            return _run(selector, connections)
        finally:
            for connection in connections:
                connection.socket.close()


def _run(selector: selectors.BaseSelector, connections: list["_Connection"]) -> float:
    began = time.perf_counter()
    for connection in connections:
        connection.go_on(None)
    while any(not connection.ended for connection in connections):
        ready = selector.select(PATIENCE)
        if not ready:
            raise TimeoutError(f"The site has not answered for {PATIENCE} seconds.")
        for key, _events in ready:
            key.data.read()
    return time.perf_counter() - began


class _Connection:
    """A client and its connection."""

    def __init__(self, port: int, client: Client) -> None:
        self.client = client
        self.ended = False
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.sent_at = 0.0

    def go_on(self, answer: Answer | None) -> None:
        """Hand the client its answer, and send what it asks next."""
        try:
            request = next(self.client) if answer is None else self.client.send(answer)
        except StopIteration:
            self.ended = True
            return
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def read(self) -> None:
        """Take what has come; go on once it is a whole answer."""
        data = self.socket.recv(65536)
        if not data and not self.ended:
            raise ConnectionError("The site closed a connection before it answered.")
        self.buffer += data
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        length = LENGTH.search(head + b"\r\n")
        if end and length and len(body) >= int(length[1]):
            self.buffer = b""
            self.go_on(Answer(int(head[9:12]), body, time.perf_counter() - self.sent_at))
