"""What is made wrong on purpose."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from licensechain_hooks.diagnosis.dialects import DIALECTS

__all__ = ["Envelope", "ErrorShape", "Faults"]

Envelope = Literal["guide", "data", "flat", "webhooks", "array", "snake"]
ErrorShape = Literal["nested", "error", "message"]


def _known_dialect(name: str) -> str:
    if name not in DIALECTS:
        msg = f"one of {', '.join(DIALECTS)}"
        raise ValueError(msg)
    return name


_Dialect = Annotated[str, AfterValidator(_known_dialect), Field(json_schema_extra={"enum": list(DIALECTS)})]
_Duration = Annotated[int, Field(ge=0, le=60_000)]
_Requests = Annotated[int, Field(ge=0, le=10_000)]


class Faults(BaseModel):
    """What the emulator does wrong, from now on; the defaults are a LicenseChain without a fault."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
    )

    duplicate: Annotated[int, Field(ge=0, le=100)] = Field(
        default=0, description="So many extra copies of each delivery, at the same time."
    )
    reorder: bool = Field(
        default=False, description="Every other event is overtaken by the next one; it waits two seconds for it."
    )
    delay_ms: _Duration = Field(default=0, description="How long each delivery waits before it is sent.")
    drop_connection: bool = Field(
        default=False,
        description="The connection is closed before the reply is read; with slowMs, in the middle of the body.",
    )
    tamper: Literal["body", "signature", "timestamp"] | None = Field(
        default=None, description="What is wrong with each delivery: its timestamp is an hour old."
    )
    clock_skew_seconds: Annotated[int, Field(ge=-315_360_000, le=315_360_000)] = Field(
        default=0, description="How far this clock is ahead: in events, in headers of deliveries, in the API's Date."
    )
    restamp: bool = Field(default=True, description="Whether a redelivery has a new time in its header.")
    slow_ms: _Duration = Field(default=0, description="How long the body of each delivery takes to be sent, in pieces.")
    dialect: _Dialect = Field(default="guide", description="Which of LicenseChain's own dialects deliveries speak.")
    envelope: Envelope = Field(default="guide", description="Which shape the management API answers in.")
    error_shape: ErrorShape = Field(default="nested", description="Which shape its errors have.")
    update_method: Literal["put", "patch"] = Field(
        default="put", description="Which method updates a webhook; the other is answered with 405."
    )
    fail_requests: _Requests = Field(default=0, description="So many next API calls are answered with 503.")
    rate_limit_requests: _Requests = Field(default=0, description="So many next API calls are answered with 429.")

    def fields(self) -> dict[str, Any]:
        """As the control API shows it."""
        return self.model_dump(by_alias=True)
