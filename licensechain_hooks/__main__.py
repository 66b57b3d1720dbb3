"""``python -m licensechain_hooks``: the command line."""

import sys

if __name__ == "__main__":
    try:
        from licensechain_hooks.cli import main
    except ModuleNotFoundError:
        raise
    except ImportError as error:  # the extra is missing; the message says how to install it
        sys.exit(f"licensechain-hooks: {error}")
    main(prog_name="licensechain-hooks")
