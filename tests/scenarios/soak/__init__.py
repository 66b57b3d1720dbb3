"""A real server, inbox and worker under steady load for as long as you like, and what grows meanwhile.

::

    python -m tests.scenarios.soak --minutes 60

from the root of the project. The package that is installed is the one that is tried. It needs Linux's ``/proc``.
"""

import sys
from pathlib import Path

# "-m" puts this folder first; it stays for finding this package, after what is installed.
for _first in ("", str(Path.cwd())):
    if sys.path and sys.path[0] == _first:
        sys.path.append(sys.path.pop(0))

sys.path.append(str(Path(__file__).resolve().parents[2] / "support"))  # whose modules import each other by their names
