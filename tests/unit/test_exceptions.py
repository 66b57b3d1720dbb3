"""The errors: the tree that is drawn is the tree that is, and every error travels."""

import copy
import inspect
import pickle
import re
from datetime import timedelta
from typing import get_args

import pytest

from licensechain_hooks import (
    BodyConsumedError,
    BodyTooLargeError,
    ClientDisconnectedError,
    ConfigurationError,
    ContentEncodingError,
    Discard,
    HandlerSignal,
    HandlerTimeLimitError,
    IncompleteBodyError,
    LeaseLostError,
    LengthRequiredError,
    LicenseChainHooksError,
    MethodNotAllowedError,
    PayloadError,
    ReadTimeoutError,
    RequestError,
    Retry,
    StoreUnavailableError,
    UnknownEventTypeWarning,
    VerificationError,
    exceptions,
)
from licensechain_hooks._frames import without_frames
from licensechain_hooks.exceptions import PayloadReason, VerificationReason

DRAWN = re.compile(r"^ {4}(?P<tree>[│├└─ ]*)(?P<name>[A-Z]\w+)(?: +(?P<status>[0-9]{3}))?", re.MULTILINE)
CLASSES = {
    name: value
    for name, value in vars(exceptions).items()
    if inspect.isclass(value)
    and issubclass(value, BaseException)
    and value.__module__ == exceptions.__name__
    and not name.startswith("_")
}
ERRORS = [
    LicenseChainHooksError("message"),
    ConfigurationError("message"),
    RequestError("message"),
    MethodNotAllowedError("GET"),
    BodyTooLargeError(1024),
    ContentEncodingError(),
    LengthRequiredError(),
    IncompleteBodyError("message"),
    ReadTimeoutError(),
    BodyConsumedError(),
    ClientDisconnectedError(),
    *(VerificationError(reason) for reason in get_args(VerificationReason)),
    *(PayloadError(reason, "id: missing") for reason in get_args(PayloadReason)),
    StoreUnavailableError("message"),
    LeaseLostError(),
    HandlerTimeLimitError(),
    HandlerSignal("message"),
    Retry(),
    Retry(timedelta(minutes=2)),
    Discard(),
    Discard("no such seat"),
    UnknownEventTypeWarning("message"),
]


def drawn() -> list[tuple[str, str | None, int | None]]:
    """Name, parent and status of each class in the module's docstring."""
    found, above = [], {}
    for line in DRAWN.finditer(exceptions.__doc__):
        depth = len(line["tree"]) // 4
        above[depth] = line["name"]
        found.append((line["name"], above.get(depth - 1), int(line["status"]) if line["status"] else None))
    return found


def test_the_tree_is_complete():
    """Every class is in the drawing, but for the warning, and `__all__` has them all."""
    assert sorted(name for name, _, _ in drawn()) == sorted(set(CLASSES) - {"UnknownEventTypeWarning"})
    assert sorted([*CLASSES, "PayloadReason", "VerificationReason"]) == exceptions.__all__


@pytest.mark.parametrize(("name", "parent", "status"), drawn())
def test_the_tree_is_true(name, parent, status):
    """Each class has the parent it is drawn under."""
    public = [base for base in CLASSES[name].__mro__[1:] if base is Exception or base in CLASSES.values()]
    assert public[0] is (CLASSES[parent] if parent else Exception)


@pytest.mark.parametrize(("name", "parent", "status"), drawn())
def test_the_statuses_are_true(name, parent, status):
    """Each class has the status that is drawn beside it; every one has a status."""
    assert type(CLASSES[name].status_hint) is int
    assert status is None or status == CLASSES[name].status_hint


def test_configuration_errors_are_value_errors():
    """Code that knows nothing of this package may catch it."""
    assert issubclass(ConfigurationError, ValueError)


def test_signals_are_no_errors():
    """Catching the package's errors does not swallow what a handler asks for."""
    assert not issubclass(HandlerSignal, LicenseChainHooksError)


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("travel", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
def test_errors_travel(error, travel):
    """Queues and process pools pickle errors: type, message and attributes arrive."""
    arrived = travel(error)
    assert type(arrived) is type(error)
    assert (arrived.args, str(arrived), vars(arrived)) == (error.args, str(error), vars(error))


def test_every_error_is_tried():
    """The list of these tests leaves no class out."""
    assert {type(error).__name__ for error in ERRORS} == set(CLASSES)


@pytest.mark.parametrize("error", [error for error in ERRORS if isinstance(error, LicenseChainHooksError)], ids=repr)
def test_reasons_are_constants(error):
    """``reason`` is a short word for logs and metrics."""
    assert re.fullmatch(r"[a-z_]{4,30}", error.reason)


def test_reasons_tell_errors_apart():
    """No two classes of refused requests share a reason, and each verification reason has its message."""
    refused = [
        error for error in ERRORS if isinstance(error, RequestError | StoreUnavailableError | ConfigurationError)
    ]
    assert len({error.reason for error in refused}) == len(refused)
    verdicts = [error for error in ERRORS if isinstance(error, VerificationError)]
    assert len({str(error) for error in verdicts}) == len(verdicts) == len(get_args(VerificationReason))


def test_data_is_in_attributes():
    """What an error knows can be asked for, not only read."""
    assert (BodyTooLargeError(7).limit, MethodNotAllowedError("PUT").method) == (7, "PUT")
    assert (PayloadError("json_invalid", "x").reason, PayloadError("json_invalid", "x").detail) == ("json_invalid", "x")
    assert (Retry().after, Discard("y").why) == (timedelta(seconds=10), "y")


def test_messages_quote_nothing_of_the_request():
    """Rows 43 and 44: a method is whatever the sender sent; it is kept as data and is in no message."""
    assert "\x1b" not in str(MethodNotAllowedError("\x1b[31mEVIL"))


def test_frames_of_causes_go_too():
    """An error loses its frames and those of whatever led to it, the errors themselves stay; a circle has an end."""
    first, second = ValueError("first"), OSError("second")

    def fail() -> None:
        try:
            raise first
        except ValueError:
            raise second from None

    def report() -> None:
        try:
            fail()
        except OSError as error:
            raise StoreUnavailableError("down") from error

    with pytest.raises(StoreUnavailableError) as caught:
        report()
    error = caught.value
    first.__context__ = error
    assert without_frames(error) is error
    assert (error.__cause__, second.__context__) == (second, first)
    assert [one.__traceback__ for one in (error, first, second)] == [None, None, None]
