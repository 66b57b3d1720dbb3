"""Fuzzing in its short form: some seconds of ``python -m tests.fuzz``, and that it would find what it is there to find."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from licensechain_hooks import _endpoint

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20


@pytest.fixture
def targets(monkeypatch):
    """The two targets, as modules."""
    monkeypatch.syspath_prepend(str(ROOT))  # PYTHONSAFEPATH would hide them
    monkeypatch.setattr(sys, "path", [*sys.path[1:], sys.path[0]])  # after what is installed
    from tests.fuzz import _client, _receive

    return {"receive": _receive, "client": _client}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("target", ["receive", "client"])
def test_fuzzing_finds_nothing(target):
    """Whatever the fuzzer thinks of, every promise is kept."""
    pytest.importorskip("atheris", reason="atheris is not installed")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, "-m", "tests.fuzz", target, "--seconds", str(SECONDS)]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, "nothing found" in ran.stdout) == (0, True), ran.stdout + ran.stderr


@pytest.mark.parametrize("target", ["receive", "client"])
def test_every_seed_is_sound(target, targets):
    """What fuzzing begins with keeps every promise."""
    for seed in targets[target].SEEDS:
        targets[target].run(seed)


def test_seeds_reach_every_kind_of_answer(targets):
    """The seeds lead to acceptance and to each refusal that one request can get."""
    receive = targets["receive"]
    found = set()
    for seed in receive.SEEDS:
        message = receive.read_message(seed)
        headers = [(name, value.replace(b"{sig}", receive.mac_of(message.body))) for name, value in message.headers]
        answers = receive.answers_to("guide", message.word(0).decode(), headers, message.body)
        found |= {status for status, _ in answers.values()}
    assert found == {200, 400, 401, 405, 415}


def test_a_forgery_that_is_taken_is_found(targets, monkeypatch):
    """Without the comparison of signatures a seed with a wrong one breaks a promise."""
    receive = targets["receive"]
    seed = receive.SEEDS[0].replace(b"{sig}", b"0" * 64)
    receive.run(seed)
    monkeypatch.setattr(_endpoint, "verify_signature", lambda *_: None)
    with pytest.raises(AssertionError, match="a forgery was taken"):
        receive.run(seed)


def test_a_disagreement_is_found(targets, monkeypatch):
    """One way of receiving that answers otherwise breaks a promise."""
    receive = targets["receive"]
    seed = next(seed for seed in receive.SEEDS if seed.startswith(b"POST compat"))
    monkeypatch.setitem(receive._receivers, ("compat", "stream"), receive._receivers["guide", "stream"])
    with pytest.raises(AssertionError, match="rejected"):
        receive.run(seed)


def test_a_secret_in_an_error_is_found(targets, monkeypatch):
    """An error that tells what the service has sent back breaks a promise."""
    client = targets["client"]
    (seed,) = (seed for seed in client.SEEDS if seed.startswith(b"401"))
    client.run(seed)
    from licensechain_hooks.client import _replies

    monkeypatch.setattr(_replies, "_without", lambda text, _secrets: text)
    with pytest.raises(AssertionError):
        client.run(seed)
