"""The command line, ``licensechain-hooks``: one module per command, imported when the command is used.

Results go to stdout, progress and errors to stderr. Exit codes: 0 ok, 1 failure, 2 usage, 3 a signature or time that
does not hold, 4 findings, 130 Ctrl-C.
"""

try:
    import click
except ImportError as exc:
    msg = "the command line needs click: pip install 'licensechain-hooks[cli]'"
    raise ImportError(msg) from exc

from licensechain_hooks.cli._group import CommandGroup, version_option

__all__ = ["main"]

_COMMANDS = {
    "demo": "Play a license's life, and what can go wrong with it.",
    "emulator": "Be a LicenseChain on this machine, with faults and a page.",
    "listen": "Receive deliveries on this machine and print a line for each.",
    "trigger": "Sign an event and deliver it to a URL.",
    "verify": "Check the signature and the time of a captured delivery.",
    "doctor": "Find out what is wrong with a setup or a delivery, and what to do.",
    "probe": "Find out what any endpoint does with bad input.",
    "inbox": "Look at the inbox; replay, discard and purge its entries.",
    "worker": "Run the handlers of stored entries, until it is stopped.",
    "sweep": "Enqueue entries that are due and have not been run.",
    "webhooks": "See and change what LicenseChain delivers where.",
    "monitor": "Find failed deliveries, and events that the inbox lacks.",
}


@click.group(cls=CommandGroup, summaries=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@version_option
def main() -> None:
    """Receive LicenseChain's webhooks: try it, set it up, watch it, repair it."""
