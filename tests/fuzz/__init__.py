"""Fuzzing, guided by coverage, of what strangers send: deliveries, and replies of the management API.

::

    python -m tests.fuzz receive --seconds 600

from the root of the project. The package that is installed is the one that is tried.
"""

import sys
from pathlib import Path

# "-m" puts this folder first; it stays for finding this package, after what is installed.
for _first in ("", str(Path.cwd())):
    if sys.path and sys.path[0] == _first:
        sys.path.append(sys.path.pop(0))
