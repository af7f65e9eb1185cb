"""Learning rate of each step of a loop: linear warm-up, then a cosine."""

import math

from zerofleet.training.config import TrainingConfig


def learning_rate(config: TrainingConfig, step: int, num_steps: int) -> float:
    """Returns the learning rate of `step` in [0, num_steps).

    Source: Loshchilov and Hutter 2017 (SGDR), equation 5, without restarts inside a loop. Differs:
      the warm-up, which AdamW needs as every loop starts from trained weights.
    """
    num_warmup = max(1, round(config.warmup_share * num_steps))
    if step < num_warmup:
        return config.learning_rate * (step + 1) / num_warmup
    progress = (step - num_warmup) / max(1, num_steps - 1 - num_warmup)
    low = config.final_learning_rate_share
    return config.learning_rate * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * progress)))
