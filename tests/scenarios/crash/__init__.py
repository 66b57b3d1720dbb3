"""Workers that are killed and stopped at any moment, and what is left of their work.

::

    python -m tests.scenarios.crash --inbox postgres --events 3000 --kills 60 --stops 30

from the root of the project. With ``--engine`` the workers are a task queue's: celery, dramatiq or huey. The package that is installed is the one that is tried.
"""

import sys
from pathlib import Path

# "-m" puts this folder first; it stays for finding this package, after what is installed.
for _first in ("", str(Path.cwd())):
    if sys.path and sys.path[0] == _first:
        sys.path.append(sys.path.pop(0))
