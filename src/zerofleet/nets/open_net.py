"""A net of policy and value in a model file, opened to play: what engines, players and
self-play without a trainer do with one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zerofleet.nets.config import Precision
from zerofleet.run.threads import calm_threads

if TYPE_CHECKING:  # torch is loaded only where such a net is opened
    from zerofleet.nets.architecture import NetArchitecture
    from zerofleet.nets.evaluator import BackendName, NetEvaluator


class NetError(ValueError):
    """A net that cannot be opened, or not evaluated here; names it and says why."""


@dataclass(frozen=True)
class OpenNet:
    """A net whose header was checked; its weights are when it is evaluated."""

    name: str
    data: bytes
    architecture: "NetArchitecture"

    def evaluator(
        self,
        *,
        device: str = "cpu",
        backend: "BackendName" = "auto",
        precision: Precision = "auto",
        threads: int = 1,
        max_batch: int = 1024,
    ) -> "NetEvaluator":
        """Makes an evaluator; arguments are those of `make_evaluator`. Raises: NetError."""
        from zerofleet.nets.backend import BackendError
        from zerofleet.nets.evaluator import make_evaluator
        from zerofleet.nets.model_file import ModelFileError

        try:
            return make_evaluator(
                self.data,
                device=device,
                backend=backend,
                precision=precision,
                threads=threads,
                max_batch=max_batch,
                source=self.name,
            )
        except ModelFileError as error:  # it names the file
            raise NetError(str(error)) from error
        except (BackendError, ValueError) as error:
            raise NetError(f"{self.name}: {error}") from error


def open_net(data: bytes, name: str) -> OpenNet:
    """Opens the bytes of a `.safetensors` file.

    Raises: NetError if they are none.
    """
    calm_threads()  # before torch is loaded
    from zerofleet.nets.model_file import ModelFileError, read_architecture

    try:
        return OpenNet(name, data, read_architecture(data, source=name))
    except ModelFileError as error:
        raise NetError(str(error)) from error
