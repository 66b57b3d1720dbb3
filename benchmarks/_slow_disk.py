"""A disk that flushes as slowly as others do, so that figures of durable work are of that disk.

Each fdatasync and fsync of the C library is made to last: of SQLite in this process and of PostgreSQL below it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_VARIABLE = "BENCHMARKS_FDATASYNC_NANOSECONDS"
_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

static long nanoseconds;
static int (*of_data)(int), (*of_all)(int);

__attribute__((constructor)) static void begin(void) {
    const char *told = getenv("BENCHMARKS_FDATASYNC_NANOSECONDS");
    nanoseconds = told == NULL ? 0 : atol(told);
    of_data = dlsym(RTLD_NEXT, "fdatasync");
    of_all = dlsym(RTLD_NEXT, "fsync");
}

static int slowly(int (*flush)(int), int descriptor) {
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += nanoseconds;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    int result = flush(descriptor);
    prctl(PR_SET_TIMERSLACK, 1);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
    return result;
}

int fdatasync(int descriptor) { return slowly(of_data, descriptor); }
int fsync(int descriptor) { return slowly(of_all, descriptor); }
"""


def is_slowed() -> bool:
    """Whether this process is one that `run_slowed` has started."""
    return _VARIABLE in os.environ


def run_slowed(rate: int, arguments: Sequence[str]) -> int:
    """Run the benchmarks' command line once more, on a disk of at most ``rate`` fdatasync a second; its exit code.

    Raises:
        SystemExit: there is no C compiler, or this is no Linux.
    """
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        sys.exit("--fdatasync needs Linux and a C compiler, cc; without it the figures are of this machine's disk")
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # started by root, PostgreSQL is another user
        library = folder / "slow_disk.so"
        command = [compiler, "-shared", "-fPIC", "-O2", "-x", "c", "-", "-o", str(library), "-ldl"]
        subprocess.run(command, input=_SOURCE.encode(), check=True)
        environment = {**os.environ, "LD_PRELOAD": str(library), _VARIABLE: str(1_000_000_000 // rate)}
        return subprocess.run([sys.executable, "-m", "benchmarks", *arguments], env=environment, check=False).returncode
