"""What is printed cannot take over a terminal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensechain_hooks.cli._output import columns, echo, echo_json, note, printable


@given(st.text())
def test_printable_leaves_nothing_to_obey(text):
    """Whatever the text, nothing in it moves a cursor, changes a colour or reverses the reading direction."""
    assert printable(text).isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("license.revoked", "license.revoked"),
        ("na\N{LATIN SMALL LETTER I WITH DIAERESIS}ve", "na\N{LATIN SMALL LETTER I WITH DIAERESIS}ve"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b31m", r"\x9b31m"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x7f\x00", r"\x7f\x00"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}", r"\u202e"),
        ("\udcff", r"\udcff"),
    ],
)
def test_printable_spells_out_control_characters(text, expected):
    """Control characters are spelled out, everything else stays."""
    assert printable(text) == expected


@given(st.dictionaries(st.text(), st.text()))
def test_json_lines_hold_no_control_characters(value):
    """A JSON line is one line of printable ASCII that reads back as the value."""
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()) as out:
        echo_json(value)
    line = out.getvalue()
    assert (json.loads(line), line[-1], line[:-1].isascii(), line[:-1].isprintable()) == (value, "\n", True, True)


def test_results_and_notes_are_apart(capsys):
    """Results go to stdout, notes to stderr."""
    echo("a result")
    note("a note")
    assert tuple(capsys.readouterr()) == ("a result\n", "a note\n")


def test_columns_are_aligned():
    """Plain tables stand in columns, without trailing spaces."""
    assert columns([("a", "b", ""), ("long", "c", "x")]) == ["a     b", "long  c  x"]


@pytest.fixture
def stats(on_a_terminal, invoke, environ, tmp_path):
    """A function: the exit code and the table of an inbox in which nothing waits, on a terminal."""
    url = f"sqlite:///{tmp_path}/inbox.db"
    assert invoke("inbox", "migrate", "--inbox", url).exit_code == 0

    def show(environ=environ, **variables):
        settings = environ | {"TERM": "xterm-256color", "COLUMNS": "100"} | variables
        return on_a_terminal("inbox", "stats", "--inbox", url, environ=settings)

    return show


def test_a_framed_and_coloured_table_on_a_terminal(stats):
    """On a terminal a table is framed, and good verdicts are green."""
    code, shown = stats()
    assert (code, "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * 15 in shown, shown.count("\x1b[32m0")) == (0, True, 7)


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_color_is_respected(variable, stats):
    """Who wants no colours gets plain columns on a terminal too."""
    code, shown = stats(**variable)
    assert (code, "\x1b" in shown, "processed   0" in shown) == (0, False, True)


def test_without_rich_the_table_is_plain(stats, shadowed, environ, tmp_path):
    """Without rich tables are plain columns."""
    code, shown = stats(shadowed("rich", tmp_path, environ))
    assert (code, "processed   0" in shown) == (0, True)
