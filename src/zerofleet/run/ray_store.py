"""The store as an actor of a Ray cluster: it owns the run directory, nobody else has to see it.

The actor lives on the machine of the run directory and serves the five calls; who holds its address
reaches it from every node. An actor that died is started again by Ray, and a call whose answer was
lost is made again: all calls may be repeated, and a value that is created is known by its bytes.

What is sent between machines is sent by Ray, in its own way (it pickles); Ray has to be trusted, as
everybody who can reach its ports can run code on the cluster (docs/ray.md).
"""

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from zerofleet.run.errors import KeyMissingError, StoreError
from zerofleet.run.store import PAGE_SIZE, DirectoryStore, Entry, Page, check_key

SCHEME = "rayactor"
NAMESPACE = "zerofleet"
CALL_SECONDS = 30.0
"""For one call; a value that travels may take its time."""
PATIENCE_SECONDS = 20.0
"""So long a call is made again while the actor is away: it is being restarted."""
_ANSWERS = {"missing": KeyMissingError, "store": StoreError, "value": ValueError}


def import_ray() -> Any:
    """The package, told to send nothing home. Raises: StoreError without it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise StoreError(
            f"a Ray cluster needs ray ({error}): pip install 'zerofleet[ray]'"
        ) from None
    return ray


def connect(address: str | None) -> Any:
    """Connects this process to the cluster at `HOST:PORT`, once; returns the package.

    None: to the cluster of this machine (RAY_ADDRESS, `ray start`); without one, one is started
    that listens on loopback alone and ends with this process.

    Raises: StoreError if there is no such cluster, or this machine is no node of it.
    """
    ray = import_ray()
    if ray.is_initialized():
        return ray
    options: dict[str, Any] = {
        "namespace": NAMESPACE,
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "configure_logging": False,
    }
    with _keep_signals():
        try:
            if address is None:
                try:
                    ray.init(address="auto", **options)
                except ConnectionError:
                    own = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
                    ray.init(address="local", **own, **options)
            else:
                ray.init(address=address, **options)
        except Exception as error:  # of many kinds, for a wrong address or another version
            first = next(iter(str(error).strip().splitlines()), type(error).__name__)
            where = address or "of this machine"
            raise StoreError(
                f"Ray cluster {where}: cannot be joined: {first}; this machine has to be one of "
                f"its nodes (`ray start --address={address or 'HOST:PORT'}`), with the same ray "
                "and Python"
            ) from None
    return ray


@contextlib.contextmanager
def _keep_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself when it is initialised; roles have their own way to end."""
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if is_main and before is not None:
            signal.signal(signal.SIGTERM, before)


@dataclass(frozen=True)
class StoreAddress:
    """Where the actor is found: `rayactor://10.0.0.1:6379/store-1f2e`."""

    cluster: str
    actor: str

    @staticmethod
    def parse(text: str) -> "StoreAddress":
        """Raises: ValueError for what is no such address."""
        parts = urlsplit(text)
        actor = parts.path.strip("/")
        if parts.scheme != SCHEME or not parts.netloc or not actor or "/" in actor:
            raise ValueError(f"{text}: expected {SCHEME}://HOST:PORT/ACTOR")
        return StoreAddress(parts.netloc, actor)

    def __str__(self) -> str:
        return f"{SCHEME}://{self.cluster}/{self.actor}"

    @property
    def identity(self) -> str:
        """The actor alone: a cluster may come back at another address."""
        return f"{SCHEME}/{self.actor}"

    def store(self) -> "RayStore":
        """The store behind the actor; it connects at the first call."""
        return RayStore(str(self))


class StoreService:
    """What the actor runs. Answers are (kind, value): errors travel as words, not as objects."""

    def __init__(self, directory: str) -> None:
        self._store = DirectoryStore(Path(directory))

    def call(self, name: str, *arguments: Any) -> tuple[str, Any]:
        """One of the five calls, or `move`."""
        try:
            if name == "list":
                prefix, after, limit = arguments
                page = self._store.list(prefix, after=after, limit=limit)
                entries = [(entry.key, entry.size_bytes, entry.mark) for entry in page.entries]
                return "done", (entries, page.next_after)
            if name not in ("read", "put", "put_if_absent", "delete", "move"):
                return "value", f"{name!r} is no call of a store"
            return "done", getattr(self._store, name)(*arguments)
        except KeyMissingError as error:
            return "missing", str(error)
        except StoreError as error:
            return "store", str(error)
        except ValueError as error:
            return "value", str(error)


def start_service(ray: Any, name: str, directory: Path) -> None:
    """Starts the actor on this machine; it ends with this process.

    Raises: StoreError if one of that name is there: another session trains this directory.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    try:
        actor = (
            ray.remote(StoreService)
            .options(
                name=name,
                namespace=NAMESPACE,
                num_cpus=0,
                max_restarts=-1,
                max_concurrency=16,
                scheduling_strategy=here,
            )
            .remote(str(directory.resolve()))
        )
        ray.get(actor.call.remote("list", "", "", 1), timeout=120)
    except ValueError as error:
        raise StoreError(f"{name}: {error}: another session has this directory") from None
    _kept[name] = actor  # it lives as long as somebody of its creator holds it


_kept: dict[str, Any] = {}


def end_service(ray: Any, name: str) -> None:
    """Ends the actor that this process started."""
    actor = _kept.pop(name, None)
    if actor is not None:
        with contextlib.suppress(Exception):  # it is gone, or the cluster is
            ray.kill(actor)


class RayStore:
    """The run behind an actor; safe to use from several threads."""

    def __init__(
        self,
        address: str,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Connects at the first call. Raises: ValueError for what is no address."""
        self.address = StoreAddress.parse(address)
        self._patience_seconds = patience_seconds
        self._sleep = sleep
        self._actor: Any = None

    def __repr__(self) -> str:
        return f"RayStore({str(self.address)!r})"

    def list(self, prefix: str, *, after: str = "", limit: int = PAGE_SIZE) -> Page:
        """See `Store.list`."""
        entries, next_after = self._call("list", prefix, after, limit)[0]
        return Page(tuple(Entry(*entry) for entry in entries), next_after)

    def read(self, key: str) -> bytes:
        """See `Store.read`."""
        return bytes(self._call("read", check_key(key))[0])

    def put(self, key: str, data: bytes) -> None:
        """See `Store.put`."""
        self._call("put", check_key(key), data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """See `Store.put_if_absent`."""
        created, num_tries = self._call("put_if_absent", check_key(key), data)
        if not created and num_tries > 1:
            # Perhaps by our own first try, whose answer was lost with the actor.
            with contextlib.suppress(KeyMissingError):
                return self.read(key) == data
        return bool(created)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        self._call("delete", check_key(key))

    def move(self, source: str, target: str) -> None:
        """Renames; the bytes stay where they are."""
        self._call("move", check_key(source), check_key(target), redo=target)

    def _call(self, name: str, *arguments: Any, redo: str = "") -> tuple[Any, int]:
        """The value and how often it was asked for.

        Args:
          redo: of a move that is asked for again: if this key is there, the first one did it.
        """
        ray = connect(self.address.cluster)
        ends_at = time.monotonic() + self._patience_seconds
        num_tries, pause = 0, 0.1
        while True:
            num_tries += 1
            try:
                if self._actor is None:
                    self._actor = ray.get_actor(self.address.actor, namespace=NAMESPACE)
                kind, value = ray.get(
                    self._actor.call.remote(name, *arguments), timeout=CALL_SECONDS
                )
                break
            except (ray.exceptions.RayError, ValueError, ConnectionError, TimeoutError) as error:
                self._actor = None
                if time.monotonic() >= ends_at:
                    first = next(iter(str(error).strip().splitlines()), type(error).__name__)
                    raise StoreError(
                        f"{self.address}: cannot {name} {arguments[0]}: {first}; is the command "
                        "that trains still running? Nothing is lost"
                    ) from None
            self._sleep(pause)
            pause = min(2 * pause, 2.0)
        is_redone = kind == "missing" and redo and num_tries > 1
        if is_redone and self.list(redo, limit=1).keys[:1] == (redo,):
            return None, num_tries
        if kind in _ANSWERS:
            raise _ANSWERS[kind](value)
        return value, num_tries
