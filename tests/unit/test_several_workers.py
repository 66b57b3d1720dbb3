"""A memory is one process's: several workers are noticed where they can be seen."""

import pytest

from licensechain_hooks import MemoryDeduplicator
from licensechain_hooks.dedupe.memory import several_workers


@pytest.mark.parametrize(
    ("environ", "arguments", "workers"),
    [
        ({}, ["uvicorn", "app:app"], 1),
        ({"WEB_CONCURRENCY": "4"}, ["uvicorn", "app:app"], 4),
        ({"WEB_CONCURRENCY": "many"}, ["uvicorn", "app:app"], 1),
        ({"WEB_CONCURRENCY": ""}, ["uvicorn", "app:app"], 1),
        ({}, ["uvicorn", "app:app", "--workers", "3"], 3),
        ({}, ["uvicorn", "--workers=3", "app:app"], 3),
        ({}, ["gunicorn", "-w", "2", "app:app"], 2),
        ({}, ["gunicorn", "-w2", "app:app"], 2),
        ({"WEB_CONCURRENCY": "4"}, ["gunicorn", "-w", "1", "app:app"], 1),
        ({}, ["gunicorn", "--workers", "auto", "app:app"], 1),
        ({}, ["python", "tool-w", "9x"], 1),
        ({}, [], 1),
    ],
)
def test_what_can_be_seen(environ, arguments, workers):
    """The command line goes before the environment; what is no number says nothing."""
    assert several_workers(environ, arguments) == workers


def test_a_memory_among_workers_warns(monkeypatch, caplog):
    """Row 31: whoever starts several workers is told that duplicates may run again."""
    monkeypatch.setattr("sys.argv", ["uvicorn", "app:app"])
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    MemoryDeduplicator()
    assert [(record.levelname, record.workers) for record in caplog.records] == [("WARNING", 4)]


def test_a_memory_alone_is_silent(monkeypatch, caplog):
    """One process is what it is for."""
    monkeypatch.setattr("sys.argv", ["uvicorn", "app:app"])
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    MemoryDeduplicator()
    assert caplog.records == []
