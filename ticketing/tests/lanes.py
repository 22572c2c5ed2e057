"""An application whose answers are long, for the server's processes to import."""

import time

from ticketing.runtime.server import LANE, QUICK, Bridge

heads = []  # one entry for every long request that came through the quick lane


def lists(environ, start_response):
    """Every answer but /short is long: it takes a third of a second in its lane."""
    if environ["PATH_INFO"] == "/heads":
        start_response("200 OK", [])
        return [str(len(heads)).encode()]
    if environ["PATH_INFO"] == "/short":
        start_response("200 OK", [])
        return [b"short"]
    if environ[LANE] == QUICK:
        heads.append(1)
        start_response("200 OK", [("Bridge-Defer", "1")])
        return []
    time.sleep(0.3)
    start_response("200 OK", [("X-Lane", environ[LANE])])
    return [environ["wsgi.input"].read() or b"long"]


served = Bridge(lists)
