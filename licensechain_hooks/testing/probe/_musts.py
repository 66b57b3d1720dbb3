"""What every receiver must do with a delivery, whoever wrote it, and why that matters.

Our own adapters give one answer each, the catalogue's. Others may choose: a forgery must be refused, an event that the
guide describes must be taken, and whatever arrives must be answered, not with a 5xx.
"""

import re
from dataclasses import dataclass
from types import MappingProxyType

from licensechain_hooks.testing._catalogue import Case

__all__ = ["ACCEPT", "NOT_KEPT", "REFUSE", "ROWS", "SURVIVE", "Must", "Row", "must_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Must:
    """What any receiver must answer.

    Attributes:
        says: in words.
        statuses: a regular expression for the statuses that will do.
        silence: whether closing the connection without an answer will do.
        waiting: whether not answering in time will do, because a server in front may be what waits.
    """

    says: str
    statuses: str
    silence: bool = False
    waiting: bool = False

    def holds_for(self, status: int) -> bool:
        """Whether a status will do."""
        return re.fullmatch(self.statuses, str(status)) is not None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the catalogue: what is sent, and what it does to receivers that are not ready for it."""

    title: str
    why: str


ACCEPT = Must(says="2xx", statuses="2..")
REFUSE = Must(says="4xx", statuses="[34]..")
SURVIVE = Must(says="no 5xx", statuses="[234]..")
NOT_KEPT = Must(says="4xx or closed", statuses="[34]..", silence=True)
_CHUNKED = Must(says="2xx or 411", statuses="2..|411")

_ACCEPTED = {(0, "good"), (23, "surrogate pair"), (30, "unknown type"), (30, "unknown fields"), (30, "alias")}
_FORGED = {
    *((4, name) for name in ("63 digits", "zeros", "of another body", "of another secret")),
    *((5, name) for name in ("truncated", "prefix alone", "hash of body and secret", "SHA-1", "SHA-512")),
    (5, "HMAC of data alone"),
    (10, "1970"),
    (10, "far future"),
    (15, "chunked and empty"),
    (18, "empty and unsigned"),
    (35, "a forgery under the other name"),
}
_FORGED_ROWS = {1, 2, 8, 9, 11}


def must_of(case: Case) -> Must:
    """What any receiver must answer to a case of the catalogue."""
    key = (case.row, case.name)
    if key in _ACCEPTED or case.row == 34:
        return ACCEPT
    if key in _FORGED or case.row in _FORGED_ROWS:
        return REFUSE
    if case.status == 413:
        return NOT_KEPT
    if key == (15, "chunked"):
        return _CHUNKED
    return SURVIVE


ROWS = MappingProxyType(
    {
        0: Row("a good delivery", "what is not answered with a 2xx may never be delivered again"),
        1: Row("no signature", "without one anybody can send events; code that takes the header for granted raises"),
        2: Row("a signature that is not ASCII", "comparing it as text raises (hmac.compare_digest): a 500 for anybody"),
        3: Row("a signature in another spelling", "several senders use it; the MAC is the same"),
        4: Row("a wrong signature", "lenient hex decoders take what was not signed, others raise: a 500 for anybody"),
        5: Row(
            "a weaker signature",
            "a digest that anybody can compute or extend makes forgeries; one of another length raises",
        ),
        6: Row("a header that comes twice", "the server, the framework and a proxy may each believe another one"),
        7: Row("a header with underscores", "WSGI folds _ and -, and what a proxy strips comes in by another name"),
        8: Row("a signature under an empty key", "a receiver whose secret is not set takes everybody's events"),
        9: Row("no timestamp header", "a captured delivery could be sent again at any time"),
        10: Row("a time far from the clock", "a captured delivery can be sent again for as long as it is taken"),
        11: Row("a timestamp that is no number", "abs(now - nan) > 300 is False; int() raises, or takes far more"),
        12: Row("a captured event", "the timestamp header is not signed: only the event's id and age tell a replay"),
        13: Row("the event's time in another form", "comparing naive and aware times raises: a 500 for a real event"),
        14: Row("a body of great size", "what is read before it is refused fills the memory, for anybody"),
        15: Row("a body in chunks", "some servers show an empty body, which cannot verify, or an error"),
        16: Row("an encoded body", "what is decompressed before it is verified can be a bomb"),
        17: Row("another content type", "some frameworks parse forms, and leave no raw body to verify"),
        18: Row("an empty body", "json.loads(b'') raises: a 500, before the signature or after it"),
        19: Row("a body that does not arrive", "a few such connections keep every worker busy, for nothing"),
        20: Row("a sender that goes away", "half a body must change nothing"),
        21: Row("another method", "what is not answered for a wrong method is an error in the log"),
        22: Row("JSON that is not UTF-8", "some parsers raise something that nobody catches; others guess"),
        23: Row("surrogates", "half a character is taken by some parsers, and breaks databases and logs later"),
        24: Row("NUL", "PostgreSQL refuses it: a 500, and the event is lost"),
        25: Row("a key that comes twice", "parsers disagree on which one counts"),
        26: Row("numbers beyond JSON", "int() raises beyond 4300 digits; NaN breaks whatever comes next"),
        27: Row("deep nesting", "RecursionError is no ValueError: a 500, or a dead process"),
        28: Row("JSON that is no event", "a list has no .get(): a 500 for anything unforeseen"),
        29: Row("an id or type of another form", "too long for its column, or made for logs and terminals"),
        30: Row("something new", "a type or field that is not known yet must not lose the event"),
        31: Row("the same event twenty times at once", "check-then-insert runs handlers several times"),
        32: Row("the same id with other content", "it must neither run nor overwrite what is there"),
        33: Row("the same event again", "senders deliver again; handlers must not run again"),
        34: Row("a dialect of LicenseChain's own code", "profile compat is there to take it"),
        35: Row("a dialect gone wrong", "what is lenient in names must not be lenient in signatures"),
    }
)
