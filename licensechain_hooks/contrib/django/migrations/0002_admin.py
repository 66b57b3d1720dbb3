"""What the admin asks for: permissions of its own, and an index for each of its filters."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("licensechain_hooks", "0001_initial"),)

    operations = (
        migrations.AlterModelOptions(
            name="entry",
            options={
                "default_permissions": ("view",),
                "permissions": (
                    ("replay_entry", "Can replay entries"),
                    ("discard_entry", "Can discard entries"),
                    ("purge_entry", "Can purge payloads of entries"),
                ),
                "verbose_name": "entry",
                "verbose_name_plural": "entries",
            },
        ),
        migrations.AlterModelOptions(
            name="handlerrun",
            options={
                "default_permissions": ("view",),
                "verbose_name": "handler run",
                "verbose_name_plural": "handler runs",
            },
        ),
        migrations.AlterModelOptions(
            name="newest",
            options={
                "default_permissions": ("view",),
                "verbose_name": "newest event of a license",
                "verbose_name_plural": "newest events of licenses",
            },
        ),
        migrations.RemoveIndex(
            model_name="entry",
            name="licensechain_hooks_state",
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(
                condition=models.Q(("state__in", ("failed", "dead", "conflict", "ignored"))),
                fields=["state", "id"],
                name="licensechain_hooks_state",
            ),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(fields=["event_type", "received_at"], name="licensechain_hooks_type"),
        ),
    )
