"""Tables of the reference, written out of the code, so that they cannot differ from it: functions giving Markdown."""

from __future__ import annotations

import ast
import inspect
import logging
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from licensechain_hooks import (
    EVENT_CLASSES,
    OUTCOMES,
    Endpoint,
    Receiver,
    WorkerSettings,
    _outcome,
    diagnosis,
    exceptions,
)
from licensechain_hooks._entries import ENTRY_STATES
from licensechain_hooks.cli import _service_checks
from licensechain_hooks.contrib import prometheus
from licensechain_hooks.contrib.django import conf as django_conf
from licensechain_hooks.contrib.django.checks import CHECKS
from licensechain_hooks.contrib.django.management import commands as commands_of_django
from licensechain_hooks.contrib.flask import LicenseChainHooks
from licensechain_hooks.diagnosis import _words
from licensechain_hooks.diagnosis.dialects import DIALECTS
from licensechain_hooks.events.aliases import spellings

_MEANING = {
    "accepted": "stored; a worker runs the handlers (durable mode)",
    "processed": "the handlers have run (inline mode)",
    "duplicate": "this event is known; nothing runs again because of it",
    "in_flight": "another delivery of this event is being run right now (inline mode)",
    "conflict": "the event's id was seen with other content: kept for you to look at, and never run",
    "ignored": "no handler listens for this type",
    "rejected": "refused; the reason says why, in the log and to `on_outcome` only",
    "failed": "a handler failed (inline mode), or something in this process has read the body first",
    "unavailable": "the store is down or slow, or a setting is wrong; also a handler that raised `Retry` (inline mode)",
}
_PAYLOAD = {
    "json_invalid": "not JSON in UTF-8",
    "number_invalid": "it holds a number that no JSON text can, such as NaN",
    "envelope_invalid": "`id`, `type`, `data` or `timestamp` is missing or has another shape",
    "timestamp_invalid": "the day or time of `timestamp` does not exist",
    "type_conflict": "`type` and `event` differ (profile `compat`)",
}
_STATES = {
    "received": "it waits for a worker",
    "processing": "a worker runs its handlers, until its lease ends",
    "processed": "all its handlers have finished",
    "failed": "a handler failed; it runs again at its time",
    "dead": "out of attempts, or discarded: it waits for a person",
    "ignored": "no handler listened when it came, or somebody has discarded it",
    "conflict": "its id was there with other content; it is kept and never run",
}


def events() -> str:
    """Every known type of event."""
    rows = []
    for name, event_class in EVENT_CLASSES.items():
        also = ", ".join(f"`{other}`" for other in spellings(name)[1:])
        rows.append((f"`{name}`", f"`{event_class.__name__}`", _first(event_class).partition(" Also sent as")[0], also))
    return _table(("type", "class", "when", "also spelled"), rows)


def outcomes() -> str:
    """Every outcome, its status, its level in the log."""
    rows = []
    for name in OUTCOMES:
        status = "that of its reason" if name == "rejected" else str(_outcome.Outcome(name=name).status)
        after = _outcome._RETRY_AFTER.get(name)
        level = logging.getLevelName(_outcome._LEVELS.get(name, logging.INFO))
        rows.append((f"`{name}`", status, f"{after} s" if after else "", level, _MEANING[name]))
    return _table(("outcome", "status", "`Retry-After`", "log", "meaning"), rows)


def reasons() -> str:
    """Why a delivery is refused."""
    rows = [
        (f"`{error.reason}`", str(error.status_hint), f"`{name}`", _first(error))
        for name, error in vars(exceptions).items()
        if inspect.isclass(error)
        and issubclass(error, exceptions.LicenseChainHooksError)
        and error.reason not in {"error", "request", "lease_lost", "time_limit"}
    ]
    rows += [
        (f"`{reason}`", "401", "`VerificationError`", _sentence(text))
        for reason, text in exceptions._VERIFICATION_MESSAGES.items()
    ]
    rows += [
        (f"`{reason}`", "400", "`PayloadError`", f"Signed, but {_PAYLOAD[reason]}.")
        for reason in exceptions.PayloadReason.__args__
    ]
    return _table(("reason", "status", "error", "what it says"), sorted(rows, key=lambda row: (row[1], row[0])))


def states() -> str:
    """Every state of an entry."""
    return _table(("state", "meaning"), [(f"`{state}`", _STATES[state]) for state in ENTRY_STATES])


def endpoint() -> str:
    """The settings of an endpoint."""
    return _settings(Endpoint)


def receiver() -> str:
    """The arguments of a receiver."""
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(Receiver).parameters.items()
        if parameter.default is not parameter.empty
    }
    rows = [
        (f"`{name}`", f"`{_spelled(defaults[name])}`" if defaults.get(name) is not None else "", text)
        for name, text in _described(Receiver).items()
    ]
    return _table(("argument", "default", "meaning"), rows)


def worker() -> str:
    """The settings of a worker."""
    return _settings(WorkerSettings)


def django_settings() -> str:
    """The keys of ``LICENSECHAIN_HOOKS``."""
    described = _described(django_conf.EndpointSettings) | _described(django_conf.HookSettings)
    defaults = {field.name: _default(field) for field in fields(django_conf.HookSettings)}
    rows = [
        (
            f"`{name.upper()}`",
            f"`{_spelled(default)}`" if default is not None else "",
            described.get(name) or "see above",
        )
        for name, default in defaults.items()
        if name != "variable"  # which says where secrets come from, and is no key
    ]
    return _table(("key", "default", "meaning"), rows)


def flask_settings() -> str:
    """The keys of Flask's config."""
    text = inspect.cleandoc(LicenseChainHooks.__doc__ or "").split("The app's config says the rest:")[1]
    found = re.findall(r"^((?:``\w+``(?:, )?)+)\n((?:    .+\n?)+)", text, re.MULTILINE)
    return _table(("key", "meaning"), [(_code(keys), _sentence(_code(" ".join(said.split())))) for keys, said in found])


def checks() -> str:
    """Django's system checks."""
    ran = {"always": "always", "deploy": "`check --deploy`", "database": "`check --database`"}
    rows = [
        (
            f"`{check.id.partition('.')[2]}`",
            check.level,
            ran[check.when],
            check.message,
            _code(" ".join(check.about.split())),
        )
        for check in sorted(CHECKS, key=lambda check: check.id)
    ]
    return _table(("id", "level", "when", "what is wrong", "why it matters"), rows)


def commands() -> str:
    """The commands of ``manage.py``."""
    names = sorted(path.stem for path in Path(commands_of_django.__path__[0]).glob("licensechain_*.py"))
    rows = [(f"`{name}`", import_module(f"{commands_of_django.__name__}.{name}").Command.help) for name in names]
    return _table(("`manage.py …`", "what it does"), rows)


def metrics() -> str:
    """Prometheus' metrics."""
    found = re.findall(r"^``(\w+)``\s+(.+)$", prometheus.__doc__ or "", re.MULTILINE)
    return _table(("metric", "what"), [(f"`{name}`", _code(said)) for name, said in found])


def dialects() -> str:
    """The dialects, and which profile takes them."""
    rows = []
    for dialect in DIALECTS.values():
        place = f"`{dialect.signature_header}`" if dialect.signature_header else "`signature` in the body"
        prefix = ", after `sha256=`" if dialect.is_prefixed else ""
        profiles = " and ".join(f"`{name}`" for name in sorted(dialect.accepted_by, reverse=True)) or "none"
        rows.append(
            (f"`{dialect.name}`", _sentence(dialect.source), _sentence(dialect.signs), place + prefix, profiles)
        )
    return _table(("name", "whose", "signs", "signature in", "taken by"), rows)


def findings() -> str:
    """What ``doctor`` says of a captured delivery."""
    rows = [(f"`{code}`", what, todo) for code, (what, _, todo) in {**_words.MESSAGES, **_words.DIGESTS}.items()]
    for path in sorted(Path(diagnosis.__path__[0]).glob("*.py")):
        rows += _findings_in(ast.parse(path.read_text(encoding="utf-8")))
    unique = {row: None for row in rows if row[2]}
    return _table(("code", "what", "do"), [(code, _open(what), _open(todo)) for code, what, todo in sorted(unique)])


def answers() -> str:
    """What ``doctor`` advises about each status."""
    return _table(("answer", "do"), [(str(status), text) for status, text in _service_checks._ADVICE.items()])


def _findings_in(tree: ast.AST) -> Iterator[tuple[str, str, str]]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Finding":
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            for code in _texts(given.get("code")):
                if "…" not in code:
                    what = " or ".join(_texts(given.get("what"))) or code.replace("-", " ")
                    yield f"`{code}`", what, " or ".join(_texts(given.get("todo")))


def _texts(node: ast.AST | None) -> list[str]:
    """What an expression of text may come to; "…" for what nobody knows yet."""
    if isinstance(node, ast.Constant):
        return [str(node.value)] if node.value else []
    if isinstance(node, ast.IfExp):
        return _texts(node.body) + _texts(node.orelse)
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)]
    if isinstance(node, ast.BinOp):
        return [left + right for left in _texts(node.left) for right in _texts(node.right)]
    return []


def _open(text: str) -> str:
    return re.sub(r"\{\w+\}", "…", text)


def _settings(thing: type) -> str:
    described = _described(thing)
    defaults = {field.name: _default(field) for field in fields(thing)}
    rows = [
        (f"`{name}`", f"`{_spelled(defaults[name])}`" if defaults[name] is not MISSING else "", text)
        for name, text in described.items()
    ]
    return _table(("setting", "default", "meaning"), rows)


def _default(field: Any) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def _spelled(value: Any) -> str:
    if isinstance(value, timedelta):
        return next(
            f"{value // timedelta(**{unit: 1})} {unit}".replace("1 minutes", "60 seconds").replace(
                "1 seconds", "1 second"
            )
            for unit in ("days", "hours", "minutes", "seconds")
            if not value % timedelta(**{unit: 1})
        )
    if isinstance(value, WorkerSettings):
        return "WorkerSettings()"
    if inspect.isclass(type(value)) and type(value).__name__ == "Hooks":
        return "default_hooks"
    if value is time.time:
        return "time.time"
    return getattr(value, "__name__", None) or repr(value)


def _described(thing: type) -> Mapping[str, str]:
    """What a docstring says of each argument or attribute."""
    sections = re.split(r"^(Args|Attributes|Raises):\n", inspect.cleandoc(thing.__doc__ or ""), flags=re.MULTILINE)
    text = next((body for head, body in zip(sections[1::2], sections[2::2], strict=True) if head != "Raises"), "")
    found = re.findall(r"^    ([\w, ]+): (.+(?:\n(?:        .*|(?=\n)))*)", text, re.MULTILINE)
    return {name: _sentence(_code(" ".join(said.split()))) for names, said in found for name in re.split(r", ", names)}


def _code(text: str) -> str:
    """Code as Markdown has it, out of docstrings."""
    return re.sub(r"``([^`]+)``", r"`\1`", text)


def _first(thing: object) -> str:
    return _code((thing.__doc__ or "").strip().split("\n\n")[0].replace("\n", " "))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    if len(lines) == 2:
        msg = f"the table of {heads[0]} is empty: what it is written out of has moved"
        raise ValueError(msg)
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
