import pytest

from support import PATIENCE
from zerofleet.run.threads import calm_threads

calm_threads()  # as every role does, before a test module loads torch


def pytest_collection_modifyitems(config, items):
    """The limit of each test, from pyproject.toml or its mark, times the patience."""
    for item in items:
        mark = item.get_closest_marker("timeout")
        seconds = mark.args[0] if mark else float(config.option.timeout or config.getini("timeout"))
        item.add_marker(pytest.mark.timeout(seconds * PATIENCE), append=False)
