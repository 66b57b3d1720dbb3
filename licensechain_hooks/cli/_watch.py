"""How ``monitor --watch`` shows what it sees: a table that is drawn anew, or lines that tell what has changed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from licensechain_hooks.cli._advice import FINDINGS_HEADER, advice, all_facts, finding_row, sum_up
from licensechain_hooks.cli._findings import Finding, Findings
from licensechain_hooks.cli._output import echo, echo_json, note, paint, printable
from licensechain_hooks.operations.words import spell_moment

__all__ = ["View", "opened_view"]


class View(Protocol):
    """Shows what a watch sees."""

    def show(self, findings: Findings) -> None:
        """What a look has shown."""

    def tell_trouble(self, trouble: str) -> None:
        """Why there was nothing to see."""


@contextmanager
def opened_view(form: str) -> Iterator[View]:
    """The view for a format: a live table on a terminal, else lines."""
    if form == "text" and sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        try:
            live = _live()
        except ImportError:
            pass
        else:
            with live as view:
                yield view
            return
    yield _Lines() if form == "text" else _Objects()


class _Troubled:
    """Tells trouble once, and its end."""

    def __init__(self) -> None:
        self._trouble = ""

    def tell_trouble(self, trouble: str) -> None:
        if trouble != self._trouble:
            note(trouble)
        self._trouble = trouble

    def end_trouble(self) -> None:
        if self._trouble:
            note("it answers again")
        self._trouble = ""


class _Lines(_Troubled):
    """A line for each finding that is new, and for each that is no more."""

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[Any, Finding] | None = None
        self._advised: set[str] = set()

    def show(self, findings: Findings) -> None:
        self.end_trouble()
        now = {finding.key: finding for finding in findings.found}
        before = self._open or {}
        if self._open is None or (before and not now):
            echo(sum_up(findings))
        for key in [key for key in before if key not in now]:
            self._print(findings, "settled", before[key], good=True)
        for key in [key for key in now if key not in before]:
            self._print(findings, "found", now[key], good=False)
        for line in advice(findings):
            if line not in self._advised:
                note(line)
        self._advised.update(advice(findings))
        self._open = now

    def _print(self, findings: Findings, verdict: str, finding: Finding, *, good: bool) -> None:
        event_id, event_type, _, _, answer, _, problem = finding_row(finding)
        cells = (f"{event_type:<22}", event_id, f"{problem}: {answer}" if "failed" in problem else problem)
        echo("  ".join((spell_moment(findings.checked_at), paint(f"{verdict:<7}", good=good), *cells)))


class _Objects(_Troubled):
    """A JSON object for each look."""

    def show(self, findings: Findings) -> None:
        self.end_trouble()
        echo_json(all_facts(findings))


def _live() -> Any:
    from rich import box  # noqa: PLC0415 - slow to import, and only for a terminal
    from rich.console import Console, Group  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    class LiveView:
        """Draws all anew."""

        def __init__(self, live: Live) -> None:
            self._live = live
            self._shown: list[Any] = []

        def show(self, findings: Findings) -> None:
            style = "bold red" if findings.found else "green"
            self._shown = [Text(sum_up(findings), style=style)]
            if findings.found:
                table = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1, 0, 0), pad_edge=False)
                for name in FINDINGS_HEADER:
                    table.add_column(name, overflow="fold")
                for finding in findings.found:
                    *cells, problem = map(Text, finding_row(finding))
                    problem.stylize("bold red")
                    table.add_row(*cells, problem)
                self._shown += [table, *map(Text, advice(findings))]
            self._shown.append(Text(f"seen at {spell_moment(findings.checked_at)}; Ctrl-C ends", style="dim"))
            self._draw()

        def tell_trouble(self, trouble: str) -> None:
            self._draw(Text(printable(trouble), style="bold yellow"))

        def _draw(self, *more: Any) -> None:
            self._live.update(Group(*self._shown, *more), refresh=True)

    @contextmanager
    def live() -> Iterator[LiveView]:
        console = Console(highlight=False, emoji=False, markup=False)
        with Live(console=console, auto_refresh=False, vertical_overflow="visible") as drawn:
            yield LiveView(drawn)

    return live()
