"""Plays two games on each device of this host, in a process for each, and looks at what comes back.

Everything is real: a net in a model file, workers of their own, shards that are replayed, positions
that become tensors. It takes some seconds and needs no run.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from zerofleet.fleet.launcher import Command, Handle, describe_exit, log_tail
from zerofleet.fleet.local import LocalLauncher
from zerofleet.monitor.iterations import device_labels

NUM_GAMES = 2
TIMEOUT_SECONDS = 300.0
_GAME = "connect_four"


@dataclass(frozen=True)
class DeviceReport:
    """What came of one device."""

    label: str
    """GPU 0, CPU 1."""
    error: str = ""
    """Why it failed, with the end of its log; empty: it works."""
    num_games: int = 0
    num_moves: int = 0
    backend: str = ""
    seconds: float = 0.0
    state_type: type | None = None
    """Of the positions as learning takes them."""

    def __str__(self) -> str:
        if self.error:
            return f"⚠️  ERROR in {self.label}: {self.error}"
        return (
            f"{self.label}: {self.num_games} games, {self.num_moves} moves, {self.backend}, "
            f"{self.seconds:.1f} s"
        )


def check_devices(devices: Sequence[str], say: Callable[[str], None]) -> bool:
    """Plays on all devices at once and says what came of it; True if all of them work.

    Args:
      devices: as `parse_devices` gives them: cpu, cuda:0, ...
    """
    labels = device_labels(devices)
    say(f"Multi-GPU test: {NUM_GAMES} games of {_GAME} on each of {', '.join(labels)}")
    with tempfile.TemporaryDirectory(prefix="zerofleet-doctor-") as name:
        reports = _play(Path(name), devices, labels)
    for report in reports:
        say(str(report))
    if any(report.error for report in reports):
        return False
    import torch

    types = {report.state_type for report in reports}
    say("✓ Multi-GPU test completed successfully!")
    say(f"State type: {' '.join(map(str, types))}")
    if types != {torch.Tensor}:
        say("✗ States are no PyTorch tensors")
        return False
    say("✓ States are PyTorch tensors (correctly converted)")
    return True


def _play(folder: Path, devices: Sequence[str], labels: Sequence[str]) -> list[DeviceReport]:
    model = folder / "model.safetensors"
    model.write_bytes(_model())
    launcher = LocalLauncher()
    began = time.monotonic()
    handles: list[Handle] = []
    try:
        for number, device in enumerate(devices):
            command = Command(
                name=labels[number],
                argv=(
                    *(sys.executable, "-m", "zerofleet", "selfplay", str(model)),
                    *("--games", str(NUM_GAMES), "--simulations", "4", "--threads", "1"),
                    *("--device", device, "--seed", str(number)),
                    *("--out", str(folder / str(number))),
                ),
                log=folder / f"{number}.log",
            )
            handles.append(launcher.start(command))
        reports: dict[int, DeviceReport] = {}
        while len(reports) < len(handles):
            for number, handle in enumerate(handles):
                if number in reports:
                    continue
                seconds = time.monotonic() - began
                status = handle.poll()
                log = folder / f"{number}.log"
                if status is None and seconds < TIMEOUT_SECONDS:
                    continue
                why = "hangs" if status is None else describe_exit(status)
                if status == 0:
                    reports[number] = _read(folder / str(number), labels[number], seconds)
                else:
                    tail = log_tail(log)
                    reports[number] = DeviceReport(labels[number], f"{why}\n{tail}".rstrip())
            time.sleep(0.05)
        return [reports[number] for number in range(len(handles))]
    finally:
        for handle in handles:
            handle.kill()


def _read(folder: Path, label: str, seconds: float) -> DeviceReport:
    """Takes a worker's shards as a trainer does."""
    import torch

    from zerofleet.records.errors import ShardError
    from zerofleet.records.read import read_shard
    from zerofleet.replay.batches import draw
    from zerofleet.replay.samples import SampleWindow, samples_of_shard

    num_games = num_moves = 0
    backend = ""
    state_type: type | None = None
    for path in sorted(folder.glob("*.npz")):
        try:
            meta, games = read_shard(path)
            batch = samples_of_shard(meta, games, name=path.name, validation_share=0.0)
        except ShardError as error:
            return DeviceReport(label, str(error))
        window = SampleWindow.from_sources(_GAME, [batch], max_positions=len(batch))
        states = torch.from_numpy(draw(window, window.training_rows).planes_BHWC)
        state_type = type(states)
        num_games += games.num_games
        num_moves += games.num_plies
        backend = meta.evaluator_backend
    if num_games != NUM_GAMES:
        return DeviceReport(label, f"{num_games} games came back, expected {NUM_GAMES}")
    return DeviceReport(label, "", num_games, num_moves, backend, seconds, state_type)


def _model() -> bytes:
    from zerofleet.games import load_game
    from zerofleet.nets.architecture import NetArchitecture
    from zerofleet.nets.build import build_model
    from zerofleet.nets.config import ResNetConfig
    from zerofleet.nets.model_file import model_to_safetensors
    from zerofleet.run.threads import calm_threads

    calm_threads()
    net = ResNetConfig(num_blocks=1, num_filters=16, num_head_filters=4, num_head_units=16)
    return model_to_safetensors(build_model(NetArchitecture.of(load_game(_GAME), net), seed=1))
