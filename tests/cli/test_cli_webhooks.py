"""``licensechain-hooks webhooks``: what it shows and changes at LicenseChain, and where secrets go."""

import json
import signal
import stat

import pytest

pytest.importorskip("fastapi", reason="the emulator needs FastAPI")
pytest.importorskip("stamina", reason="the client needs httpx2 and stamina")

URL = "http://127.0.0.1:9/webhooks/licensechain"
NOBODY = "http://127.0.0.1:9/v1"  # discard: nothing of ours listens there
KEY = "an-api-key-of-nobody"


@pytest.fixture
def webhooks(invoke, emulator, monkeypatch):
    """A function that runs ``webhooks`` on the emulator of the test."""
    monkeypatch.setenv("LICENSECHAIN_API_KEY", emulator.api_key)
    monkeypatch.setenv("LICENSECHAIN_BASE_URL", emulator.base_url)
    return lambda *arguments, **settings: invoke("webhooks", *arguments, **settings)


@pytest.fixture
def offline(invoke, monkeypatch):
    """A function that runs ``webhooks`` with a key, where there is no API at all."""
    monkeypatch.setenv("LICENSECHAIN_API_KEY", KEY)
    monkeypatch.setenv("LICENSECHAIN_BASE_URL", NOBODY)
    return lambda *arguments, **settings: invoke("webhooks", *arguments, **settings)


@pytest.fixture
def at(invoke, monkeypatch):
    """A function that runs ``webhooks`` against the API at a URL."""
    monkeypatch.setenv("LICENSECHAIN_API_KEY", KEY)
    return lambda url, *arguments: invoke("webhooks", *arguments, "--base-url", url)


def replied(status, value):
    """An HTTP response as bytes."""
    body = json.dumps(value).encode()
    return b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        status,
        len(body),
        body,
    )


def there(emulator):
    """The webhooks that the emulator has."""
    return emulator.call("GET", "/v1/webhooks?limit=100")["data"]


def test_a_webhook_from_its_creation_to_its_end(webhooks, emulator, listen, tmp_path):
    """The secret that ``create`` keeps verifies what ``test`` has delivered; ``logs`` tells; ``delete`` ends it."""
    kept = tmp_path / "secret"
    created = webhooks("create", "--url", URL, "--events", "license.*", "--secret-out", str(kept), "--format", "json")
    facts = json.loads(created.stdout)
    receiver = listen("--format", "jsonl", "--secret-file", str(kept))
    updated = webhooks("update", facts["id"], "--url", receiver.url)
    tested = webhooks("test", facts["id"])
    (delivery,) = emulator.settled()
    logged = webhooks("logs", facts["id"], "--format", "jsonl")
    deleted = webhooks("delete", facts["id"], "--yes")
    codes = [result.exit_code for result in (created, updated, tested, logged, deleted)]
    log = json.loads(logged.stdout)
    assert (codes, receiver.delivery()["outcome"]) == ([0] * 5, "accepted")
    assert (log["state"], log["status_code"], log["event_id"]) == ("delivered", 200, delivery["eventId"])
    assert there(emulator) == []
    receiver.end(signal.SIGINT)


def test_a_generated_secret_is_in_its_file_and_nowhere_else(webhooks, tmp_path):
    """The file is the user's alone; neither output holds the secret, in no format, then or later."""
    outputs = []
    for form in ("text", "json", "jsonl"):
        kept = tmp_path / form
        result = webhooks("create", "--url", URL, "--events", "license.*", "--secret-out", str(kept), "--format", form)
        shown = webhooks("list", "--format", form)
        outputs.append((kept.read_text(), result.stdout + result.stderr + shown.stdout + shown.stderr))
        assert (result.exit_code, stat.S_IMODE(kept.stat().st_mode)) == (0, 0o600)
    secrets = {secret.strip() for secret, _ in outputs}
    assert (len(secrets), min(map(len, secrets)) > 15) == (3, True)
    assert [secret for secret in secrets for _, output in outputs if secret in output] == []


def test_a_secret_of_ones_own(webhooks, emulator, tmp_path, listen, secret):
    """``--secret-file`` gives the webhook the newest secret of a file, which signs its deliveries; it is not shown."""
    (tmp_path / "secrets").write_text(f"{secret}\nan-older-secret-of-this-shop\n")
    receiver = listen("--format", "jsonl")
    created = webhooks(
        "create", "--url", receiver.url, "--events", "license.created", "--secret-file", str(tmp_path / "secrets")
    )
    emulator.license()
    assert (created.exit_code, receiver.delivery()["outcome"]) == (0, "accepted")
    assert secret not in created.stdout + created.stderr
    receiver.end(signal.SIGINT)


def test_a_file_that_exists_is_not_overwritten(webhooks, emulator, tmp_path):
    """Nothing is created where the secret's file exists; ``--force`` replaces that file."""
    kept = tmp_path / "secret"
    kept.write_text("precious")
    arguments = ("create", "--url", URL, "--events", "license.created", "--secret-out", str(kept))
    refused = webhooks(*arguments)
    assert (refused.exit_code, "--force" in refused.stderr, kept.read_text()) == (2, True, "precious")
    assert there(emulator) == []
    forced = webhooks(*arguments, "--force")
    assert (forced.exit_code, kept.read_text() == "precious", stat.S_IMODE(kept.stat().st_mode)) == (0, False, 0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_refused_creation_leaves_no_file(webhooks, emulator, tmp_path, force):
    """Where the API refuses, the secret's file goes again, and one that was to be replaced stays."""
    kept = tmp_path / "secret"
    if force:
        kept.write_text("precious")
    emulator.faults(failRequests=1)
    result = webhooks("create", "--url", URL, "--events", "license.created", "--secret-out", str(kept), *force)
    assert (result.exit_code, "503" in result.stderr) == (1, True)
    assert [path.read_text() for path in tmp_path.iterdir()] == (["precious"] if force else [])


def test_a_secret_needs_a_place(offline):
    """Without a place for the secret nothing is asked of LicenseChain: a usage error that names both options."""
    result = offline("create", "--url", URL, "--events", "license.created")
    assert (result.exit_code, "--secret-out" in result.stderr, "--secret-file" in result.stderr) == (2, True, True)


def test_an_answer_without_a_secret(at, answering, tmp_path):
    """A creation whose answer tells no secret is a failure that names the webhook, so that it can be deleted."""
    url = answering(replied(b"201 Created", {"id": "wh_1", "url": URL, "events": ["license.created"]}))
    result = at(url, "create", "--url", URL, "--events", "license.created", "--secret-out", str(tmp_path / "secret"))
    assert (result.exit_code, "webhooks delete wh_1" in result.stderr, list(tmp_path.iterdir())) == (1, True, [])


def test_an_answer_that_never_came(at, answering, tmp_path):
    """Where the answer to a creation breaks off, it says that there may be a webhook now."""
    url = answering(b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{")
    result = at(url, "create", "--url", URL, "--events", "license.created", "--secret-out", str(tmp_path / "secret"))
    assert (result.exit_code, "webhooks list" in result.stderr, list(tmp_path.iterdir())) == (1, True, [])


def test_events_are_named_or_the_applications(webhooks, emulator, tmp_path, monkeypatch):
    """``--events`` keeps spellings and expands wildcards; ``--app`` takes what the handlers listen for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "shop_of_create.py").write_text(
        "from licensechain_hooks import Hooks\nhooks = Hooks()\n"
        "@hooks.on('payment.completed', 'hardware.*')\ndef handle(event):\n    pass\n"
    )
    named = webhooks(
        *("create", "--url", URL, "--events", "payment.completed, hardware.*", "--events", "shop.sold"),
        *("--secret-out", "one", "--format", "json"),
    )
    taken = webhooks("create", "--url", URL, "--app", "shop_of_create:hooks", "--secret-out", "two", "--format", "json")
    assert json.loads(named.stdout)["events"] == [
        *("payment.completed", "hardware.bound", "hardware.unbound", "shop.sold")
    ]
    assert json.loads(taken.stdout)["events"] == ["hardware.bound", "hardware.unbound", "payment.succeeded"]
    assert "hardware.* stands for" in named.stderr


def test_a_misspelled_type_is_doubted(webhooks):
    """A type that looks like a misspelling is taken, for types are open, and doubted on stderr."""
    result = webhooks(
        "create", "--url", URL, "--events", "licence.revoked", "--secret-file", "-", text="a-secret-of-mine"
    )
    assert (result.exit_code, "did you mean 'license.revoked'" in result.stderr) == (0, True)


def test_list_and_show(webhooks, emulator):
    """``list`` shows each webhook, in every format the same; ``--limit`` bounds it; ``show`` shows one."""
    ids = {emulator.webhook(f"{URL}/{number}")["id"] for number in range(3)}
    table = webhooks("list").stdout.splitlines()
    listed = json.loads(webhooks("list", "--format", "json").stdout)
    lines = [json.loads(line) for line in webhooks("list", "--format", "jsonl").stdout.splitlines()]
    assert table[0].split() == ["id", "url", "events", "created", "state"]
    assert ({row.split()[0] for row in table[1:]}, {row["id"] for row in listed}, lines) == (ids, ids, listed)
    assert len(webhooks("list", "--limit", "2", "--format", "jsonl").stdout.splitlines()) == 2
    assert json.loads(webhooks("show", listed[0]["id"], "--format", "json").stdout) == listed[0]
    assert webhooks("show", listed[0]["id"]).stdout.splitlines()[1].split() == ["url", listed[0]["url"]]


@pytest.mark.parametrize("envelope", ["guide", "data", "flat", "webhooks", "array", "snake"])
def test_every_shape_of_the_api(webhooks, emulator, envelope):
    """Whichever shape the API answers in, the same webhook is listed, shown and changed."""
    webhook = emulator.webhook(URL)
    emulator.faults(envelope=envelope, updateMethod="patch")
    updated = webhooks("update", webhook["id"], "--events", "license.revoked", "--format", "json")
    listed = json.loads(webhooks("list", "--format", "json").stdout)
    assert [json.loads(updated.stdout)["events"], *(row["events"] for row in listed)] == [["license.revoked"]] * 2


def test_an_empty_list(webhooks):
    """Where there is nothing, the result is empty and stderr says so."""
    assert [webhooks("list").stdout, webhooks("list", "--format", "json").stdout] == ["", "[]\n"]
    assert "create" in webhooks("list").stderr


def test_update_changes_what_is_given(webhooks, emulator):
    """``update`` changes the URL or the events, and leaves the other."""
    webhook = emulator.webhook(URL, "license.created", "payment.failed")
    moved = json.loads(webhooks("update", webhook["id"], "--url", f"{URL}/new", "--format", "json").stdout)
    assert (moved["url"], moved["events"]) == (f"{URL}/new", ["license.created", "payment.failed"])
    fewer = json.loads(webhooks("update", webhook["id"], "--events", "payment.failed", "--format", "json").stdout)
    assert (fewer["url"], fewer["events"]) == (f"{URL}/new", ["payment.failed"])


def test_logs_of_failures(webhooks, emulator, answering):
    """``logs`` lists deliveries newest first; ``--failed`` those that failed, ``--limit`` so many."""
    webhook = emulator.webhook(answering(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"))
    emulator.license()
    (first, second) = emulator.settled(2)  # and its redelivery
    table = webhooks("logs", webhook["id"]).stdout.splitlines()
    failed = [
        json.loads(line)
        for line in webhooks("logs", webhook["id"], "--failed", "--format", "jsonl").stdout.split("\n")[:-1]
    ]
    assert (table[0].split()[-1], [row.split()[-1] for row in table[1:]]) == ("state", ["failed", "failed"])
    assert [(log["status_code"], log["event_id"]) for log in failed] == [(500, first["eventId"])] * 2
    assert len(webhooks("logs", webhook["id"], "--limit", "1", "--format", "jsonl").stdout.splitlines()) == 1
    assert second["eventId"] == first["eventId"]


def test_delete_asks(emulator, environ, on_a_terminal):
    """On a terminal ``delete`` says what it deletes and asks; n leaves it (1), y deletes it (0)."""
    webhook = emulator.webhook(URL)
    given = environ | {"LICENSECHAIN_API_KEY": emulator.api_key, "LICENSECHAIN_BASE_URL": emulator.base_url}
    code, shown = on_a_terminal("webhooks", "delete", webhook["id"], environ=given, text="n\n", notes=True)
    assert (code, URL in shown, len(there(emulator))) == (1, True, 1)
    code, _ = on_a_terminal("webhooks", "delete", webhook["id"], environ=given, text="y\n", notes=True)
    assert (code, there(emulator)) == (0, [])


def test_delete_without_a_terminal(webhooks, emulator):
    """Where nobody can be asked, ``delete`` needs ``--yes``."""
    webhook = emulator.webhook(URL)
    result = webhooks("delete", webhook["id"])
    assert (result.exit_code, "--yes" in result.stderr, len(there(emulator))) == (2, True, 1)


@pytest.mark.parametrize(
    "arguments",
    [["show", "c0"], ["update", "c0", "--url", URL], ["delete", "c0", "--yes"], ["test", "c0"], ["logs", "c0"]],
)
def test_an_unknown_webhook(webhooks, arguments):
    """What is not there is a failure (1) in one sentence."""
    result = webhooks(*arguments)
    assert (result.exit_code, "404" in result.stderr, len(result.stderr.splitlines())) == (1, True, 1)


def test_a_wrong_key(invoke, emulator, tmp_path):
    """An API key that is refused is a failure (1) whose message does not hold it."""
    (tmp_path / "key").write_text(f"{KEY}\n")
    result = invoke("webhooks", "list", "--api-key-file", str(tmp_path / "key"), "--base-url", emulator.base_url)
    assert (result.exit_code, "401" in result.stderr, KEY in result.stderr) == (1, True, False)


def test_a_key_from_a_file(invoke, emulator, tmp_path):
    """``--api-key-file`` and ``--base-url`` are enough, and come before the environment."""
    (tmp_path / "key").write_text(f"{emulator.api_key}\n")
    webhook = emulator.webhook(URL)
    result = invoke("webhooks", "list", "--api-key-file", str(tmp_path / "key"), "--base-url", emulator.base_url)
    assert (result.exit_code, webhook["id"] in result.stdout) == (0, True)


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "cannot read"), ("", "nothing"), ("one two", "more than one"), (b"\xff\xfe", "cannot read")],
)
def test_a_key_file_that_is_none(invoke, tmp_path, content, told):
    """A file without exactly one API key is a usage error that does not show what it holds."""
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = invoke("webhooks", "list", "--api-key-file", str(path), "--base-url", NOBODY)
    assert (result.exit_code, told in result.stderr, "one two" in result.stderr) == (2, True, False)


def test_no_key(invoke):
    """Without an API key it says how to give one."""
    result = invoke("webhooks", "list")
    assert (result.exit_code, "LICENSECHAIN_API_KEY" in result.stderr) == (2, True)
    assert "--api-key-file" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list", "--limit", "0"], "--limit"),
        (["list", "--base-url", "http://example.com/v1"], "https"),
        (["list", "--base-url", "nonsense"], "base_url"),
        (["show", "."], "no id"),
        (["show", "a b"], "no id"),
        (["show", "\x1b[2J"], "\\x1b"),
        (["create", "--events", "license.created", "--secret-out", "s"], "--url"),
        (["create", "--url", "ftp://x/", "--events", "license.created", "--secret-out", "s"], "--url"),
        (["create", "--url", "https://", "--events", "license.created", "--secret-out", "s"], "--url"),
        (["create", "--url", "https://x:99999/", "--events", "license.created", "--secret-out", "s"], "--url"),
        (
            ["create", "--url", "https://me:hunter2@x/", "--events", "license.created", "--secret-out", "s"],
            "credentials",
        ),
        (["create", "--url", URL, "--secret-out", "s"], "which events"),
        (["create", "--url", URL, "--events", " , ", "--secret-out", "s"], "--events"),
        (["create", "--url", URL, "--events", "License Created", "--secret-out", "s"], "--events"),
        (["create", "--url", URL, "--events", f"a.{'b' * 100}", "--secret-out", "s"], "100"),
        (["create", "--url", URL, "--events", "nothing_known.*", "--secret-out", "s"], "matches no known"),
        (["create", "--url", URL, "--events", "license.created", "--app", "a:b", "--secret-out", "s"], "give one"),
        (["create", "--url", URL, "--app", "nonsense", "--secret-out", "s"], "module:name"),
        (["create", "--url", URL, "--app", "json:dumps", "--secret-out", "s"], "Receiver"),
        (["create", "--url", URL, "--events", "license.created", "--secret-out", "no/such/folder"], "No such file"),
        (["create", "--url", URL, "--events", "license.created", "--secret-out", ".", "--force"], "folder"),
        (
            ["create", "--url", URL, "--events", "license.created", "--secret-out", "s", "--secret-file", "f"],
            "give one",
        ),
        (["create", "--url", URL, "--events", "license.created", "--secret-file", "missing"], "cannot read"),
        (["update", "c0"], "what is to change"),
        (["update", "c0", "--url", "nonsense"], "--url"),
        (["logs", "c0", "--limit", "-1"], "--limit"),
        (["logs"], "ID"),
        (["nonsense"], "nonsense"),
    ],
)
def test_bad_input(offline, arguments, told, tmp_path, monkeypatch):
    """What cannot be meant is a usage error (2) that says why, before anything is asked of LicenseChain."""
    monkeypatch.chdir(tmp_path)
    result = offline(*arguments)
    assert (result.exit_code, told in result.stderr, list(tmp_path.iterdir())) == (2, True, [])
    assert [word for word in ("Traceback", "hunter2", "\x1b", KEY) if word in result.stderr] == []


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"nonsense",
        b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nnonsense",
        b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"data": {}}',
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 No\r\nContent-Length: 99\r\n\r\ncut off",
        b'HTTP/1.1 403 No\r\nContent-Length: 29\r\n\r\n{"message": "\x1b[2J an-api-key"}',
    ],
)
def test_an_api_that_is_none(at, answering, reply):
    """Whatever answers there, it is a failure (1) in one sentence without control characters."""
    result = at(answering(reply), "list")
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (1, "", 1)
    assert [word for word in ("Traceback", "\x1b") if word in result.stderr] == []


def test_nobody_there(offline):
    """An API that is down is a failure (1) that names it."""
    result = offline("list")
    assert (result.exit_code, "127.0.0.1:9" in result.stderr, "Traceback" in result.stderr) == (1, True, False)


def test_one_sentence_in_a_process_of_its_own(run, environ):
    """What else the client's libraries have to say, such as that they try again, is not printed."""
    given = environ | {"LICENSECHAIN_API_KEY": KEY, "LICENSECHAIN_BASE_URL": NOBODY}
    result = run("webhooks", "list", environ=given)
    assert (result.returncode, result.stdout, len(result.stderr.splitlines())) == (1, "", 1)


def test_a_terminal_obeys_nothing_that_the_api_says(at, answering):
    """Control characters of an answer are spelled out, and credentials in a URL are not shown."""
    url = "https://me:hunter2@shop.example/\x1b[2J"
    found = replied(b"200 OK", {"id": "wh_1", "url": url, "events": ["license.created\x07"]})
    result = at(answering(found), "show", "wh_1")
    assert (result.exit_code, "\\x1b" in result.stdout, "\\x07" in result.stdout) == (0, True, True)
    assert [word for word in ("hunter2", "\x1b", "\x07") if word in result.stdout] == []


def test_a_missing_extra(run, environ, shadowed, tmp_path):
    """Without the client's packages it says in one line which extra to install."""
    given = shadowed("stamina", tmp_path, environ) | {"LICENSECHAIN_API_KEY": KEY}
    result = run("webhooks", "list", environ=given)
    assert (result.returncode, "licensechain-hooks[client]" in result.stderr) == (1, True)
    assert "Traceback" not in result.stderr
