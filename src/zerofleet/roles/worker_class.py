"""A worker of one's own: a subclass of `Worker` named on the command line."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from zerofleet.roles.config import ConfigError
from zerofleet.roles.worker import Worker


def load_worker_class(spec: str) -> type[Worker]:
    """The class of FILE.py:CLASS or MODULE:CLASS.

    It is code, so it comes from the command line of the worker and never from the run directory.
    Raises: ConfigError if there is no such class, or it is no subclass of Worker.
    """
    place, _, name = spec.rpartition(":")
    if not place or not name:
        raise ConfigError(f"--worker-class {spec}: expected FILE.py:CLASS or MODULE:CLASS")
    try:
        module = (
            _from_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
        )
    except OSError as error:
        raise ConfigError(f"--worker-class {spec}: {place}: {error.strerror}") from None
    except Exception as error:
        raise ConfigError(
            f"--worker-class {spec}: {place} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, Worker)):
        what = "there is no such class" if found is None else "it is no subclass of Worker"
        raise ConfigError(
            f"--worker-class {spec}: {what}; expected class {name}(zerofleet.roles.Worker)"
        )
    return found


def _from_file(path: Path) -> ModuleType:
    path.stat()
    name = f"zerofleet_worker_{path.stem}"
    found = importlib.util.spec_from_file_location(name, path)
    if found is None or found.loader is None:
        raise ConfigError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    return module
