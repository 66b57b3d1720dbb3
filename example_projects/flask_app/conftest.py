"""The application reads the environment when it is imported: tests have a secret and a database of their own."""

import os
import tempfile
from pathlib import Path

FOLDER = tempfile.TemporaryDirectory()
os.environ["LICENSECHAIN_WEBHOOK_SECRET"] = "the-secret-of-the-tests-of-this-app"  # noqa: S105
os.environ["SHOP_DATABASE"] = f"sqlite:///{Path(FOLDER.name, 'shop.db')}"
