"""Where the material of contrib/deploy is, and the application it deploys."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def deploy() -> Path:
    """The folder."""
    return ROOT / "contrib" / "deploy"


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The application that the material deploys, as its module ``app``, and its test client."""
    folder = ROOT / "example_projects" / "flask_app"
    os.environ["SHOP_DATABASE"] = f"sqlite:///{tmp_path_factory.mktemp('shop') / 'shop.db'}"
    os.environ["LICENSECHAIN_WEBHOOK_SECRET"] = "the-secret-of-the-tests-of-deployment"
    sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module("app")
    finally:
        sys.path.remove(str(folder))
        del os.environ["SHOP_DATABASE"], os.environ["LICENSECHAIN_WEBHOOK_SECRET"]
    yield module.app
    module.engine.dispose()
