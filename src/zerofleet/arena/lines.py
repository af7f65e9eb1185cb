"""One-line reports of the roles: what the console, the logs and `status.txt` say in plain text."""

from collections.abc import Sequence

from zerofleet.arena.stats import EloStats, GateStats, IterationStats, LossStats, ScoreStats
from zerofleet.run.words import counted

_SHORT = {"random": "rnd", "greedy": "greedy"}


def short_opponent(text: str) -> str:
    """Returns a column's worth of an opponent's name: `rnd`, `greedy`, `mm2`, `exp1`."""
    if text.startswith("minimax:"):
        return "mm" + text.removeprefix("minimax:")
    if text.startswith("mcts:"):
        return "mcts" + text.removeprefix("mcts:")
    if text.startswith("expectimax:"):
        return "exp" + text.removeprefix("expectimax:")
    return _SHORT.get(text, text)


def opponent_meaning(name: str) -> str:
    """Returns what a fixed opponent does, in a few words; empty for others."""
    kind, _, text = name.partition(":")
    number = int(text) if text.isdecimal() else 0
    return {
        "random": "any legal move",
        "greedy": "the best position one ply ahead, by a hand-written evaluation",
        "minimax": f"the best {counted(number, 'ply', 'plies')} ahead, by that evaluation",
        "expectimax": f"the largest expected gain {counted(number, 'move')} ahead",
        "mcts": f"tree search with {counted(number, 'simulation')} and no net",
    }.get(kind, "")


def elo_text(elo: EloStats) -> str:
    """Returns `812 ± 25`, or an empty text if the version was not rated."""
    if "rating" not in elo:
        return ""
    return f"{elo['rating']:.0f} ± {elo.get('error', 0.0):.0f}"


def accuracy_text(losses: LossStats) -> str:
    """Returns `31.2 % (uniform 3.9 %)`, or an empty text if it was not measured."""
    if "val_accuracy" not in losses:
        return ""
    uniform = losses.get("val_uniform_accuracy", 0.0)
    return f"{100 * losses['val_accuracy']:.1f} % (uniform {100 * uniform:.1f} %)"


def score_text(scores: ScoreStats) -> str:
    """Returns `4,812 ± 310`, with decimals where scores are small."""
    digits = 0 if max(abs(scores["mean"]), scores["error"]) >= 100 else 2
    return f"{scores['mean']:,.{digits}f} ± {scores['error']:,.{digits}f}"


def gate_text(gate: GateStats) -> str:
    """Returns `57.0% of 50: published`, what a candidate scored and what became of it."""
    verdict = "published" if gate["accepted"] else "refused"
    return f"{gate['score']:.1%} of {gate['games']:,}: {verdict}"


def duration_text(seconds: float) -> str:
    """Returns `41 s`, `12 min` or `3 h 05 min`."""
    if seconds < 99.5:
        return f"{max(0.0, seconds):.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def worker_line(
    worker: str,
    *,
    batch: int,
    games: int,
    positions: int,
    games_per_second: float,
    file: str,
    total_games: int,
) -> str:
    """Returns the line a worker prints for each shard.

    Args:
      positions: quiet positions of the batch, the ones that are trained on.
      total_games: games of this worker since it started.
    """
    return (
        f"[{worker}] Batch {batch}: {counted(games, 'game')}  {counted(positions, 'position')}  "
        f"{games_per_second:.1f} g/s  Saved {file}  Total {total_games:,}"
    )


def trainer_line(
    entry: IterationStats,
    *,
    max_loops: int | None = None,
    opponents: Sequence[str] = ("random", "minimax:2", "mcts:100"),
) -> str:
    """Returns the line a trainer prints for each loop; what was not measured is left out."""
    loop = f"Loop {entry.get('iteration', 0)}" + (f"/{max_loops}" if max_loops else "")
    stats = entry.get("game_stats", {})
    collected = "collected "
    if "num_files" in stats:
        collected += f"{counted(stats['num_files'], 'file')} "
    parts = [loop, f"{collected}{counted(entry.get('positions', 0), 'position')}"]
    if entry.get("games") == 0:  # nothing was collected yet
        parts = [f"Version {entry.get('model_version', 1)}, the first net"]
    losses = entry.get("losses", {})
    values = [f"train {losses['train']:.4f}"] if "train" in losses else []
    values += [f"val {losses['val']:.4f}"] if "val" in losses else []
    if "policy" in losses and "value" in losses:
        values.append(f"(policy {losses['policy']:.3f} value {losses['value']:.3f})")
    if values:
        parts.append(" ".join(values))
    if "mean_score" in stats:
        played = f"{stats['mean_score']:,.0f} best {stats.get('best_score', 0):,.0f}"
        parts.append(f"self-play {played}")
    scores = {m["opponent"]: m["score"] for m in stats.get("matches", [])}
    shown = [f"vs_{short_opponent(o)} {scores[o]:.1%}" for o in opponents if o in scores]
    if shown:
        parts.append(" ".join(shown))
    if measured := stats.get("scores"):
        others = [f"{short_opponent(s['player'])} {s['mean']:,.0f}" for s in measured[1:]]
        text = f"score {score_text(measured[0])}"
        parts.append(text + (f" ({', '.join(others)})" if others else ""))
    if gate := entry.get("gate"):
        parts.append(f"gate {gate_text(gate)}")
    if elo := elo_text(entry.get("elo", {})):
        parts.append(f"Elo {elo}")
    if "seconds" in entry:
        parts.append(duration_text(entry["seconds"]))
    return "  ".join(parts)
