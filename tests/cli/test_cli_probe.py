"""``licensechain-hooks probe``: against a real receiver, and against servers that are none."""

import json
import re
import socket
import ssl
import threading
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from licensechain_hooks.testing.probe import Probe, size_of

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def jsonl(result):
    """The JSON lines of a result."""
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("profile", ["guide", "compat"])
def test_a_receiver_of_ours_has_a_clean_sheet(profile, invoke, listen):
    """``listen`` answers everything as the catalogue says, each event runs once; exit code 0 even with --strict."""
    listening = listen("--format", "jsonl", "--profile", profile)
    threading.Thread(target=listening.process.stdout.read, daemon=True).start()
    arguments = ["--profile", profile, "--strict", "--timeout", "60"]
    result = invoke("probe", listening.url, *arguments)
    assert result.exit_code == 0, result.stdout
    number = len(Probe(listening.url, "unused", profile=profile).items)
    assert re.fullmatch(rf"{number} ok, 5 unseen", result.stdout.splitlines()[-1])


def test_a_receiver_that_takes_everything_falls_short(invoke, answering):
    """Who answers everything with 200 takes forgeries: exit code 4, a line for what comes to the same, and why."""
    result = invoke("probe", answering(OK), "--only", "4", "--only", "22")
    header, *rows, empty, total = result.stdout.splitlines()
    assert result.exit_code == 4
    assert header.split() == ["row", "sent", "expected", "got", "verdict", "why", "it", "matters"]
    assert [row[:2] for row in rows] == ["04"]
    assert re.split(r"  +", rows[0])[1:] == [
        "a wrong signature: 63 digits, zeros and 2 more",
        "401 (4xx)",
        "200",
        "falls short",
        "lenient hex decoders take what was not signed, others raise: a 500 for anybody",
    ]
    assert (empty, total) == ("", "1 ok, 15 differs, 4 falls short")
    assert result.stderr == "--all lists what differs as well\n"


def test_what_differs_is_a_fault_only_with_strict(invoke, answering):
    """Signed nonsense that is taken does no harm by itself; ``--strict`` wants our own adapters' answer."""
    arguments = ["probe", answering(OK), "--only", "22/BOM"]
    assert [invoke(*arguments).exit_code, invoke(*arguments, "--strict").exit_code] == [0, 4]


def test_all_lists_everything(invoke, answering):
    """With ``--all`` each finding has its line, also what is well."""
    result = invoke("probe", answering(OK), "--only", "23/surrogate-pair", "--all")
    assert [line[:2] for line in result.stdout.splitlines()] == ["ro", "00", "23", "", "2 "]


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (["2"], ["00/good", "02/signature-in-Latin-1", "02/signature-in-UTF-8"]),
        (["02"], ["00/good", "02/signature-in-Latin-1", "02/signature-in-UTF-8"]),
        (["2/Signature in UTF-8"], ["00/good", "02/signature-in-UTF-8"]),
        (["nan", "9"], ["00/good", "09/timestamp-missing", "11/nan", "26/NaN"]),
        (["good"], ["00/good"]),
    ],
)
def test_only_chooses(only, expected):
    """A row's number, a name, or both; a good delivery comes first in any case."""
    assert [str(item) for item in Probe("http://127.0.0.1:9/", "unused", only=only).items] == expected


def test_only_of_nothing_is_refused(invoke):
    """What the catalogue does not have is said to be none, with what is close to it; exit code 2."""
    result = invoke("probe", "http://127.0.0.1:9/", "--only", "2/signature-in-latin")
    assert (result.exit_code, "did you mean 02/signature-in-latin-1?" in result.stderr) == (2, True)


def test_after_a_good_delivery_that_is_refused_nothing_is_sent(invoke, answering):
    """The first finding says what to look at, and a receiver that refuses everything is not called safe."""
    url = answering(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    result = invoke("probe", url)
    assert (result.exit_code, "is it this endpoint's secret" in result.stdout) == (4, True)
    assert result.stdout.splitlines()[-1] == "1 falls short"
    assert result.stderr == "the rest was not sent\n"


def test_a_redirect_is_not_followed(invoke, answering):
    """A redirect is a finding: nothing is sent to where it leads."""
    url = answering(
        b"HTTP/1.1 308 -\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    result = invoke("probe", url)
    assert (result.exit_code, "308" in result.stdout, "it redirects" in result.stdout) == (4, True, True)


def test_a_limited_rate_is_no_verdict(invoke, answering):
    """429 says nothing about the receiver, and ``--pause`` is what helps."""
    url = answering(b"HTTP/1.1 429 -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    result = invoke("probe", url)
    assert ("--pause" in result.stdout, result.stdout.splitlines()[-1]) == (True, "1 unseen")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"", "closed, no answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200, "no HTTP"),
    ],
)
def test_whatever_answers_is_survived(reply, said, invoke, answering):
    """What is no HTTP is a finding, and no traceback."""
    result = invoke("probe", answering(reply))
    assert (result.exit_code, said in result.stdout) == (4, True)


def test_an_answer_that_does_not_come_is_late(invoke, answering):
    """An endpoint that says nothing in time falls short."""
    result = invoke("probe", answering(b"", keep=True), "--timeout", "0.2")
    assert (result.exit_code, "no answer in 0.2 s" in result.stdout) == (4, True)


def test_nothing_of_a_reply_is_shown_but_its_status(invoke, answering):
    """A hostile endpoint cannot write to the terminal."""
    body = b'{"status": "\x1b[31mowned"}'
    url = answering(b"HTTP/1.1 500 \x1b[31mowned\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    for form in ("text", "json", "jsonl", "junit"):
        result = invoke("probe", url, "--format", form)
        assert (result.exit_code, "owned" in result.output) == (4, False)


def test_nobody_listens(invoke):
    """Nothing to probe is a failure, not a finding: exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    result = invoke("probe", f"http://127.0.0.1:{port}/")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: nothing listens at 127.0.0.1:{port} (connection refused)\n",
    )


@pytest.mark.parametrize("url", ["http://example.com/", "http://127.0.0.1.example.com/", "ftp://127.0.0.1/", "http://"])
def test_only_this_machine_is_probed(url, invoke):
    """Another host needs ``--allow-remote``; what is no URL is refused. Nothing is sent: exit code 2."""
    result = invoke("probe", url)
    assert (result.exit_code, "URL: " in result.stderr) == (2, True)
    with pytest.raises(ValueError, match=r"this machine|URL"):
        Probe(url, "unused")


def test_an_endpoint_that_dies_is_found(invoke):
    """Once nobody listens any more the rest is given up, and that is a fault."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve_once():
        connection, _ = server.accept()
        server.close()
        with connection:
            connection.recv(65536)
            connection.sendall(OK)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    thread = threading.Thread(target=serve_once, daemon=True)
    url = f"http://127.0.0.1:{server.getsockname()[1]}/"
    thread.start()
    result = invoke("probe", url, "--format", "jsonl")
    thread.join()
    found = jsonl(result)
    assert (result.exit_code, [line["got"] for line in found]) == (4, ["200", *["no connection"] * 3])
    assert "not there any more" in found[-1]["why"]


def test_json_and_junit_hold_everything(invoke, answering):
    """One JSON document; or a test suite in which falling short is a failure and what differs is none."""
    arguments = ["probe", answering(OK), "--only", "4/zeros", "--only", "22/BOM", "--only", "14/a gigabyte declared"]
    document = json.loads(invoke(*arguments, "--format", "json").stdout)
    assert (document["ok"], document["counts"]) == (False, {"ok": 1, "falls short": 2, "differs": 1})
    assert document["findings"][0] == {
        "row": 0,
        "name": "good",
        "title": "a good delivery",
        "expected": "200",
        "must": "2xx",
        "got": "200",
        "verdict": "ok",
        "why": "what is not answered with a 2xx may never be delivered again",
        "milliseconds": document["findings"][0]["milliseconds"],
    }
    suite = ET.fromstring(invoke(*arguments, "--format", "junit").stdout)
    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["4", "2", "0", "0"]
    assert [case.get("name") for case in suite if case.find("failure") is not None] == ["zeros", "a gigabyte declared"]


def test_runs_are_counted(invoke, answering, tmp_path):
    """What the handlers wrote down is compared: a run too many falls short, none at all is said to be unseen."""
    arguments = ["probe", answering(OK), "--only", "20", "--format", "jsonl"]
    unseen = jsonl(invoke(*arguments))[-1]
    assert (unseen["got"], unseen["verdict"], "--runs" in unseen["why"]) == ("-", "unseen", True)
    counted = jsonl(invoke(*arguments, "--runs", str(tmp_path / "runs")))[-1]
    assert (counted["got"], counted["verdict"]) == ("no run", "ok")


def test_runs_that_were_too_many(tmp_path, answering):
    """Two runs of one event are a fault."""
    probe = Probe(answering(OK), "a-signing-secret-of-these-tests", only=["33"], runs=tmp_path / "runs")
    found = []
    for finding in probe.findings():
        found.append(finding)
        ids = [runs.event_id for runs in probe._line.expected]
        (tmp_path / "runs").write_text("".join(f"{event_id}\n" * 2 for event_id in ids))
    assert (found[-1].got, found[-1].verdict) == ("2 runs", "falls short")


def test_https(invoke, monkeypatch):
    """Over TLS the certificate counts, and SSL_CERT_FILE can name one of one's own."""
    certificate = Path(__file__).parents[1] / "support" / "localhost.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(server):
        while True:
            try:
                connection, _ = server.accept()
                with context.wrap_socket(connection, server_side=True) as wrapped:
                    wrapped.recv(65536)
                    wrapped.sendall(OK)
            except OSError:
                if server.fileno() < 0:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        arguments = ["probe", f"https://localhost:{server.getsockname()[1]}/", "--only", "good"]
        refused = invoke(*arguments)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        taken = invoke(*arguments)
        server.shutdown(socket.SHUT_RDWR)
    thread.join()
    assert (refused.exit_code, "does not verify" in refused.stderr) == (1, True)
    assert (taken.exit_code, taken.stdout) == (0, "1 ok\n")


def test_help_says_how_much_is_sent(invoke):
    """``--help`` tells the number of requests, which is the real one, and that handlers will run."""
    words = " ".join(invoke("probe", "--help").stdout.split())
    requests, megabytes = size_of("guide", 2**20)
    assert f"sends {requests} requests, at most {megabytes} megabytes" in words
    assert "handlers will run" in words


def test_the_number_of_requests_is_the_real_one(answering):
    """As many requests are sent as are announced."""
    probe = Probe(answering(OK), "a-signing-secret-of-these-tests")
    sent = []
    exchange = probe._line._exchange
    probe._line._exchange = lambda *arguments, **settings: sent.append(1) or exchange(*arguments, **settings)
    list(probe.findings())
    assert len(sent) == size_of("guide", 2**20)[0]
