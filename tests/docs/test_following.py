"""A page that says what is not so is found out."""

import signal
from pathlib import Path

import pytest
from following import follow
from pages import PageError, blocks_of, commands_of, matches

FENCE = "```"


def fenced(language: str, *lines: str, before: str = "") -> str:
    """A page of one block."""
    return "\n".join([*([before] if before else []), f"{FENCE}{language}", *lines, FENCE, ""])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder."""
    made = tmp_path / "page"
    made.mkdir()
    return made


def test_files_and_commands(folder: Path) -> None:
    """A page's files are written, its commands typed, and what they print is compared."""
    page = fenced("python", "# app/greet.py", "print('good', 'day')") + fenced(
        "console", "$ export NAME=Ada", "$ python app/greet.py", "good day", "$ echo $NAME; pwd", "Ada", "/.../page"
    )
    follow(page, folder)
    assert (folder / "app" / "greet.py").read_text() == "# app/greet.py\nprint('good', 'day')\n"


def test_addition(folder: Path) -> None:
    """What belongs at the end of a file is added to it."""
    page = fenced("python", "# a.py", "x = 1") + fenced("python", "# a.py, at the end", "print(x)")
    follow(page + fenced("console", "$ python a.py", "1"), folder)


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        (fenced("console", "$ echo one", "two"), r"should print:\ntwo"),
        (fenced("console", "$ false"), "'false' ended with 1"),
        (fenced("python", "raise SystemExit(3)"), "the script ended with 3"),
        (fenced("python", "# a.py", "x = 1"), "nothing on the page executes a.py"),
        (fenced("python", "# ../a.py", "x = 1"), "not below the page's folder"),
        (fenced("toml", "x = 1"), "neither run nor says why not"),
        (fenced("toml", "x = 1", before="<!-- not run: -->"), "does not say why"),
        (fenced("console", '$ pip install "licensechain-hooks[nosuch]"'), "there is no extra nosuch"),
        (fenced("console", "$ echo ready", before="<!-- until: steady -->"), "ended with 0 and printed"),
        (fenced("console", "no prompt"), "has no command"),
        (fenced("console", "$ true") + fenced("text", "", before="<!-- shown in: main -->"), "is empty"),
        ("\n<!-- hidden\n" + fenced("console", "$ false") + "-->\n", "line 3: 'false' ended"),
    ],
)
def test_untrue_pages(folder: Path, page: str, complaint: str) -> None:
    """Each thing that a page can say wrongly fails it, and the line is named."""
    with pytest.raises(PageError, match=complaint):
        follow(page, folder)


def test_expected_failure(folder: Path) -> None:
    """A command may fail where the page shows with what."""
    follow(fenced("console", "$ exit_with() { return $1; }; exit_with 4", "$ echo $?", "4"), folder)


def test_server_in_another_terminal(folder: Path) -> None:
    """A server stays in its terminal at a free port, shows what it is asked, and Ctrl-C ends it."""
    serve = fenced(
        "console",
        "$ python -m http.server 8000 --bind 127.0.0.1",
        "Serving HTTP on 127.0.0.1 port 8000 ...",
        before="<!-- terminal: server; until: http://127.0.0.1:8000 -->",
    )
    ask = fenced("python", "from urllib.request import urlopen", "urlopen('http://127.0.0.1:8000/').read()")
    shown = fenced("text", '127.0.0.1 - - [...] "GET / HTTP/1.1" 200 -', before="<!-- shown in: server -->")
    gone = fenced("console", "$ echo gone", "gone", before="<!-- stop: server -->")
    follow(serve + ask + shown + gone, folder)


def test_ctrl_c_works(folder: Path) -> None:
    """A server that leaves Ctrl-C to Python ends by it, also where those who started the tests have it ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        waits = "$ python -c 'print(1234, flush=True); import time; time.sleep(600)'"
        page = fenced("console", waits, before="<!-- terminal: server; until: 1234 -->")
        follow(page + fenced("console", "$ echo over", "over", before="<!-- stop: server -->"), folder)
    finally:
        signal.signal(signal.SIGINT, before)


def test_not_run(folder: Path) -> None:
    """A block that says why it is not run is not."""
    follow(fenced("console", "$ false", before="<!-- not run: it fails -->"), folder)


def test_blocks() -> None:
    """A block has its line, its language, its text without the indentation, and what the comment before it says."""
    page = f"1. Do:\n\n   <!-- terminal: a; until: b c -->\n   {FENCE}console\n   $ x\n   {FENCE}\n\n{FENCE}{{note}}\n{FENCE}\n"
    (block,) = blocks_of(page)
    expected = (4, "console", "$ x\n", {"terminal": "a", "until": "b c"})
    assert (block.line, block.language, block.text, block.markers) == expected


def test_commands_of_several_lines() -> None:
    """A command goes on after a backslash and at the shell's second prompt."""
    text = "$ echo one \\\n    two\none two\n$ cat <<END\n> x\n> END\nx\n"
    found = [(command.text, command.printed) for command in commands_of(text)]
    assert found == [("echo one \\\n    two", "one two"), ("cat <<END\nx\nEND", "x")]


@pytest.mark.parametrize(
    ("expected", "printed", "fits"),
    [("a ... c", "a b c", True), ("a\n...\nd", "a\nb\nc\nd\n", True), ("a.c", "abc", False), ("a", "a b", False)],
)
def test_dots(expected: str, printed: str, *, fits: bool) -> None:
    """Three dots stand for whatever, and nothing else does."""
    assert matches(expected, printed) is fits
