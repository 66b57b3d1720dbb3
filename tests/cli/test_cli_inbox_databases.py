"""``licensechain-hooks inbox`` on databases: URLs, schemas, and processes of their own."""

import json
import sqlite3
from datetime import UTC, datetime

import pytest

from licensechain_hooks._entries import NewEntry

pytest.importorskip("sqlalchemy", reason="an inbox in a database needs SQLAlchemy")

from licensechain_hooks.inbox._schema import VERSION, VERSION_TABLE, migrations
from licensechain_hooks.inbox.sql import SqlInbox


@pytest.fixture
def url(tmp_path):
    """The URL of an inbox with one entry."""
    url = f"sqlite:///{tmp_path}/inbox.db"
    inbox = SqlInbox(url)
    entry = NewEntry(
        endpoint="default",
        event_id="evt_1",
        event_type="license.revoked",
        event_timestamp=datetime(2026, 1, 31, 12, tzinfo=UTC),
        raw_body=b'{"id":"evt_1"}',
    )
    inbox.record_many([entry])
    inbox.close()
    return url


def test_every_command_in_a_process_of_its_own(url, run):
    """What one process stores, others list, show, discard, replay, count and purge."""
    listed = json.loads(run("inbox", "list", "--inbox", url, "--format", "json").stdout)
    assert [(entry["pk"], entry["event_id"], entry["state"]) for entry in listed] == [(1, "evt_1", "received")]
    assert "evt_1" in run("inbox", "show", "1", "--inbox", url).stdout
    commands = [
        (["discard", "1", "--force", "--yes"], "discarded 1 entry\n"),
        (["replay", "1", "--force", "--yes"], "replayed 1 entry\n"),
        (["purge", "--yes"], "deleted 0 payloads, 0 entries\n"),
        (["migrate"], f"the tables are of version {VERSION}, which is this package's\n"),
    ]
    ran = [run("inbox", *arguments, "--inbox", url) for arguments, _ in commands]
    assert [(one.returncode, one.stdout, one.stderr) for one in ran] == [(0, said, "") for _, said in commands]
    ran = run("inbox", "stats", "--check", "--max-age", "0s", "--inbox", url, "--format", "json")
    assert (ran.returncode, json.loads(ran.stdout)["states"]["received"]) in {(0, 1), (4, 1)}


def test_the_environment_names_the_inbox(url, run, environ):
    """``LICENSECHAIN_INBOX_URL`` names the inbox where no option does."""
    ran = run("inbox", "list", "--format", "json", environ=environ | {"LICENSECHAIN_INBOX_URL": url})
    assert [entry["event_id"] for entry in json.loads(ran.stdout)] == ["evt_1"]


def test_migrate_creates_upgrades_and_leaves(tmp_path, invoke):
    """``migrate`` says from which version to which it brought the tables."""
    url = f"sqlite:///{tmp_path}/new.db"
    said = [invoke("inbox", "migrate", "--inbox", url).stdout for _ in range(2)]
    assert said == [
        f"created the tables, version {VERSION}\n",
        f"the tables are of version {VERSION}, which is this package's\n",
    ]
    document = json.loads(invoke("inbox", "migrate", "--inbox", url, "--format", "json").stdout)
    assert document == {"action": "migrate", "from": VERSION, "to": VERSION}
    connection = sqlite3.connect(tmp_path / "new.db")
    connection.execute(f"UPDATE {VERSION_TABLE} SET version = {VERSION + 1}")
    connection.commit()
    connection.close()
    result = invoke("inbox", "migrate", "--inbox", url)
    assert (result.exit_code, "upgrade licensechain-hooks" in result.stderr) == (1, True)


@pytest.mark.skipif(VERSION == 1, reason="there is no older schema")
def test_an_old_schema_is_upgraded(tmp_path, invoke):
    """Tables of an older version get what they lack, and it is said which version they were of."""
    from sqlalchemy.dialects import sqlite

    connection = sqlite3.connect(tmp_path / "old.db")
    number, statements = next(migrations(sqlite.dialect()))
    for statement in statements:
        connection.execute(statement)
    connection.execute(f"CREATE TABLE {VERSION_TABLE} (version INTEGER NOT NULL)")
    connection.execute(f"INSERT INTO {VERSION_TABLE} VALUES ({number})")
    connection.commit()
    connection.close()
    result = invoke("inbox", "migrate", "--inbox", f"sqlite:///{tmp_path}/old.db")
    assert (result.exit_code, result.stdout) == (0, f"brought the tables from version {number} to {VERSION}\n")


def test_a_mistyped_file_is_not_created(tmp_path, invoke):
    """A SQLite file that is not there is said to be missing, and stays so."""
    path = tmp_path / "nope.db"
    result = invoke("inbox", "stats", "--inbox", f"sqlite:///{path}")
    assert (result.exit_code, f"there is no file {path}" in result.stderr, path.exists()) == (2, True, False)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("inbox.db", 2),
        ("oracle://scott:tiger@nowhere/x", 2),
        ("sqlite://", 2),
        ("postgresql+psycopg://somebody:1:hunter2@127.0.0.1:x/y", 2),
        ("sqlite:////no/such/folder/inbox.db", 1),
        ("postgresql+psycopg://somebody:hunter2@127.0.0.1:1/x", 1),
    ],
)
def test_a_url_that_leads_nowhere(url, code, invoke):
    """A URL without a database behind it is told in one clear line, without the password."""
    result = invoke("inbox", "migrate", "--inbox", url)
    assert (result.exit_code, result.stdout, result.stderr.splitlines()[-1][:6]) == (code, "", "Error:")
    assert ("hunter2" in result.stderr, "tiger" in result.stderr) == (False, False)


def test_a_file_that_is_no_database(tmp_path, invoke):
    """Whatever the database says is one line, escaped, and 1."""
    (tmp_path / "inbox.db").write_bytes(b"\x1b[2J no database" * 1000)
    result = invoke("inbox", "list", "--inbox", f"sqlite:///{tmp_path}/inbox.db")
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (1, "", 1)


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_a_terminal_is_asked(answer, code, url, on_a_terminal, environ):
    """At a terminal a purge asks first, and shows by a bar how far it is."""
    settings = {"environ": environ | {"TERM": "xterm", "COLUMNS": "120"}, "notes": True}
    ended, shown = on_a_terminal("inbox", "purge", "--inbox", url, text=f"{answer}\n", **settings)
    assert (ended, "Go on? [y/N]: " in shown, "nothing was changed" in shown) == (code, True, code == 1)
    assert ("deleted 0 payloads, 0 entries" in shown, "\x1b[" in shown) == (code == 0, code == 0)


def test_a_table_on_a_terminal(url, on_a_terminal, environ):
    """On a terminal entries are a framed table."""
    code, shown = on_a_terminal(
        "inbox", "list", "--inbox", url, environ=environ | {"TERM": "xterm-256color", "COLUMNS": "120"}
    )
    assert (code, "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * 40 in shown, "evt_1" in shown) == (0, True, True)


def test_without_sqlalchemy(run, environ, shadowed, tmp_path):
    """Without the extra, ``--inbox`` says what to install."""
    shadow = shadowed("sqlalchemy", tmp_path, environ)
    ran = run("inbox", "migrate", "--inbox", f"sqlite:///{tmp_path}/inbox.db", environ=shadow)
    expected = "Error: this module needs SQLAlchemy: pip install 'licensechain-hooks[sql]'\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", expected)


def test_no_tables_to_migrate(invoke, monkeypatch):
    """An inbox without tables of its own has nothing to migrate."""
    import sys
    from types import SimpleNamespace

    from licensechain_hooks.inbox.memory import MemoryInbox

    monkeypatch.setitem(sys.modules, "shop_of_the_test", SimpleNamespace(inbox=MemoryInbox()))
    result = invoke("inbox", "migrate", "--app", "shop_of_the_test:inbox")
    assert (result.exit_code, result.stderr) == (1, "Error: MemoryInbox has no tables of its own to create\n")


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("import no_such_dependency", 1, "No module named 'no_such_dependency'"),
        ("raise LookupError('a fault of the module')", 1, "LookupError: a fault of the module"),
        ("from licensechain_hooks import Endpoint\nEndpoint.from_env()", 1, "Error: shop: no signing secret"),
        ("inbox = 1", 2, "Error: --app: shop:inbox is of the type int"),
    ],
)
def test_the_current_folder_comes_first(source, code, said, tmp_path, environ):
    """``--app`` finds modules of the current folder, and their own faults are told as what they are."""
    import subprocess
    import sys

    (tmp_path / "shop.py").write_text(source)
    without = {name: text for name, text in environ.items() if name != "LICENSECHAIN_WEBHOOK_SECRET"}
    script = "from licensechain_hooks.cli import main; import sys; sys.path[:] = [entry for entry in sys.path if entry]; main()"
    ran = subprocess.run(
        [sys.executable, "-c", script, "inbox", "stats", "--app", "shop:inbox"],
        cwd=tmp_path,
        env=without,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, said in ran.stderr.splitlines()[-1], ran.stdout) == (code, True, ""), ran.stderr


def test_the_sql_of_the_tables_for_somebody_else(tmp_path, invoke):
    """Where another team changes databases, they are given the SQL, and nothing is touched."""
    url = f"sqlite:///{tmp_path / 'inbox.db'}"
    result = invoke("inbox", "migrate", "--sql", "--inbox", url)
    assert (result.exit_code, "CREATE TABLE licensechain_hooks_entry" in result.stdout) == (0, True)
    assert invoke("inbox", "migrate", "--inbox", url).stdout.startswith("created the tables")


def test_a_flask_app_names_its_receiver(tmp_path, invoke, monkeypatch):
    """``--app`` takes what the web server is given, too, where it leads to a receiver."""
    (tmp_path / "flask_shop.py").write_text(
        "import flask\n"
        "from licensechain_hooks import Hooks\n"
        "from licensechain_hooks.contrib.flask import LicenseChainHooks\n"
        "from licensechain_hooks.inbox.memory import MemoryInbox\n"
        "app = flask.Flask(__name__)\n"
        "app.config.update(LICENSECHAIN_WEBHOOK_SECRET='the-secret-of-the-shop', LICENSECHAIN_INBOX=MemoryInbox())\n"
        "LicenseChainHooks(Hooks(), app)\n"
    )
    monkeypatch.chdir(tmp_path)
    result = invoke("inbox", "list", "--app", "flask_shop:app", "--format", "json")
    assert (result.exit_code, result.stdout) == (0, "[]\n")
