"""What nothing in Python can undercut: the HMAC, one comparison, and pydantic's validation of the event.

Written out here, independent of the package.
"""

from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, create_model

from benchmarks._deliveries import SECRET
from licensechain_hooks import KnownEvent

Floor = Callable[[bytes, bytes], object]
"""Given a body and the 32 bytes of its MAC."""

_TYPES = 25


class _PlainData(BaseModel, frozen=True):
    model_config = ConfigDict(extra="allow")

    id: str
    licenseKey: str | None = None  # noqa: N815 - as on the wire
    userId: str | None = None  # noqa: N815
    productId: str | None = None  # noqa: N815
    status: str | None = None
    expiresAt: AwareDatetime | None = None  # noqa: N815
    createdAt: AwareDatetime | None = None  # noqa: N815


class PlainEvent(BaseModel, frozen=True):
    """The guide's event as anyone would model it first."""

    model_config = ConfigDict(extra="allow")

    id: str
    type: str
    data: _PlainData
    timestamp: AwareDatetime
    signature: str | None = None


def plain_floor() -> Floor:
    """The floor with the obvious models, in a discriminated union."""
    types = ["license.created", *(f"license.other{number}" for number in range(1, _TYPES))]
    classes: Any = [create_model("Plain", __base__=PlainEvent, type=(Literal[name], ...)) for name in types]
    union: Any = classes[0]
    for model in classes[1:]:
        union = union | model
    return _floor(TypeAdapter(Annotated[union, Field(discriminator="type")]))


def own_floor() -> Floor:
    """The floor with the models of this package, validated the fastest way that is known."""
    known: Any = Annotated[KnownEvent, Field(discriminator="raw_type")]
    return _floor(TypeAdapter(known, config=ConfigDict(cache_strings="keys")))


def _floor(adapter: TypeAdapter[Any]) -> Floor:
    validate_json = adapter.validator.validate_json
    block = SECRET.encode().ljust(64, b"\0")
    inner_pad = sha256(bytes(byte ^ 0x36 for byte in block))
    outer_pad = sha256(bytes(byte ^ 0x5C for byte in block))

    def floor(body: bytes, mac: bytes) -> object:
        inner = inner_pad.copy()
        inner.update(body)
        outer = outer_pad.copy()
        outer.update(inner.digest())
        if not compare_digest(outer.digest(), mac):
            msg = "the benchmark signed wrongly"
            raise RuntimeError(msg)
        return validate_json(body)

    return floor
