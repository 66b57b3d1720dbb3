"""What every test of this project shares: hypothesis profiles and other people's test vectors."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, max_examples=300, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of test vectors that are read but not ours to publish."""
    named = os.environ.get("LICENSECHAIN_TEST_CORPORA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "corpora"
    if not folder.is_dir():
        pytest.skip(f"no test vectors at {folder}; name their folder in LICENSECHAIN_TEST_CORPORA")
    return folder
