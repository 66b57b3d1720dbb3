"""A folder that captures are written to: one file each, whole or not at all, and never without end."""

import os
import re
import secrets
import threading
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from licensechain_hooks.diagnosis.captures import Capture

__all__ = ["CaptureFolder", "FolderFullError"]

_NAME = re.compile(r"[0-9]{8}T[0-9]{6}\.[0-9]{6}Z-[0-9]{6,}-[0-9a-f]{6}\.json")


class FolderFullError(Exception):
    """The folder holds as much as it may."""


class CaptureFolder:
    """Where captures are written, from any thread.

    Names begin with the time and a number, so that they sort as the deliveries came; nothing in them comes from the
    sender. Files are readable by their owner only.

    Args:
        path: the folder; it is made if only itself is missing.
        max_files: no more captures than so many.
        max_bytes: nor larger ones all together.

    Raises:
        OSError: it is no folder that can be written to.
    """

    def __init__(self, path: Path, *, max_files: int = 1000, max_bytes: int = 256 * 1024 * 1024) -> None:
        self.path = path
        self._max_files = max_files
        self._max_bytes = max_bytes
        self._numbers = count(1)
        self._mark = secrets.token_hex(3)
        self._lock = threading.Lock()
        path.mkdir(mode=0o700, exist_ok=True)
        sizes = [entry.stat().st_size for entry in path.iterdir() if _NAME.fullmatch(entry.name)]
        self._files, self._bytes = len(sizes), sum(sizes)
        (path / f".{self._mark}").touch(mode=0o600, exist_ok=False)  # whether it can be written to, said at the start
        (path / f".{self._mark}").unlink()

    def write(self, capture: Capture) -> Path:
        """Write a capture; its file.

        Raises:
            FolderFullError: there are enough.
            OSError: the disk is full, the folder has gone, …; no part of a file is left.
        """
        content = capture.to_json().encode()
        with self._lock:
            if self._files >= self._max_files or self._bytes + len(content) > self._max_bytes:
                msg = f"{self.path} holds {self._files} captures of {self._bytes // 1024} KiB, which is enough"
                raise FolderFullError(msg)
            received_at = capture.received_at or datetime.now(UTC)
            name = f"{received_at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-{next(self._numbers):06}-{self._mark}.json"
            self._write(self.path / name, content)
            self._files += 1
            self._bytes += len(content)
        return self.path / name

    def _write(self, path: Path, content: bytes) -> None:
        unfinished = path.with_name(f".{path.name}.part")
        try:
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
