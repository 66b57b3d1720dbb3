"""The application reads the environment when it is imported."""

import os

os.environ["LICENSECHAIN_WEBHOOK_SECRET"] = "the-secret-of-the-tests-of-this-app"  # noqa: S105
if "LICENSECHAIN_INBOX_URL" not in os.environ:
    msg = "the tests need an empty PostgreSQL database: name it in LICENSECHAIN_INBOX_URL"
    raise SystemExit(msg)
