"""``licensechain-hooks probe``: whether an endpoint, in any language, survives the catalogue of bad input."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from licensechain_hooks.cli._options import (
    allow_remote_option,
    format_option,
    load_secrets,
    profile_option,
    secret_file_option,
)
from licensechain_hooks.cli._output import echo_json, note, printable
from licensechain_hooks.cli._sheet import facts, is_good, junit, show_sheet, summed_up
from licensechain_hooks.cli._target import parse_target
from licensechain_hooks.operations.progress import progress
from licensechain_hooks.testing.probe import Finding, Probe, UnreachableError, size_of

__all__ = ["command"]

_FINDINGS = 4
_MEBIBYTE = 2**20
_REQUESTS, _MEGABYTES = size_of("guide", _MEBIBYTE)


@click.command(
    "probe",
    epilog=f"A whole probe sends {_REQUESTS} requests, at most {_MEGABYTES} megabytes with the default --max-body, one "
    "after the other but for twenty at once. Good deliveries are among them: the endpoint's handlers will run for "
    "license.created and for unknown types, about a license lic_1 that does not exist. Do not point it at production.",
)
@click.argument("url", metavar="URL")
@secret_file_option
@profile_option
@click.option("--only", metavar="ROW/NAME", multiple=True, help="Only this: a row's number, a name, or both.")
@click.option(
    "--max-body",
    metavar="BYTES",
    type=click.IntRange(4096, 16 * _MEBIBYTE),
    default=_MEBIBYTE,
    show_default=True,
    help="The largest body that the endpoint is meant to take.",
)
@click.option(
    "--runs",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where a handler of the endpoint writes down each event's id, a line each: shows whether duplicates run.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 60),
    default=5.0,
    show_default=True,
    help="For each answer; LicenseChain waits for 5.",
)
@click.option(
    "--pause", metavar="SECONDS", type=click.FloatRange(0, 60), default=0.0, help="Between two requests. By default 0."
)
@click.option("--strict", is_flag=True, help="Fault every answer that our own adapters would not give.")
@click.option("--all", "shows_all", is_flag=True, help="List everything, each on a line of its own.")
@allow_remote_option
@format_option("text", "json", "jsonl", "junit")
@click.pass_context
def command(
    context: click.Context,
    *,
    url: str,
    secret_file: str | None,
    profile: Any,
    only: Sequence[str],
    max_body: int,
    runs: Path | None,
    timeout: float,
    pause: float,
    strict: bool,
    shows_all: bool,
    allow_remote: bool,
    form: str,
) -> None:
    """Find out what any endpoint does with bad input.

    The catalogue of what receivers have to survive, in whatever language they are written, is sent to URL as raw bytes,
    and every answer is judged: ok, as our own adapters answer; differs, which does no harm by itself; falls short,
    which no receiver may do; unseen, where nobody can tell from outside. The first secret signs, and no redirect is
    followed. Exits with 4 when the endpoint falls short, with 0 when it does not, with 1 when it cannot be reached.
    """
    parse_target(url, allow_remote=allow_remote, name="URL")
    secret = load_secrets(secret_file)[0]
    try:
        probe = Probe(
            url,
            secret,
            profile=profile,
            max_body=max_body,
            seconds=timeout,
            pause=pause,
            only=only,
            runs=runs,
            allow_remote=allow_remote,
        )
    except ValueError as exc:
        msg = f"--only: {printable(str(exc))}"
        raise click.UsageError(msg) from exc
    found = []
    try:
        for finding in _shown(probe):
            found.append(finding)
            if form == "jsonl":
                echo_json(facts(finding))
    except UnreachableError as exc:
        raise click.ClickException(printable(str(exc))) from exc
    is_ok = all(is_good(finding, strict=strict) for finding in found)
    if form == "json":
        counts = dict(Counter(finding.verdict for finding in found))
        echo_json({"url": url, "ok": is_ok, "counts": counts, "findings": list(map(facts, found))}, indent=2)
    elif form == "junit":
        click.echo(junit(url, found, strict=strict))
    elif form == "text":
        show_sheet(found, strict=strict, shows_all=shows_all, is_whole=len(found) >= len(probe.items))
    context.exit(0 if is_ok else _FINDINGS)


def _shown(probe: Probe) -> Iterator[Finding]:
    """The findings, while a bar shows how far it has come."""
    counts: Counter[str] = Counter()
    with progress("probing", note) as tell:
        for number, finding in enumerate(probe.findings(), start=1):
            counts[finding.verdict] += 1
            tell(f"{number} of {len(probe.items)}: {summed_up(counts)}")
            yield finding
