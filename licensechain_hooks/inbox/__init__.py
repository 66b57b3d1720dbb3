"""The durable inbox: every accepted delivery is stored before it is acknowledged.

Here is what crosses its protocol, for people who write one. Nothing here loads a driver.
"""

from licensechain_hooks._entries import (
    Claim,
    Entry,
    EntryFilter,
    EntryState,
    InboxStats,
    LedgerRow,
    NewEntry,
    Purged,
    Recorded,
    Settlement,
)
from licensechain_hooks._stores import Enqueuer, EntryRunner, Inbox, Transaction

__all__ = [
    "Claim",
    "Enqueuer",
    "Entry",
    "EntryFilter",
    "EntryRunner",
    "EntryState",
    "Inbox",
    "InboxStats",
    "LedgerRow",
    "NewEntry",
    "Purged",
    "Recorded",
    "Settlement",
    "Transaction",
]
