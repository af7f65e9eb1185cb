"""How games of nets against themselves end, net by net.

    python -m benchmarks.self_play_draws random DIR/search_1.safetensors DIR/search_2.safetensors

Each net plays the same number of games with Gumbel search: drawn from the search's policy for
twelve moves, then the best; a game as long as `--max-plies` is stopped and a draw. `random` is the
net that `benchmarks.spiking_learning` begins with.
"""

import argparse
from pathlib import Path

from zerofleet.run.threads import calm_threads

calm_threads()  # before torch loads

import numpy as np  # noqa: E402
from scipy.stats import binomtest  # noqa: E402

from benchmarks.spiking_learning import NET  # noqa: E402
from zerofleet import _core, load_game  # noqa: E402
from zerofleet.nets.architecture import NetArchitecture  # noqa: E402
from zerofleet.nets.build import build_model  # noqa: E402
from zerofleet.nets.evaluator import make_evaluator  # noqa: E402
from zerofleet.nets.model_file import model_to_safetensors  # noqa: E402
from zerofleet.search import MctsConfig  # noqa: E402
from zerofleet.selfplay import PlayConfig, Pool, run_pool  # noqa: E402


def main() -> None:
    """Prints a line for each net."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="+", help="files of nets (.safetensors), or random")
    parser.add_argument("--game", default="chess")
    parser.add_argument("--games", type=int, default=128)
    parser.add_argument("--simulations", type=int, default=16)
    parser.add_argument("--max-plies", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=5)
    arguments = parser.parse_args()
    game = load_game(arguments.game)
    search = MctsConfig(num_simulations=arguments.simulations, full_search_probability=1.0)
    play = PlayConfig(
        num_parallel_games=arguments.games, temperature_plies=12, max_plies=arguments.max_plies
    )
    for name in arguments.nets:
        if name == "random":
            net = model_to_safetensors(build_model(NetArchitecture.of(game, NET), seed=1))
        else:
            net = Path(name).read_bytes()
        pool = Pool(game, search, play, seed=arguments.seed, threads=arguments.threads)
        pool.add_games(0, arguments.games)
        run_pool(pool, make_evaluator(net, threads=arguments.threads, max_batch=arguments.games))
        plies, stats = np.diff(pool.take_games().game_start), pool.stats()
        ends = binomtest(stats.draws, stats.games).proportion_ci(method="wilson")
        stopped = stats.terminations[_core.TERMINATION_LENGTH_BOUND]
        print(
            f"{name}: {stats.draws} of {stats.games} games drawn, "
            f"{stats.draws / stats.games:.1%} [{ends.low:.1%}, {ends.high:.1%}]; "
            f"{stopped} stopped, {stats.games - stats.draws} won; {plies.mean():.0f} plies",
            flush=True,
        )


if __name__ == "__main__":
    main()
