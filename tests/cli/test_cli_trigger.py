"""``licensechain-hooks trigger``: against a real receiver, and against servers that are none."""

import json

import pytest

from licensechain_hooks.operations import sending


def jsonl(result):
    """The JSON lines of a result."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_an_event_is_accepted(invoke, listening):
    """A signed event is answered 200 accepted; exit code 0."""
    result = invoke("trigger", "license.revoked", "--to", listening.url, "--id", "evt_accepted")
    words = result.stdout.split()
    assert (result.exit_code, result.stderr) == (0, "")
    assert words[:2] + words[3:] == ["accepted", "200", "ms", "license.revoked", "evt_accepted", "as", "expected"]
    assert (listening.delivery()["id"], listening.first[:7]) == ("evt_accepted", '{"url":')


def test_duplicates_are_told_apart(invoke, listening):
    """``--duplicate 2`` delivers three times the same event: accepted, then duplicate."""
    result = invoke("trigger", "license.created", "--to", listening.url, "--duplicate", "2", "--format", "jsonl")
    lines = jsonl(result)
    assert [line["outcome"] for line in lines] == ["accepted", "duplicate", "duplicate"]
    assert [len({line["id"] for line in lines}), result.exit_code] == [1, 0]
    assert [listening.delivery()["outcome"] for _ in lines] == [line["outcome"] for line in lines]


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        ("body", "signature_mismatch"),
        ("signature", "signature_mismatch"),
        ("timestamp", "timestamp_outside_tolerance"),
    ],
)
def test_tampered_deliveries_are_refused(tamper, reason, invoke, listening):
    """A delivery with one fault is refused for that fault, which is what is expected: exit code 0."""
    result = invoke("trigger", "license.revoked", "--to", listening.url, "--tamper", tamper, "--format", "jsonl")
    (line,) = jsonl(result)
    assert (result.exit_code, line["status"], line["outcome"], line["expected"]) == (0, 401, "rejected", "401")
    assert listening.delivery()["reason"] == reason


def test_another_secret_is_not_as_expected(invoke, listening):
    """A good delivery that is refused exits with 1 and says what was expected."""
    result = invoke("trigger", "license.revoked", "--to", listening.url, secret="the-secret-of-another-webhook")
    assert (result.exit_code, result.stdout.splitlines()[0].endswith("expected 2xx")) == (1, True)
    assert listening.delivery()["reason"] == "signature_mismatch"


def test_a_receiver_that_takes_forgeries_is_found(invoke, answering):
    """A tampered delivery that is answered 200 exits with 1."""
    url = answering(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\nConnection: close\r\n\r\n{"status":"processed')
    result = invoke("trigger", "license.revoked", "--to", url, "--tamper", "signature")
    assert (result.exit_code, result.stdout.splitlines()[0].endswith("expected 401")) == (1, True)


def test_the_newest_secret_signs(invoke, listening, tmp_path, secret):
    """Of several secrets the first one signs."""
    (tmp_path / "secrets").write_text(f"{secret}\nan-older-secret-of-this-webhook\n")
    arguments = ["trigger", "license.revoked", "--to", listening.url, "--secret-file", str(tmp_path / "secrets")]
    assert invoke(*arguments, secret=None).exit_code == 0
    assert listening.delivery()["outcome"] == "accepted"


def test_json_is_one_document(invoke, listening):
    """``--format json`` prints one document of all deliveries."""
    result = invoke("trigger", "license.revoked", "--to", listening.url, "--duplicate", "1", "--format", "json")
    document = json.loads(result.stdout)
    assert (document["url"], document["ok"]) == (listening.url, True)
    assert [delivery["status"] for delivery in document["deliveries"]] == [200, 200]
    assert [listening.delivery()["status"] for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("seats=5", 5),
        ("seats=five", "five"),
        ('seats="5"', "5"),
        ("seats=", ""),
        ("seats=a=b", "a=b"),
        ("seats=NaN", "NaN"),
        ("seats=null", None),
        ('seats={"a": [1, true]}', {"a": [1, True]}),
        ("seats=\N{SNOWMAN}", "\N{SNOWMAN}"),
        ("seats=-Infinity", "-Infinity"),
    ],
)
def test_data_is_json_else_text(given, expected, invoke, monkeypatch):
    """``--data key=value`` becomes a field of the body's data: JSON where it is JSON, else the text."""
    from licensechain_hooks.operations import deliveries

    bodies = []

    def keep(_target_, body, _headers):
        bodies.append(json.loads(body))
        return sending.Answer(status=200, outcome="processed")

    monkeypatch.setattr(deliveries, "post", keep)
    result = invoke("trigger", "license.created", "--to", "http://127.0.0.1:9/", "--data", given, "--data", "id=lic_9")
    assert (result.exit_code, bodies[0]["data"]["seats"], bodies[0]["data"]["id"]) == (0, expected, "lic_9")


@pytest.mark.parametrize(
    ("event_type", "said"),
    [
        ("license.revokd", "note: license.revokd is no event type this version knows; did you mean license.revoked?\n"),
        ("starship.launched", "note: starship.launched is no event type this version knows\n"),
        ("subscription.cancelled", ""),
    ],
)
def test_unknown_types_are_sent_with_a_note(event_type, said, invoke, listening):
    """A type this version does not know is sent all the same, with a note on stderr."""
    result = invoke("trigger", event_type, "--to", listening.url)
    assert (result.exit_code, result.stderr) == (0, said)
    assert listening.delivery()["outcome"] == "accepted"


def test_data_that_no_model_takes_is_sent_with_a_note(invoke, listening):
    """Data of another shape than known arrives as an UnknownEvent, and a note says so."""
    result = invoke("trigger", "license.created", "--to", listening.url, "--data", "id=5", "--id", "evt_odd")
    expected = "note: a receiver gets this as an UnknownEvent: license.created.data.id: string_type\n"
    assert (result.exit_code, result.stderr) == (0, expected)
    assert listening.attempt("evt_odd")["handlers"] == ["licensechain_hooks.cli._sample.audit_license"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8000",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://",
        "http:///path",
        "http://:80/",
        "http://user:pass@127.0.0.1/",
        "http://@127.0.0.1/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:http/",
        "http://[::1/",
        "http://[nope]/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\r\nX-Evil: 1",
        "http://127.0.0.1/\x1b[2J",
        "http://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example/",
    ],
)
def test_urls_that_cannot_be_delivered_to(url, invoke):
    """A URL that cannot be delivered to is told in one printable sentence, with 2."""
    result = invoke("trigger", "license.revoked", "--to", url, "--allow-remote")
    last = result.stderr.splitlines()[-1]
    assert (result.exit_code, last[:12], last.isprintable()) == (2, "Error: --to:", True)


@pytest.mark.parametrize(
    "host",
    ["example.com", "10.0.0.1", "192.0.2.1", "0.0.0.0", "127.1", "2130706433", "0x7f.1", "[::]", "localhost.evil"],
)
def test_other_hosts_need_a_flag(host, invoke):
    """A host that is not clearly this machine gets nothing without ``--allow-remote``; nothing is looked up."""
    result = invoke("trigger", "license.revoked", "--to", f"http://{host}/")
    assert (result.exit_code, "add --allow-remote if you mean it" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["License.Revoked"],
        ["revoked"],
        ["license.revoked\n"],
        ["license."],
        ["\x1b[2J"],
        ["a." + "b" * 99],
        ["license.revoked", "--id", ""],
        ["license.revoked", "--id", "two words"],
        ["license.revoked", "--id", "x" * 256],
        ["license.revoked", "--id", "\x1b[2J"],
        ["license.revoked", "--data", "status"],
        ["license.revoked", "--data", "=revoked"],
        ["license.revoked", "--data", "\x1b[2J"],
        ["license.revoked", "--data", "deep=" + "[" * 100_000],
        ["license.revoked", "--data", "deep=" + "[" * 300 + "]" * 300],
        ["license.revoked", "--data", r'half="\ud800"'],
        ["license.revoked", "--data", "half=\udcff"],
        ["license.revoked", "--duplicate", "-1"],
        ["license.revoked", "--duplicate", "many"],
        ["license.revoked", "--tamper", "everything"],
        ["license.revoked", "--format", "yaml"],
    ],
    ids=lambda arguments: repr(arguments)[:40],
)
def test_bad_input(arguments, invoke):
    """What can be no event, or no delivery, is told in one printable sentence, with 2, before anything is sent."""
    event_type, *options = arguments
    result = invoke("trigger", "--to", "http://127.0.0.1:9/", *options, "--", event_type)
    last = result.stderr.splitlines()[-1]
    assert (result.exit_code, last[:6], last.isprintable()) == (2, "Error:", True), result.stderr


def test_nobody_listens(invoke):
    """A refused connection is told in one line, with 1, and is not tried again."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = "{}:{}".format(*closed.getsockname())
    result = invoke("trigger", "license.revoked", "--to", f"http://{address}/", "--duplicate", "3", "--format", "jsonl")
    assert (result.exit_code, result.stderr) == (1, f"Error: nothing listens at {address} (connection refused)\n")
    assert [line["status"] for line in jsonl(result)] == [None]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"", "closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "is not HTTP: BadStatusLine"),
        (b"HTTP/1.1 2\x1b[2J OK\r\n\r\n", "is not HTTP: BadStatusLine"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "broke its answer off"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", "is not HTTP: HTTPException"),
    ],
)
def test_answers_that_are_none(reply, said, invoke, answering):
    """What is no HTTP is told in one line, with 1."""
    result = invoke("trigger", "license.revoked", "--to", answering(reply))
    assert (result.exit_code, said in result.stderr, len(result.stderr.splitlines())) == (1, True, 1), result.stderr


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status, invoke, answering):
    """A redirect is an answer that is not as expected; where it leads, nothing is sent."""
    led_to = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    reply = f"HTTP/1.1 {status} Moved\r\nLocation: {led_to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    result = invoke("trigger", "license.revoked", "--to", answering(reply.encode()), "--format", "jsonl")
    assert (result.exit_code, jsonl(result)[0]["status"]) == (1, status)


@pytest.mark.parametrize(
    "reply",
    [b"", b"ok", b"[]", b'{"status": 1}', b'{"status": ["processed"]}', b'{"status": "\\u001b[2J"}', b"[" * 60_000],
    ids=lambda reply: repr(reply)[:30],
)
def test_replies_of_other_receivers(reply, invoke, answering):
    """A 2xx is as expected whatever the body; of a body that names no outcome, nothing is shown."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(reply)}\r\nConnection: close\r\n\r\n"
    result = invoke("trigger", "license.revoked", "--to", answering(head.encode() + reply))
    assert (result.exit_code, result.stdout.split()[:2], result.stdout[:-1].isprintable()) == (0, ["-", "200"], True)


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\n\r\n{",
    ],
)
def test_no_answer_in_time(reply, invoke, answering, monkeypatch):
    """Whoever has not answered in full when time is up, LicenseChain gives up, and so does this."""
    monkeypatch.setattr(sending, "_TIMEOUT", 0.2)
    result = invoke("trigger", "license.revoked", "--to", answering(reply, keep=True))
    assert (result.exit_code, "did not answer within" in result.stderr) == (1, True), result.stderr


def test_a_trickle_is_no_answer(invoke, monkeypatch):
    """The time counts for the whole answer: a byte now and then does not prolong it."""
    import socket
    import threading

    monkeypatch.setattr(sending, "_TIMEOUT", 0.4)
    ended = threading.Event()

    def trickle(server):
        connection, _ = server.accept()
        with connection:
            try:
                while not ended.wait(0.05):
                    connection.sendall(b"H")
            except OSError:
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=trickle, args=(server,), daemon=True)
        thread.start()
        result = invoke("trigger", "license.revoked", "--to", f"http://127.0.0.1:{server.getsockname()[1]}/")
        ended.set()
        thread.join()
    assert (result.exit_code, "did not answer within" in result.stderr) == (1, True), result.stderr


def test_https_needs_a_certificate_that_holds(invoke, answering):
    """What does not speak TLS is told in one line."""
    url = answering(b"HTTP/1.1 200 OK\r\n\r\n").replace("http:", "https:")
    result = invoke("trigger", "license.revoked", "--to", url)
    assert (result.exit_code, result.stderr.startswith("Error: no answer from 127.0.0.1:")) == (1, True), result.stderr


def test_names_without_an_address(invoke):
    """A host that does not resolve is told in one line."""
    result = invoke("trigger", "license.revoked", "--to", "http://a..invalid/", "--allow-remote")
    assert (result.exit_code, result.stderr) == (1, "Error: no address is known for a..invalid\n")


def test_the_query_is_sent():
    """The whole path of the URL is delivered to, query included."""
    target = sending.parse_target("http://LOCALHOST:81/a/b?c=d#e", allow_remote=False)
    assert (target.address, target.path) == ("localhost:81", "/a/b?c=d")


def test_a_process_of_its_own(run, listening):
    """The real program delivers to a real receiver."""
    ran = run("trigger", "license.revoked", "--to", listening.url, "--format", "jsonl")
    assert (ran.returncode, json.loads(ran.stdout)["outcome"], ran.stderr) == (0, "accepted", "")
    assert listening.delivery()["outcome"] == "accepted"
