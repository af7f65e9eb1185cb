"""The net of any file of ours as it is played: models, `.pt` copies, and the state of a trainer."""

from pathlib import Path

from zerofleet.nets import model_file
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model
from zerofleet.nets.export import PT_FORMAT, PT_VERSION, export_nnue
from zerofleet.nets.nnue import NnueModel
from zerofleet.nets.nnue_file import NnueArchitecture
from zerofleet.nets.tensor_file import TensorFileError, tensors_of_formats
from zerofleet.players.shipped import SHIPPED, find_net, shipped_nets
from zerofleet.run.documents import sha256_hex
from zerofleet.run.named_model import NamedModel
from zerofleet.training import checkpoint, policy_value_checkpoint
from zerofleet.training.errors import CheckpointError

FORMATS = {
    checkpoint.FORMAT: checkpoint.VERSION,
    policy_value_checkpoint.FORMAT: policy_value_checkpoint.VERSION,
    PT_FORMAT: PT_VERSION,
    model_file.FORMAT_NAME: model_file.PT_VERSION,
}
"""All that torch opens and that holds a net."""
NNUE_FORMATS = (checkpoint.FORMAT, PT_FORMAT)
"""Those of alpha-beta's nets."""
_TORCH_ENDINGS = (".pt", ".pth")


def played_net(text: str) -> NamedModel:
    """Returns the net of a run (RUN, RUN@0007) or of a file.

    Args:
      text: a run, `.safetensors`, `.nnue`, or what torch opens: `model.pt`, `model_final.pt`,
        `checkpoints/model_epoch_50.pth`. Of the state of a trainer it is the net that would be
        published. A game, with `shipped:` or without: the net of it that comes with the package.
    Raises: RunError, PlayerError, CheckpointError.
    """
    path = Path(text)
    if text in shipped_nets() and not path.exists():
        text = f"{SHIPPED}{text}"
    if path.suffix not in _TORCH_ENDINGS:
        return find_net(text)
    try:
        content = tensors_of_formats(path.read_bytes(), FORMATS, source=str(path))
        weights = content.get("state") or content.get("average") or content["model"]
        if content["format"] in NNUE_FORMATS:
            nnue = NnueModel(NnueArchitecture(**content["architecture"]))
            nnue.load_weights(weights)
            return _named(path, "nnue", export_nnue(nnue))
        architecture = NetArchitecture.from_json(content["architecture"], source=str(path))
        model = build_model(architecture)
        model.load_state_dict(weights)
        data = model_file.model_to_safetensors(model.eval())
        return _named(path, "safetensors", data)
    except OSError as error:
        raise CheckpointError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except (TensorFileError, KeyError, TypeError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(
            reason if reason.startswith(str(path)) else f"{path}: {reason}"
        ) from None


def _named(path: Path, kind: str, data: bytes) -> NamedModel:
    return NamedModel(str(path), kind, data, sha256_hex(data))
