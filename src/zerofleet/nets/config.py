"""Shapes of the nets. No torch here: workers read these too."""

from typing import ClassVar, Literal

from pydantic import Field

from zerofleet.run.frozen import FrozenModel
from zerofleet.run.words import counted

Precision = Literal["auto", "bf16", "f32", "int8"]
"""In what processors compute a net of tree search."""


class NnueConfig(FrozenModel):
    """Sizes of the efficiently updatable net (docs/nnue.md draws it)."""

    kind: Literal["nnue"] = "nnue"
    """The family of the net: alpha-beta searches with this one."""
    num_accumulators: int = Field(default=256, ge=32, le=2048, multiple_of=32)
    """Accumulator cells of each side's view (A)."""
    num_hidden1: int = Field(default=32, ge=4, le=128, multiple_of=4)
    """Units of the first int8 layer (H1), which reads both views."""
    num_hidden2: int = Field(default=32, ge=4, le=128, multiple_of=4)
    """Units of the second int8 layer (H2)."""
    num_buckets: int = Field(default=4, ge=1, le=16)
    """Layer stacks (B); the number of pieces on the board chooses one."""


class HeadsConfig(FrozenModel):
    """What nets of tree search have in common: their heads."""

    needs: ClassVar[tuple[str, str] | None] = None
    """A package without which the net cannot be made, and the extra that has it."""

    value_head: Literal["auto", "wdl", "score"] = "auto"
    """wdl: probabilities of win, draw and loss. score: a categorical distribution over what is
    still to be gained (Schrittwieser et al. 2020, appendix F). auto: wdl for two players, score for
    one."""
    num_score_bins: int = Field(default=128, ge=2, le=4096)
    """Bins of the score head, finer near no gain."""

    def layers_text(self) -> str:
        """The layers in words, for people."""
        raise NotImplementedError

    def file_name(self) -> str:
        """Begins the names of weight files for people."""
        raise NotImplementedError

    def asked_policy_head(self) -> str:
        """auto, conv or linear; linear where the net does not see a board."""
        return "linear"


class ResNetConfig(HeadsConfig):
    """A residual net of convolutions (docs/nets.md draws it)."""

    kind: Literal["resnet"] = "resnet"
    """The family of the net: tree search evaluates with this one."""
    num_blocks: int = Field(default=6, ge=0, le=200)
    """Residual blocks of two 3 x 3 convolutions each (He et al. 2016; Silver et al. 2017)."""
    num_filters: int = Field(default=64, ge=1, le=4096)
    """Channels of the trunk. Multiples of 32 are the quickest."""
    squeeze_excitation: bool = False
    """Blocks scale and shift their channels by what they see on the whole board (Hu et al. 2018;
    with the shift as in Leela Chess Zero). Costs a third of the speed on processors, where global
    pooling brings the same view for a tenth."""
    global_pooling_every: int = Field(default=3, ge=0)
    """Every so many blocks one adds the mean and the largest value of some channels to the others
    (Wu 2019, section 3.3); 0: none does."""
    policy_head: Literal["auto", "conv", "linear"] = "auto"
    """conv: action = plane * cells + cell, by a 1 x 1 convolution, and one action more (a pass)
    from the pooled board. linear: any actions, by a linear layer over the board. auto: conv where
    the number of actions allows it."""
    num_head_filters: int = Field(default=32, ge=1, le=4096)
    """Channels in which either head reads the trunk."""
    num_head_units: int = Field(default=128, ge=1, le=16384)
    """Units of the value head's hidden layer."""

    def layers_text(self) -> str:
        """The layers in words, for people."""
        blocks, filters = counted(self.num_blocks, "block"), counted(self.num_filters, "filter")
        return f"residual net of {blocks} x {filters}"

    def file_name(self) -> str:
        """Begins the names of weight files for people."""
        return f"AlphaZeroNet_{self.num_blocks}x{self.num_filters}"

    def asked_policy_head(self) -> str:
        """As in the configuration."""
        return self.policy_head


class SpikingConfig(HeadsConfig):
    """A net of leaky integrate-and-fire neurons (docs/nets.md draws it). Needs the extra
    `spiking`."""

    needs: ClassVar[tuple[str, str] | None] = ("snntorch", "spiking")

    kind: Literal["spiking"] = "spiking"
    """The family of the net: tree search evaluates with this one, and it can play without
    search."""
    num_steps: int = Field(default=16, ge=1, le=256)
    """Time steps of a position (T). The time a position takes is nearly proportional to it."""
    num_blocks: int = Field(default=3, ge=0, le=200)
    """Blocks of two layers of neurons, each with its 3 x 3 convolution."""
    num_filters: int = Field(default=64, ge=1, le=4096)
    """Channels: neurons of a layer on each cell."""
    encoding: Literal["direct", "rate"] = "direct"
    """direct: the observation is a constant current into the first convolution, which is then
    computed once (Rueckauer et al. 2017; Rathi and Roy 2020). rate: a number x in [0, 1] comes as
    spikes in a share x of the steps, evenly spaced and not random, so that a position has one
    answer."""
    beta: float = Field(default=0.5, ge=0, le=1)
    """Share of a membrane potential that is left after a step; 1: no leak."""
    threshold: float = Field(default=1.0, gt=0)
    """A neuron whose potential is above this spikes, and loses so much."""
    surrogate: Literal["atan", "fast_sigmoid"] = "atan"
    """What stands for the derivative of a spike (Neftci et al. 2019): that of an arc tangent (Fang
    et al. 2021) or of a fast sigmoid (Zenke and Ganguli 2018)."""
    surrogate_slope: float = Field(default=2.0, gt=0)
    """Its steepness: larger is nearer to the step and lets fewer neurons learn. About 2 suits atan,
    25 fast_sigmoid."""
    policy_head: Literal["auto", "conv", "linear"] = "auto"
    """As in residual nets."""
    num_head_filters: int = Field(default=16, ge=1, le=4096)
    """Channels in which either head reads the spike rates."""
    num_head_units: int = Field(default=128, ge=1, le=16384)
    """Units of the value head's hidden layer."""

    def layers_text(self) -> str:
        """The layers in words, for people."""
        blocks, filters = counted(self.num_blocks, "block"), counted(self.num_filters, "filter")
        return f"spiking net of {blocks} x {filters} in {counted(self.num_steps, 'step')}"

    def file_name(self) -> str:
        """Begins the names of weight files for people."""
        return f"SpikingNet_{self.num_blocks}x{self.num_filters}"

    def asked_policy_head(self) -> str:
        """As in the configuration."""
        return self.policy_head


class MlpConfig(HeadsConfig):
    """Fully connected layers, for small games and games without a board (docs/nets.md)."""

    kind: Literal["mlp"] = "mlp"
    """The family of the net: tree search evaluates with this one."""
    num_layers: int = Field(default=3, ge=1, le=100)
    """Hidden layers; those after the first add to what came before them."""
    num_units: int = Field(default=256, ge=1, le=65536)
    """Units of each."""

    def layers_text(self) -> str:
        """The layers in words, for people."""
        return f"{counted(self.num_layers, 'layer')} of {counted(self.num_units, 'unit')}"

    def file_name(self) -> str:
        """Begins the names of weight files for people."""
        return f"Mlp_{self.num_layers}x{self.num_units}"


PolicyValueNetConfig = ResNetConfig | SpikingConfig | MlpConfig
"""The nets of tree search; `kind` says which."""
