"""One name for one fact: LicenseChain's own code spells some event types in two ways.

`ALIASES` leads from the other spelling to the canonical one, which is the documented one where there is a document.
Handlers, ``event.type`` and ``event_types()`` know canonical names; ``event.raw_type`` keeps what was sent.
"""

from types import MappingProxyType

__all__ = ["ALIASES", "canonical_type", "spellings"]

ALIASES = MappingProxyType(
    {
        "payment.completed": "payment.succeeded",
        "subscription.cancelled": "subscription.canceled",
        "application.created": "app.created",
        "application.updated": "app.updated",
        "application.deleted": "app.deleted",
        "user.registered": "user.created",
    }
)


def canonical_type(event_type: str) -> str:
    """The canonical name of an event type; an unknown type is its own."""
    return ALIASES.get(event_type, event_type)


def spellings(event_type: str) -> tuple[str, ...]:
    """Every name of the same event type, the canonical one first."""
    canonical = canonical_type(event_type)
    return (canonical, *(alias for alias, name in ALIASES.items() if name == canonical))
