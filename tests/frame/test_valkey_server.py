"""The Valkey or Redis that tests and benchmarks start for themselves."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import redis
from valkey_server import ValkeyServer, find_server

OWNER = """
import time
from valkey_server import ValkeyServer
server = ValkeyServer()
print(server._folder, flush=True)
time.sleep(60)
"""


@pytest.fixture
def needs_valkey():
    if find_server() is None:
        pytest.skip("no Valkey to start")


def ask(server, *command):
    with redis.Redis.from_url(server.url, socket_timeout=0.5, retry=None) as client:
        return client.execute_command(*command)


def test_after_a_kill_it_knows_what_it_knew(valkey_server):
    """Stopped or killed nobody answers; started again it is at the same address, with its memory."""
    url = valkey_server.url
    ask(valkey_server, "SET", "kept", "1")
    valkey_server.stop()
    with pytest.raises(redis.ConnectionError):
        ask(valkey_server, "PING")
    valkey_server.start()
    valkey_server.kill()
    assert not valkey_server.is_running
    valkey_server.start()
    assert (valkey_server.is_running, valkey_server.url) == (True, url)
    assert ask(valkey_server, "GET", "kept") == b"1"


def test_it_can_be_restarted_without_its_memory(valkey_server):
    """After `restart_empty` it has forgotten everything, and its address is the same."""
    url = valkey_server.url
    ask(valkey_server, "SET", "forgotten", "1")
    valkey_server.restart_empty()
    assert (ask(valkey_server, "DBSIZE"), valkey_server.url) == (0, url)


def test_it_can_hang(valkey_server):
    """While it is paused it accepts connections and answers nobody; afterwards it answers."""
    valkey_server.pause()
    with pytest.raises(redis.TimeoutError):
        ask(valkey_server, "PING")
    valkey_server.resume()
    assert ask(valkey_server, "PING") is True


def test_it_is_for_its_owner_alone_and_evicts_nothing(valkey_server):
    """It listens on the loopback interface, wants a password, and refuses to forget for want of memory."""
    with redis.Redis(port=valkey_server.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    with redis.Redis.from_url(valkey_server.url) as client:
        found = client.config_get("*")
    assert (found["bind"], found["maxmemory-policy"]) == ("127.0.0.1", "noeviction")


def test_nothing_is_left(needs_valkey):
    """Closed, a server leaves neither a process nor a file, also where its block failed."""
    server = ValkeyServer({"maxclients": "20"})
    with pytest.raises(ZeroDivisionError), server:
        1 / 0  # noqa: B018
    assert (server._folder.exists(), server.is_running) == (False, False)


def test_nothing_is_left_of_who_was_killed(needs_valkey):
    """A server ends with the process that started it, however that ended."""
    support = Path(__file__).parents[1] / "support"
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(support)}, stdout=subprocess.PIPE) as owner:
        folder = Path(owner.stdout.readline().decode().strip())
        assert (folder / "log").exists()
        owner.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not folder.exists()


def test_who_does_not_start_says_why(needs_valkey, monkeypatch, tmp_path):
    """A server that refuses its settings shows its log, and leaves nothing either."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(RuntimeError, match="no-such-setting"):
        ValkeyServer({"no-such-setting": "1"})
    assert list(tmp_path.iterdir()) == []
