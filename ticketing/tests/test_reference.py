"""The pages that describe the API: all of it, light, and true to the description that programs read."""

import gzip
import html
import re
import shlex
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.contrib.staticfiles import finders

from ticketing.api import description
from ticketing.tests.factories import UserFactory, bearer
from ticketing.toolkit.reference import Field, Reader

pytestmark = pytest.mark.django_db
DOCS = "/api/v1/docs/"


@pytest.fixture
def schema(client):
    return client.get("/api/v1/schema/").json()


@pytest.fixture
def pages(client, schema):
    """Every page of the reference by its address."""
    addresses = [DOCS, *(f"{DOCS}{tag['name']}/" for tag in schema["tags"])]
    answers = {address: client.get(address) for address in addresses}
    assert {answer.status_code for answer in answers.values()} == {200}
    return {address: answer.content.decode() for address, answer in answers.items()}


SHOWN = re.compile(
    r'<section class="card operation".*?<code class="pill \w+">(\w+)</code> <a .*?<code>(.*?)</code>', re.S
)


def test_every_operation_stands_on_exactly_one_page(pages, schema):
    shown = Counter(found for page in pages.values() for found in SHOWN.findall(page))
    assert shown == Counter((verb.upper(), path) for path, verbs in schema["paths"].items() for verb in verbs)


def test_the_first_page_leads_to_every_part_and_to_the_description_itself(pages, schema):
    links = re.findall(r'href="([^"]+)"', pages[DOCS])
    assert {f"{DOCS}{tag['name']}/" for tag in schema["tags"]} | {"/api/v1/schema/"} <= set(links)
    assert all(tag["description"] for tag in schema["tags"])


def test_every_parameter_field_answer_and_right_of_an_operation_is_told(pages, schema):
    for path, verbs in schema["paths"].items():
        for verb, told in verbs.items():
            text = html.unescape(section(pages, verb.upper(), path))
            names = [parameter["name"] for parameter in told.get("parameters", [])] + fields_of_the_body(told, schema)
            assert [name for name in names if f"<code>{name}</code></a>" not in text] == [], (verb, path)
            assert [status for status in told["responses"] if f"<code>{status}</code></dt>" not in text] == []
            assert re.search(r"\(`(.*?)`\): (.*)", told["description"]).groups() == told_rights(text)


def section(pages, verb, path):
    [found] = [
        part
        for page in pages.values()
        for part in re.findall(r'<section class="card operation".*?</section>', page, re.DOTALL)
        if SHOWN.search(part).groups() == (verb, path)
    ]
    return found


def fields_of_the_body(told, schema):
    content = told.get("requestBody", {}).get("content", {}).get("application/json")
    return (
        list(schema["components"]["schemas"][content["schema"]["$ref"].split("/")[-1]]["properties"]) if content else []
    )


def told_rights(text):
    rights, operation = re.search(r'<span lang="en">([^<]*)</span> <code>([a-z_.]+)</code>', text).groups()
    return operation, rights


def test_every_place_on_a_page_has_one_name_and_every_link_to_one_leads_there(pages):
    for address, page in pages.items():
        names = Counter(re.findall(r' id="([^"]+)"', page))
        assert [name for name, times in names.items() if times > 1] == [], address
        assert {unquote(html.unescape(link)) for link in re.findall(r'href="#([^"]+)"', page)} <= set(
            map(html.unescape, names)
        )


def test_a_page_and_all_it_needs_weigh_less_than_100_kb(pages):
    for address, page in pages.items():
        files = re.findall(r'(?:src|href)="/static/([^"]+)"', page)
        assert files
        weights = [len(gzip.compress(Path(finders.find(name)).read_bytes())) for name in files]
        assert len(gzip.compress(page.encode())) + sum(weights) < 100_000, address


def test_everybody_may_read_it_in_production_too(client, production):
    assert client.get(DOCS).status_code == client.get(f"{DOCS}booking/").status_code == 200


def test_in_production_the_lines_say_who_calls_where_the_demo_does_not_ask(client, production, settings):
    def line():
        page = html.unescape(client.get(f"{DOCS}allocation/").content.decode())
        return re.search(r'<code>(curl "http[^"]*/allocation/options/" .*?)</code>', page)[1]

    assert '-H "Authorization: Bearer $TOKEN"' in line()
    settings.SITE_MODE = "demo"
    assert "Authorization" not in line()


@pytest.mark.parametrize("part", ["nothing", "Booking"])
def test_a_part_that_is_not_there_is_not_found(client, part):
    assert client.get(f"{DOCS}{part}/").status_code == 404


def test_every_line_that_shows_how_to_call_runs(client, pages):
    owner = UserFactory(role="supervisor", is_superuser=True, is_staff=True, password="a long and winding phrase")
    token = bearer(owner)["Authorization"].removeprefix("Bearer ")
    lines = [
        html.unescape(line)
        for page in pages.values()
        for part in re.findall(r'<section class="card operation".*?</section>', page, re.DOTALL)
        for line in re.findall(r"<code>(curl .*?)</code>", part)
    ]
    assert len(lines) > 100
    answers = [(line, call(client, line, token)) for line in lines]
    assert [(line, answer.content) for line, answer in answers if answer.status_code in (401, 403, 405, 415, 500)] == []
    assert [(line, answer.content) for line, answer in answers if answer.status_code == 400] == []


def call(client, line, token):
    """What the shell would do with it."""
    unknown = {"$TOKEN": token, "$ID": "00000000-0000-4000-8000-000000000001", "$CODE": "000000000000"}
    for name, value in unknown.items():
        line = line.replace(name, value)
    _curl, *words = shlex.split(line)
    given = {"-X": "", "-d": None, "-H": []}
    address = ""
    while words:
        word = words.pop(0)
        if word == "-H":
            given["-H"].append(words.pop(0).split(": ", 1))
        elif word in given:
            given[word] = words.pop(0)
        else:
            address = word
    method = given["-X"] or ("GET" if given["-d"] is None else "POST")
    path = re.sub("^https?://[^/]+", "", address)
    headers = {name.lower(): value for name, value in given["-H"]}
    headers.setdefault("authorization", f"Bearer {token}")
    return client.generic(
        method, path, given["-d"] or "", content_type=headers.pop("content-type", "application/json"), headers=headers
    )


DOCUMENT = {
    "tags": [{"name": "things", "description": "Things in a `box`."}],
    "paths": {
        "/api/v1/things/": {
            "get": {
                "operationId": "things_list",
                "tags": ["things"],
                "description": "All things.\n\n**Who may** (`thing.see`): customer (own).",
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Things"}}}}
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Problem": {"type": "object", "properties": {"title": {"type": "string"}}},
            "Things": {
                "properties": {
                    "next": {"type": ["string", "null"], "format": "uri"},
                    "results": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
                }
            },
            "Colour": {"enum": ["red", "blue"], "type": "string", "description": "* `red` - red\n* `blue` - blue"},
            "Empty": {"enum": [None]},
            "Maker": {"properties": {"name": {"type": "string", "maxLength": 9}}, "required": ["name"]},
            "Thing": {
                "type": "object",
                "properties": {
                    "maker": {"allOf": [{"$ref": "#/components/schemas/Maker"}], "description": "Who made it."},
                    "colour": {"oneOf": [{"$ref": "#/schemas/Colour"}, {"$ref": "#/schemas/Empty"}]},
                    "owner": {"oneOf": [{"$ref": "#/components/schemas/Maker"}, {"type": "null"}]},
                    "inside": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}, "maxItems": 3},
                    "at": {"type": ["string", "null"], "format": "date-time"},
                    "many": {"type": "integer", "minimum": 0, "maximum": 5, "default": 1},
                    "words": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
                },
                "required": ["maker"],
            },
        }
    },
}  # fmt: skip


def test_references_choices_nothing_and_lists_are_said_in_words():
    told = Reader(DOCUMENT, "https://tickets.example.org").read()
    [part] = told.parts
    [shape] = part.shapes
    assert shape.name == "Thing"
    assert part.operations[0].done[0].is_page
    assert shape.fields == (
        Field("maker", "object", "", "Who made it.", True),
        Field("maker.name", "text", "at most 9 characters", "", True),
        Field("colour", "one of `red`, `blue`, `null`"),
        Field("owner", "object or null"),
        Field("owner.name", "text", "at most 9 characters", "", True),
        Field("inside", "list of: object", "at most 3 items"),
        Field("at", "instant (RFC 3339) or null"),
        Field("many", "whole number", "0 to 5; `1` if unsaid"),
        Field("words", "object of: list of: text"),
    )


def test_an_operation_is_told_with_who_may_and_a_line_that_calls_it():
    [operation] = Reader(DOCUMENT, "https://tickets.example.org").read().parts[0].operations
    assert (operation.sentence, operation.operation, operation.rights) == (
        "All things.",
        "thing.see",
        "customer (own).",
    )
    assert operation.example == 'curl "https://tickets.example.org/api/v1/things/" -H "Authorization: Bearer $TOKEN"'


def test_a_list_that_is_no_page_is_described_as_a_list(schema):
    colleagues = schema["paths"]["/api/v1/support/tickets/{code}/colleagues/"]["get"]
    answer = colleagues["responses"]["200"]
    assert answer["content"]["application/json"]["schema"]["type"] == "array"
    assert "headers" not in answer or "ETag" not in answer["headers"]  # it is no row, so there is no version of it
    assert {parameter["name"] for parameter in colleagues["parameters"]} == {"code"}


def test_of_two_who_ask_for_it_first_one_waits_for_the_other(monkeypatch):
    writing, most = [], []

    def write(generator, public):
        writing.append(generator)
        most.append(len(writing))
        time.sleep(0.05)
        writing.remove(generator)

    monkeypatch.setattr(description.SchemaGenerator, "get_schema", write)
    with ThreadPoolExecutor() as pool:
        list(pool.map(description.described.__wrapped__, ["demo"] * 3, ["en", "de", "en"]))
    assert most == [1, 1, 1]
