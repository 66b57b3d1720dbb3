"""The tables as they came into being."""

import django.db.models.deletion
from django.db import migrations, models

import licensechain_hooks.contrib.django._fields


class Migration(migrations.Migration):
    initial = True

    dependencies = ()

    operations = (
        migrations.CreateModel(
            name="Newest",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "endpoint",
                        "license_id",
                        "handler",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "endpoint",
                    licensechain_hooks.contrib.django._fields.ExactCharField(max_length=100, verbose_name="endpoint"),
                ),
                (
                    "license_id",
                    licensechain_hooks.contrib.django._fields.ExactCharField(max_length=255, verbose_name="license id"),
                ),
                (
                    "handler",
                    licensechain_hooks.contrib.django._fields.ExactCharField(max_length=255, verbose_name="handler"),
                ),
                ("event_timestamp", models.DateTimeField(verbose_name="happened at")),
            ],
            options={
                "default_permissions": ("view",),
                "verbose_name": "newest event of a license",
                "verbose_name_plural": "newest events of licenses",
                "db_table": "licensechain_hooks_newest",
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False, verbose_name="number")),
                (
                    "endpoint",
                    licensechain_hooks.contrib.django._fields.ExactCharField(max_length=100, verbose_name="endpoint"),
                ),
                (
                    "event_id",
                    licensechain_hooks.contrib.django._fields.ExactCharField(max_length=255, verbose_name="event id"),
                ),
                (
                    "variant",
                    licensechain_hooks.contrib.django._fields.ExactCharField(
                        help_text="of a conflict: the SHA-256 of its body", max_length=64, verbose_name="variant"
                    ),
                ),
                (
                    "event_type",
                    licensechain_hooks.contrib.django._fields.ExactCharField(max_length=100, verbose_name="event type"),
                ),
                ("event_timestamp", models.DateTimeField(verbose_name="happened at")),
                ("received_at", models.DateTimeField(verbose_name="received at")),
                (
                    "state",
                    licensechain_hooks.contrib.django._fields.ExactCharField(
                        choices=[
                            ("received", "received"),
                            ("processing", "processing"),
                            ("processed", "processed"),
                            ("failed", "failed"),
                            ("dead", "dead"),
                            ("ignored", "ignored"),
                            ("conflict", "conflict"),
                        ],
                        max_length=16,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.IntegerField(verbose_name="attempts")),
                (
                    "next_attempt_at",
                    models.DateTimeField(
                        help_text="while it is being processed: when its lease ends",
                        null=True,
                        verbose_name="next attempt at",
                    ),
                ),
                (
                    "lease_token",
                    licensechain_hooks.contrib.django._fields.ExactCharField(
                        max_length=32, null=True, verbose_name="lease token"
                    ),
                ),
                (
                    "license_id",
                    licensechain_hooks.contrib.django._fields.ExactCharField(
                        max_length=255, null=True, verbose_name="license id"
                    ),
                ),
                (
                    "ordering_key",
                    licensechain_hooks.contrib.django._fields.ExactCharField(
                        max_length=255, null=True, verbose_name="ordering key"
                    ),
                ),
                ("headers", licensechain_hooks.contrib.django._fields.ExactTextField(verbose_name="headers")),
                ("raw_body", models.BinaryField(null=True, verbose_name="body")),
                (
                    "error_code",
                    licensechain_hooks.contrib.django._fields.ExactCharField(max_length=255, verbose_name="error code"),
                ),
                ("error", licensechain_hooks.contrib.django._fields.ExactTextField(verbose_name="error")),
                ("done_at", models.DateTimeField(null=True, verbose_name="done at")),
                ("purged_at", models.DateTimeField(null=True, verbose_name="payload purged at")),
            ],
            options={
                "default_permissions": ("view",),
                "permissions": (
                    ("replay_entry", "Can replay entries"),
                    ("discard_entry", "Can discard entries"),
                    ("purge_entry", "Can purge payloads of entries"),
                ),
                "verbose_name": "entry",
                "verbose_name_plural": "entries",
                "db_table": "licensechain_hooks_entry",
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_attempt_at__isnull", False)),
                        fields=["next_attempt_at", "id"],
                        name="licensechain_hooks_due",
                    ),
                    models.Index(
                        condition=models.Q(("next_attempt_at__isnull", False), ("ordering_key__isnull", False)),
                        fields=["endpoint", "ordering_key", "id"],
                        name="licensechain_hooks_order",
                    ),
                    models.Index(
                        condition=models.Q(("license_id__isnull", False)),
                        fields=["license_id", "id"],
                        name="licensechain_hooks_license",
                    ),
                    models.Index(
                        condition=models.Q(
                            models.Q(("state", "received"), _negated=True),
                            models.Q(("state", "processing"), _negated=True),
                            models.Q(("state", "processed"), _negated=True),
                        ),
                        fields=["state", "id"],
                        name="licensechain_hooks_state",
                    ),
                    models.Index(fields=["event_type", "received_at"], name="licensechain_hooks_type"),
                    models.Index(fields=["received_at"], name="licensechain_hooks_received"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("endpoint", "event_id", "variant"), name="licensechain_hooks_entry_event"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="HandlerRun",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "entry_id", "handler", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "handler",
                    licensechain_hooks.contrib.django._fields.ExactCharField(max_length=255, verbose_name="handler"),
                ),
                (
                    "state",
                    licensechain_hooks.contrib.django._fields.ExactCharField(
                        choices=[
                            ("done", "done"),
                            ("skipped", "skipped"),
                            ("discarded", "discarded"),
                            ("failed", "failed"),
                        ],
                        max_length=16,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.IntegerField(verbose_name="attempts")),
                ("done_at", models.DateTimeField(null=True, verbose_name="done at")),
                (
                    "entry",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="runs",
                        to="licensechain_hooks.entry",
                        verbose_name="entry",
                    ),
                ),
            ],
            options={
                "default_permissions": ("view",),
                "verbose_name": "handler run",
                "verbose_name_plural": "handler runs",
                "db_table": "licensechain_hooks_handler_run",
            },
        ),
    )
