"""The pytest plugin: the fixture ``licensechain``. Every test run loads this module, so it imports nothing heavy."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from licensechain_hooks import Receiver
    from licensechain_hooks.testing import Rehearsal

__all__ = ["licensechain", "licensechain_receiver", "pytest_addoption"]

_OPTION = "licensechain_receiver"
_HINT = (
    f"in pytest's configuration set {_OPTION} = module:name, such as shop.web:receiver; "
    f"or override the fixture {_OPTION} in conftest.py"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting ``licensechain_receiver``."""
    parser.addini(_OPTION, "module:name of the Receiver, or of the application with one, for the fixture licensechain")


@pytest.fixture
def licensechain_receiver(pytestconfig: pytest.Config) -> "Receiver":
    """The receiver that the fixture ``licensechain`` works with; override it for one that a fixture of yours makes.

    It is the one that the setting ``licensechain_receiver`` names; else that of Django's settings; else one made for
    the test, in durable mode, of the handlers under the module-level ``on``.
    """
    spec = str(pytestconfig.getini(_OPTION))
    if spec:
        return _named(spec)
    conf = sys.modules.get("licensechain_hooks.contrib.django.conf")
    if conf is not None:
        return conf.get_receiver()  # type: ignore[no-any-return]
    return _made()


@pytest.fixture
def licensechain(licensechain_receiver: "Receiver") -> "Iterator[Rehearsal]":
    """A receiver whose clock stands still and whose handlers are watched: `licensechain_hooks.testing.Rehearsal`."""
    from licensechain_hooks.testing import rehearse  # noqa: PLC0415 - only who asks for it pays for it

    with rehearse(licensechain_receiver) as rehearsal:
        yield rehearsal


def _named(spec: str) -> "Receiver":
    from importlib import import_module  # noqa: PLC0415
    from operator import attrgetter  # noqa: PLC0415

    from licensechain_hooks.testing._seen import receiver_of  # noqa: PLC0415

    module, colon, name = spec.partition(":")
    if not (module and colon and name):
        msg = f"{_OPTION} = {spec} is not module:name, such as shop.web:receiver"
        raise pytest.UsageError(msg)
    try:
        found = attrgetter(name)(import_module(module))
    except (AttributeError, ImportError) as exc:
        msg = f"{_OPTION} = {spec} leads nowhere ({exc}); is its folder in pytest's pythonpath?"
        raise pytest.UsageError(msg) from exc
    receiver = receiver_of(found)
    if receiver is None:
        msg = f"{_OPTION} = {spec} is of the type {type(found).__name__}, and no Receiver is found in it"
        raise pytest.UsageError(msg)
    return receiver


def _made() -> "Receiver":
    from licensechain_hooks import Endpoint, Receiver, default_hooks  # noqa: PLC0415
    from licensechain_hooks.inbox.memory import MemoryInbox  # noqa: PLC0415

    if not any(default_hooks.handlers()):
        msg = f"whose handlers? No module registered any by licensechain_hooks.on: {_HINT}"
        raise pytest.UsageError(msg)
    return Receiver(Endpoint(secrets=["the-secret-of-the-fixture-licensechain"]), default_hooks, inbox=MemoryInbox())
