"""The process group: ranks that train one net together, each on a device of its own.

Whoever starts the ranks, torchrun, `zerofleet launch` or a person by hand, says through the usual
environment (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT) or through options who is who.
One process alone is a group too, of one rank and without any network.

Only plain tensors and bytes travel between ranks, never pickled objects.
"""

import contextlib
import ctypes
import datetime
import errno
import json
import os
import signal
import socket
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor
from torch._C._distributed_c10d import PrefixStore, TCPStore

from zerofleet.run.words import counted
from zerofleet.training.errors import TrainingError

DEFAULT_PORT = 12355
TIMEOUT_SECONDS = 300.0
"""How long a rank waits for another one in the middle of a step."""
_BEAT_SECONDS = 2.0
_DEAD_SECONDS = 60.0
_POLL_SECONDS = 0.05
_LAST_WORDS_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


class GroupError(TrainingError):
    """Ranks that cannot form a group, or one of them is gone; says which and what to do."""


@dataclass(frozen=True)
class Place:
    """Where a process stands among the ranks."""

    rank: int = 0
    """Among all, from 0."""
    world_size: int = 1
    """Ranks on all nodes."""
    local_rank: int = 0
    """Among those of this node."""
    local_world_size: int = 1
    """Ranks on this node."""
    master_addr: str = "127.0.0.1"
    master_port: int = DEFAULT_PORT

    @classmethod
    def from_environment(
        cls,
        *,
        rank: int | None = None,
        world_size: int | None = None,
        local_rank: int | None = None,
        master_addr: str | None = None,
        master_port: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> "Place":
        """What launcher and options say together; without either a process is alone.

        Args:
          environment: None: that of the process.
        Raises: GroupError if they contradict one another, or something is missing or impossible.
        """
        env = os.environ if environment is None else environment
        world = _agreed("--world-size", world_size, env, "WORLD_SIZE")
        own = _agreed("--rank", rank, env, "RANK")
        if world is None and own is None:
            return cls()
        if world is None or own is None:
            there, missing = ("--rank", "--world-size") if world is None else ("--world-size", "")
            missing = missing or "--rank"
            raise GroupError(f"{there} is given, {missing} is not: a rank needs to know both")
        if not (world >= 1 and 0 <= own < world):
            raise GroupError(f"rank {own} of {world}: expected a rank from 0 to {world - 1}")
        local = _agreed("--local-rank", local_rank, env, "LOCAL_RANK")
        local_world = _number(env, "LOCAL_WORLD_SIZE")
        return cls(
            rank=own,
            world_size=world,
            local_rank=own if local is None else local,
            local_world_size=world if local_world is None else local_world,
            master_addr=master_addr or env.get("MASTER_ADDR") or cls.master_addr,
            master_port=master_port or _number(env, "MASTER_PORT") or DEFAULT_PORT,
        )


def end_with_launcher() -> None:
    """Makes a rank that torchrun's agent has started end when the agent is killed (Linux)."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def is_launched(environment: Mapping[str, str] | None = None) -> bool:
    """Whether a launcher has made this process one of several ranks."""
    env = os.environ if environment is None else environment
    return "RANK" in env and "WORLD_SIZE" in env


class RankGroup:
    """The ranks of a job as one of them sees them. Close it at the end.

    All ranks call the same methods in the same order, or the group stands still until a rank's
    time-out ends it.
    """

    def __init__(self, place: Place, device: torch.device) -> None:
        """A group of one; `join` makes larger ones."""
        self.rank = place.rank
        self.world_size = place.world_size
        self.place = place
        self.device = device
        self.backend = "none"
        self.num_nodes = 1
        self.is_mixed = False
        """Ranks compute on devices of different kinds, which round differently."""
        self._store: Any = None
        self._num_meetings = 0
        self._timeout_seconds = TIMEOUT_SECONDS
        self._closed = threading.Event()

    @classmethod
    def alone(cls, device: str | torch.device = "auto") -> "RankGroup":
        """A group of one process; `device` is auto, cpu, cuda or cuda:N."""
        return cls(Place(), choose_device(str(device), 0))

    @classmethod
    def join(
        cls,
        place: Place,
        *,
        device: str = "auto",
        backend: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> "RankGroup":
        """Returns when all ranks are there.

        Args:
          device: auto (the GPU of the local rank's number, or the processor), cpu, cuda:N.
          backend: nccl or gloo; None: nccl on GPUs, gloo on processors.
          timeout_seconds: for the ranks to come together, and for each exchange between them.
        Raises: GroupError.
        """
        made = cls(place, choose_device(device, place.local_rank))
        chosen = choose_backend(backend, made.device)
        if place.world_size == 1:
            return made
        if made.device.type == "cuda":
            torch.cuda.set_device(made.device)
        made.backend = chosen
        made._timeout_seconds = timeout_seconds
        made._meet_all(timeout_seconds)
        made.num_nodes = made._count_nodes()
        kinds = made.gather(torch.tensor([_kind_of(made.device)]))
        made.is_mixed = bool((kinds != kinds[0]).any())
        if made.is_main:
            threading.Thread(target=made._beat, name="group-beat", daemon=True).start()
        return made

    @property
    def is_main(self) -> bool:
        """Rank 0: the only one that prints and writes."""
        return self.rank == 0

    def __str__(self) -> str:
        return f"{counted(self.world_size, 'rank')} on {counted(self.num_nodes, 'node')}"

    # -- exchanges ---------------------------------------------------------------------------

    def sum(self, tensor: Tensor) -> Tensor:
        """Adds up a tensor over all ranks, in place; returns it."""
        if self.world_size > 1:
            with self.watched():
                dist.all_reduce(tensor)
        return tensor

    def from_main(self, tensor: Tensor) -> Tensor:
        """Overwrites a tensor with rank 0's; returns it."""
        if self.world_size > 1:
            with self.watched():
                dist.broadcast(tensor, 0)
        return tensor

    def largest(self, value: int) -> int:
        """The largest value any rank has."""
        return int(self.gather(torch.tensor([value])).max())

    def gather(self, values: Tensor) -> Tensor:
        """[N] of each rank -> [ranks, N], on all of them."""
        if self.world_size == 1:
            return values[None]
        parts = [torch.empty_like(values) for _ in range(self.world_size)]
        with self.watched():
            dist.all_gather(parts, values)
        return torch.stack(parts)

    def meet(self) -> None:
        """Waits for rank 0 to come here, for as long as it lives: it may be reading data, or
        waiting for games. Raises: GroupError if it is gone."""
        if self.world_size == 1:
            return
        self._num_meetings += 1
        key = f"meeting/{self._num_meetings}"
        if self.is_main:
            with self.watched():
                self._store.set(key, b"1")
            return
        beat, last_change = b"", time.monotonic()
        with self.watched():
            while not self._store.check([key]):
                if self._store.check(["over"]):
                    raise GroupError(f"rank 0 has ended, so rank {self.rank} does")
                time.sleep(_POLL_SECONDS)
                newest = self._store.get("beat")
                if newest != beat:
                    beat, last_change = newest, time.monotonic()
                elif time.monotonic() - last_change > _DEAD_SECONDS:
                    raise GroupError(
                        f"rank 0 has given no sign of life for {_DEAD_SECONDS:.0f} s, says rank "
                        f"{self.rank}"
                    )

    def broadcast(self, data: bytes | None = None) -> bytes:
        """Returns rank 0's bytes on every rank, which may wait for it for long (`meet`)."""
        if self.world_size == 1:
            assert data is not None
            return data
        self.meet()
        sent = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
        length = torch.tensor([len(sent)])
        with self.watched():
            dist.broadcast(length, 0)
            tensor = torch.empty(int(length), dtype=torch.uint8)
            if self.is_main:
                tensor.copy_(torch.from_numpy(sent.copy()))
            if len(tensor):
                dist.broadcast(tensor, 0)
        return tensor.numpy().tobytes()

    def broadcast_json(self, value: Any = None) -> Any:
        """Returns rank 0's JSON-able value on every rank."""
        if self.world_size == 1:
            return value
        return json.loads(self.broadcast(json.dumps(value).encode() if self.is_main else None))

    def broadcast_arrays(
        self, arrays: Mapping[str, npt.NDArray[Any]] | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """Returns rank 0's named arrays on every rank."""
        if self.world_size == 1:
            assert arrays is not None
            return dict(arrays)
        described = {name: [a.dtype.str, a.shape] for name, a in arrays.items()} if arrays else None
        found: dict[str, npt.NDArray[Any]] = {}
        for name, (dtype, shape) in self.broadcast_json(described).items():
            array = np.empty(shape, dtype) if arrays is None else np.ascontiguousarray(arrays[name])
            if array.nbytes:
                flat = array.reshape(-1).view(np.uint8)
                tensor = torch.from_numpy(flat if flat.flags.writeable else flat.copy())
                with self.watched():
                    dist.broadcast(tensor, 0)
            found[name] = array
        return found

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Turns what a library says of a broken exchange into a GroupError that names the rank."""
        try:
            yield
        except (dist.DistError, RuntimeError) as error:
            if self.world_size == 1 or not _is_of_exchange(error):
                raise
            raise GroupError(f"{self._who_is_gone()}; {_first_line(error)}") from error

    def close(self) -> None:
        """Leaves the group; ranks that wait for rank 0 in `meet` end with it."""
        self._closed.set()
        if self._store is not None and self.is_main:
            with contextlib.suppress(Exception):
                self._store.set("over", b"1")
        if self._store is not None and dist.is_initialized():
            dist.destroy_process_group()
        self._store = None

    # -- inside ------------------------------------------------------------------------------

    def _meet_all(self, timeout_seconds: float) -> None:
        place = self.place
        address = f"{place.master_addr}:{place.master_port}"
        # torchrun's agent has a store at that address already; else rank 0 makes it.
        is_host = self.is_main and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
        limit = datetime.timedelta(seconds=timeout_seconds)
        try:
            store = TCPStore(
                place.master_addr,
                place.master_port,
                place.world_size,
                is_host,
                timeout=limit,
                wait_for_workers=False,
            )
        except (dist.DistError, RuntimeError, OSError) as error:
            if is_host and (is_taken(error) or port_is_taken(place.master_port)):
                raise GroupError(port_taken_text(place.master_port)) from None
            raise GroupError(
                f"rank {self.rank} of {self.world_size} cannot reach {address} within "
                f"{timeout_seconds:.0f} s ({_first_line(error)}): is rank 0 running there, and "
                "does a firewall let that port through?"
            ) from None
        # Each attempt of a job that is started again has keys of its own: what the last one left
        # in the agent's store would otherwise be taken for answers (pytorch issue 135712).
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        self._store = PrefixStore(f"zerofleet/{attempt}", store)
        if self._store.add(f"claim/{self.rank}", 1) > 1:
            raise GroupError(
                f"there are two processes with rank {self.rank} at {address}: give each another "
                "--rank (or --node-rank)"
            )
        self._store.set(f"here/{self.rank}", _node_name().encode())
        self._store.set("beat", b"0")
        backend = self.backend
        try:
            dist.init_process_group(
                # Figures and data travel between processors whatever the gradients do.
                "cpu:gloo,cuda:nccl" if backend == "nccl" else "gloo",
                store=PrefixStore("pg", self._store),
                rank=place.rank,
                world_size=place.world_size,
                timeout=limit,
            )
            dist.barrier() if backend == "gloo" else self.sum(torch.zeros(1))
        except (dist.DistError, RuntimeError) as error:
            raise GroupError(f"{self._who_is_gone(0)}; {_first_line(error)}") from None

    def _count_nodes(self) -> int:
        return len({self._store.get(f"here/{rank}") for rank in range(self.world_size)})

    def _beat(self) -> None:
        count = 0
        while not self._closed.wait(_BEAT_SECONDS):
            count += 1
            store = self._store
            if store is None:
                return
            with contextlib.suppress(Exception):  # the group is being taken down
                store.set("beat", str(count).encode())

    def _who_is_gone(self, wait_seconds: float = _LAST_WORDS_SECONDS) -> str:
        """Names the ranks that do not answer: those that live come here within some seconds."""
        here = f"rank {self.rank} of {self.world_size} waits for others"
        prefix = "answer" if wait_seconds else "here"
        try:
            if wait_seconds:
                self._store.set(f"answer/{self.rank}", b"1")
            end = time.monotonic() + wait_seconds
            while True:
                missing = [
                    rank
                    for rank in range(self.world_size)
                    if not self._store.check([f"{prefix}/{rank}"])
                ]
                if not missing or time.monotonic() >= end:
                    break
                time.sleep(_POLL_SECONDS)
        except Exception:  # the store was with the rank that is gone
            return f"{here}: rank 0, or its launcher, is gone"
        if not missing:
            return f"{here}: the connection between the ranks broke"
        names = ", ".join(map(str, missing))
        verb = "is" if len(missing) == 1 else "are"
        return f"{here}: rank{'s' if len(missing) > 1 else ''} {names} {verb} gone or hung"


def choose_device(device: str, local_rank: int) -> torch.device:
    """The device of a rank. Raises: GroupError if there is none for it."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        count = torch.cuda.device_count()
        if local_rank >= count:
            raise GroupError(
                f"local rank {local_rank} has no GPU: there {'is' if count == 1 else 'are'} "
                f"{count} here; start {counted(count, 'rank')} on this node, or "
                "use --backend gloo for processors"
            )
        device = f"cuda:{local_rank}"
    return torch.device(device)


def choose_backend(backend: str | None, device: torch.device) -> str:
    """nccl for GPUs, gloo for processors. Raises: GroupError for what cannot work."""
    if backend is None:
        return "nccl" if device.type == "cuda" and dist.is_nccl_available() else "gloo"
    if backend not in ("nccl", "gloo"):
        raise GroupError(f"--backend {backend}: expected nccl or gloo")
    if backend == "nccl" and device.type != "cuda":
        raise GroupError(
            "--backend nccl: it connects GPUs, and this rank computes on the processor; leave "
            "--backend out (gloo is chosen by itself)"
        )
    return backend


def port_is_taken(port: int, host: str = "") -> bool:
    """Whether nobody else can listen on a port of this host."""
    with socket.socket(socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def port_taken_text(port: int) -> str:
    """What a person is told."""
    return (
        f"port {port} of this host is taken by another program (another job?): choose another "
        f"with --master-port, {port + 1} for instance, the same on all nodes"
    )


def is_taken(error: BaseException) -> bool:
    """Whether an error says that an address is in use."""
    return "EADDRINUSE" in str(error) or "address already in use" in str(error).lower()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device, or the allocator of the processor, has no memory left."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def _kind_of(device: torch.device) -> int:
    """A number for what a device is called."""
    name = "cpu"
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    return zlib.crc32(name.encode())


def _is_of_exchange(error: BaseException) -> bool:
    """Whether an error is of what happens between ranks, and not of a net or a device."""
    words = ("gloo", "nccl", "connection", "socket", "timed out", "timeout", "peer", "store")
    if isinstance(error, GroupError) or is_out_of_memory(error):
        return False
    return isinstance(error, dist.DistError) or any(w in str(error).lower() for w in words)


def _node_name() -> str:
    # Several agents of torchrun on one host are as many nodes.
    return f"{socket.gethostname()}/{os.environ.get('GROUP_RANK', '')}"


def _first_line(error: BaseException) -> str:
    text = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return text.strip()[:200]


def _number(env: Mapping[str, str], name: str) -> int | None:
    text = env.get(name)
    if text is None or text == "":
        return None
    if not text.lstrip("-").isdecimal():
        raise GroupError(f"{name}={text} in the environment: expected a number")
    return int(text)


def _agreed(flag: str, given: int | None, env: Mapping[str, str], name: str) -> int | None:
    found = _number(env, name)
    if given is not None and found is not None and given != found:
        raise GroupError(
            f"{flag} {given}, but the launcher says {name}={found}: leave {flag} out, torchrun "
            "and `zerofleet launch` tell every rank who it is"
        )
    return found if given is None else given
