"""The folder of captures: whole files, names that sort, nobody else's eyes, an end."""

import os
import stat
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from licensechain_hooks.diagnosis.captures import Capture, read_capture
from licensechain_hooks.diagnosis.folder import CaptureFolder, FolderFullError

ARRIVED = datetime(2026, 3, 1, 12, tzinfo=UTC)


def captured(body=b"{}", received_at=ARRIVED):
    """A capture."""
    return Capture(
        body=body, headers=(("x-a", "../../etc"),), body_bytes=len(body), received_at=received_at, path="/../x"
    )


def test_one_file_each_in_order(tmp_path):
    """Names sort as deliveries came, also within one microsecond, and say nothing that the sender chose."""
    folder = CaptureFolder(tmp_path / "captures")
    paths = [folder.write(captured(received_at=ARRIVED + timedelta(microseconds=number // 2))) for number in range(6)]
    assert sorted(paths) == paths
    assert sorted(folder.path.iterdir()) == paths
    assert paths[0].name.startswith("20260301T120000.000000Z-000001-")
    assert read_capture(paths[0]) == captured()
    assert {path.parent for path in paths} == {tmp_path / "captures"}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_only_the_owner_reads_them(tmp_path):
    """Folder and files are the owner's alone, whatever the umask."""
    before = os.umask(0)
    try:
        path = CaptureFolder(tmp_path / "captures").write(captured())
    finally:
        os.umask(before)
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)


def test_there_is_an_end(tmp_path):
    """No more files and bytes than allowed, those of earlier runs counted, other files not."""
    (tmp_path / "notes.json").write_text("x" * 10_000)
    folder = CaptureFolder(tmp_path, max_files=2)
    folder.write(captured())
    again = CaptureFolder(tmp_path, max_files=2)
    again.write(captured())
    with pytest.raises(FolderFullError, match="holds 2 captures"):
        again.write(captured())
    with pytest.raises(FolderFullError):
        CaptureFolder(tmp_path, max_bytes=2000).write(captured(b"x" * 1500))
    assert CaptureFolder(tmp_path, max_bytes=6000).write(captured(b"x" * 1500)).exists()


def test_what_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    """A full disk raises, and no part of a file stays."""

    def fail(*_):
        raise OSError(28, "No space left on device")

    folder = CaptureFolder(tmp_path)
    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="No space left"):
        folder.write(captured())
    assert list(tmp_path.iterdir()) == []


def test_a_real_full_disk(tmp_path):
    """The same where a real file system has no room."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    folder = CaptureFolder(tmp_path)
    real = os.open
    try:
        os.open = lambda path, flags, mode=0o777: real("/dev/full", os.O_WRONLY)
        with pytest.raises(OSError, match="No space left"):
            folder.write(captured())
    finally:
        os.open = real
    assert list(tmp_path.iterdir()) == []


def test_folders_that_are_none(tmp_path):
    """A file in its place, and a missing parent, are errors at the start; one that goes later is an error then."""
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError):
        CaptureFolder(tmp_path / "file")
    with pytest.raises(FileNotFoundError):
        CaptureFolder(tmp_path / "missing" / "captures")
    folder = CaptureFolder(tmp_path / "captures")
    folder.path.rmdir()
    with pytest.raises(FileNotFoundError):
        folder.write(captured())


def test_from_many_threads(tmp_path):
    """Every delivery has its file, whoever writes it."""
    folder = CaptureFolder(tmp_path, max_files=50)
    threads = [threading.Thread(target=lambda: [folder.write(captured()) for _ in range(10)]) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([path for path in tmp_path.iterdir() if read_capture(path) == captured()]) == 50
