"""Write contrib/deploy/completions: what click generates for the command `licensechain-hooks`.

``--check`` changes nothing, and ends with 1 where a file is not what would be written.
"""

import sys
from pathlib import Path

from click.shell_completion import get_completion_class

from licensechain_hooks.cli import main

FOLDER = Path(__file__).resolve().parents[1] / "contrib" / "deploy" / "completions"
NAME = "licensechain-hooks"
SHELLS = ("bash", "zsh", "fish")


def completion(shell: str) -> str:
    """The script for a shell."""
    found = get_completion_class(shell)
    if found is None:
        msg = f"click knows no {shell}"
        raise LookupError(msg)
    script = found(main, {}, NAME, "_LICENSECHAIN_HOOKS_COMPLETE")
    return (script.source_template % script.source_vars()).strip() + "\n"


def run(arguments: list[str]) -> int:
    """Write or check the files; the exit code."""
    code = 0
    for shell in SHELLS:
        path, wanted = FOLDER / f"{NAME}.{shell}", completion(shell)
        if path.exists() and path.read_text() == wanted:
            continue
        if "--check" in arguments:
            print(f"{path} is not what click generates: run python {Path(__file__).name}", file=sys.stderr)  # noqa: T201
            code = 1
        else:
            path.write_text(wanted)
    return code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
