"""The OpenAPI description as people read it: parts, operations, fields and answers, without a reference in them."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

Schema = Mapping[str, Any]

PREFIX = "/api/v1/"
_WHO = re.compile(r"\s*\*\*Who may\*\* \(`(?P<operation>[a-z_.]+)`\): (?P<rights>.*)", re.DOTALL)
_KINDS = {
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "object": "object",
    "null": "null",
    "string": "text",
    "uuid": "UUID",
    "date": "day (ISO 8601)",
    "date-time": "instant (RFC 3339)",
    "uri": "address",
}
_TONES = {"GET": "calm", "POST": "good", "PATCH": "warn", "DELETE": "bad"}
_VALUES = re.compile(r"\n*^\* `[^`]*` - .*$", re.MULTILINE)  # what the kind of a choice says already
_LONGEST_PATTERN = 30  # a longer one says in signs what the sentence beside it says in words
# What a line that shows how to call fills in where the description has no example of its own.
_SAMPLES = {
    "uuid": "00000000-0000-4000-8000-000000000000",
    "date": "2035-09-12",
    "date-time": "2035-09-12T09:30:00+02:00",
    "boolean": True,
    "integer": 1,
    "array": [],
    "email": "ada@example.org",
    "first_name": "Ada",
    "firstname": "Ada",
    "lastname": "Lovelace",
    "phone": "5550100009",
    "password": "a long and winding phrase",
    "old": "a long and winding phrase",
    "new": "another long and winding phrase",
    "secret": "the-end-of-the-link-in-the-mail-000000000000",
    "kind": "booking.slot",
    "opens": "09:00",
    "closes": "17:00",
}


@dataclass(frozen=True)
class Field:
    """A parameter, or a field of a body or an answer; `inner[].name` is one of the objects in a list."""

    name: str
    kind: str
    limits: str = ""
    sentence: str = ""
    required: bool = False
    place: str = ""  # path, query or header; empty in a body


@dataclass(frozen=True)
class Shape:
    """An object that is sent or answered."""

    name: str
    sentence: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Answer:
    """What comes back with a status."""

    status: str
    sentence: str
    shape: str = ""  # the name of one of the part's shapes
    is_page: bool = False  # a list of such shapes in `results`, and in `next` the way on
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operation:
    """One verb at one address."""

    anchor: str
    method: str
    path: str
    sentence: str
    operation: str  # in the table of rights
    rights: str
    parameters: tuple[Field, ...]
    body: Shape | None
    done: tuple[Answer, ...]
    refusals: tuple[Answer, ...]
    example: str

    @property
    def tone(self) -> str:
        """The colour of its method."""
        return _TONES.get(self.method, "")


@dataclass(frozen=True)
class Part:
    """What stands on one page: the operations below one address, and what they answer."""

    name: str
    sentence: str
    operations: tuple[Operation, ...]
    shapes: tuple[Shape, ...]

    @property
    def path(self) -> str:
        """The address that its operations begin with."""
        return f"{PREFIX}{self.name}/"


@dataclass(frozen=True)
class Reference:
    """All parts, and what every refusal looks like."""

    parts: tuple[Part, ...]
    problem: Shape

    def refusals(self) -> list[tuple[str, str]]:
        """Every status that refuses something, with its sentence."""
        every = (answer for part in self.parts for one in part.operations for answer in one.refusals)
        return sorted({answer.status: answer.sentence for answer in every}.items())


@dataclass(frozen=True)
class Reader:
    """Reads a description, following its references."""

    document: Schema
    site: str  # where the examples call

    def read(self) -> Reference:
        """All of it, its parts in the order in which the description lists them."""
        parts = (self.part(tag["name"], _sentence(tag)) for tag in self.document["tags"])
        return Reference(tuple(parts), self.shape("Problem"))

    def part(self, name: str, sentence: str) -> Part:
        """One part with its operations, and with each shape that they answer once."""
        found = tuple(self.operations_of(name))
        shown = sorted({answer.shape for one in found for answer in one.done if answer.shape})
        return Part(name, sentence, found, tuple(self.shape(shape) for shape in shown))

    def operations_of(self, part: str) -> Iterator[Operation]:
        """The operations that stand under this tag."""
        for path, verbs in self.document["paths"].items():
            for method, told in verbs.items():
                if part in told["tags"]:
                    yield self.operation(path, method.upper(), told)

    def operation(self, path: str, method: str, told: Schema) -> Operation:
        """One operation."""
        sentence, operation, rights = _who(told.get("description", ""))
        answers = [self.answer(status, answer) for status, answer in told["responses"].items()]
        return Operation(
            anchor=_anchor(told),
            method=method,
            path=path,
            sentence=sentence,
            operation=operation,
            rights=rights,
            parameters=tuple(map(self.parameter, told.get("parameters", []))),
            body=self.body(told),
            done=tuple(answer for answer in answers if answer.status < "300"),
            refusals=tuple(answer for answer in answers if answer.status >= "300"),
            example=self.example(path, method, told),
        )

    def parameter(self, told: Schema) -> Field:
        """What an address, a query or a header takes."""
        [shown] = self.fields_of(told["name"], {**told["schema"], "description": told.get("description", "")})
        is_needed = told.get("required", False)
        return Field(shown.name, shown.kind, shown.limits, shown.sentence, required=is_needed, place=told["in"])

    def body(self, told: Schema) -> Shape | None:
        """What an operation takes."""
        schema = _content(told.get("requestBody", {}))
        return self.shape(_named(schema)) if schema else None

    def answer(self, status: str, told: Schema) -> Answer:
        """What a status means and shows."""
        schema = _content(told)
        rows = self.rows_of(schema)
        name = _named(rows or schema)
        return Answer(status, _sentence(told), name, bool(rows), tuple(told.get("headers", {})))

    def rows_of(self, schema: Schema) -> Schema:
        """The schema of the rows, if this is a page of a list."""
        properties = self.resolve(schema).get("properties", {})
        return properties["results"]["items"] if set(properties) == {"next", "results"} else {}

    def shape(self, name: str) -> Shape:
        """A named object with all its fields."""
        schema = self.document["components"]["schemas"][name]
        return Shape(name.removeprefix("Patched"), _sentence(schema), tuple(self.fields(schema, (name,))))

    def fields(self, schema: Schema, within: tuple[str, ...], before: str = "") -> Iterator[Field]:
        """The fields of an object, and of the objects in it; one inside itself is not gone into again."""
        for name, told in schema.get("properties", {}).items():
            yield from self.fields_of(before + name, told, within, required=name in schema.get("required", ()))

    def fields_of(
        self, name: str, told: Schema, within: tuple[str, ...] = (), *, required: bool = False
    ) -> Iterator[Field]:
        """A field, followed by those inside it."""
        schema = self.resolve(told)
        yield Field(name, self.kind(schema), _limits(schema), _sentence(schema), required)
        inner, path = (self.resolve(schema["items"]), f"{name}[].") if "items" in schema else (schema, f"{name}.")
        if "properties" in inner and (mark := str(inner.get("name", path))) not in within:
            yield from self.fields(inner, (*within, mark), path)

    def resolve(self, schema: Schema) -> dict[str, Any]:
        """The schema with what it refers to, which its own words stand above; null is noted in its types."""
        found: dict[str, Any] = {}
        if "$ref" in schema:
            name = _named(schema)
            found |= {**self.resolve(self.document["components"]["schemas"][name]), "name": name}
        for choice in (*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
            found = _together(found, self.resolve(choice))
        own = {key: value for key, value in schema.items() if key not in ("$ref", "allOf", "oneOf", "anyOf")}
        return {**found, **own}

    def kind(self, schema: Schema) -> str:
        """What kind of value it is, in words."""
        if "enum" in schema:
            words = [f"`{json.dumps(one) if one in (None, '') else one}`" for one in schema["enum"]]
            return f"one of {', '.join(words)}" if len(words) > 1 else words[0]
        *others, last = map(partial(self.one_kind, schema), _types(schema))
        return f"{', '.join(others)} or {last}" if others else last

    def one_kind(self, schema: Schema, kind: str) -> str:
        """One of the types that a value may have, in words."""
        if kind == "array":
            return f"list of: {self.kind(self.resolve(schema.get('items', {})))}"
        if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
            return f"object of: {self.kind(self.resolve(schema['additionalProperties']))}"
        return _KINDS.get(schema.get("format", "") if kind == "string" else kind) or _KINDS.get(kind, "any value")

    def example(self, path: str, method: str, told: Schema) -> str:
        """A line that calls it."""
        body = self.sample_body(told)
        is_plain = method == ("GET" if body is None else "POST")
        verb = [] if is_plain else ["-X", method]
        parts = ["curl", *verb, f'"{self.site}{_filled(path)}{self.sample_query(told)}"', *_token(told)]
        if body is not None:
            said = json.dumps(body, ensure_ascii=False)
            parts += ["-H", "'Content-Type: application/json'", "-d", shlex.quote(said)]
        return " ".join(parts)

    def sample_query(self, told: Schema) -> str:
        """What has to be asked for."""
        asked = [one for one in told.get("parameters", []) if one["in"] == "query" and one.get("required")]
        pairs = [f"{one['name']}={self.sample(one['name'], one['schema'])}" for one in asked]
        return "?" + "&".join(pairs).replace("+", "%2B") if pairs else ""

    def sample_body(self, told: Schema) -> Any:
        """The description's own example, or one of what is needed at least."""
        content = told.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            return None
        for example in content.get("examples", {}).values():
            return example["value"]
        return self.sample("", content["schema"])

    def sample(self, name: str, schema: Schema) -> Any:
        """A value that such a field takes."""
        told = self.resolve(schema)
        if "properties" in told:
            wanted = told.get("required") or list(told["properties"])[:1]
            return {one: self.sample(one, told["properties"][one]) for one in wanted}
        if "enum" in told:
            return told["enum"][0]
        kind = told.get("format") or _types(told)[0]
        return _SAMPLES.get(name, _SAMPLES.get(kind, "text"))


def _content(told: Schema) -> Schema:
    """The schema of what is sent or answered, of the one medium that there is."""
    return next((one.get("schema", {}) for one in told.get("content", {}).values()), {})


def _named(schema: Schema) -> str:
    """The name of the component that is meant; empty where the schema stands there itself."""
    return schema.get("$ref", "").rpartition("/")[2]


def _types(schema: Schema) -> list[str]:
    types = schema.get("type", "object" if "properties" in schema else "any")
    return [types] if isinstance(types, str) else list(types)


def _together(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Two choices as one: of several lists of values their sum, of several types all of them."""
    if not first or not second:
        return first or second
    types = [*_types(first), *(kind for kind in _types(second) if kind not in _types(first))]
    values = [*first.get("enum", ()), *second.get("enum", ())]
    return {**second, **first, "type": types, **({"enum": values} if values else {})}


def _limits(schema: Schema) -> str:
    """How long, how large and how many it may be, in words."""
    told = [
        _range(schema.get("minLength") or None, schema.get("maxLength"), " characters"),
        _range(schema.get("minimum"), schema.get("maximum"), ""),
        _range(schema.get("minItems"), schema.get("maxItems"), " items"),
    ]
    pattern = schema.get("pattern", "")
    if pattern and "format" not in schema and len(pattern) <= _LONGEST_PATTERN:
        told.append(f"matches `{pattern}`")
    if "default" in schema:
        told.append(f"`{json.dumps(schema['default'])}` if unsaid")
    return "; ".join(one for one in told if one)


def _range(least: Any, most: Any, of: str) -> str:
    if most is None:
        return "" if least is None else f"at least {least}{of}"
    return f"at most {most}{of}" if least is None else f"{least} to {most}{of}"


def _who(description: str) -> tuple[str, str, str]:
    """The sentence, the operation in the table of rights, and who may."""
    found = _WHO.search(description)
    if not found:
        return _sentence({"description": description}), "", ""
    said = _sentence({"description": description[: found.start()]})
    return said, found["operation"], found["rights"].strip()


def _sentence(schema: Schema) -> str:
    """What is said of it, each paragraph in a line of its own."""
    said = _VALUES.sub("", schema.get("description", "")).strip()
    return "\n".join(" ".join(paragraph.split()) for paragraph in said.split("\n\n"))


def _anchor(told: Schema) -> str:
    """What its place on the page is called: the same for as long as the operation is."""
    name = told["operationId"].removeprefix(told["tags"][0].replace("-", "_") + "_")
    return name.replace("_", "-")


def _filled(path: str) -> str:
    """The address with the shell's variables for what it names."""
    return re.sub(r"\{(\w+)\}", lambda name: f"${name[1].upper()}", path)


def _token(told: Schema) -> list[str]:
    """The header that says who calls, unless nobody has to say."""
    return [] if {} in told.get("security", ()) else ["-H", '"Authorization: Bearer $TOKEN"']
