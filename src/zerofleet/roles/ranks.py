"""A trainer on several ranks: rank 0 is the trainer, the others learn with it.

Rank 0 holds the lease, the ledger, validation and publishing; ratings run in a child process of it.
It sends what the others need: the configuration, the state of the learner, new samples, and when to
train. Each keeps the same window and takes its part of every batch. Between two orders they wait,
for as long as rank 0 lives.
"""

import signal
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from zerofleet.arena.stats import RankStats
from zerofleet.fleet.devices import usable_cores
from zerofleet.games.registry import load_game
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model
from zerofleet.replay.samples import SampleBatch, SampleWindow
from zerofleet.roles.config import TreeSearchRunConfig, resolve
from zerofleet.roles.data import share_batch
from zerofleet.training.group import RankGroup
from zerofleet.training.policy_value import PolicyValueLearner
from zerofleet.training.policy_value_checkpoint import (
    policy_value_learner_to_bytes,
    restore_policy_value_learner,
)
from zerofleet.training.ranks import Pace

MAX_LOADER_THREADS = 8


def new_learner(
    config: TreeSearchRunConfig, game: Any, where: "str | RankGroup"
) -> PolicyValueLearner:
    """A learner with random weights, on a device or on ranks, which all of them make."""
    model = build_model(NetArchitecture.of(game, config.net), seed=config.seed)
    group = RankGroup.alone(where) if isinstance(where, str) else where
    cores = usable_cores() // group.place.local_world_size
    return PolicyValueLearner(
        model,
        config.training,
        seed=config.seed,
        without_search=config.is_without_search,
        group=group,
        loader_threads=max(1, min(MAX_LOADER_THREADS, cores)) if group.world_size > 1 else 1,
    )


def rank_stats(pace: Pace) -> RankStats:
    """A pace as statistics keep it."""
    return RankStats(
        num_ranks=len(pace.seconds), slowest=pace.slowest, imbalance=round(pace.imbalance, 3)
    )


# What rank 0 does; without other ranks nothing.


def send_config(where: "str | RankGroup", config: TreeSearchRunConfig) -> None:
    """Before rank 0 makes its learner."""
    if not isinstance(where, str):
        where.broadcast_json(config.model_dump(mode="json"))


def send_state(learner: PolicyValueLearner) -> None:
    """When rank 0's learner is in the state to go on from."""
    if learner.group.world_size > 1:
        learner.group.broadcast(policy_value_learner_to_bytes(learner))


def send_samples(group: RankGroup, batches: Sequence[SampleBatch], max_positions: int) -> None:
    """The window is extended by these, and holds at most so many."""
    if group.world_size > 1:
        group.broadcast_json({"do": "extend", "max_positions": max_positions})
        for batch in [*batches, None]:
            share_batch(group, batch)


def send_loop(group: RankGroup, iteration: int, num_steps: int) -> None:
    """All ranks begin a loop of training."""
    if group.world_size > 1:
        group.broadcast_json({"do": "train", "iteration": iteration, "num_steps": num_steps})


def send_end(group: RankGroup) -> None:
    """The trainer is done."""
    if group.world_size > 1:
        group.broadcast_json({"do": "end"})


def follow(group: RankGroup) -> int:
    """What the other ranks do; returns the exit status 0 when the trainer is done.

    Raises: GroupError if rank 0 is gone; TrainingError as on rank 0.
    """
    # Whoever stops the job tells rank 0 as well, which ends the others in good order.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    config = resolve({}, group.broadcast_json(), {})
    assert isinstance(config, TreeSearchRunConfig)
    game = load_game(config.game.spec)
    learner = new_learner(config, game, group)
    restore_policy_value_learner(learner, group.broadcast(), source="rank 0")
    window = SampleWindow.empty(game, max_positions=config.replay.window_limit(0))
    while True:
        order = group.broadcast_json()
        if order["do"] == "end":
            return 0
        if order["do"] == "extend":
            batches = list(iter(lambda: share_batch(group, None), None))
            window = replace(window, max_positions=order["max_positions"]).extended(batches)
        else:
            learner.train_loop(window, order["iteration"], num_steps=order["num_steps"])
