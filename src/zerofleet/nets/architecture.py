"""What a net of tree search is: everything two nets must share for one's weights to fit the other.

It travels inside every model file and in the manifest, so that a worker builds the right net from
the file alone. No torch here.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from zerofleet import _core
from zerofleet.games.protocol import Game
from zerofleet.nets.config import PolicyValueNetConfig
from zerofleet.run.frozen import FrozenModel

NetConfig = Annotated[PolicyValueNetConfig, Field(discriminator="kind")]


class ArchitectureError(ValueError):
    """A net that cannot be built for a game, or a text that describes none; says why."""


class NetArchitecture(FrozenModel):
    """A net of tree search: what it reads, what it answers, its layers."""

    game: str
    """Canonical text of the game, `go(size=9)`."""
    num_players: int = Field(ge=1, le=2)
    num_planes: int = Field(ge=1)
    """C of the observation [C, H, W]."""
    rows: int = Field(ge=1)
    """H."""
    cols: int = Field(ge=1)
    """W."""
    num_scalars: int = Field(ge=0)
    """S; convolutional nets see them as constant planes."""
    real_planes: bool
    """Planes hold real numbers, not bits: games written in Python."""
    num_actions: int = Field(ge=1)
    """A."""
    policy_head: Literal["conv", "linear"]
    value_head: Literal["wdl", "score"]
    num_values: int = Field(ge=2)
    """K, outputs of the value head: 3 (win, draw, loss of the mover), or the bins of the score."""
    score_base_scalar: int | None
    """Score head: the scalar that holds the search value of the score reached so far, which the
    predicted gain is added to; None: it is added to -1."""
    net: NetConfig
    """The layers."""

    @classmethod
    def of(cls, game: Game, net: PolicyValueNetConfig) -> "NetArchitecture":
        """The net that this configuration means for this game.

        Raises: ArchitectureError if the game's actions do not fit the policy head asked for.
        """
        planes, rows, cols = game.observation_shape
        value_head = net.value_head
        if value_head == "auto":
            value_head = "wdl" if game.num_players == 2 else "score"
        return cls(
            game=game.spec,
            num_players=game.num_players,
            num_planes=planes,
            rows=rows,
            cols=cols,
            num_scalars=game.num_scalars,
            real_planes=not isinstance(game, _core.Game),
            num_actions=game.num_actions,
            policy_head=_policy_head(game, net),
            value_head=value_head,
            num_values=3 if value_head == "wdl" else net.num_score_bins,
            score_base_scalar=game.score_scalar if value_head == "score" else None,
            net=net,
        )

    @property
    def num_cells(self) -> int:
        """H * W."""
        return self.rows * self.cols

    def to_json(self) -> str:
        """The one text of this architecture: equal architectures have equal texts."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, *, source: str = "net") -> "NetArchitecture":
        """The architecture of a text.

        Raises: ArchitectureError naming what is wrong with it.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first: Any = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ArchitectureError(
                f"{source}: no architecture of a net: {where + ': ' if where else ''}"
                f"{first['msg']}; install the version of zerofleet that wrote it"
            ) from None

    def __str__(self) -> str:
        return (
            f"{self.net.layers_text()} for {self.game} ({self.num_planes} planes of {self.rows} x "
            f"{self.cols}, {self.num_scalars} scalars, {self.num_actions} actions, "
            f"{self.value_head} head)"
        )


def _policy_head(game: Game, net: PolicyValueNetConfig) -> Literal["conv", "linear"]:
    """A conv head needs actions that are plane * cells + cell, and at most one beside them."""
    asked = net.asked_policy_head()
    if asked == "linear":
        return "linear"
    _, rows, cols = game.observation_shape
    num_planes, rest = divmod(game.num_actions, rows * cols)
    if num_planes >= 1 and rest <= 1:
        # Every board counts its cells row-major; how a game of others numbers several actions of a
        # cell nobody knows.
        if num_planes == 1 or isinstance(game, _core.Game) or asked == "conv":
            return "conv"
    elif asked == "conv":
        raise ArchitectureError(
            f"net.policy_head conv: {game.spec} has {game.num_actions} actions on {rows} x {cols} "
            f"cells; expected a multiple of {rows * cols}, or one more; use linear"
        )
    return "linear"
