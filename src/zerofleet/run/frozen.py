"""The base of every configuration model."""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """Immutable; an unknown key and a number that is not finite are errors; field docstrings become
    descriptions."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


MAX_INT = (1 << 31) - 1
"""The largest number the core takes for what it counts in 32 bits."""
