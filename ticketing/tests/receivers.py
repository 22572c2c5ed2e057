"""Programs of others for tests: a web server that takes webhooks, and a mail server."""

import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message


class Request:
    """What was received, and when."""

    def __init__(self, handler, body):
        self.path, self.headers, self.body, self.at = handler.path, handler.headers, body, time.monotonic()

    @property
    def id(self):
        return self.headers["webhook-id"]


class FramingPage:
    """A page of another site, on every loopback name, with a frame that shows the address that is asked about."""

    def __init__(self):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                shown = unquote(self.path.partition("?")[2])
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                frame = f'<iframe src="{shown}" title="Book a time" width="100%" height="800"></iframe>'
                self.wfile.write(f'<!doctype html><html lang="en"><title>Shop</title>{frame}</html>'.encode())

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()


class Receiver:
    """Answers every POST with `status`, after `delay` seconds, and remembers it."""

    def __init__(self, port=0, status=200, delay=0, headers=()):
        self.requests, self.status, self.delay, self.headers = [], status, delay, dict(headers)
        self.server = ThreadingHTTPServer(("127.0.0.1", port), self.handler())
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def handler(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append(Request(self, body))
                time.sleep(receiver.delay)
                self.answer()

            def answer(self):
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *args):
                pass

        return Handler

    @property
    def ids(self):
        return [request.id for request in self.requests]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class MailServer(Controller):
    """A mail server on loopback that keeps what it takes in `mails` and refuses what `refusals` says."""

    def __init__(self):
        self.mails, self.refusals, self.delay = [], {}, 0
        super().__init__(self, hostname="127.0.0.1", port=free_port())
        self.handler = Keeper(self)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


class Keeper(Message):
    """What the mail server does with a mail."""

    def __init__(self, server):
        super().__init__()
        self.of = server

    def handle_message(self, message):
        self.of.mails.append(message)

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address in self.of.refusals:
            return self.of.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"


@contextmanager
def silent():
    """A server that takes connections and says nothing, ever; its port, and how many came."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = []

        def take():
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield server.getsockname()[1], taken
        server.shutdown(socket.SHUT_RDWR)
        for connection in taken:
            connection.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
