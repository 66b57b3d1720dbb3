"""What is said about each thing that can be wrong with a signature: what, why, what to do."""

from collections.abc import Mapping

__all__ = ["DIGESTS", "MESSAGES", "Words"]

Words = tuple[str, str, str]

_RAW = "give the receiver the body as it arrived"
MESSAGES: Mapping[str, Words] = {
    "data-only": (
        "the signature is of data alone, not of the body",
        "id, type and timestamp are then signed by nobody: of one delivery anyone could make others",
        "let the sender sign the raw body and put the signature into the header X-Webhook-Signature, as the guide says",
    ),
    "reserialised": (
        "the body was parsed and written again after it was signed",
        "the signature holds for the same JSON written {words}; a signature is of bytes, not of what they mean",
        f"{_RAW}: a framework or a proxy has parsed it; or let the sender sign what it sends",
    ),
    "without-signature": (
        "the signature is of the body without its field signature",
        "a signature cannot be of a body that holds it; this one was added to the JSON written {words}",
        "let the sender sign the whole raw body and put the signature into the header X-Webhook-Signature",
    ),
    "timestamped": (
        "the signature is of the time and the body ({words})",
        "that is how other services sign; LicenseChain's guide signs the raw body and nothing else",
        "is this a delivery of LicenseChain? if the sender is yours, let it sign the raw body only",
    ),
    "line-end-added": (
        "the body ends with a line end that was not signed",
        "editors and shells add one to files; so do some proxies",
        f"{_RAW}; of a file remove the line end",
    ),
    "line-end-missing": (
        "the body has lost the line end it was signed with",
        "something has stripped it on the way",
        f"{_RAW}; do not strip it",
    ),
    "white-space-added": (
        "the body has white space around it that was not signed",
        "something has added it on the way",
        f"{_RAW}",
    ),
    "line-ends-changed": (
        "the body's line ends were changed: {words}",
        "something has treated the body as text of another system",
        f"{_RAW}: read and pass it on as bytes",
    ),
    "bom-added": (
        "the body begins with a byte order mark that was not signed",
        "something has written it as a text file",
        f"{_RAW}: write it as bytes",
    ),
    "bom-missing": (
        "the body has lost the byte order mark it was signed with",
        "something has read it as a text file",
        f"{_RAW}: read it as bytes",
    ),
}
"""By the code of a `Message`; ``{words}`` are its own."""

_HMAC = "no profile takes it: only HMAC-SHA256 with the webhook's secret proves who signed"
_SIGN = "let the sender sign with HMAC-SHA256, as the guide says"
DIGESTS: Mapping[str, Words] = {
    "payload-secret-sha256": (
        "the signature is SHA-256 of the body and the secret behind it, which is no HMAC",
        "whoever has such a signature can sign longer bodies without the secret, so no profile takes it",
        _SIGN,
    ),
    "secret-payload-sha256": (
        "the signature is SHA-256 of the secret and the body behind it, which is no HMAC",
        "whoever has such a signature can sign longer bodies without the secret, so no profile takes it",
        _SIGN,
    ),
    "luau": ("the signature is an HMAC that hashes hex text where bytes are meant", _HMAC, _SIGN),
    "hmac-sha1": ("the signature is made with SHA-1", _HMAC, _SIGN),
    "hmac-sha512": ("the signature is made with SHA-512", _HMAC, _SIGN),
    "hmac-md5": ("the signature is made with MD5", _HMAC, _SIGN),
    "sha1": ("the signature is SHA-1 of the body and the secret behind it, which is no HMAC", _HMAC, _SIGN),
    "sha512": ("the signature is SHA-512 of the body and the secret behind it, which is no HMAC", _HMAC, _SIGN),
    "plain-sha256": (
        "the signature is a checksum: SHA-256 of the body, without any secret",
        "everybody can make it",
        _SIGN,
    ),
}
"""By the digest of a `Match`; that of the guide is not among them."""
