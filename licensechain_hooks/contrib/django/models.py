"""The tables of `inbox.DjangoInbox`, for the ORM to look at. Only the inbox writes to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core import checks
from django.db import models
from django.utils.translation import gettext_lazy as _

from licensechain_hooks.contrib.django._admin.texts import spelled_out
from licensechain_hooks.contrib.django._fields import ExactCharField, ExactTextField, MomentField

__all__ = ["Entry", "HandlerRun", "Newest"]


class Entry(models.Model):
    """A delivery that was accepted; see `licensechain_hooks.inbox.Entry`."""

    class State(models.TextChoices):
        """Every state of an entry."""

        RECEIVED = "received", _("received")
        PROCESSING = "processing", _("processing")
        PROCESSED = "processed", _("processed")
        FAILED = "failed", _("failed")
        DEAD = "dead", _("dead")
        IGNORED = "ignored", _("ignored")
        CONFLICT = "conflict", _("conflict")

    id: models.BigAutoField[int, int] = models.BigAutoField(_("number"), primary_key=True)
    endpoint = ExactCharField(_("endpoint"), max_length=100)
    event_id = ExactCharField(_("event id"), max_length=255)
    variant = ExactCharField(_("variant"), max_length=64, help_text=_("of a conflict: the SHA-256 of its body"))
    event_type = ExactCharField(_("event type"), max_length=100)
    event_timestamp: models.DateTimeField[datetime, datetime] = MomentField(_("happened at"))
    received_at: models.DateTimeField[datetime, datetime] = MomentField(_("received at"))
    state = ExactCharField(_("state"), max_length=16, choices=State)
    attempts: models.IntegerField[int, int] = models.IntegerField(_("attempts"))
    next_attempt_at: models.DateTimeField[datetime | None, datetime | None] = MomentField(
        _("next attempt at"), null=True, help_text=_("while it is being processed: when its lease ends")
    )
    lease_token = ExactCharField(_("lease token"), max_length=32, null=True)
    license_id = ExactCharField(_("license id"), max_length=255, null=True)
    ordering_key = ExactCharField(_("ordering key"), max_length=255, null=True)
    headers = ExactTextField(_("headers"))
    raw_body: models.BinaryField[bytes | None, bytes | None] = models.BinaryField(_("body"), null=True)
    error_code = ExactCharField(_("error code"), max_length=255)
    error = ExactTextField(_("error"))
    done_at: models.DateTimeField[datetime | None, datetime | None] = MomentField(_("done at"), null=True)
    purged_at: models.DateTimeField[datetime | None, datetime | None] = MomentField(_("payload purged at"), null=True)

    class Meta:
        db_table = "licensechain_hooks_entry"
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        default_permissions = ("view",)
        permissions = (
            ("replay_entry", "Can replay entries"),
            ("discard_entry", "Can discard entries"),
            ("purge_entry", "Can purge payloads of entries"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("endpoint", "event_id", "variant"),
                name="licensechain_hooks_entry_event",
            ),
        )
        indexes = (
            models.Index(
                fields=("next_attempt_at", "id"),
                condition=models.Q(next_attempt_at__isnull=False),
                name="licensechain_hooks_due",
            ),
            models.Index(
                fields=("endpoint", "ordering_key", "id"),
                condition=models.Q(ordering_key__isnull=False, next_attempt_at__isnull=False),
                name="licensechain_hooks_order",
            ),
            models.Index(
                fields=("license_id", "id"),
                condition=models.Q(license_id__isnull=False),
                name="licensechain_hooks_license",
            ),
            models.Index(
                fields=("state", "id"),
                condition=~models.Q(state="received") & ~models.Q(state="processing") & ~models.Q(state="processed"),
                name="licensechain_hooks_state",
            ),
            models.Index(fields=("event_type", "received_at"), name="licensechain_hooks_type"),
            models.Index(fields=("received_at",), name="licensechain_hooks_received"),
        )

    def __str__(self) -> str:
        """Its type and its event's id."""
        return spelled_out(f"{self.event_type} {self.event_id}")

    @classmethod
    def check(cls, **options: Any) -> list[checks.CheckMessage]:
        """The model's checks, but that MySQL has no partial indexes: there whole ones do."""
        return [message for message in super().check(**options) if message.id != "models.W037"]


class HandlerRun(models.Model):
    """A row of the ledger: what became of one handler for one entry."""

    class State(models.TextChoices):
        """Every state of a run."""

        DONE = "done", _("done")
        SKIPPED = "skipped", _("skipped")
        DISCARDED = "discarded", _("discarded")
        FAILED = "failed", _("failed")

    pk = models.CompositePrimaryKey("entry_id", "handler")
    entry: models.ForeignKey[Entry, Entry] = models.ForeignKey(
        Entry, models.CASCADE, related_name="runs", verbose_name=_("entry"), db_index=False
    )  # the primary key begins with it
    handler = ExactCharField(_("handler"), max_length=255)
    state = ExactCharField(_("state"), max_length=16, choices=State)
    attempts: models.IntegerField[int, int] = models.IntegerField(_("attempts"))
    done_at: models.DateTimeField[datetime | None, datetime | None] = MomentField(_("done at"), null=True)

    class Meta:
        db_table = "licensechain_hooks_handler_run"
        verbose_name = _("handler run")
        verbose_name_plural = _("handler runs")
        default_permissions = ("view",)

    def __str__(self) -> str:
        """The handler and its state."""
        return f"{self.handler}: {self.state}"


class Newest(models.Model):
    """When the newest event happened that a ``latest_only`` handler has finished for a license."""

    pk = models.CompositePrimaryKey("endpoint", "license_id", "handler")
    endpoint = ExactCharField(_("endpoint"), max_length=100)
    license_id = ExactCharField(_("license id"), max_length=255)
    handler = ExactCharField(_("handler"), max_length=255)
    event_timestamp: models.DateTimeField[datetime, datetime] = MomentField(_("happened at"))

    class Meta:
        db_table = "licensechain_hooks_newest"
        verbose_name = _("newest event of a license")
        verbose_name_plural = _("newest events of licenses")
        default_permissions = ("view",)

    def __str__(self) -> str:
        """The license and the handler."""
        return f"{self.license_id}, {self.handler}"
