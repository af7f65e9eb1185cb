"""The code in README.md does what it says."""

import doctest
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_readme():
    result = doctest.testfile(str(README), module_relative=False)
    assert result.attempted >= 8
    assert result.failed == 0
