"""Settings of a client: what cannot work fails before the first call."""

import importlib.util
import sys
from ast import ImportFrom, dump, parse, walk
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from licensechain_hooks import ConfigurationError


def test_settings_come_from_the_environment(connect, server, reply, monkeypatch):
    """LICENSECHAIN_API_KEY and LICENSECHAIN_BASE_URL, where nothing is passed."""
    monkeypatch.setenv("LICENSECHAIN_API_KEY", "lc_of_the_environment")
    monkeypatch.setenv("LICENSECHAIN_BASE_URL", server.base_url + "/")
    server.replies = [reply(200, b"[]")]
    client = connect(api_key=None)
    assert server.address in repr(client)
    client.webhooks.list()
    assert server.lines == ["GET /v1/webhooks?page=1&limit=10 HTTP/1.1"]
    assert b"\r\nAuthorization: Bearer lc_of_the_environment\r\n" in server.requests[0]


def test_the_service_is_the_default(connect):
    """Without a base URL it is LicenseChain's."""
    assert "LicenseChainClient of api.licensechain.app>" in repr(connect())


@pytest.mark.parametrize("key", [None, "", "a b", "a\n", "é", "\x7f", 7, b"key", SecretStr("")])
def test_a_key_that_is_none(connect, key):
    """The message does not repeat it."""
    with pytest.raises(ConfigurationError, match="API key") as caught:
        connect(api_key=key)
    assert "a b" not in str(caught.value)


def test_a_key_may_be_a_secret(connect, server, reply):
    """As settings libraries give it."""
    server.replies = [reply(200, b"[]")]
    connect(server.base_url, api_key=SecretStr("lc_hidden")).webhooks.list()
    assert b"Bearer lc_hidden\r\n" in server.requests[0]


@pytest.mark.parametrize(
    "url",
    [
        "http://api.licensechain.app/v1",
        "http://192.168.0.7/v1",
        "http://localhost.evil.example/v1",
        "http://127.0.0.1.evil.example/v1",
        "api.licensechain.app/v1",
        "ftp://127.0.0.1/v1",
        "https:///v1",
        "https://user:pass@api.example/v1",
        "https://api.example/v1?key=pass",
        "https://api.example/v1#pass",
        "https://api.example/v1?",
        "https://api.example:port/v1",
        "https://api.example:99999/v1",
        "https://[::1/v1",
        "https://api..example/v1",
        "https://a b/v1",
        "https://api.example/a b",
        "https://é.example/v1",
        b"https://api.example/v1",
        7,
    ],
)
def test_a_base_url_that_cannot_be_used(connect, url):
    """In clear text only to this machine; no user, query or fragment; a host that can be looked up."""
    with pytest.raises(ConfigurationError, match="base_url") as caught:
        connect(url)
    assert "pass" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/v1",
        "http://127.9.9.9/v1",
        "http://localhost:1/v1/",
        "http://[::1]:1/v1",
        "https://API.example./v1",
    ],
)
def test_a_base_url_that_can(connect, url):
    """This machine in clear text, others by https."""
    assert "LicenseChainClient of" in repr(connect(url))


@pytest.mark.parametrize(
    "setting",
    [
        {"timeout": 10},
        {"timeout": timedelta(0)},
        {"timeout": None},
        {"attempts": 0},
        {"attempts": True},
        {"attempts": "3"},
    ],
)
def test_numbers_that_cannot_work(connect, setting):
    """The message names the setting."""
    with pytest.raises(ConfigurationError, match=next(iter(setting))):
        connect("http://127.0.0.1:1/v1", **setting)


@pytest.mark.parametrize("lacking", ["httpx2", "stamina"])
def test_without_the_extra_the_import_says_what_to_install(monkeypatch, lacking):
    """And only the import of the client."""
    for name in [name for name in sys.modules if name.startswith("licensechain_hooks.client")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, lacking, None)
    with pytest.raises(ImportError, match=r"pip install 'licensechain-hooks\[client\]'"):
        importlib.import_module("licensechain_hooks.client")


def test_the_synchronous_half_is_current():
    """It is what the generator makes of the asynchronous one."""
    tool = Path(__file__).parents[2] / "tools" / "generate_sync_client.py"
    spec = importlib.util.spec_from_file_location("generate_sync_client", tool)
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    for name, target in generator.MODULES.items():
        made = generator.synchronous((generator.CLIENT / name).read_text("utf-8"), name)
        assert _plain(made) == _plain((generator.CLIENT / target).read_text("utf-8"))
        assert "Async" not in made


def _plain(source):
    """What a module does, whatever its layout and the order of its imports."""
    tree = parse(source)
    for node in walk(tree):
        if isinstance(node, ImportFrom):
            node.names.sort(key=lambda alias: alias.name)
    return sorted(dump(node) for node in tree.body)
