"""What travels compressed."""

import gzip

import pytest

pytestmark = pytest.mark.django_db
ASKED = {"HTTP_ACCEPT_ENCODING": "gzip"}


def test_pages_travel_compressed_to_whoever_asks_for_it(client):
    answer = client.get("/panel/style/", **ASKED)
    assert answer["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.content).startswith(b"<!doctype html>")
    assert "Content-Encoding" not in client.get("/panel/style/")


def test_files_beside_the_pages_do_too(client):
    answer = client.get("/static/css/components.css", **ASKED)
    assert answer["Content-Encoding"] == "gzip"
    assert b".button" in gzip.decompress(b"".join(answer.streaming_content))


def test_what_answers_programs_stays_as_it_is(client):
    assert "Content-Encoding" not in client.get("/api/v1/schema/", **ASKED)
    assert "Content-Encoding" not in client.get("/ticket", **ASKED)
