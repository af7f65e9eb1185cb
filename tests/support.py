"""Helpers shared by tests."""

import importlib
import os
from types import ModuleType

import pytest


def require(module: str) -> ModuleType:
    """Imports an oracle. Without it a test is skipped, naming the package; under CI it fails."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        message = f"this test compares with {module}, which is not installed ({error})"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(message)
        pytest.skip(message)
