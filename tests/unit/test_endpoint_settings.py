"""Endpoint settings: what cannot work fails when it is built, and nothing shows a secret."""

import traceback
from dataclasses import FrozenInstanceError, replace
from datetime import timedelta

import pytest
from pydantic import SecretStr

from licensechain_hooks import ConfigurationError, Endpoint

SECRET = "a-signing-secret-of-these-tests"


def fault(**settings) -> str:
    """The message of the refusal to build an endpoint; it never shows a secret."""
    with pytest.raises(ConfigurationError) as caught:
        Endpoint(**{"secrets": SECRET, **settings})
    assert SECRET not in "".join(traceback.format_exception(caught.value, limit=0))
    return str(caught.value)


def shown(endpoint: Endpoint) -> list[str]:
    return [secret.get_secret_value() for secret in endpoint.secrets]


def test_defaults():
    """The defaults are those of the documents."""
    endpoint = Endpoint(secrets=SECRET)
    assert (endpoint.name, endpoint.profile, endpoint.max_body) == ("default", "guide", 1_048_576)
    assert (endpoint.tolerance, endpoint.max_event_age) == (timedelta(seconds=300), timedelta(days=30))
    assert endpoint.read_timeout == timedelta(seconds=2)


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        ("one-secret", ["one-secret"]),
        (SecretStr("one-secret"), ["one-secret"]),
        (["new-one", "old-one"], ["new-one", "old-one"]),
        (("new-one", SecretStr("old-one")), ["new-one", "old-one"]),
        ((text for text in ("new-one", "old-one")), ["new-one", "old-one"]),
        (["\u00fcml\u00e4ut \u2603 with spaces"], ["\u00fcml\u00e4ut \u2603 with spaces"]),
    ],
)
def test_secrets_in_many_forms(secrets, expected):
    """One or several, as text or SecretStr; they are kept in order, as SecretStr."""
    assert expected == shown(Endpoint(secrets=secrets))


@pytest.mark.parametrize("secrets", [None, 7, b"bytes", 1.5, object(), {"eu": SECRET}])
def test_secrets_of_no_kind(secrets):
    """What is neither text nor a list nor callable is refused; so is a mapping, whose keys would sign."""
    assert fault(secrets=secrets) == "secrets must be a list of strings, newest first"


@pytest.mark.parametrize("secret", [None, b"bytes", 7, ["nested"]])
def test_a_secret_that_is_no_text(secret):
    """Bytes are refused too: which text they are is not ours to guess."""
    assert f"not {type(secret).__name__}" in fault(secrets=[secret])


def test_no_secret_at_all():
    """An endpoint without secrets would refuse everything, or accept everything."""
    assert "at least one" in fault(secrets=[])


@pytest.mark.parametrize("secret", ["", " ", "\t\n", "\u00a0", SecretStr("")])
def test_empty_secrets(secret):
    """Row 8: an empty or blank secret is refused alone and among others."""
    assert "empty" in fault(secrets=secret)
    assert "empty" in fault(secrets=[SECRET, secret])


@pytest.mark.parametrize("secret", [" secret-of-mine", "secret-of-mine\n", "secret-of-mine "])
def test_secrets_with_white_space_around(secret):
    """A line end that came with a file signs differently; it is named."""
    assert "white space" in fault(secrets=secret)


@pytest.mark.parametrize(
    "secret",
    [
        "your-webhook-secret",
        "YOUR_WEBHOOK_SECRET",
        "your_secret_key",
        "your-secret-here",
        "<your webhook secret>",
        "webhook_secret",
        "my-webhook-secret",
        "signing-secret",
        "the-secret",
        "secret",
        "Secret!",
        "whsec_",
        "whsec_xxxxxxxx",
        "whsec_your_secret",
        "changeme",
        "CHANGE-ME",
        "replace_this",
        "placeholder",
        "todo",
        "FIXME",
        "xxx",
        "XXXXXXXX",
        "insert secret here",
        "example",
    ],
)
def test_placeholders(secret):
    """Row 8: what documents print in place of a secret is no secret."""
    assert fault(secrets=secret) == (
        "a signing secret is a placeholder out of some documentation; use the one of your webhook"
    )


@pytest.mark.parametrize(
    "secret",
    ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "secretary", "todorov-77", "my-secret-garden", "exampled", "\u2603"],
)
def test_what_only_resembles_a_placeholder(secret):
    """A real secret is not refused for its first letters."""
    assert shown(Endpoint(secrets=secret)) == [secret]


def test_a_secret_that_is_not_text_in_utf8():
    """Lone surrogates come from an environment in another encoding."""
    assert "not valid text" in fault(secrets="s\udce9cret-value")


@pytest.mark.parametrize("name", ["tolerance", "max_event_age", "read_timeout"])
@pytest.mark.parametrize("value", [300, 0.5, "300", timedelta(0), timedelta(seconds=-1)])
def test_durations(name, value):
    """Durations are positive timedeltas: a bare number has no unit."""
    assert fault(**{name: value}).startswith(f"{name} must be a positive datetime.timedelta")


@pytest.mark.parametrize("name", ["tolerance", "read_timeout"])
def test_durations_that_must_be_set(name):
    """Only the age of an event may be without bound."""
    assert name in fault(**{name: None})
    assert Endpoint(secrets=SECRET, max_event_age=None).max_event_age is None


@pytest.mark.parametrize("value", [0, -1, 1.5, "1024", None])
def test_max_body(value):
    """The largest body is a positive number of bytes."""
    assert fault(max_body=value) == "max_body must be a positive number of bytes"


@pytest.mark.parametrize("value", ["", "Guide", "strict", None])
def test_profile(value):
    """There are two profiles."""
    assert fault(profile=value) == f"profile must be 'guide' or 'compat', not {value!r}"


@pytest.mark.parametrize("name", ["", "e u", "eu\n", "\x1b[31m", "\u00e9", "a" * 101, "a/b"])
def test_name(name):
    """Rows 43 and 44: an endpoint's name is safe to print, for it is in every log line."""
    assert fault(name=name).startswith("an endpoint's name is 1 to 100 letters")


@pytest.mark.parametrize("wrong", [{"name": None}, {"name": 7}, {"profile": []}, {"clock": None}])
def test_settings_of_a_wrong_kind(wrong):
    """Settings read from a file may be of any type: the refusal is a ConfigurationError that names the setting."""
    (name,) = wrong
    assert name in fault(**wrong)


@pytest.mark.parametrize("name", ["eu", "EU-2", "a.b_c", "a" * 100])
def test_names_that_are_fine(name):
    """Letters, digits and three signs."""
    assert name == Endpoint(secrets=SECRET, name=name).name


def test_secrets_are_never_shown():
    """Row 43: neither repr nor str of an endpoint holds a secret or a key."""
    endpoint = Endpoint(secrets=[SECRET, "another-one"])
    for text in (repr(endpoint), str(endpoint), f"{endpoint}"):
        assert SECRET not in text
        assert "another-one" not in text
        assert "**********" in text


def test_an_endpoint_does_not_change():
    """It is frozen: to change a setting, build another."""
    endpoint = Endpoint(secrets=SECRET)
    with pytest.raises(FrozenInstanceError):
        endpoint.tolerance = timedelta(1)
    assert replace(endpoint, name="eu").secrets == endpoint.secrets


def test_arguments_are_named():
    """Every setting is given by its name."""
    with pytest.raises(TypeError):
        Endpoint([SECRET])
