"""Payloads as text: any bytes, and nothing in them that a browser or a person could take for something else."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensechain_hooks.contrib.django._admin.texts import payload_text, spelled_out


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes(raw_body):
    """There is a text for all of them, and all of it is printable but for new lines."""
    shown = payload_text(raw_body)
    assert (shown.text.replace("\n", "").isprintable(), shown.size) == (True, len(raw_body))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_json_means_the_same(value, is_ascii):
    """Indented and without what nobody sees, it is the same JSON; in ASCII it looks as Python's own."""
    raw_body = json.dumps(value, ensure_ascii=is_ascii, separators=(",", ":")).encode()
    shown = payload_text(raw_body)
    assert (shown.kind, shown.is_cut, json.loads(shown.text)) == ("json", False, value)
    if is_ascii:
        assert json.dumps(value, indent=2).replace("\x7f", "\\u007f") == shown.text


@pytest.mark.parametrize(
    "body",
    [b'{"a":1.0e+2,"a":1.10}', b"[1E400,-0.0,123456789012345678901234567890]", b'["\\u0000\\/\\u00e9"]'],
)
def test_nothing_is_rewritten(body):
    """Numbers, escapes and repeated keys are shown as they were sent."""
    assert re.sub(r"\s", "", payload_text(body).text) == body.decode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b'{"a":1}', "json"), (b'{"a":1', "text"), (b"[" * 100_000, "text"), (b'"\xff"', "binary"), (b"", "text")],
)
def test_kinds(body, kind):
    """What is JSON, what is only text, and what is neither."""
    assert payload_text(body).kind == kind


def test_long_ones_are_cut():
    """A megabyte, or little JSON whose indentation would be a lot, is cut where it is enough."""
    deep = b"[" * 199 + b",".join([b"1"] * 50_000) + b"]" * 199
    for body in (deep, b"x" * 1_000_000):
        shown = payload_text(body, most=5000)
        assert (len(shown.text), shown.is_cut) == (5000, True)


def test_what_nobody_sees_is_spelled_out():
    """Escapes of a terminal, new lines where they do not belong, and what turns the direction of writing."""
    assert spelled_out("a\x1b[31m\r\n\u202e\u2028é", keep="\n") == "a\\x1b[31m\\r\n\\u202e\\u2028é"
    assert spelled_out("a\r\nb") == r"a\r\nb"
