"""What a run has reached: the strength table and the picture of the run."""

import json
from pathlib import Path
from typing import cast

from rich.console import Console

from zerofleet.arena.stats import IterationStats
from zerofleet.monitor.tables import strength_table
from zerofleet.run.layout import CONFIG
from zerofleet.run.stats import read_stats
from zerofleet.run.store import Store

PICTURE = "learning_curve.png"


def show_result(console: Console, store: Store, run_dir: Path) -> None:
    """Prints the strength of the newest rated version and writes the learning curve."""
    entries = cast(list[IterationStats], read_stats(store))
    rated = [e for e in entries if e.get("game_stats", {}).get("matches")]
    if not rated:
        console.print("No version was rated yet.")
        return
    newest = rated[-1]
    depth = json.loads(store.read(CONFIG))["arena"]["depth"]
    console.print(
        strength_table(
            newest["game_stats"]["matches"],
            title=f"Strength of version {newest['model_version']}, searching {depth} plies",
            width=console.size.width,
        )
    )
    try:
        from zerofleet.monitor.plot import plot_learning_curve

        path = plot_learning_curve(entries, run_dir / PICTURE, title=f"{run_dir.name}")
    except ImportError as error:
        console.print(f"No picture: {error}")
        return
    console.print(f"Learning curve: {path}", soft_wrap=True, highlight=False)
