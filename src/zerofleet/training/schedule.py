"""Learning rate of each step: linear warm-up, then a cosine."""

import math

from zerofleet.training.config import PolicyValueConfig, TrainingConfig


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


def policy_value_learning_rate(config: PolicyValueConfig, step: int) -> float:
    """Returns the learning rate of the run's step 0, 1, 2, ...

    Source: as above; a run of unknown length has no cosine, and averages the weights instead.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / (config.warmup_steps + 1)
    if config.decay_steps == 0:
        return config.learning_rate
    progress = min(1.0, (step - config.warmup_steps) / config.decay_steps)
    low = config.final_learning_rate_share
    return config.learning_rate * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * progress)))
