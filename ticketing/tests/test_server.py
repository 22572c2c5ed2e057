"""The bridge behind the real server: processes, sockets and clients that misbehave."""

import asyncio
import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from ticketing.runtime import server
from ticketing.runtime.server import KIB, MIB, Bridge, command

PROJECT = Path(server.__file__).resolve().parents[2]
PATIENCE = 30  # seconds until something counts as stuck
CROWD = 300

asleep = []  # one entry for every request that sleeps or has slept
closed_in = []  # threads that closed an answer, and whether the application ran in the same one


# The applications, which the server's processes import from here


class Closing:
    """An answer that notes the thread of its close()."""

    def __init__(self):
        self.thread = threading.get_ident()

    def __iter__(self):
        return iter([b"closing"])

    def close(self):
        closed_in.append(self.thread == threading.get_ident())


def say(start_response, body, **headers):
    start_response("200 OK", [(name.replace("_", "-"), value) for name, value in headers.items()])
    return [body if isinstance(body, bytes) else json.dumps(body).encode()]


def in_pieces(size):
    for _ in range(size // (64 * KIB)):
        yield b"x" * (64 * KIB)


def broken_halfway():
    yield b"x" * 100
    raise ZeroDivisionError


def site(environ, start_response):
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    if path == "/big":
        start_response("200 OK", [])
        return in_pieces(int(query) * MIB)
    if path == "/body":
        body = environ["wsgi.input"].read()
        about = {"method": environ["REQUEST_METHOD"], "length": environ["CONTENT_LENGTH"], "read": len(body)}
        return say(start_response, about | {"coding": environ.get("HTTP_TRANSFER_ENCODING")})
    if path == "/closing":
        start_response("200 OK", [])
        return Closing()
    if path == "/closed":
        return say(start_response, closed_in)
    if path == "/sleep":
        asleep.append(query)
        time.sleep(float(query))
    if path == "/asleep":
        return say(start_response, asleep)
    if path == "/process":
        return say(start_response, os.getpid())
    if path == "/early":
        raise ZeroDivisionError
    if path == "/exit":
        raise SystemExit
    if path == "/halfway":
        start_response("200 OK", [])
        return broken_halfway()
    if path == "/written":
        start_response("200 OK", [])(b"written, ")
        return [b"returned"]
    if path == "/empty":
        start_response("204 No Content", [])
        return []
    texts = {key: value for key, value in environ.items() if isinstance(value, str)}
    return say(start_response, texts, Content_Type="application/json")


bridge = Bridge(site)
tight = Bridge(
    site,
    threads=1,
    waiting=2,
    max_bodies=200 * KIB,
    body_stall=0.5,
    body_deadline=1.5,
    spool_limit=30 * MIB,
    reader_stall=1.5,
)
patient = Bridge(site, spool_limit=30 * MIB)


# Servers, clients


@contextlib.contextmanager
def serving(target, processes=1, within=()):
    """A server of its own on a free port, started by the command `within` if there is one."""
    port = free_port()
    argv = command(f"{__name__}:{target}", host="127.0.0.1", port=port, processes=processes)
    process = subprocess.Popen([*within, *argv], cwd=PROJECT)
    try:
        served = Served(process, port)
        eventually(served.answers)
        yield served
    finally:
        family = [*psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        for left in [process, *family]:
            with contextlib.suppress(psutil.NoSuchProcess):
                left.kill()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(holds, seconds=PATIENCE):
    """What `holds` returned when it was true at last."""
    end = time.monotonic() + seconds
    while not (held := holds()):
        assert time.monotonic() < end, "It never came true."
        time.sleep(0.05)
    return held


class Served:
    def __init__(self, process, port):
        self.process, self.port = process, port

    def answers(self):
        try:
            return self.get("/").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def get(self, path):
        return self.request("GET", path)

    def request(self, method, path, body=None, headers=None, **options):
        """The answer, with its body read as `text` and, if it is one, as a document."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(client):
            client.request(method, path, body, headers or {}, **options)
            return read(client.getresponse())

    def open(self, sent=b"", window=None):
        """A raw connection that sent `sent`; `window` bytes is all it takes unread."""
        raw = socket.socket()
        if window:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        raw.settimeout(PATIENCE)
        raw.connect(("127.0.0.1", self.port))
        raw.sendall(sent)
        return raw

    def exchange(self, sent):
        """Everything that is answered to these bytes until the server closes."""
        with self.open(sent) as raw:
            return drain(raw)

    def workers(self):
        return psutil.Process(self.process.pid).children()

    def clients(self):
        """The addresses that the server's processes hold a connection with."""
        return {held.raddr for worker in self.workers() for held in worker.net_connections("tcp4") if held.raddr}


def read(answer):
    answer.text = answer.read()
    with contextlib.suppress(ValueError):
        answer.document = json.loads(answer.text)
    return answer


def drain(raw):
    received = b""
    while chunk := raw.recv(MIB):
        received += chunk
    return received


def asking(path="/", method=b"GET", **headers):
    lines = [b"%s %s HTTP/1.1" % (method, path.encode()), b"Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}".encode() for name, value in headers.items()]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def drip(crowd, step, done):
    """Once a second move every connection by one byte, until `done`."""
    while not done.wait(1):
        for raw in crowd:
            with contextlib.suppress(OSError):
                step(raw)


@contextlib.contextmanager
def crowd(served, sent, step):
    """So many slow clients, all in the middle of something."""
    done = threading.Event()
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(served.open(sent, window=4 * KIB)) for _ in range(CROWD)]
        for raw in slow:
            raw.setblocking(False)
        dripping = threading.Thread(target=drip, args=(slow, step, done))
        dripping.start()
        try:
            yield slow
        finally:
            done.set()
            dripping.join()


def refusal(answer):
    """The message of a refusal, which must have the shape of the site's own."""
    assert answer.getheader("Content-Type") == "application/json"
    assert answer.document == {"status": False, "message": answer.document["message"], "errors": {}}
    return answer.document["message"]


@pytest.fixture(scope="module")
def served():
    with serving("bridge", processes=2) as it:
        yield it


@pytest.fixture(scope="module")
def one_process():
    with serving("bridge") as it:
        yield it


@pytest.fixture(scope="module")
def tightly():
    with serving("tight") as it:
        yield it


# Slow clients


HEADERS = (b"GET / HTTP/1.1\r\nX", lambda raw: raw.send(b"x"))
BODY = (asking("/body", b"POST", Content_Length=1000), lambda raw: raw.send(b"x"))
READER = (asking("/big?1"), lambda raw: raw.recv(1))


@pytest.mark.parametrize(("sent", "step"), [HEADERS, BODY, READER], ids=["headers", "bodies", "readers"])
def test_three_hundred_slow_clients_leave_every_normal_request_answered(served, sent, step):
    with crowd(served, sent, step):
        end = time.monotonic() + 2.2
        while time.monotonic() < end:
            assert served.get("/").status == 200
            assert served.request("POST", "/body", b"x" * 1000).document["read"] == 1000
            time.sleep(0.1)


def test_idle_connections_leave_room_whatever_the_soft_limit_of_descriptors():
    with serving("bridge", within=limited("-Sn", 100)) as served, contextlib.ExitStack() as stack:
        for _ in range(CROWD):
            stack.enter_context(served.open())
        assert served.get("/").status == 200


def test_there_are_never_more_connections_than_descriptors_for_them():
    script = "from ticketing.runtime.server import command; print(*command('a', host='', port=1, processes=1))"
    argv = [*limited("-n", 600), sys.executable, "-c", script]
    printed = subprocess.run(argv, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    assert "--backpressure 172 " in printed


def limited(option, descriptors):
    """The beginning of a command that runs under this `ulimit`."""
    return ["sh", "-c", f'ulimit {option} {descriptors} && exec "$@"', "sh"]


def test_slow_readers_of_a_big_answer_do_not_fill_the_memory(one_process):
    worker = one_process.workers()[0]
    before = worker.memory_info().rss
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            raw = stack.enter_context(one_process.open(asking("/big?30"), window=4 * KIB))
            assert raw.recv(15) == b"HTTP/1.1 200 OK"
        time.sleep(0.5)
        assert worker.memory_info().rss - before < 60 * MIB


def test_a_reader_who_takes_his_time_gets_it_all(one_process):
    with one_process.open(asking("/big?8", Connection="close"), window=4 * KIB) as raw:
        time.sleep(1)
        head, body = drain(raw).split(b"\r\n\r\n", 1)
    assert b"content-length: %d" % (8 * MIB) in head
    assert len(body) == 8 * MIB


def test_a_reader_who_stops_is_cut_off_and_leaves_the_disk_to_others(tightly):
    with tightly.open(asking("/big?20"), window=4 * KIB) as raw:
        assert raw.recv(15) == b"HTTP/1.1 200 OK"
        full = tightly.get("/big?20")
        assert (full.status, full.getheader("Retry-After")) == (503, "1")
        assert refusal(full) == "The server is busy. Try again in a moment."
        eventually(lambda: tightly.get("/big?20").status == 200)
        eventually(lambda: raw.getsockname() not in tightly.clients())
        assert len(drain(raw)) < 20 * MIB


def test_a_reader_who_leaves_gives_the_disk_back():
    with serving("patient") as served:
        with served.open(asking("/big?20"), window=4 * KIB) as raw:
            assert raw.recv(15) == b"HTTP/1.1 200 OK"
            assert served.get("/big?20").status == 503
        eventually(lambda: served.get("/big?20").status == 200)


def test_a_disk_share_is_given_back_after_every_answer(tightly):
    assert [tightly.get("/big?20").status for _ in range(3)] == [200] * 3


# Bodies


@pytest.mark.parametrize("method", ["POST", "UPDATE", "PATCH", "QUERY"])
def test_any_verb_carries_a_body(served, method):
    document = served.request(method, "/body", b"x" * 5000).document
    assert document == {"method": method, "length": "5000", "read": 5000, "coding": None}


def test_a_chunked_body_comes_with_its_length(served):
    document = served.request("POST", "/body", iter([b"x" * 700, b"x" * 7]), encode_chunked=True).document
    assert document == {"method": "POST", "length": "707", "read": 707, "coding": None}


def test_a_body_of_the_limit_is_read(served):
    assert served.request("POST", "/body", b"x" * MIB).document["read"] == MIB


def test_below_the_api_the_bridge_refuses_by_problem_documents_too(served):
    answer = served.request("POST", "/api/v1/body", b"x" * (MIB + 1))
    assert (answer.status, answer.headers["content-type"]) == (413, "application/problem+json")
    assert (answer.document["status"], answer.document["detail"]) == (413, "The request is too large.")


@pytest.mark.parametrize("size", [MIB + 1, 10 * MIB])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_413_even_for_a_client_that_sends_it_all(served, size, chunked):
    body = (b"x" * size[0] for size in [(size,)]) if chunked else b"x" * size
    answer = served.request("POST", "/body", body, encode_chunked=chunked)
    assert (answer.status, refusal(answer)) == (413, "The request is too large.")
    assert answer.getheader("Connection") == "close"


def test_what_the_bridge_answers_itself_is_guarded_like_the_sites_answers(served):
    answer = served.request("POST", "/body", b"x" * (MIB + 1))
    assert answer.getheader("Cache-Control") == "no-store"
    assert "default-src 'none'" in answer.getheader("Content-Security-Policy")
    assert answer.getheader("X-Content-Type-Options") == "nosniff"


def test_a_length_over_the_limit_is_413_before_anything_is_sent(served):
    with served.open(asking("/body", b"POST", Content_Length=MIB + 1, Expect="100-continue")) as raw:
        assert raw.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_an_endless_body_is_413(served):
    with served.open(asking("/body", b"POST", Transfer_Encoding="chunked")) as raw:
        chunk = b"%x\r\n%s\r\n" % (64 * KIB, b"x" * (64 * KIB))
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            while True:
                raw.sendall(chunk)


@pytest.mark.parametrize("begun", [b"", b"x"])
def test_a_body_that_stalls_is_408(tightly, begun):
    with tightly.open(asking("/body", b"POST", Content_Length=10) + begun) as raw:
        answered = raw.recv(1000)
    assert answered.startswith(b"HTTP/1.1 408 ")
    assert b"The request came too slowly." in answered


def test_a_body_that_never_stalls_and_never_ends_is_408(tightly):
    done = threading.Event()
    with tightly.open(asking("/body", b"POST", Content_Length=1000)) as raw:
        raw.setblocking(False)
        threading.Thread(target=lambda: [raw.send(b"x") for _ in range(200) if not done.wait(0.1)]).start()
        try:
            assert eventually(lambda: peek(raw)).startswith(b"HTTP/1.1 408 ")
        finally:
            done.set()
            time.sleep(0.2)


def peek(raw):
    with contextlib.suppress(BlockingIOError):
        return raw.recv(100)


def test_bodies_held_at_once_are_bounded(tightly):
    assert tightly.request("POST", "/body", b"x" * 190 * KIB).status == 200
    answer = tightly.request("POST", "/body", b"x" * 210 * KIB)
    assert (answer.status, refusal(answer)) == (503, "The server is busy. Try again in a moment.")
    assert tightly.request("POST", "/body", b"x" * 190 * KIB).status == 200


# Hostile framing


POST = b"POST /body HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX : a\r\n\r\n",
        b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
        POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
        POST + b"Transfer-Encoding: gzip\r\n\r\n",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_a_malformed_request_is_400(served, sent):
    assert served.exchange(sent).startswith(b"HTTP/1.1 400 ")


def test_a_body_shorter_than_its_length_is_400(served):
    with served.open(POST + b"Content-Length: 10\r\n\r\nshort") as raw:
        raw.shutdown(socket.SHUT_WR)
        assert drain(raw).startswith(b"HTTP/1.1 400 ")


def test_a_length_beside_chunks_smuggles_nothing(served):
    smuggled = asking("/smuggled")
    answered = served.exchange(
        POST + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s" % (5 + len(smuggled), smuggled)
    )
    assert re.findall(rb"HTTP/1.1 (\d+)", answered) == [b"200"]
    assert b'"read": 0' in answered


# What the application is told


def test_the_environment_says_what_was_asked(served):
    with served.open(asking("/caf%C3%A9/%ff%2F;x?a=%ff&b", Content_Type="text/plain", Connection="close")) as raw:
        told = json.loads(drain(raw).split(b"\r\n\r\n", 1)[1])
    assert told["PATH_INFO"].encode("latin-1") == b"/caf\xc3\xa9/\xff/;x"
    assert told["QUERY_STRING"] == "a=%ff&b"
    assert told["CONTENT_TYPE"] == "text/plain"
    assert told["CONTENT_LENGTH"] == "0"
    assert (told["REQUEST_METHOD"], told["SCRIPT_NAME"], told["SERVER_PROTOCOL"]) == ("GET", "", "HTTP/1.1")
    assert (told["REMOTE_ADDR"], told["SERVER_NAME"]) == ("127.0.0.1", "127.0.0.1")
    assert (told["SERVER_PORT"], told["wsgi.url_scheme"]) == (str(served.port), "http")
    assert "HTTP_CONTENT_TYPE" not in told


def test_repeated_headers_are_joined_and_those_that_pose_as_others_dropped(served):
    lines = ["X-A: 1", "X-A: 2", "Cookie: a=1", "Cookie: b=2", "X_Forwarded_For: 1.1.1.1", "Proxy: evil", "X-L: \xe9"]
    sent = "\r\n".join(["GET / HTTP/1.1", "Host: x", "Connection: close", *lines, "", ""]).encode("latin-1")
    told = json.loads(served.exchange(sent).split(b"\r\n\r\n", 1)[1])
    assert {key: told[key] for key in told if key.startswith("HTTP_")} == {
        "HTTP_HOST": "x",
        "HTTP_CONNECTION": "close",
        "HTTP_X_A": "1,2",
        "HTTP_COOKIE": "a=1; b=2",
        "HTTP_X_L": "\xe9",
    }


# What the client is answered


def test_a_connection_is_kept_between_answers(served):
    client = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
    with contextlib.closing(client):
        client.connect()
        before = client.sock
        for path in ("/", "/early", "/empty", "/big?1", "/"):
            client.request("GET", path)
            client.getresponse().read()
            assert client.sock is before


def test_head_is_answered_with_the_length_and_without_the_body(served):
    answered = served.exchange(asking("/big?1", b"HEAD", Connection="close"))
    head, body = answered.split(b"\r\n\r\n", 1)
    assert b"content-length: %d" % MIB in head
    assert body == b""


def test_the_write_callable_comes_before_what_is_returned(served):
    answer = served.get("/written")
    assert (answer.getheader("Content-Length"), answer.text) == ("17", b"written, returned")


@pytest.mark.parametrize("path", ["/early", "/halfway", "/exit"])
def test_a_failing_application_is_a_500_without_details(tightly, path):
    answer = tightly.get(path)
    assert (answer.status, refusal(answer)) == (500, "Something went wrong on the server.")
    assert tightly.get("/").status == 200  # its only thread lives on


def test_the_answer_is_closed_in_the_thread_of_its_application(one_process):
    with ThreadPoolExecutor(20) as pool:
        assert {answer.text for answer in pool.map(one_process.get, ["/closing"] * 20)} == {b"closing"}
    assert one_process.get("/closed").document == [True] * 20


def test_too_many_waiting_requests_are_503_and_the_others_served(tightly):
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(tightly.get, ["/sleep?0.3"] * 12))
    assert {answer.status for answer in answers} == {200, 503}
    busy = [answer for answer in answers if answer.status == 503]
    assert {(refusal(answer), answer.getheader("Retry-After")) for answer in busy} == {
        ("The server is busy. Try again in a moment.", "1")
    }
    assert tightly.get("/").status == 200


# Processes


def test_the_service_comes_back_after_a_killed_worker():
    with serving("bridge", processes=2) as served:
        killed, survivor = served.workers()
        for worker in [killed, survivor]:  # one that still starts could not answer for the other
            eventually(lambda awaited=worker.pid: served.get("/process").document == awaited)
        killed.kill()
        new = eventually(lambda: {worker.pid for worker in served.workers()} - {killed.pid, survivor.pid})
        eventually(lambda: served.get("/process").document in new)


def test_it_stops_in_spite_of_slow_clients_and_answers_what_it_began():
    with serving("bridge") as served, crowd(served, *BODY), ThreadPoolExecutor() as pool:
        begun = pool.submit(served.get, "/sleep?1")
        eventually(lambda: served.get("/asleep").document)
        served.process.terminate()
        assert begun.result().status == 200
        assert served.process.wait(PATIENCE) == 0


def filled(path, kind, size, **given):
    """What the bridge says of a body of so many bytes; None where it takes it."""
    bridge = Bridge(site, max_upload=3 * MIB, uploads_below="/panel/questions/", **given)
    headers = [(b"host", b"x"), (b"content-length", b"%d" % size), (b"content-type", kind)]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers}

    async def receive():
        return {"type": "http.request", "body": b"x" * size, "more_body": False}

    try:
        asyncio.run(bridge._fill(bytearray(), scope, receive))
    except server._Refusal as refused:
        return refused.status
    return None


QUESTIONS, FILES = "/panel/questions/new/", b"multipart/form-data; boundary=x"


@pytest.mark.parametrize(
    ("path", "kind", "size", "status"),
    [
        (QUESTIONS, FILES, 3 * MIB, None),
        (QUESTIONS, FILES, 3 * MIB + 1, 413),
        (QUESTIONS, b"application/x-www-form-urlencoded", MIB + 1, 413),
        ("/panel/book/", FILES, MIB + 1, 413),
        ("/api/v1/support/replies/", FILES, MIB + 1, 413),
    ],
)
def test_only_a_form_with_files_where_pages_take_them_may_be_larger(path, kind, size, status):
    assert filled(path, kind, size) == status


def test_large_forms_leave_room_for_everybody_else():
    assert filled(QUESTIONS, FILES, 3 * MIB, max_bodies=5 * MIB) == 503
    assert filled(QUESTIONS, FILES, MIB, max_bodies=5 * MIB) is None


def test_a_person_whose_files_are_too_large_reads_what_to_do(served):
    answer = served.request("POST", QUESTIONS, b"x" * (MIB + 1))
    assert (answer.status, answer.headers["content-type"]) == (413, "text/plain; charset=utf-8")
    assert "choose smaller or fewer files" in answer.text.decode()
