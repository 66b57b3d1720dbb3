"""Runs the handlers of entries in an inbox: in a thread of the web process, or in a process of its own."""

from licensechain_hooks.worker._holdings import Counters
from licensechain_hooks.worker._settings import WorkerSettings, default_backoff
from licensechain_hooks.worker._worker import Worker

__all__ = ["Counters", "Worker", "WorkerSettings", "default_backoff"]
