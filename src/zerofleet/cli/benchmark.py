"""`zerofleet benchmark`: how strong one net is."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from zerofleet.cli.options import (
    AsJson,
    Count,
    EvenGames,
    Flag,
    PlayerDepth,
    PlayerSimulations,
    Seed,
    check_knobs,
    means_nothing,
)
from zerofleet.cli.plain import plain_lines

if TYPE_CHECKING:
    from zerofleet.arena.benchmark import Benchmark

FEW_GAMES = 100
"""Against each opponent; of less the rating is a first look and says so."""


def benchmark(
    checkpoint: Annotated[str, Parameter(name=["--checkpoint", "--model"])],
    *,
    games: EvenGames = 100,
    opponents: str | None = None,
    save: Path | None = None,
    output: Path | None = None,
    quick: Flag = False,
    device: str = "cpu",
    simulations: PlayerSimulations = None,
    depth: PlayerDepth = None,
    max_plies: Count | None = None,
    as_json: AsJson = False,
    quiet: Flag = False,
    seed: Seed = 1,
) -> int:
    """Measure a net against fixed opponents: won, drawn, lost with intervals, and its rating.

    The opponents play each other too: the rating is Elo on their scale, random is 0. The same net,
    settings and seed give the same games. Games of one player: scores.

    Examples:

        zerofleet benchmark connect_four
        zerofleet benchmark runs/connect_four --save results/
        zerofleet benchmark --checkpoint runs/chess_spiking/model_final.pt --quick --device cuda
        zerofleet benchmark net.nnue --opponents random,minimax:4 --games 1000 --json

    Parameters
    ----------
    checkpoint
        RUN for its newest version, RUN@0007, or a file: .safetensors, .nnue, .pt, or the state of a
        trainer (.pth); or ultimate_ttt or connect_four, whose nets come with the package.
    games
        Against each opponent; even: every opening is played with both colours.
    opponents
        Players by short texts, joined by commas (default: random, greedy, ... as fit the game).
    save
        Directory for benchmark.json, benchmark.png and all games (games.txt; .pgn, .sgf).
    output
        Another file for the JSON.
    quick
        20 games against the two weakest opponents.
    device
        Where a net of policy and value is evaluated: cpu, cuda or cuda:N.
    simulations
        Of each move of a net that is searched by trees; 0: no search (default 64).
    depth
        Plies that an NNUE net searches (default 2).
    max_plies
        Games of this length are drawn.
    as_json
        Print the JSON instead of the table.
    quiet
        Print nothing but errors.
    seed
        Of openings and of choices between equal moves.
    """
    from zerofleet.arena.benchmark import QUICK_GAMES, benchmark_opponents, run_benchmark
    from zerofleet.arena.match import MatchResult, MatchStopped
    from zerofleet.arena.match_files import write_games, write_json
    from zerofleet.arena.scores import ScoreResult
    from zerofleet.fleet.supervisor import stop_signals
    from zerofleet.games import load_game
    from zerofleet.players.registry import (
        DEFAULT_DEPTH,
        DEFAULT_SIMULATIONS,
        load_net,
        load_player,
    )
    from zerofleet.roles.config import ConfigError
    from zerofleet.run.software import software_version
    from zerofleet.training.played_net import played_net

    model = played_net(checkpoint)
    game = load_game(_game_of(checkpoint, model))
    settings: dict[str, Any] = {
        "checkpoint": model.name,
        "game": game.spec,
        "games": QUICK_GAMES if quick else games,
        "seed": seed,
        "max_plies": max_plies,
    }
    check_knobs(model.kind, model.name, depth=depth, simulations=simulations)
    if model.kind == "nnue":
        settings["depth"] = DEFAULT_DEPTH if depth is None else depth
    else:
        settings["simulations"] = DEFAULT_SIMULATIONS if simulations is None else simulations
    if game.num_players == 1:
        means_nothing("--max-plies", max_plies, "games of one player are played to their end")
    player = load_net(
        game,
        model.data,
        model.kind,
        name=model.name,
        depth=settings.get("depth", DEFAULT_DEPTH),
        num_simulations=settings.get("simulations", DEFAULT_SIMULATIONS),
        device=device,
    )
    names = opponents.split(",") if opponents else benchmark_opponents(game, quick=quick)
    if len(set(names)) != len(names):
        raise ConfigError(f"--opponents {opponents}: one of them is named twice")
    others = [load_player(name, game, device=device) for name in names]

    for folder in (save, output and output.parent):
        if folder is not None:  # a place that is none is told before the games
            folder.mkdir(parents=True, exist_ok=True)

    def tell(text: str) -> None:
        if not quiet and not as_json:
            print(text, file=sys.stderr, flush=True)

    with stop_signals() as stop:
        try:
            found = run_benchmark(
                game,
                player,
                others,
                num_games=settings["games"],
                seed=seed,
                max_plies=max_plies,
                tell=tell,
                should_stop=stop.is_set,
            )
        except MatchStopped:
            print("zerofleet: stopped; nothing was written", file=sys.stderr)
            return 130
        finally:
            for other in others:
                close = getattr(other, "close", None)
                if close is not None:
                    close()
    document = {"format": 1, "software": software_version(), **settings, **found.to_json()}
    if output is not None:
        write_json(output, document)
    if save is not None:
        write_json(save / "benchmark.json", document)
        results: list[MatchResult | ScoreResult] = [*found.matches, *found.references]
        results += found.scores
        write_games(save, game, results, stem="games")
        tell(_draw(found, save, model.name))
    if as_json:
        print(json.dumps(document, indent=2))
    elif not quiet:
        _show(found, model.name, save)
    return 0


def _game_of(checkpoint: str, model: Any) -> str:
    from zerofleet.players.game_of import game_of, game_of_net

    return game_of(checkpoint) or game_of_net(model)


def _draw(found: "Benchmark", folder: Path, title: str) -> str:
    try:
        from zerofleet.monitor.benchmark_plot import plot_benchmark

        return f"Picture: {plot_benchmark(found, folder / 'benchmark.png', title=title)}"
    except ImportError as error:
        return f"No picture: {error}"


def _show(found: "Benchmark", name: str, save: Path | None) -> None:
    from zerofleet.arena.benchmark import colour_results
    from zerofleet.monitor.tables import score_table, strength_table

    console = Console()
    say = plain_lines(console)
    width = console.size.width

    if found.scores:
        scores = [s.stats() for s in found.scores]
        console.print(score_table(scores, title=f"{name}, {found.game}", width=width))
    else:
        title = f"{name}, {found.game}"
        console.print(strength_table([m.stats() for m in found.matches], title=title, width=width))
        assert found.rating is not None
        say(f"Performance rating {found.rating.elo:.0f} ± {found.rating.error:.0f} Elo; opponents:")
        for opponent, rating in found.ratings[1:]:
            say(f"  {opponent:12} {rating.elo:6.0f} ± {rating.error:.0f}")
        for match in found.matches:
            first, second = (
                "/".join(map(str, colour_results(match, side))) for side in ("first", "second")
            )
            ends = ", ".join(f"{why} {n}" for why, n in sorted(match.terminations.items()))
            say(
                f"{match.opponent}: moving first {first}, second {second}; ended by {ends}; "
                f"{match.mean_plies:.0f} plies; {match.num_distinct} distinct games"
            )
            for problem in match.problems[:3]:
                say(f"  {problem[:300]}")
        if (fewest := min(m.stats()["games"] for m in found.matches)) < FEW_GAMES:
            say(
                f"{fewest} games against an opponent are few: the rating is a first look, as its ± "
                "says. More games narrow it: --games 400"
            )
    if save is not None:
        say(f"Results: {save}")
