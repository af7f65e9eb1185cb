import sys
from pathlib import Path

import pytest

from zerofleet.run.store import DirectoryStore

# The conformance suite of stores also runs under a mirror.
sys.path.append(str(Path(__file__).parent.parent / "run"))


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path / "run")
