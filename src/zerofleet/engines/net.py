"""The net an engine plays with: for its game, on its device."""

from typing import Protocol

from zerofleet.engines.errors import EngineError
from zerofleet.games.evaluation import Evaluator
from zerofleet.games.protocol import Game
from zerofleet.games.registry import load_game
from zerofleet.nets.open_net import NetError, open_net
from zerofleet.run.named_model import NamedModel

PROTOCOLS = {"chess": "uci", "go": "gtp"}
"""The protocol in which programs talk about a game."""


class MakeEvaluator(Protocol):
    """Makes the evaluator again, with other numbers of threads and of leaves in a batch."""

    def __call__(self, *, threads: int, batch: int) -> Evaluator:
        """The evaluator; raises EngineError if the net cannot be used."""


def open_engine_net(
    model: NamedModel, game_name: str, *, device: str = "cpu", backend: str = "auto"
) -> tuple[Game, MakeEvaluator]:
    """Checks that the model is a net of this game.

    Returns: the game with the options the net was trained for, and how to make its evaluator.
    Raises: EngineError naming the other game, or the kind of net that is expected.
    """
    if model.kind != "safetensors":
        raise EngineError(
            f"{model.name} is a .{model.kind} net; expected a net of policy and value, a "
            f".safetensors file"
        )
    try:
        net = open_net(model.data, model.name)
        game = load_game(net.architecture.game)
    except ValueError as error:
        raise EngineError(str(error)) from error
    if game.name != game_name:
        other = PROTOCOLS.get(game.name)
        hint = f"; start it with `zerofleet {other} {model.name}`" if other else ""
        raise EngineError(
            f"{model.name} is a net for {game.spec}; expected one for {game_name}, the game of "
            f"{PROTOCOLS[game_name].upper()}{hint}"
        )

    def make(*, threads: int, batch: int) -> Evaluator:
        try:
            return net.evaluator(
                device=device,
                backend=backend,  # type: ignore[arg-type]
                threads=threads,
                max_batch=batch,
            )
        except NetError as error:
            raise EngineError(str(error)) from error

    return game, make
