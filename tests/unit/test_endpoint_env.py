"""Secrets from the environment and from files."""

from datetime import timedelta

import pytest

from licensechain_hooks import ConfigurationError, Endpoint

VARIABLE = "LICENSECHAIN_WEBHOOK_SECRET"
FILE = "LICENSECHAIN_WEBHOOK_SECRET_FILE"


def shown(endpoint: Endpoint) -> list[str]:
    return [secret.get_secret_value() for secret in endpoint.secrets]


def fault(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Endpoint.from_env(environ)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("new-one", ["new-one"]),
        ("new-one,old-one", ["new-one", "old-one"]),
        (" new-one , old-one ,, ", ["new-one", "old-one"]),
    ],
)
def test_a_comma_list(value, expected):
    """The variable is a list, newest first; blanks around and between are not part of a secret."""
    assert expected == shown(Endpoint.from_env({VARIABLE: value}))


def test_the_environment_of_the_process(monkeypatch):
    """Without an argument it is the process's environment."""
    monkeypatch.delenv(FILE, raising=False)
    monkeypatch.setenv(VARIABLE, "from-the-process")
    assert shown(Endpoint.from_env()) == ["from-the-process"]


def test_other_settings():
    """All other settings are arguments."""
    endpoint = Endpoint.from_env({VARIABLE: "new-one"}, name="eu", tolerance=timedelta(seconds=60))
    assert (endpoint.name, endpoint.tolerance) == ("eu", timedelta(seconds=60))


@pytest.mark.parametrize("environ", [{}, {VARIABLE: ""}, {VARIABLE: " , "}, {FILE: ""}])
def test_no_secret(environ):
    """Row 8: an environment without a secret is refused, and the message names the variable."""
    assert VARIABLE in fault(environ)


def test_both_variables(tmp_path):
    """Which of two sources is meant is not guessed."""
    path = tmp_path / "secret"
    path.write_text("from-the-file\n")
    assert "not both" in fault({VARIABLE: "new-one", FILE: str(path)})


@pytest.mark.parametrize("text", ["new-one\nold-one\n", "new-one\r\nold-one", "\n new-one \n\nold-one\n\n"])
def test_a_file(tmp_path, text):
    """A file holds one secret a line, newest first, whatever its line ends."""
    path = tmp_path / "secret"
    path.write_bytes(text.encode())
    assert shown(Endpoint.from_env({FILE: str(path)})) == ["new-one", "old-one"]


def test_a_comma_in_a_file_is_part_of_the_secret(tmp_path):
    """Only the variable is a comma list."""
    path = tmp_path / "secret"
    path.write_text("one,secret\n")
    assert shown(Endpoint.from_env({FILE: str(path)})) == ["one,secret"]


def test_a_byte_order_mark_is_not_part_of_the_secret(tmp_path):
    """Editors on Windows put one before the first line; with it no signature would ever match."""
    path = tmp_path / "secret"
    path.write_bytes(b"\xef\xbb\xbfnew-one\r\n")
    assert shown(Endpoint.from_env({FILE: str(path)})) == ["new-one"]


def test_an_empty_file(tmp_path):
    """Row 8: a file without a secret is refused by name."""
    path = tmp_path / "secret"
    path.write_text(" \n\n")
    assert fault({FILE: str(path)}).startswith(f"{path} holds no signing secret")


def test_a_file_that_cannot_be_read(tmp_path):
    """A missing file, a folder and bytes that are no text: named, not guessed around."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00secret")
    for path, error in (
        (tmp_path / "none", "FileNotFoundError"),
        (tmp_path, "IsADirectoryError"),
        (binary, "UnicodeDecodeError"),
    ):
        message = fault({FILE: str(path)})
        assert message == f"cannot read the signing secrets from {path}: {error}"


@pytest.mark.parametrize("value", ["your-webhook-secret", "new-one,changeme"])
def test_placeholders_in_the_environment(value):
    """Row 8: a copied example file is noticed."""
    assert "placeholder" in fault({VARIABLE: value})
