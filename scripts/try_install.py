"""Tries an installed zerofleet with nothing but its base dependencies: no torch, no compiler.

Run it with the Python that has the wheel. It shows the command and its help, lets a worker of
alpha-beta play for a run whose net is the shipped one, and plays a game at the terminal.
"""

import importlib.util
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

PATIENCE_SECONDS = 120.0


def main() -> int:
    """Returns the exit status; what is wrong is raised."""
    began = time.monotonic()
    import zerofleet

    package = Path(zerofleet.__file__).parent
    if importlib.util.find_spec("torch") is not None:
        print("note: torch is here, so this does not show that nobody asks for it")
    version = zerofleet_command("--version")
    if not (package / "py.typed").is_file() or not (package / "_core.pyi").is_file():
        raise SystemExit(f"{package}: py.typed or _core.pyi is missing")
    if "worker" not in zerofleet_command("--help"):
        raise SystemExit("zerofleet --help names no verbs")
    with tempfile.TemporaryDirectory() as folder:
        games = let_a_worker_play(Path(folder) / "run")
    shown = zerofleet_command("play", "ultimate_ttt", "--depth", "2", words="eval\ngo 2\nquit\n")
    if "plays" not in shown or "expected score" not in shown:
        raise SystemExit(f"zerofleet play: no moves and no opinion in\n{shown}")
    print(f"zerofleet {version.strip()} in {package}: {games} games of a worker, a game at the")
    print(f"terminal, no torch asked for; {time.monotonic() - began:.1f} s")
    return 0


def zerofleet_command(*arguments: str, words: str = "") -> str:
    """What the command prints. Raises: SystemExit with what it says if it fails."""
    done = subprocess.run(
        [command(), *arguments],
        input=words,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"zerofleet {' '.join(arguments)}: {done.returncode}\n{done.stderr}")
    return done.stdout


def command() -> str:
    """The script that pip has installed beside this Python."""
    return os.path.join(sysconfig.get_path("scripts"), "zerofleet")


def let_a_worker_play(run_dir: Path) -> int:
    """The games of the first file that a worker delivers, which is read and replayed."""
    from zerofleet.nets.nnue_file import read_architecture
    from zerofleet.players.shipped import shipped_net
    from zerofleet.records.read import read_shard
    from zerofleet.records.validate import validate
    from zerofleet.roles.config import load_recipe, resolve
    from zerofleet.run.layout import CONFIG
    from zerofleet.run.models import publish_model
    from zerofleet.run.store import DirectoryStore

    keys = {"search.depth": 2, "selfplay.games_per_batch": 20}
    store = DirectoryStore(run_dir)
    store.put(CONFIG, resolve(load_recipe("ultimate_ttt"), None, keys).to_json())
    net = shipped_net("ultimate_ttt").read_bytes()
    publish_model(store, 1, {"nnue": net}, str(read_architecture(net)))
    worker = subprocess.Popen([command(), "worker", "--run-dir", str(run_dir), "--threads", "1"])
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := sorted((run_dir / "data").glob("[!.]*.npz"))):
        if worker.poll() is not None or time.monotonic() > end:
            worker.kill()
            raise SystemExit(f"the worker delivered no games (exit status {worker.poll()})")
        time.sleep(0.05)
    worker.send_signal(signal.SIGINT)
    if status := worker.wait(PATIENCE_SECONDS):
        raise SystemExit(f"the worker ended with {status} on Ctrl-C")
    meta, games = read_shard(found[0])
    validate(meta, games, name=found[0].name)
    return games.num_games


if __name__ == "__main__":
    sys.exit(main())
