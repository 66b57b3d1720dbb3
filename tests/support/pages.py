"""Pages of the documentation, run as what they are: instructions.

The fenced blocks of a page are followed in their order, in a folder of the page's own:

- A block whose first line is a comment that names a file (``# shop/models.py``) becomes this file, or, with ``, at the
  end`` after the name, is added to it. A Python file also has to be executed by something on the page.
- ``python`` without a file name is run as a script.
- ``console``: what follows ``$ `` is typed into a terminal. The lines below it are what must be printed, where there
  are any; ``...`` stands for whatever. A command that fails fails the page, unless ``$ echo $?`` comes next.
- Any other block has to say why it is not run.

An HTML comment on the line before a block says more. Several are separated by ``;``:

- ``not run: WHY``
- ``terminal: NAME``: another terminal than ``main``.
- ``until: TEXT``: the last command stays; go on once its terminal shows the text.
- ``stop: NAME``: first press Ctrl-C there.
- ``shown in: NAME``: the block's text is what this terminal shows, or will soon. ``unordered``: its lines, in any order.

A block inside an HTML comment is followed too, unseen by readers: the comment opens on the line before it.
Ports that pages speak of are exchanged for free ones, so that pages can be followed side by side.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Block", "Command", "blocks_of", "commands_of", "matches"]

_FENCE = re.compile(
    r"(?:^[ ]*<!--(?P<marker>[^\n]*?)(?:-->)?[ ]*\n)?"
    r"^(?P<indent>[ ]*)(?P<fence>`{3,})(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)(?P=fence)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
_NAMED = re.compile(r"\s*(?:#|//|--|;|/\*|<!--|\{#) (?P<name>[\w./-]+\.\w+)(?P<remark>, [^\n]*?)?(?: \*/| -->| #\})?")
_MARKERS = {"not run", "terminal", "until", "stop", "shown in", "unordered"}


class PageError(AssertionError):
    """A page does not say what happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page.

    Attributes:
        line: where it begins in the page.
        language: the word after the fence.
        text: what is in it.
        markers: what the comment before it says.
    """

    line: int
    language: str
    text: str
    markers: dict[str, str] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """The file that it is; empty where it is none."""
        found = _NAMED.fullmatch(self.text.split("\n", 1)[0])
        return found["name"] if found else ""

    @property
    def is_addition(self) -> bool:
        """Whether it is to be added to the file."""
        found = _NAMED.fullmatch(self.text.split("\n", 1)[0])
        return found is not None and (found["remark"] or "") == ", at the end"


@dataclass(frozen=True, slots=True)
class Command:
    """What is typed into a terminal, and what it must print; ``None``: whatever."""

    text: str
    printed: str | None


def blocks_of(page: str) -> Iterator[Block]:
    """The blocks of a page, but for the directives of Sphinx, which its build checks."""
    for found in _FENCE.finditer(page):
        language = found["language"].strip()
        if language.startswith("{"):
            continue
        indent = len(found["indent"])
        yield Block(
            line=page.count("\n", 0, found.start("fence")) + 1,
            language=language,
            text="".join(line[min(indent, len(line) - 1) :] for line in found["text"].splitlines(keepends=True)),
            markers=_markers_of(found["marker"] or ""),
        )


def commands_of(text: str) -> list[Command]:
    """The commands of a ``console`` block."""
    commands: list[Command] = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        length = 1
        while length < len(lines) and (lines[length - 1].endswith("\\") or lines[length].startswith("> ")):
            length += 1
        typed = "\n".join([lines[0], *(line.removeprefix("> ") for line in lines[1:length])])
        commands.append(Command(typed, "\n".join(lines[length:]).rstrip() or None))
    return commands


def matches(expected: str, printed: str, *, anywhere: bool = False) -> bool:
    """Whether something was printed as a page says, where ``...`` stands for whatever."""
    pattern = ".*?".join(re.escape(part) for part in _stripped(expected).split("..."))
    look = re.search if anywhere else re.fullmatch
    return look(pattern, _stripped(printed), re.DOTALL) is not None


def pages_of(root: Path) -> dict[str, Path]:
    """The pages that there are, by their place."""
    pages = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    return {page.relative_to(root).as_posix(): page for page in pages if "_build" not in page.parts}


def _markers_of(comment: str) -> dict[str, str]:
    markers = {}
    for part in comment.split(";"):
        name, _, value = part.partition(":")
        if name.strip() in _MARKERS:
            markers[name.strip()] = value.strip()
    return markers


def _stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()
