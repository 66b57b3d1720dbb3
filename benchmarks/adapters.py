"""The adapters: against a bare handler of the same framework, in process and over HTTP."""

from benchmarks import _http, _in_process
from benchmarks._measure import Row


def rows(*, rounds: int | None, quick: bool) -> list[Row]:
    """Every row."""
    in_process = _in_process.rows(rounds=rounds or (2 if quick else 30), requests=50 if quick else 2000)
    over_http = _http.rows(rounds=rounds or (1 if quick else 15), requests=32 if quick else 1600)
    return in_process + over_http
