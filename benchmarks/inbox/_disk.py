"""The disk that durable figures are measured on, and whether it is one."""

import os
import time
from pathlib import Path

_BLOCK = os.urandom(4096)
_BLOCKS = 256  # of the file; written again and again, as a write-ahead log is
_IN_MEMORY = {"tmpfs", "ramfs"}

_sync = getattr(os, "fdatasync", os.fsync)


class Disk:
    """Where a directory is.

    Attributes:
        file_system: its kind, such as ``ext4``; empty where this system does not tell.
    """

    def __init__(self, directory: Path) -> None:
        self.file_system = _file_system(directory)
        self._file = directory / "disk"
        self._file.write_bytes(_BLOCK * _BLOCKS)

    @property
    def is_memory(self) -> bool:
        """Whether nothing here survives a power cut, so that figures of durable work mean nothing."""
        return self.file_system in _IN_MEMORY

    def seconds(self, *, times: int) -> float:
        """What it takes to write 4 KB and to see them on the disk."""
        descriptor = os.open(self._file, os.O_RDWR)
        try:
            os.fsync(descriptor)
            started = time.perf_counter()
            for number in range(times):
                os.pwrite(descriptor, _BLOCK, number % _BLOCKS * len(_BLOCK))
                _sync(descriptor)
            return (time.perf_counter() - started) / times
        finally:
            os.close(descriptor)


def _file_system(directory: Path) -> str:
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return ""
    kinds = {fields[1]: fields[2] for fields in map(str.split, mounts.read_text().splitlines())}
    whole = directory.resolve()
    return next((kinds[str(folder)] for folder in (whole, *whole.parents) if str(folder) in kinds), "")
