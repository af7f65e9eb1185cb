"""`zerofleet match`: two players against each other."""

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from zerofleet.cli.options import AsJson, Count, EvenGames, Flag, OpeningPlies, Seed
from zerofleet.cli.plain import plain_lines

if TYPE_CHECKING:
    from zerofleet.arena.long_match import LongMatch
    from zerofleet.games.protocol import Game
    from zerofleet.players.player import Player

_ENGINE_ROUND_GAMES = 16
"""Engines play one game after the other on a core: their rounds are shorter."""


def match(
    player: str,
    opponent: str,
    /,
    *,
    game: str | None = None,
    games: EvenGames = 200,
    sprt: str | None = None,
    alpha: Annotated[float, Parameter(validator=Number(gt=0, lt=0.5))] = 0.05,
    beta: Annotated[float, Parameter(validator=Number(gt=0, lt=0.5))] = 0.05,
    sprt_model: Literal["logistic", "normalized"] = "logistic",
    seed: Seed = 1,
    opening_plies: OpeningPlies = 4,
    max_plies: Count | None = None,
    clock: str | None = None,
    adjudicate_win: str | None = None,
    adjudicate_draw: str | None = None,
    save: Path | None = None,
    device: str = "cpu",
    as_json: AsJson = False,
    quiet: Flag = False,
) -> int:
    """Play two players against each other and say how much stronger one is.

    Every opening is played twice with colours swapped. Players are short texts (docs/arena.md):
    random, greedy, minimax:2, uct:1000, mcts:100, a run RUN or RUN@0007?sims=400, a file
    net.nnue?depth=6, shipped:connect_four, uci:stockfish?UCI_Elo=1350, or a Go engine, which has to
    play by our rules (docs/engines.md): gtp:gnugo --mode gtp --chinese-rules --positional-superko.

    Examples:

        zerofleet match runs/connect_four@0040 runs/connect_four@0020
        zerofleet match minimax:2 greedy --game ultimate_ttt --games 1000
        zerofleet match runs/chess uci:stockfish?UCI_LimitStrength=true --clock 60+0.5 --save m/
        zerofleet match runs/go7 "gtp:gnugo --mode gtp --chinese-rules --positional-superko"
        zerofleet match new.nnue old.nnue --games 20000 --sprt 0,10

    Parameters
    ----------
    player
        Whose score is told.
    opponent
        Whom it plays.
    game
        With its options, where the players do not say: othello, "go(size=7,komi=9)".
    games
        At most so many; even.
    sprt
        Two Elo differences ELO0,ELO1: the match ends when it is decided which of them is true.
    alpha
        Probability of taking ELO1 where ELO0 is true.
    beta
        Probability of taking ELO0 where ELO1 is true.
    sprt_model
        Elo of --sprt: logistic (ordinary) or normalized.
    seed
        Of openings and of choices between equal moves.
    opening_plies
        Random plies before the players take over.
    max_plies
        Games of this length are drawn.
    clock
        Seconds for each side and game, and for each move: 10+0.1. Who takes longer loses.
    adjudicate_win
        VALUE,MOVES: a game is won when both players give the same side at least this value, 0..1,
        for so many moves each: 0.95,4.
    adjudicate_draw
        VALUE,MOVES,PLIES: drawn when both say at most this for so many moves, after so many plies:
        0.05,8,40.
    save
        Directory for match.json and all games (games.txt; games.pgn of chess, games.sgf of Go).
    device
        Where nets of policy and value are evaluated: cpu, cuda or cuda:N.
    as_json
        Print one JSON object instead of the table.
    quiet
        Print no progress.
    """
    from zerofleet.arena.long_match import play_long_match
    from zerofleet.arena.match import MatchStopped
    from zerofleet.arena.match_files import match_json, write_games, write_json
    from zerofleet.arena.rules import MatchRules, parse_adjudication, parse_time_control
    from zerofleet.arena.sprt import parse_sprt
    from zerofleet.fleet.supervisor import stop_signals

    rules = MatchRules(
        max_plies=max_plies,
        time_control=None if clock is None else parse_time_control(clock),
        adjudication=parse_adjudication(adjudicate_win, adjudicate_draw),
    )
    test = None
    if sprt is not None:
        test = parse_sprt(sprt, alpha=alpha, beta=beta, model=sprt_model)
    settings = {
        "seed": seed,
        "opening_plies": opening_plies,
        "max_plies": max_plies,
        "clock": clock,
        "adjudicate_win": adjudicate_win,
        "adjudicate_draw": adjudicate_draw,
    }
    if save is not None:  # a place that is none is told before the games
        save.mkdir(parents=True, exist_ok=True)
    with ExitStack() as players, stop_signals() as stop:
        rules_of_game, one, two = _load(player, opponent, game, device, players)
        is_external = any(text.startswith(("uci:", "gtp:")) for text in (player, opponent))
        try:
            found = play_long_match(
                rules_of_game,
                one,
                two,
                num_games=games,
                seed=seed,
                sprt=test,
                opening_plies=opening_plies,
                rules=rules,
                round_games=_ENGINE_ROUND_GAMES if is_external else None,
                on_round=(lambda _: None) if quiet or as_json else _tell_progress(games),
                should_stop=stop.is_set,
            )
        except MatchStopped:
            print("zerofleet: stopped before the first games were over", file=sys.stderr)
            return 130
    document = match_json(found, rules_of_game, settings)
    if save is not None:
        write_games(save, rules_of_game, [found.result], stem="games")
        write_json(save / "match.json", document)
    if as_json:
        print(json.dumps(document, indent=2))
    else:
        _show(found, save)
    return 130 if stop.is_set() else 0


def _load(
    player: str, opponent: str, spec: str | None, device: str, players: ExitStack
) -> tuple["Game", "Player", "Player"]:
    """The game and both players, which end with `players`."""
    from zerofleet.games import load_game
    from zerofleet.players.game_of import game_of
    from zerofleet.players.player import Renamed
    from zerofleet.players.registry import load_player
    from zerofleet.roles.config import ConfigError

    specs = [s for text in (player, opponent) if (s := game_of(text)) is not None]
    spec = spec or (specs[0] if specs else None)
    if spec is None:
        raise ConfigError(
            f"which game? {player} and {opponent} play any: --game connect_four, for instance"
        )
    game = load_game(spec)
    loaded: list[Player] = []
    for text in (player, opponent):
        made = load_player(text, game, device=device)
        close = getattr(made, "close", None)
        if close is not None:
            players.callback(close)
        if loaded and made.name == loaded[0].name:
            # The same player twice: its score says what colours and chance are worth.
            made = Renamed(made, f"{made.name} (2)")
        loaded.append(made)
    return game, loaded[0], loaded[1]


def _tell_progress(num_games: int) -> Callable[["LongMatch"], None]:
    def tell(found: "LongMatch") -> None:
        result = found.result
        test = f"  LLR {found.sprt.llr:.2f}" if found.sprt else ""
        print(
            f"{len(result.games):,} of {num_games:,} games: {result.wins} won, {result.draws} "
            f"drawn, {result.losses} lost, {result.score.value:.1%}{test}",
            file=sys.stderr,
            flush=True,
        )

    return tell


def _show(found: "LongMatch", save: Path | None) -> None:
    from zerofleet.arena.intervals import pair_superiority
    from zerofleet.monitor.tables import elo_difference_text

    console = Console()
    say = plain_lines(console)
    result = found.result

    score = result.score
    say(f"{result.player} against {result.opponent}, {len(result.games):,} games of {result.game}")
    say(f"  {result.wins:,} won, {result.draws:,} drawn, {result.losses:,} lost")
    say(f"  score {score.value:.1%}, 95 % interval {score.low:.1%} to {score.high:.1%}")
    say(f"  Elo difference {elo_difference_text(score.value, score.low, score.high)}")
    say(
        f"Pairs of games by points (0, 1/2, 1, 3/2, 2): {', '.join(map(str, result.pairs))}; "
        f"likelihood of superiority {pair_superiority(result.pairs):.1%}"
    )
    say(f"Distinct games: {result.num_distinct:,} of {len(result.games):,}")
    ends = ", ".join(f"{why} {count:,}" for why, count in sorted(result.terminations.items()))
    say(f"Games ended by: {ends}; mean length {result.mean_plies:.1f} plies")
    for problem in result.problems[:10]:
        say(f"  {problem[:300]}")
    if len(result.problems) > 10:
        say(f"  and {len(result.problems) - 10:,} more")
    if found.sprt is not None:
        say(str(found.sprt))
    if save is not None:
        say(f"Games and numbers: {save}")
