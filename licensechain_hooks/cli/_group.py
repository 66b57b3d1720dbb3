"""The group all commands live in: it knows their names, and imports one when it is used."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

__all__ = ["CommandGroup", "version_option"]

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class CommandGroup(click.Group):
    """A group whose commands are modules beside this one, each with a ``command``.

    Args:
        summaries: the commands in the order of ``--help``, and what it says of each.
        settings: those of `click.Group`.
    """

    def __init__(self, *, summaries: Mapping[str, str], **settings: Any) -> None:
        super().__init__(**settings)
        self.summaries = summaries

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names of all commands."""
        return list(self.summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of this name."""
        if cmd_name not in self.summaries:
            return None
        command: click.Command = import_module(f"{__package__}.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The commands' part of ``--help``, for which none of them is imported."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries.items()))

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's signature
        **extra: Any,
    ) -> Any:
        """Run, and end with this project's exit codes; click's own would be 1 for Ctrl-C."""
        run = partial(super().main, args, prog_name, complete_var, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        try:
            code: Any = run()
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            sys.exit(_INTERRUPTED)
        sys.exit(code if isinstance(code, int) else 0)


def _show_version(ctx: click.Context, _parameter: click.Parameter, value: Any) -> None:
    if value and not ctx.resilient_parsing:
        try:
            number = version("licensechain-hooks")
        except PackageNotFoundError:
            number = "(not installed)"
        click.echo(f"licensechain-hooks {number}")
        ctx.exit()


version_option = click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
