"""Files of tiny nets, random weights."""

import pytest

from nets.net_kit import net_for
from zerofleet.nets.config import ResNetConfig
from zerofleet.nets.model_file import model_to_safetensors

TINY = ResNetConfig(num_blocks=1, num_filters=16, num_head_filters=8, num_head_units=16)


@pytest.fixture(scope="session")
def net_file(tmp_path_factory):
    """Makes the file of a net for a game, the same one for the same game and seed."""
    folder = tmp_path_factory.mktemp("nets")

    def make(game: str, seed: int = 1):
        path = folder / f"{game}-{seed}.safetensors"
        if not path.exists():
            path.write_bytes(model_to_safetensors(net_for(game, TINY, seed)))
        return path

    return make
