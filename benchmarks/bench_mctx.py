"""Simulations per second with the same small net here and in mctx on pgx, on the processor.

    pip install -c constraints.txt pgx mctx jax
    python -m benchmarks.bench_mctx [--games connect_four,othello,go] [--simulations 32]
        [--batches 32,64,256] [--precision auto,int8] [--rounds 3] [--seconds 5] [--threads N]
        [--json FILE]

The net: three 3 x 3 convolutions of 32 filters and the heads of our residual net, with the same
weights on both sides; the programs' logits are compared first. mctx searches with Gumbel in float32
(bfloat16 is slower there on processors) from positions after ten random plies, gets its best batch,
and evaluates the net once a simulation, whatever the position. Ours is self-play in each of the
precisions, and with torch-f32, where every new position is evaluated; then as it is by default,
with the evaluation cache and the subtree of the move before, where fewer are. They take turns;
medians. `by CPU` is per second of processor time, which on a machine that is shared says more than
the clock.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from zerofleet.run.threads import calm_threads

calm_threads()  # before torch loads

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import mctx  # noqa: E402
import numpy as np  # noqa: E402
import pgx  # noqa: E402
import torch  # noqa: E402

from zerofleet.games import load_game  # noqa: E402
from zerofleet.nets.architecture import NetArchitecture  # noqa: E402
from zerofleet.nets.build import Net, build_model, folded  # noqa: E402
from zerofleet.nets.config import ResNetConfig  # noqa: E402
from zerofleet.nets.evaluator import make_evaluator  # noqa: E402
from zerofleet.nets.model_file import model_to_safetensors  # noqa: E402
from zerofleet.search import MctsConfig  # noqa: E402
from zerofleet.selfplay import PlayConfig, Pool, run_pool  # noqa: E402

GAMES = {"connect_four": "connect_four", "othello": "othello", "go": "go_9x9"}
SPECS = {"go": "go(size=9)"}
CONFIG = ResNetConfig(
    num_blocks=1, num_filters=32, squeeze_excitation=False, global_pooling_every=0,
    num_head_filters=8, num_head_units=64,
)  # fmt: skip

Forward = Callable[[Any], tuple[Any, Any]]


class Rates(NamedTuple):
    """Simulations per second."""

    wall: float
    cpu: float
    """Per second of processor time."""


class Clocks:
    """Time since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def wall(self) -> float:
        """Seconds."""
        return time.perf_counter() - self._wall

    def rates(self, count: int) -> Rates:
        """Of so much done since then."""
        return Rates(count / self.wall(), count / (time.process_time() - self._cpu))


def jax_net(model: Net, num_planes: int) -> Forward:
    """The net in jax: observations [B, H, W, C] to logits [B, A] and values [B]."""
    weights = {name: jnp.asarray(t.numpy()) for name, t in folded(model).state_dict().items()}
    weights["stem.conv.weight"] = weights["stem.conv.weight"][:, :num_planes]

    def conv(x: Any, name: str) -> Any:
        kernel = jnp.transpose(weights[f"{name}.weight"], (2, 3, 1, 0))
        y = jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return y + weights[f"{name}.bias"]

    def dense(x: Any, name: str) -> Any:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def flat(x: Any) -> Any:
        return jnp.transpose(x, (0, 3, 1, 2)).reshape(x.shape[0], -1)

    def forward(observation: Any) -> tuple[Any, Any]:
        x = jax.nn.relu(conv(observation.astype(jnp.float32), "stem.conv"))
        y = jax.nn.relu(conv(x, "blocks.0.first.conv"))
        x = jax.nn.relu(x + conv(y, "blocks.0.second.conv"))
        p = jax.nn.relu(conv(x, "policy.read.conv"))
        if "policy.out.weight" in weights:
            logits = dense(flat(p), "policy.out")
        else:
            pooled = jnp.concatenate([p.mean((1, 2)), p.max((1, 2))], axis=1)
            logits = flat(conv(p, "policy.planes"))
            logits = jnp.concatenate([logits, dense(pooled, "policy.extra")], axis=1)
        v = jax.nn.relu(dense(flat(jax.nn.relu(conv(x, "value.read.conv"))), "value.hidden"))
        wdl = jax.nn.softmax(dense(v, "value.out"))
        return logits, wdl[:, 0] - wdl[:, 2]

    return forward


def check_same_net(model: Net, forward: Forward, num_planes: int) -> None:
    """Ends the benchmark unless both sides compute the same function."""
    arch = model.architecture
    rng = np.random.default_rng(1)
    planes = (rng.random((16, num_planes, arch.rows, arch.cols)) < 0.3).astype(np.float32)
    with torch.inference_mode():
        expected, _ = model(torch.from_numpy(planes), torch.zeros(16, arch.num_scalars))
    found, _ = forward(jnp.asarray(planes.transpose(0, 2, 3, 1)))
    np.testing.assert_allclose(np.asarray(found), expected.numpy(), atol=1e-4)


class Theirs:
    """mctx's Gumbel search on pgx's states, compiled."""

    def __init__(self, name: str, forward: Forward, batch: int, simulations: int) -> None:
        env = pgx.make(GAMES[name])
        self.simulations, self.batch = simulations, batch

        def recurrent(params: None, key: Any, action: Any, state: Any) -> Any:
            mover = state.current_player
            state = jax.vmap(env.step)(state, action)
            logits, value = forward(state.observation)
            logits = jnp.where(state.legal_action_mask, logits, jnp.finfo(logits.dtype).min)
            reward = jax.vmap(lambda rewards, player: rewards[player])(state.rewards, mover)
            over = state.terminated
            output = mctx.RecurrentFnOutput(
                reward=reward,
                discount=jnp.where(over, 0.0, -1.0),
                prior_logits=logits,
                value=jnp.where(over, 0.0, value),
            )
            return output, state

        def search(state: Any, key: Any) -> Any:
            logits, value = forward(state.observation)
            root = mctx.RootFnOutput(prior_logits=logits, value=value, embedding=state)
            found = mctx.gumbel_muzero_policy(
                params=None,
                rng_key=key,
                root=root,
                recurrent_fn=recurrent,
                num_simulations=simulations,
                invalid_actions=~state.legal_action_mask,
                max_num_considered_actions=16,
                qtransform=mctx.qtransform_completed_by_mix_value,
            )
            return found.action

        def random_ply(_: int, carry: Any) -> Any:
            state, key = carry
            key, draw, reset = jax.random.split(key, 3)
            logits = jnp.where(state.legal_action_mask, 0.0, -1e9)
            state = jax.vmap(env.step)(state, jax.random.categorical(draw, logits))
            fresh = jax.vmap(env.init)(jax.random.split(reset, batch))

            def choose(a: Any, b: Any) -> Any:
                return jnp.where(state.terminated.reshape((-1,) + (1,) * (a.ndim - 1)), a, b)

            return jax.tree.map(choose, fresh, state), key

        def start(key: Any) -> Any:
            state = jax.vmap(env.init)(jax.random.split(key, batch))
            return jax.lax.fori_loop(0, 10, random_ply, (state, key))[0]

        self._state = jax.jit(start)(jax.random.PRNGKey(1))
        self._search = jax.jit(search)
        self._key = jax.random.PRNGKey(2)
        self.rate(0.0)  # compiles

    def rate(self, seconds: float) -> Rates:
        """Of searches one after the other."""
        count, clocks = 0, Clocks()
        while True:
            self._key, key = jax.random.split(self._key)
            self._search(self._state, key).block_until_ready()
            count += self.batch * self.simulations
            if clocks.wall() >= seconds:
                return clocks.rates(count)


class Ours:
    """Self-play of the pool with our evaluator."""

    def __init__(
        self,
        name: str,
        model: Net,
        backend: Any,
        precision: Any,
        batch: int,
        simulations: int,
        threads: int,
        *,
        saves: bool,
    ) -> None:
        """`saves`: with the cache and the subtree of the move before."""
        data = model_to_safetensors(model)
        self.evaluator = make_evaluator(
            data, backend=backend, precision=precision, threads=threads, max_batch=batch
        )
        search = MctsConfig(num_simulations=simulations, full_search_probability=1)
        if not saves:
            search = search.model_copy(update={"cache_mib": 0, "reuse_subtree": False})
        play = PlayConfig(num_parallel_games=batch)
        self.pool = Pool(SPECS.get(name, name), search, play, seed=1, threads=threads)
        self.pool.add_games(0, 1 << 40)
        self.rate(3.0)

    def rate(self, seconds: float) -> Rates:
        """Of self-play."""
        before, clocks = self.pool.stats().simulations, Clocks()

        def should_stop() -> bool:
            self.pool.take_games()
            return clocks.wall() >= seconds

        run_pool(self.pool, self.evaluator, should_stop)
        return clocks.rates(self.pool.stats().simulations - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--games", default="connect_four,othello,go")
    parser.add_argument("--simulations", type=int, default=32)
    parser.add_argument("--batches", default="32,64,256", help="tried for mctx")
    parser.add_argument("--batch", type=int, default=1024, help="ours")
    parser.add_argument("--precision", default="auto", help="ours: auto, bf16, f32, int8")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    precisions = args.precision.split(",")
    table = []
    for name in args.games.split(","):
        game = load_game(SPECS.get(name, name))
        model = build_model(NetArchitecture.of(game, CONFIG), seed=1).eval()
        num_planes = game.observation_shape[0]
        forward = jax_net(model, num_planes)
        check_same_net(model, forward, num_planes)
        variants: dict[str, Any] = {}
        kinds = [("auto", precision, False) for precision in precisions]
        kinds.append(("torch-f32", "auto", False))
        kinds += [("auto", precision, True) for precision in precisions]
        for backend, precision, saves in kinds:
            ours = Ours(
                name,
                model,
                backend,
                precision,
                args.batch,
                args.simulations,
                args.threads,
                saves=saves,
            )
            label = f"ours, {ours.evaluator.backend}, batch {args.batch}"
            variants[label + (", cache, subtree" if saves else "")] = ours
        for batch in map(int, args.batches.split(",")):
            theirs = Theirs(name, forward, batch, args.simulations)
            variants[f"mctx on pgx, float32, batch {batch}"] = theirs
        rates: dict[str, list[Rates]] = {key: [] for key in variants}
        for _ in range(args.rounds):
            for key, variant in variants.items():
                rates[key].append(variant.rate(args.seconds))
        medians = {
            key: Rates(*(statistics.median(column) for column in zip(*values, strict=True)))
            for key, values in rates.items()
        }
        theirs_best = [found for key, found in medians.items() if key.startswith("mctx")]
        best = Rates(*map(max, zip(*theirs_best, strict=True)))
        for key, found in medians.items():
            wall, cpu = found.wall / best.wall, found.cpu / best.cpu
            print(
                f"{name:13}{key:48}{found.wall:10,.0f} simulations/s, {found.cpu:9,.0f} by CPU; "
                f"to mctx {wall:.2f}, by CPU {cpu:.2f}",
                flush=True,
            )
            table.append(
                {
                    "game": name,
                    "variant": key,
                    **found._asdict(),
                    "ratio": wall,
                    "ratio_by_cpu": cpu,
                }
            )
    if args.json:
        args.json.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
