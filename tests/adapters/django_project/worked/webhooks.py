"""Handlers that tell of themselves by the files in the current folder."""

import time
from pathlib import Path

from django_project.shop.models import Lock
from licensechain_hooks import Event, on


@on("license.revoked", transactional=True)
def lock(event: Event) -> None:
    Lock.objects.create(license=event.id)
    if Path("wait").exists():
        wait(event)


@on("payment.failed")
def remind(event: Event) -> None:
    raise LookupError(event.type)


@on("user.login")
def wait(event: Event) -> None:
    Path("begun").touch()
    while not Path("go").exists():
        time.sleep(0.01)


@on("user.logout")
async def note(event: Event) -> None:
    await Lock.objects.aget_or_create(license=event.id)  # a worker that is killed after it leaves it to run again
