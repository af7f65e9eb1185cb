"""How the net is trained. No torch here: the command line reads this too."""

import re
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from zerofleet.run.frozen import FrozenModel

_NAME = re.compile(r"(checkpoints/)?\w([\w.-]|\{\w+\})*\.(pt|pth)")


class KeptCheckpointsConfig(FrozenModel):
    """Copies of the trainer's state that stay, for people: each holds weights, optimizer and
    counters, and is what `--checkpoint` begins another run with. A restart needs none of them."""

    checkpoint_interval: int = Field(default=0, ge=0)
    """A copy is kept after every so many loops; 0: none."""
    checkpoint_name: str = "checkpoints/model_epoch_{iteration}.pth"
    """Its name in the run directory, there or in checkpoints/, ending in .pt or .pth. {iteration}
    is the loop, {blocks} and {filters} the size of a residual net. Without {iteration} the newest
    replaces the one before."""
    final_name: str = ""
    """The same at the end of the run, model_final.pt for instance; empty: none."""

    @field_validator("checkpoint_name", "final_name")
    @classmethod
    def _is_a_name(cls, value: str, info: ValidationInfo) -> str:
        if value == "" and info.field_name == "final_name":
            return value
        unknown = set(re.findall(r"\{(.*?)\}", value)) - {"iteration", "blocks", "filters"}
        if unknown or not _NAME.fullmatch(value):
            raise ValueError(
                "expected a name in the run directory, checkpoints/model_epoch_{iteration}.pth or "
                "model_final.pt for instance, with {iteration}, {blocks}, {filters} or none of them"
            )
        return value


class TrainingConfig(KeptCheckpointsConfig):
    """One loop of training: epochs over the window, from the previous loop's weights."""

    train_epochs: int = Field(default=10, ge=1)
    """Passes over the window in each loop."""
    lambda_search: float = Field(default=0.75, ge=0, le=1)
    """Share of the search value in the target; the rest is the game's result."""
    batch_size: int = Field(default=16_384, ge=1024)
    """Positions of one step with a large window; a small window uses less, see `min_steps`."""
    min_steps: int = Field(default=400, ge=1)
    """The batch is halved, down to 1,024, until a loop takes at least so many steps."""
    learning_rate: float = Field(default=2e-3, gt=0)
    """Highest learning rate of a loop, at the end of the warm-up."""
    final_learning_rate_share: float = Field(default=0.05, ge=0, le=1)
    """The cosine ends at this share of `learning_rate`."""
    warmup_share: float = Field(default=0.05, ge=0, lt=1)
    """Share of a loop's steps in which the learning rate rises from zero."""
    weight_decay: float = Field(default=1e-3, ge=0)
    """AdamW's decoupled decay (Loshchilov and Hutter 2019)."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients longer than this are scaled down to it."""
    loss_power: float = Field(default=2.0, ge=1)
    """Exponent of the difference of win probabilities: 2 is mean squares; 2.6, as in nnue-pytorch's
    docs, makes evaluations more timid (docs/training.md)."""
    validation_share: float = Field(default=0.05, ge=0, lt=0.5)
    """Share of the games, never of the positions, kept out of training."""
    compute_dtype: Literal["auto", "bfloat16", "float32"] = "auto"
    """Type of the multiplications; auto is bfloat16 where the processor or GPU has it."""
    compile: bool = True
    """Use torch.compile; without a C++ compiler training goes on uncompiled, and says so once."""


class PolicyValueConfig(KeptCheckpointsConfig):
    """How nets of policy and value learn: steps on batches drawn from the window of samples."""

    batch_size: int = Field(default=512, ge=2)
    """Samples of one step."""
    train_epochs: int = Field(default=0, ge=0)
    """Passes over the window in each loop; 0: as many steps as `replay.passes_per_sample` says."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Learning rate after the warm-up. About 1e-3 suits AdamW, about 0.02 SGD."""
    warmup_steps: int = Field(default=100, ge=0)
    """Steps of the run in which the learning rate rises from zero."""
    decay_steps: int = Field(default=0, ge=0)
    """Steps of the run after which the learning rate has fallen, along a cosine, to
    `final_learning_rate_share` of itself; 0: it never falls, the weight average does its work."""
    final_learning_rate_share: float = Field(default=0.05, ge=0, le=1)
    """Where the cosine ends."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """AdamW (Loshchilov and Hutter 2019), or SGD with Nesterov momentum as AlphaZero and KataGo."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Of SGD; AdamW's decay of the mean gradient."""
    weight_decay: float = Field(default=1e-2, ge=0)
    """On weights of convolutions and matrices only. AdamW: decoupled; SGD: L2 (AlphaZero: 1e-4)."""
    max_grad_norm: float = Field(default=5.0, gt=0)
    """Gradients longer than this are scaled down to it."""
    average_decay: float = Field(default=0.995, ge=0, lt=1)
    """The published net is the average of the weights after each step, those k steps ago with
    weight average_decay ** k (Polyak and Juditsky 1992; KataGo); 0: the newest weights."""
    lambda_search: float = Field(default=0.5, ge=0, le=1)
    """Share of the search value in the value target; the rest is the game's result."""
    entropy_weight: float = Field(default=0.02, ge=0)
    """Without search: weight of the policy's entropy, which is rewarded so that play stays varied
    (Williams and Peng 1991)."""
    return_lambda: float = Field(default=0.95, ge=0, le=1)
    """Without search: how far a move is judged by what came of it, and not by the net's value of
    the next position (docs/policy_gradient.md); 1: by the game's result alone (REINFORCE)."""
    importance_limit: float = Field(default=1.0, gt=0)
    """Without search: a replayed move counts by how much more probable it is now than when it was
    played, and no more than this (the truncated importance weight of Espeholt et al. 2018)."""
    value_loss_weight: float = Field(default=1.0, ge=0)
    """Weight of the value loss beside the policy loss."""
    symmetries: bool = True
    """Show each sample under a symmetry of the board drawn anew each time."""
    validation_share: float = Field(default=0.05, ge=0, lt=0.5)
    """Share of the games, never of the samples, kept out of training."""
    compute_dtype: Literal["auto", "bfloat16", "float16", "float32", "float64"] = "auto"
    """Type of the multiplications; auto is bfloat16 where the processor or GPU has it. float16
    scales the losses (Micikevicius et al. 2018), for GPUs without bfloat16; float64 trains wholly
    in it, to compare."""
    compile: bool = True
    """Use torch.compile; without a C++ compiler training goes on uncompiled, and says so once."""
