"""The inner shape of `training_stats.json`: what one entry of the list holds.

Plain dictionaries, since they are JSON; `docs/arena.md` shows one. Every key may be missing in a
file of an older version, so readers use `.get`.
"""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from zerofleet.arena.config import ArenaConfig


class LossStats(TypedDict, total=False):
    """Mean losses of one iteration, in the units of `training.loss`."""

    train: float
    """Over the last epoch's batches."""
    val: float
    """Over the validation split, with the published weights."""
    val_before: float
    """The same split with the previous version's weights."""
    policy: float
    """Nets of policy and value: the part of the policy in `train`, nats."""
    value: float
    """The part of the value, before its weight."""
    policy_entropy: float
    """Entropy of the target policies, nats: no policy loss can be lower."""
    entropy: float
    """Without search: that of the net's policies, nats, whose weight is subtracted in `train`."""
    val_policy: float
    val_value: float
    """The same parts over the validation split."""
    val_accuracy: float
    """Training on given games: share of held-out samples where the net's most probable move is the
    one that was played (of several equally good targets, one of them)."""
    val_uniform_accuracy: float
    """What a choice among the legal moves, each as likely as any other, would reach there."""


class MatchStats(TypedDict):
    """One match of the new version, counted from its view."""

    player: str
    """`v0007`."""
    opponent: str
    """A short text of `load_player` or a previous version such as `v0006`."""
    games: int
    wins: int
    draws: int
    losses: int
    pairs: list[int]
    """Openings by points over both colours: 0, 1/2, 1, 3/2, 2."""
    score: float
    """Wins and half of the draws, as a share of the games."""
    low: float
    high: float
    """Bounds of the score's 95 % interval (`arena.intervals.pair_interval`)."""
    distinct_games: int
    """Games that differ in at least one action."""
    mean_plies: float
    terminations: dict[str, int]
    """Why games ended: `played`, `length bound`, `illegal action`, `error`."""
    problems: NotRequired[list[str]]
    """What the players did wrong, one line each; absent if nothing."""


class ScoreStats(TypedDict):
    """The games of one player in a game for one, from its start to its end."""

    player: str
    """`v0007`, or the short text of a fixed opponent."""
    games: int
    mean: float
    """Mean score."""
    error: float
    """Half width of its 95 % interval (1.96 standard errors); 0 of a single game."""
    median: float
    best: float
    mean_plies: float
    """Chance outcomes included."""
    distinct_games: int
    """Games that differ in at least one action or outcome."""
    terminations: dict[str, int]
    """Why games ended: `played`, `length bound`."""
    largest_tile: NotRequired[dict[str, int]]
    """2048: games by their largest tile."""


class GameStats(TypedDict, total=False):
    """What the games of one iteration were like."""

    num_files: int
    """Shards counted in this iteration."""
    mean_plies: float
    """Mean length of the self-play games, opening included."""
    first_player_score: float
    """Mean score of the first player in self-play, in [0, 1]."""
    first_player_win_share: float
    """Share of them that the first player won."""
    draw_share: float
    """Share of drawn self-play games."""
    mean_score: float
    """Games of one player: mean score."""
    median_score: float
    best_score: float
    """The highest score of the iteration."""
    eval_sd: float
    """Standard deviation, in log odds of winning, of the network's evaluation over the validation
    positions: the scale that must not drift from version to version."""
    matches: list[MatchStats]
    """The new version's matches; all entries together are the run's pool of results."""
    reference_matches: list[MatchStats]
    """Matches among the fixed opponents; in the first rated entry only."""
    scores: list[ScoreStats]
    """Games of one player, instead of matches: those of the new version, then those of the fixed
    opponents, which are played once in a run."""
    rating_error: str
    """Why the version could not be rated; it is tried again only when the trainer is started
    again."""


class EloStats(TypedDict, total=False):
    """Rating of the new version within the run's pool."""

    rating: float
    """Elo; the first fixed opponent is 0."""
    error: float
    """Half width of the 95 % interval."""
    gain: float
    """Difference to the previous version; absent for the first."""
    gain_error: float
    """Half width of its 95 % interval."""
    superiority: float
    """Likelihood in [0, 1] of being stronger than the previous version."""
    ratings: dict[str, list[float]]
    """Every player of the pool: [rating, error]."""


class WorkerStats(TypedDict):
    """What one worker has done in one iteration."""

    device: str
    """cpu, cuda:0, ..."""
    games: int
    plies: int
    seconds: float
    """That its games took, net and search together."""
    net_seconds: NotRequired[float]
    """Of these those in which its device was at work for it, or it waited for the device."""
    peak_memory_mib: NotRequired[int]
    """Most memory so far: of the device on a GPU, else of the process."""


class SpikeFigures(TypedDict):
    """How much a spiking net spikes, over samples of the window."""

    spikes_per_inference: float
    """Mean over positions, all layers and steps together."""
    sparsity: float
    """Share of neurons and steps without a spike."""


class GateStats(MatchStats):
    """The match of a candidate against the published version; games of one player: their scores
    compared game by game."""

    iteration: int
    """Whose candidate."""
    published: int
    """The version it played."""
    accepted: bool
    """It has become the next version."""
    needed: NotRequired[float]
    """The least score, where that decides."""
    sprt: NotRequired[dict[str, object]]
    """The sequential test, where that decides (`SprtResult.to_json`)."""
    mean_scores: NotRequired[list[float]]
    """Games of one player: of the candidate, of the published version."""
    seconds: float
    """Of the match."""


class RankStats(TypedDict):
    """How evenly the ranks of a training were loaded."""

    num_ranks: int
    slowest: int
    """The rank the others waited for."""
    imbalance: float
    """By which share of the mean it was slower than it."""


class IterationStats(TypedDict, total=False):
    """One entry of `training_stats.json`."""

    iteration: int
    """From 1; counts across restarts."""
    model_version: int
    """Version published at the end of this iteration; the one before if a gate refused."""
    games: int
    """New games counted in this iteration."""
    positions: int
    """New training positions of these games."""
    losses: LossStats
    game_stats: GameStats
    elo: EloStats
    window: int
    """Positions in the window it trained on."""
    samples: int
    """Positions trained on, counted each time: over `positions`, how often a position is reused."""
    training_seconds: float
    """Of `seconds`, those of the training steps; the rest is mostly waiting for games."""
    workers: dict[str, WorkerStats]
    """By worker; synchronous runs."""
    spikes: SpikeFigures
    """Spiking nets."""
    ranks: RankStats
    """Training on several ranks."""
    gate: GateStats
    """Runs with a gate: whether the candidate of this iteration was published."""
    seconds: float
    """Wall time from the previous iteration's end."""


def is_rated(entry: IterationStats) -> bool:
    """Whether the entry's version was measured: it has an Elo, or scores in games of one player."""
    return "elo" in entry or "scores" in entry.get("game_stats", {})


def unrated_entry(
    entries: Sequence[IterationStats], arena: ArenaConfig, max_loops: int
) -> IterationStats | None:
    """Returns the newest entry whose version is due to be rated; None if it was rated, in this
    entry or, where a gate kept it, in an earlier one.

    Ratings come one at a time and in order: no other version of a running training is being rated.
    """
    for entry in reversed(entries):
        if arena.is_due(entry.get("iteration", 0), max_loops):
            version = entry.get("model_version")
            return None if is_version_rated(entries, version) else entry
    return None


def is_version_rated(entries: Sequence[IterationStats], version: int | None) -> bool:
    """Whether an entry has the rating of this version."""
    return any(is_rated(e) and e.get("model_version") == version for e in entries)


def is_refused(entry: IterationStats) -> bool:
    """Whether a gate kept the version of the iteration from being published."""
    return "gate" in entry and not entry["gate"]["accepted"]


def playing_version(entry: IterationStats) -> int:
    """Returns the version that played most of the games of the iteration."""
    return entry.get("model_version", 0) - (0 if is_refused(entry) else 1)


def find_match(entry: IterationStats, opponent: str) -> MatchStats | None:
    """Returns the entry's match against `opponent`, or None if it was not played."""
    for match in entry.get("game_stats", {}).get("matches", []):
        if match["opponent"] == opponent:
            return match
    return None
