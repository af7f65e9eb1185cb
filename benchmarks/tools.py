"""What benchmarks share: the C++ tools, how they are built, and the machine they run on."""

import json
import os
import platform
import subprocess
import sys
import sysconfig
from datetime import date
from pathlib import Path
from typing import Any

from zerofleet.run.software import software_version

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build" / "bench"
NET = ROOT / "benchmarks" / "data" / "ultimate_ttt.nnue"
"""A net of a real run, so that search trees have their real shape."""


def build_tools(*targets: str) -> None:
    """Builds C++ programs like the package: baseline x86-64-v2, kernels by dispatch.

    With CMake and Ninja of this environment, which need not be on the path.
    """
    cmake = [sys.executable, "-m", "cmake"]
    ninja = Path(sysconfig.get_path("scripts")) / "ninja"
    settings = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}", "-DZEROFLEET_PYTHON=OFF"]
    configure = [*cmake, "-S", str(ROOT), "-B", str(BUILD), *settings]
    subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)
    build = [*cmake, "--build", str(BUILD), "--target", *targets]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)


def tool(name: str, *arguments: str) -> list[dict[str, Any]]:
    """Runs a C++ benchmark and returns its JSON lines."""
    command = [str(BUILD / name), *arguments]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        processor = names[0].partition(":")[2].strip() if names else processor
    return {
        "date": date.today().isoformat(),
        "commit": software_version(),
        "processor": processor,
        "cores": str(os.cpu_count()),
        "load before": f"{os.getloadavg()[0]:.2f}",
    }
