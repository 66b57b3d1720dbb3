"""Headers: case-insensitive bytes that hide no second value."""

from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensechain_hooks import Headers


class MultiDict(OrderedDict):
    """Like Starlette's and httpx's headers: ``items()`` shows one value, ``multi_items()`` all."""

    def multi_items(self):
        return [("X-One", "a"), ("X-One", "b")]


@pytest.mark.parametrize(
    "source",
    [
        {"X-Webhook-Signature": "abc"},
        {"x-webhook-signature": "abc"},
        {"X-WEBHOOK-SIGNATURE": b"abc"},
        [("X-Webhook-Signature", "abc")],
        ((b"X-Webhook-Signature", b"abc"),),
        (pair for pair in [("X-Webhook-Signature", b"abc")]),
        OrderedDict({"X-Webhook-Signature": "abc"}),
    ],
)
def test_names_in_any_case_from_any_source(source):
    """A mapping or pairs, of text or bytes, in any letter case."""
    assert Headers(source).get(b"x-webhook-signature") == b"abc"


def test_no_headers():
    """What is not there is None, not empty."""
    assert Headers().get(b"x-webhook-signature") is None
    assert Headers({"X-Empty": ""}).get(b"x-empty") == b""


def test_repeated_names_are_joined():
    """Row 6: of a repeated header every value is seen, in the order sent (RFC 9110, section 5.3)."""
    pairs = [("X-One", "a"), ("Other", "x"), ("x-ONE", "b"), ("X-One", "a")]
    headers = Headers(pairs)
    assert headers.get(b"x-one") == b"a,b,a"
    assert headers.get(b"other") == b"x"


def test_names_of_a_mapping_that_differ_in_case_are_joined():
    """Row 6: a dict with both spellings hides neither."""
    assert Headers({"X-One": "a", "x-one": "b"}).get(b"x-one") == b"a,b"


def test_multi_items_are_all_seen():
    """Row 6: an object that would show one value of several is asked for all."""
    assert Headers(MultiDict({"X-One": "a"})).get(b"x-one") == b"a,b"


def test_headers_that_are_attributes():
    """An object like Sanic's headers, of which any attribute is a header's text, is asked by what it is: a mapping."""

    class Attributes(dict):
        def __getattr__(self, name):
            return self.get(name.replace("_", "-"), "")

    assert Headers(Attributes({"x-one": "a"})).get(b"x-one") == b"a"


@pytest.mark.parametrize("pairs", [[(b"x-one", b"a"), (b"x-one", b"b")], ((b"x-one", b"a"), (b"x-one", b"b"))])
def test_asgi_pairs(pairs):
    """An ASGI scope's headers may be any iterable of pairs, repeated ones included."""
    assert Headers.from_asgi(pairs).get(b"x-one") == b"a,b"
    assert Headers.from_asgi(pairs[:1]).get(b"x-one") == b"a"
    assert Headers.from_asgi([]).get(b"x-one") is None


def test_environ():
    """PEP 3333: names are upper case with HTTP_ before them, but for two."""
    environ = {
        "HTTP_X_WEBHOOK_SIGNATURE": "abc",
        "HTTP_X_LICENSECHAIN_SIGNATURE": "def",
        "CONTENT_LENGTH": "3",
        "CONTENT_TYPE": "text/plain",
        "HTTP_CONTENT_ENCODING": "gzip",
    }
    headers = Headers.from_environ(environ)
    assert headers.get(b"x-webhook-signature") == b"abc"
    assert headers.get(b"x-licensechain-signature") == b"def"
    assert headers.get(b"content-length") == b"3"
    assert headers.get(b"content-type") == b"text/plain"
    assert headers.get(b"content-encoding") == b"gzip"
    assert headers.get(b"x-webhook-timestamp") is None


def test_underscores_are_not_hyphens():
    """Row 7: X_Webhook_Signature is another header."""
    assert Headers({"X_Webhook_Signature": "abc"}).get(b"x-webhook-signature") is None
    assert Headers.from_asgi([(b"x_webhook_signature", b"abc")]).get(b"x-webhook-signature") is None


def test_bytes_survive():
    """Row 2: servers decode headers as latin-1; encoding gives back the bytes that were sent."""
    every = bytes(range(256))
    assert Headers({"X-One": every.decode("latin-1")}).get(b"x-one") == every
    assert Headers.from_environ({"HTTP_X_ONE": every.decode("latin-1")}).get(b"x-one") == every


def test_what_no_header_can_hold_is_a_question_mark():
    """A character beyond latin-1 never was a byte of a header: it becomes one that no check accepts."""
    assert Headers({"X-One": "a\u2603b\ud800"}).get(b"x-one") == b"a?b?"
    assert Headers({"X-\u2603": "a"}).get(b"x-?") == b"a"


def test_values_are_not_shown():
    """Row 43: a repr of headers holds no signature."""
    assert repr(Headers({"X-Webhook-Signature": "abc"})) == "<Headers>"


@given(
    pairs=st.lists(st.tuples(st.text(max_size=5) | st.binary(max_size=5), st.text(max_size=9) | st.binary(max_size=9)))
)
def test_any_strings_are_headers(pairs):
    """Headers are total: each value sent can be found, joined with those of the same name."""
    headers = Headers(pairs)
    for name, value in pairs:
        raw_name = name if isinstance(name, bytes) else name.encode("latin-1", "replace")
        raw_value = value if isinstance(value, bytes) else value.encode("latin-1", "replace")
        assert raw_value in (headers.get(raw_name.lower()) or b"")
