"""What is kept of an error, and what the log says of an entry."""

import json
import logging
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from licensechain_hooks._scrub import scrub

KEY = "LC-7F3K-9QWX-2MDA-H5TB"


def body(data):
    return json.dumps(
        {"id": "evt_1", "type": "license.revoked", "timestamp": "2026-05-01T12:00:00Z", "data": data}
    ).encode()


def text_of(message, data=None):
    return scrub(ValueError(message), body(data or {}))[1]


def test_the_class_and_its_message():
    """Nothing is taken from an error that holds nothing of anybody's."""
    assert scrub(LookupError("no seat 7"), body({})) == ("LookupError", "LookupError: no seat 7")
    assert scrub(ValueError(), body({})) == ("ValueError", "ValueError")


@pytest.mark.parametrize(
    "message",
    [f"no license {KEY}", f"no license {KEY.lower()}", f"{KEY!r} is taken", f"key={KEY};", f"{KEY}{KEY}"],
)
def test_strings_of_the_payload(message):
    """No string of the event's data is kept, in any case and in any place."""
    assert KEY.lower() not in text_of(message, {"licenseKey": KEY}).lower()


def test_strings_deep_in_the_payload():
    """Strings in lists and objects of the data are looked for too, and as repr writes them."""
    data = {"a": [{"b": ['O\'Neill "x"\n']}]}
    text = text_of(f"{data['a'][0]['b'][0]} and {data['a'][0]['b'][0]!r}", data)
    assert "Neill" not in text


@pytest.mark.parametrize("raw_body", [b'["Lovelace", 1]', b'"Lovelace"'])
def test_a_payload_that_is_no_object(raw_body):
    """The strings of any JSON are looked for; where it is none, there are none."""
    assert scrub(ValueError("no Lovelace"), raw_body)[1] == "ValueError: no […]"
    assert scrub(ValueError("no Lovelace"), b'["Lovelace"')[1] == "ValueError: no Lovelace"


def test_ids_are_kept():
    """Ids are what an operator finds things by."""
    data = {"id": "lic_1", "userId": "user_1", "product_id": "prod_1", "name": "user_1 jr"}
    assert text_of("lic_1 user_1 prod_1 evt_1", data) == "ValueError: lic_1 user_1 prod_1 evt_1"


def test_short_strings():
    """A short string is taken out where it is a word, and not out of the middle of others."""
    assert text_of("EU is not in EUROPE", {"region": "EU"}) == "ValueError: […] is not in EUROPE"
    assert text_of("a b", {"region": " "}) == "ValueError: a b"


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("mail to ada.lovelace+x@mail.example.org failed", "mail to […] failed"),
        ("cannot reach postgresql://shop:pa55@db.example/x", "cannot reach postgresql://[…]@db.example/x"),
        ("redis://:pa55@cache/0", "redis://[…]@cache/0"),
        ("connection failed: host=db password=pa55 user=x", "connection failed: host=db password=[…] user=x"),
        ("{'api_key': 'pa55'}", "{'api_key': […]"),
    ],
)
def test_what_opens_doors(message, kept):
    """Addresses of people, and credentials in addresses and settings, are not kept."""
    assert text_of(message) == f"ValueError: {kept}"


def test_control_characters():
    """Whatever a terminal would obey is escaped."""
    assert text_of("a\x1b[31m\r\nb\u202e\x00\ud800") == r"ValueError: a\x1b[31m\r\nb\u202e\x00\ud800"


@pytest.mark.parametrize("size", [3000, 30_000, 3_000_000])
def test_it_is_short(size):
    """At most 2000 characters are kept, and no beginning of what was cut off."""
    assert len(text_of("x" * size)) == 2000
    secret = "ab cd " * 4000
    assert "ab cd" not in text_of(f"{secret}{secret}", {"note": secret})


def test_strings_that_are_shortened():
    """Messages shorten what they quote; the beginning of a string of the payload is not kept either."""
    data = {"note": "the tenant of the third floor complains", "other": "the tenant of nothing"}
    assert text_of("near 'the tenant of the thi...'", data) == "ValueError: near '[…]...'"
    assert text_of("near 'the tenant', there", data) == "ValueError: near 'the tenant', there"


def test_a_validation_error():
    """pydantic shows what it validated, shortened; only where and why is kept."""

    class Seat(BaseModel):
        number: int

    with pytest.raises(ValidationError) as caught:
        Seat(number=KEY)
    assert scrub(caught.value, body({"licenseKey": KEY}))[1] == "ValidationError: number: int_parsing"


def test_an_error_that_cannot_be_read():
    """An error whose text cannot be had is known by its class."""

    class OddError(Exception):
        def __str__(self):
            raise RuntimeError

    assert scrub(OddError(), b"") == ("OddError", "OddError")


@given(
    st.text(),
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ),
)
def test_it_is_total(message, data):
    """Whatever the error and the event, there is a text, and it can be printed and stored."""
    code, text = scrub(ValueError(message), body(data))
    assert (code, text.isprintable(), len(text) <= 2000) == ("ValueError", True, True)
    assert scrub(ValueError(message), message.encode(errors="replace"))[0] == "ValueError"


def test_what_the_log_says(site, raising, caplog):
    """The log of a worker names types and ids, and nothing of what an event holds."""
    data = {"licenseKey": KEY, "email": "ada@example.com", "status": "revoked-for-good"}
    pks = [site.record(f"evt_{number}", data=data) for number in range(3)]
    fails = [True]
    site.on("lock", lambda event: fails and raising(ValueError)(event))
    worker = site.worker(backoff=lambda attempt: timedelta(hours=1), max_attempts=2)
    with caplog.at_level(logging.DEBUG):
        worker.drain()
        site.advance(timedelta(hours=1))
        worker.drain()
        fails.clear()
        site.record("evt_9", data=data)
        worker.drain()
    names = {record.message.partition(" ")[0] for record in caplog.records}
    assert names == {"handler.failed", "entry.failed", "entry.dead", "entry.processed"}
    kept = caplog.text + "".join(repr(vars(record)) for record in caplog.records)
    kept += "".join(site.entry(pk).error for pk in pks)
    assert [secret for secret in (KEY, "ada@", "for-good") if secret in kept] == []


def test_what_is_stored_of_an_error(site, raising):
    """The entry shows which handlers failed and why, without what the event holds."""
    pk = site.record(data={"licenseKey": KEY})
    site.on("lock", raising(LookupError(f"no seat for {KEY}")))
    site.on("mail", raising(ValueError("mail to ada@example.com")))
    site.worker().drain()
    entry = site.entry(pk)
    lock, mail = (row.handler for row in site.inbox.ledger(pk))
    assert entry.error == f"{lock}: LookupError: no seat for […]; {mail}: ValueError: mail to […]"
    assert entry.error_code == "LookupError"
