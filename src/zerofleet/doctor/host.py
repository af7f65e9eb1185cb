"""This host: processors, memory, devices, their driver, torch and what connects ranks."""

import datetime
import importlib.util
import os
import platform
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zerofleet.doctor.finding import Finding
from zerofleet.fleet.devices import usable_cores, visible_gpus
from zerofleet.run.software import software_version
from zerofleet.run.words import counted

if TYPE_CHECKING:
    import torch

GIB = 1 << 30
LEAST_MEMORY_GIB = 2.0
"""A worker or trainer of a small net takes about half of it."""
_INSTALL = "pip install 'zerofleet[train]'"


def check_host() -> Iterator[Finding]:
    """Software, processors, memory."""
    yield Finding("zerofleet", f"{software_version()}, Python {platform.python_version()}")
    present = os.cpu_count() or 1
    usable = usable_cores()
    text = f"{counted(usable, 'core')} usable"
    if usable < present:
        text += f" of {present} (affinity, or the container's quota)"
    yield Finding("processors", text)
    total, available = memory_gib()
    text = f"{available:.1f} of {total:.1f} GiB available"
    if available < LEAST_MEMORY_GIB:
        remedy = "end other programs, or take fewer workers and a smaller replay.max_positions"
        yield Finding("memory", text, "warning", remedy)
    else:
        yield Finding("memory", text)


def memory_gib() -> tuple[float, float]:
    """(total, available): of the host, or of the container if that has less."""
    values = {}
    for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
        name, _, rest = line.partition(":")
        values[name] = int(rest.split()[0]) / (1 << 20)
    total, available = values["MemTotal"], values["MemAvailable"]
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8")) / GIB
        used = int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="utf-8")) / GIB
    except (OSError, ValueError):  # no container, or one without a limit
        return total, available
    return min(total, limit), min(available, limit - used)


def check_devices() -> Iterator[Finding]:
    """GPUs as the driver and as torch sees them, torch itself, gloo and NCCL."""
    driver, gpus = _of_driver()
    if gpus:
        yield Finding("driver", f"NVIDIA {driver}: {', '.join(gpus)}")
    if importlib.util.find_spec("torch") is None:
        yield Finding(
            "torch", "not installed: this host can play with NNUE, not train", "warning", _INSTALL
        )
        return
    import torch

    built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built for processors"
    yield Finding("torch", f"{torch.__version__}, {built}")
    count = torch.cuda.device_count()
    text = f"torch.cuda.is_available() {torch.cuda.is_available()}, device_count() {count}"
    if visible_gpus() and not count:
        yield Finding("GPU", text, "failure", _gpu_remedy(torch.version.cuda))
    elif not count:
        yield Finding("GPU", f"{text}: nets are trained and evaluated on the processor")
    else:
        yield Finding("GPU", text)
        for number in range(count):
            yield _gpu(torch.cuda.get_device_properties(number), number)
    yield from _precision(torch.device("cuda" if count else "cpu"))
    yield _gloo()
    if count:
        yield _nccl()


def _of_driver() -> tuple[str, list[str]]:
    """Version, and a text for each GPU; as nvidia-smi says."""
    query = ["nvidia-smi", "--query-gpu=driver_version,name,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return "", []
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines()]
    rows = [row for row in rows if len(row) == 3]
    return (rows[0][0] if rows else ""), [f"{name} ({memory})" for _, name, memory in rows]


def _gpu_remedy(cuda: str | None) -> str:
    if cuda is None:
        return "this torch is built for processors: install one for CUDA (pytorch.org/get-started)"
    return f"the driver is too old for CUDA {cuda}, or not loaded: compare with `nvidia-smi`"


def _gpu(properties: "torch.cuda._CudaDeviceProperties", number: int) -> Finding:
    memory = properties.total_memory / GIB
    capability = f"{properties.major}.{properties.minor}"
    text = f"{properties.name}, {memory:.0f} GiB, compute capability {capability}"
    return Finding(f"cuda:{number}", text)


def _precision(device: "torch.device") -> Iterator[Finding]:
    from zerofleet.training.compiled import has_fast_bfloat16

    if has_fast_bfloat16(device):
        yield Finding("precision", f"bfloat16 is fast on {device.type}")
    elif device.type == "cuda":
        yield Finding("precision", "no bfloat16; --mixed-precision uses float16")
    else:
        yield Finding("precision", "float32 (no units for bfloat16: training is slower)")


def _gloo() -> Finding:
    """Two ranks in this process add up a number."""
    import torch
    import torch.distributed as dist
    from torch._C._distributed_c10d import HashStore

    if not dist.is_available() or not dist.is_gloo_available():
        return Finding("gloo", "not in this torch: one rank only", "failure", _INSTALL)
    store, sums = HashStore(), []
    limit = datetime.timedelta(seconds=20)

    def rank(number: int) -> None:
        group = dist.ProcessGroupGloo(store, number, 2, limit)
        value = torch.ones(1)
        group.allreduce([value]).wait()  # type: ignore[attr-defined]
        sums.append(value.item())

    threads = [threading.Thread(target=rank, args=(n,), daemon=True) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    if sums != [2.0, 2.0]:
        remedy = "the host's own name has to resolve to an address of it (/etc/hosts), or set "
        return Finding(
            "gloo",
            "two ranks on this host cannot exchange",
            "failure",
            f"{remedy}GLOO_SOCKET_IFNAME to a network interface (`ip address`), lo for one host",
        )
    return Finding("gloo", "two ranks on this host exchange")


def _nccl() -> Finding:
    import torch
    import torch.distributed as dist

    if not dist.is_nccl_available():
        remedy = "install a torch for CUDA on Linux; until then --backend gloo is slower"
        return Finding("NCCL", "not in this torch", "warning", remedy)
    version = torch.cuda.nccl.version()  # type: ignore[no-untyped-call]
    return Finding("NCCL", ".".join(map(str, version)))
