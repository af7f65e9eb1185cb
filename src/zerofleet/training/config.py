"""How the net is trained. No torch here: the command line reads this too."""

from typing import Literal

from pydantic import Field

from zerofleet.run.frozen import FrozenModel


class TrainingConfig(FrozenModel):
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
    loss_power: float = Field(default=2.6, ge=1)
    """Exponent of the difference of win probabilities (nnue-pytorch's docs; 2 is mean squares)."""
    validation_share: float = Field(default=0.05, ge=0, lt=0.5)
    """Share of the games, never of the positions, kept out of training."""
    compute_dtype: Literal["auto", "bfloat16", "float32"] = "auto"
    """Type of the multiplications; auto is bfloat16 where the processor or GPU has it."""
    compile: bool = True
    """Use torch.compile; without a C++ compiler training goes on uncompiled, and says so once."""
