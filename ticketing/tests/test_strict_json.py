import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketing.errors import TooLarge
from ticketing.toolkit.strict_json import MAX_DEPTH, BadJSON, loads

plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain, inner, max_size=4),
    max_leaves=10,
)


@given(values)
def test_what_is_plain_json_is_read_as_it_is(value):
    assert loads(json.dumps(value).encode()) == value


@given(st.binary(max_size=60))
def test_any_other_bytes_are_read_or_refused_and_never_anything_else(body):
    with suppress(BadJSON):
        loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"nul", b"NaN", b"[Infinity]", b"-Infinity", b'{"a":1,"a":1}', b'"\\u0000"', b'"\\ud800"',
        b'{"\\udfff":1}', b"\xff", b'{"a":1}x', b"'a'", b"[1,]", b"9" * 5000, b"1" * 101, "\ufeff{}".encode(),
        "{}".encode("utf-16"),
    ],
)  # fmt: skip
def test_what_strict_json_is_not(body):
    with pytest.raises(BadJSON):
        loads(body)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_depth_is_bounded(opening):
    with pytest.raises(BadJSON):
        loads(opening * 100_000)
    assert loads(b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1))
    with pytest.raises(BadJSON):
        loads(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))


def test_size_is_bounded():
    with pytest.raises(TooLarge):
        loads(b'"' + b"x" * 1024 * 1024 + b'"')
