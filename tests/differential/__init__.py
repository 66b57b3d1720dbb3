"""The same raw requests to every adapter under every server: each must get the same answer from all of them.

::

    python -m tests.differential --requests 20000

from the root of the project. The package that is installed is the one that is tried.
"""

import sys
from pathlib import Path

# "-m" puts this folder first; it stays for finding this package, after what is installed.
for _first in ("", str(Path.cwd())):
    if sys.path and sys.path[0] == _first:
        sys.path.append(sys.path.pop(0))
sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))
