"""`zerofleet play`: play against a net at the terminal."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from zerofleet.cli.options import (
    PlayerDepth,
    PlayerSimulations,
    Seed,
    check_knobs,
    means_nothing,
)

if TYPE_CHECKING:
    from zerofleet.games.protocol import Game

_SIMULATIONS = 400
_DEPTH = 6


def play(
    what: str,
    /,
    *,
    side: Literal["first", "second", "both", "none"] = "first",
    opponent: str | None = None,
    simulations: PlayerSimulations = None,
    depth: PlayerDepth = None,
    device: str = "cpu",
    seed: Seed = 1,
) -> None:
    """Play a game against a net, and ask what it thinks. Type help for the commands.

    With ultimate_ttt and connect_four you play at once, against the nets that come with the
    package; other games without a run against a search that needs none.

    Examples:

        zerofleet play connect_four
        zerofleet play runs/go7 --side second --simulations 1000
        zerofleet play runs/chess@0040
        zerofleet play othello --opponent minimax:3

    Parameters
    ----------
    what
        RUN or RUN@0007, a file .safetensors or .nnue, shipped:connect_four, or a game with its
        options.
    side
        Yours: first or second to move, both, or none to watch.
    opponent
        Another player by its short text (docs/arena.md), for a game.
    simulations
        Of each move of a net that is searched by trees (default 400).
    depth
        Plies that an NNUE net searches (default 6).
    device
        Where a net of policy and value is evaluated: cpu, cuda or cuda:N.
    seed
        Of what nature does and of choices between equal moves.
    """
    from zerofleet.cli.play_session import Session
    from zerofleet.games import load_game
    from zerofleet.players.game_of import game_of
    from zerofleet.players.player import PlayerError
    from zerofleet.players.registry import load_net, load_player
    from zerofleet.players.shipped import SHIPPED, find_net, shipped_nets

    spec = game_of(what)
    settings = {
        "depth": _DEPTH if depth is None else depth,
        "num_simulations": _SIMULATIONS if simulations is None else simulations,
    }
    if spec is None:  # a game, then
        if "/" in what and ".py" not in what and not Path(what).exists():
            raise PlayerError(
                f"{what}: no such run directory or file; or name a game, as in --help"
            )
        game = load_game(what)
        if opponent is None and game.name in shipped_nets() and game.spec == game.name:
            what = f"{SHIPPED}{game.name}"
        else:
            what, opponent = "", opponent or _without_net(game)
    else:
        game = load_game(spec)
    if opponent is not None:
        why = f"{opponent} says its own settings, as --opponent uct:1000 or RUN?sims=400 does"
        means_nothing("--depth", depth, why)
        means_nothing("--simulations", simulations, why)
        player = load_player(opponent, game, device=device)
    elif what.startswith(("uci:", "gtp:")):
        raise PlayerError(f"{what}: name the game, and this as --opponent")
    else:
        model = find_net(what)
        check_knobs(model.kind, model.name, depth=depth, simulations=simulations)
        is_shipped = model.name.startswith(SHIPPED)
        name = f"the net of {game.name}" if is_shipped else f"the net {model.name}"
        player = load_net(game, model.data, model.kind, name=name, device=device, **settings)
    sides = {"first": {0}, "second": {1}, "both": {0, 1}, "none": set[int]()}[side]
    if game.num_players == 1 and side != "none":
        sides = {0}
    print(f"{game.spec} against {player.name}; help shows the commands")
    session = Session(game, player, sides, seed=seed)
    try:
        session.run()
    finally:
        close = getattr(player, "close", None)
        if close is not None:
            close()


def _without_net(game: "Game") -> str:
    """The opponent of a game for which there is no net."""
    from zerofleet import _core

    if game.num_players == 1:
        return "uct:200" if game.score_scalar is None else "expectimax:2"
    if game.name in _core.alphabeta_games():
        return "minimax:4"
    return "minimax:3" if game.name in _core.board_value_games() else "uct:1000"
