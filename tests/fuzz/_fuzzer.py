"""The process that fuzzes: ``python -m tests.fuzz._fuzzer TARGET`` and libFuzzer's own arguments."""

import logging
import sys
from importlib import import_module


def main() -> None:
    """Fuzz until time is up, which ends this process."""
    import atheris

    name = sys.argv.pop(1)
    logging.getLogger("licensechain_hooks").addHandler(logging.NullHandler())
    logging.getLogger("licensechain_hooks").propagate = False  # what is refused is no news here
    with atheris.instrument_imports(include=["licensechain_hooks"]):
        target = import_module(f"tests.fuzz._{name}")
    atheris.Setup(sys.argv, target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
