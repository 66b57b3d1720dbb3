"""The shapes in which LicenseChain's own code expects answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from licensechain_hooks.emulator._faults import Envelope
from licensechain_hooks.emulator._values import snake_keys

__all__ = ["many", "one"]


def one(fields: dict[str, Any], envelope: Envelope) -> dict[str, Any]:
    """A single object."""
    if envelope == "snake":
        return _snake(fields)
    return {"data": fields} if envelope == "data" else fields


def many(name: str, items: Sequence[dict[str, Any]], envelope: Envelope, *, page: int, limit: int, total: int) -> Any:
    """A page of a list.

    Args:
        name: what the list is of, in the plural.
        items: of this page.
        envelope: the shape.
        page: its number, from 1.
        limit: how many a page holds.
        total: how many there are on all pages.
    """
    numbers = {"page": page, "limit": limit, "total": total}
    pages = -(-total // limit)
    shapes: Mapping[Envelope, Any] = {
        "flat": {"data": items, **numbers, "totalPages": pages},
        "webhooks": {name: items},
        "array": items,
        "snake": {"data": [_snake(item) for item in items], **numbers, "total_pages": pages},
    }
    return shapes.get(envelope, {"data": items, "pagination": numbers})


def _snake(fields: dict[str, Any]) -> dict[str, Any]:
    """Names in snake_case, and ``status`` for ``active``."""
    renamed = snake_keys(fields)
    if "active" in renamed:
        renamed["status"] = "active" if renamed.pop("active") else "inactive"
    return renamed
