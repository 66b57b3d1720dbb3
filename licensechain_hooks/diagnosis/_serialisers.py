"""JSON as the standard serialisers of other languages write it: one value, and as many byte strings.

Written after those serialisers' documents, for the events of LicenseChain: objects, texts, numbers of usual size.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["SERIALISERS"]

_HTML = re.compile("[<>&\u2028\u2029]")  # encoding/json's HTMLEscape
_LINE_ENDS = re.compile("[\u2028\u2029]")  # which PHP escapes even under JSON_UNESCAPED_UNICODE


def _python(value: Any) -> str:
    return json.dumps(value)


def _node(value: Any) -> str:
    return _compact(_without_zero_fractions(value))


def _go(value: Any) -> str:
    return _HTML.sub(_escaped, _compact(_without_zero_fractions(value), sort_keys=True))


def _rust(value: Any) -> str:
    return _compact(value, sort_keys=True)


def _php(value: Any) -> str:
    return _LINE_ENDS.sub(_escaped, _compact(_without_zero_fractions(value)).replace("/", "\\/"))


def _compact(value: Any, *, sort_keys: bool = False) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=sort_keys)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _without_zero_fractions(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, dict):
        return {name: _without_zero_fractions(item) for name, item in value.items()}
    return [_without_zero_fractions(item) for item in value] if isinstance(value, list) else value


SERIALISERS: Mapping[str, Callable[[Any], str]] = {
    "python": _python,
    "node": _node,
    "go": _go,
    "rust": _rust,
    "php": _php,
}
"""``json.dumps``, ``JSON.stringify``, ``encoding/json``, ``serde_json`` and ``json_encode``, each with its
defaults, but PHP's with ``JSON_UNESCAPED_UNICODE``. They take what ``json.loads`` gave."""
