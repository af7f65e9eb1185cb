"""What the tests of roles are made of; here it runs for minutes instead of seconds."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[2] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "roles")]

import run_kit  # noqa: E402

__all__ = ["TESTS", "run_kit"]
