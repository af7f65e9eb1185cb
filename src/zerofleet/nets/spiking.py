"""The net of spiking neurons (docs/nets.md draws it). snntorch is the model of a neuron.

A layer takes all T steps of its input before the next layer begins: its convolution then is one
call for all of them, and only the neurons go through time step by step. Heads do not spike: they
read the spike rates of the last layer.

Legend: B rows, T steps, N = T * B rows of all steps, step by step, C planes, S scalars, F filters,
H x W cells, A actions, K outputs of the value head.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from zerofleet.nets.architecture import ArchitectureError, NetArchitecture
from zerofleet.nets.board_net import BoardNet
from zerofleet.nets.config import SpikingConfig
from zerofleet.nets.layers import ConvNorm


class LifLayer(nn.Module):
    """Leaky integrate-and-fire neurons, one for each channel and cell.

    From potential 0, with input current I and spike s of the step before,
    u <- beta * u + I - threshold * s, and a spike where u > threshold. Potentials are float32
    whatever the type of the currents.

    Source: snntorch's `Leaky`, reset by subtraction (Eshraghian et al. 2023).
    """

    def __init__(self, config: SpikingConfig):
        """Raises: ArchitectureError where snntorch is not installed."""
        super().__init__()
        self._config = config
        # In a tuple, it is no part of this module: it has no weights, and leak and threshold are
        # the architecture's.
        self._neuron: tuple[Any, ...] = (_neuron(config),)
        self.count: Tensor | None = None
        """Set while spikes are counted (`SpikingNet.counting`): spikes so far, a scalar."""

    def fold(self) -> None:
        """Leaves the neuron without gradients: for inference, the same numbers with fewer calls."""
        self._neuron = ()

    def forward(self, current_NFHW: Tensor, num_steps: int) -> Tensor:
        """Returns spikes, 0 or 1, of the shape and type of the currents."""
        steps = current_NFHW.chunk(num_steps)
        spikes = self._trainable(steps) if self._neuron else self._folded(steps)
        out = torch.cat(spikes).to(current_NFHW.dtype)
        if self.count is not None:
            self.count += out.detach().sum(dtype=torch.float64)
        return out

    def _trainable(self, steps: tuple[Tensor, ...]) -> list[Tensor]:
        (neuron,) = self._neuron
        potential = torch.zeros_like(steps[0], dtype=torch.float32)
        spikes = []
        for current in steps:
            spike, potential = neuron(current.float(), potential)
            spikes.append(spike)
        # It keeps the last potential, and with it the graph of the whole batch.
        neuron.mem = potential.new_zeros(0)
        return spikes

    def _folded(self, steps: tuple[Tensor, ...]) -> list[Tensor]:
        beta, threshold = self._config.beta, self._config.threshold
        potential = steps[0].float()
        spikes = [(potential > threshold).float()]
        for current in steps[1:]:
            potential = beta * potential + current.float() - threshold * spikes[-1]
            spikes.append((potential > threshold).float())
        return spikes


class SpikingBlock(nn.Module):
    """Two layers of neurons whose currents are added to those that came in.

    Only currents skip layers, so that all spikes are 0 or 1. Source: Hu et al. 2021 (MS-ResNet).
    """

    def __init__(self, config: SpikingConfig):
        super().__init__()
        filters = config.num_filters
        self.neurons = nn.ModuleList(LifLayer(config) for _ in range(2))
        self.convs = nn.ModuleList(ConvNorm(filters, filters, 3) for _ in range(2))

    def forward(self, current_NFHW: Tensor, num_steps: int) -> Tensor:
        """Currents [N, F, H, W] -> the same shape."""
        y = current_NFHW
        for neurons, conv in zip(self.neurons, self.convs, strict=True):
            y = conv(neurons(y, num_steps))
        return current_NFHW + y


class SpikingNet(BoardNet):
    """A stem, blocks of spiking neurons, two heads on spike rates. Built by `build_model`."""

    def __init__(self, architecture: NetArchitecture, config: SpikingConfig):
        super().__init__(architecture)
        arch = architecture
        self.config = config
        filters = config.num_filters
        self.stem = ConvNorm(arch.num_planes + arch.num_scalars, filters, 3)
        self.blocks = nn.ModuleList(SpikingBlock(config) for _ in range(config.num_blocks))
        self.last = LifLayer(config)
        self._add_heads(config)

    def evaluate(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The same of inputs [B, C + S, H, W]."""
        rates = self.rates(inputs)
        return self.policy(rates), self.value(rates)

    def rates(self, inputs: Tensor) -> Tensor:
        """Returns [B, F, H, W] in [0, 1]: the share of the steps in which each neuron of the last
        layer spikes."""
        steps = self.config.num_steps
        current = self._stem(inputs, steps)
        for block in self.blocks:
            current = block(current, steps)
        spikes = self.last(current, steps)
        return torch.stack(spikes.chunk(steps)).mean(dim=0)

    def _stem(self, inputs: Tensor, steps: int) -> Tensor:
        """Currents [N, F, H, W] into the first neurons."""
        if self.config.encoding == "direct":
            current: Tensor = self.stem(inputs)
            return torch.cat([current] * steps)
        return self.stem(torch.cat(list(rate_code(inputs, steps))))  # type: ignore[no-any-return]

    @contextmanager
    def counting(self) -> Iterator["SpikeCount"]:
        """Counts the spikes of all calls in this block."""
        count = SpikeCount(self)
        layers = count.layers
        for layer in layers:
            device = next(self.parameters()).device
            layer.count = torch.zeros((), dtype=torch.float64, device=device)
        try:
            yield count
        finally:
            count.totals = [float(layer.count) for layer in layers if layer.count is not None]
            for layer in layers:
                layer.count = None


class SpikeCount:
    """Spikes of some calls of a net, to be read after its `counting`."""

    def __init__(self, net: SpikingNet) -> None:
        self.net = net
        self.layers = [m for m in net.modules() if isinstance(m, LifLayer)]
        self.totals = [0.0] * len(self.layers)
        """Spikes of each layer of neurons, the first one first."""

    def of(self, num_positions: int) -> "SpikeStats":
        """Facts about the mean position, of so many that were evaluated."""
        config, arch = self.net.config, self.net.architecture
        neurons = config.num_filters * arch.num_cells
        chances = num_positions * neurons * config.num_steps
        rates = [total / chances for total in self.totals]
        return SpikeStats(
            spikes_per_inference=sum(self.totals) / num_positions,
            sparsity=1.0 - sum(rates) / len(rates),
            layer_rates=rates,
            num_neurons=neurons * len(rates),
        )


@dataclass(frozen=True)
class SpikeStats:
    """How much a net spikes."""

    spikes_per_inference: float
    """Mean over positions, all layers and steps together."""
    sparsity: float
    """Share of (neuron, step) without a spike."""
    layer_rates: list[float]
    """Spikes for each neuron and step, by layer."""
    num_neurons: int


def rate_code(inputs: Tensor, num_steps: int) -> Iterator[Tensor]:
    """Yields the spikes of each step, 0 or 1: a number x in [0, 1] spikes in round(T x) of T steps.

    Source: rate coding as in snntorch's `spikegen.rate`. Differs: evenly spaced spikes in place of
      random ones. Numbers outside [0, 1] count as the nearest in it.
    """
    x = inputs.float().clamp(0.0, 1.0)
    before = torch.zeros_like(x)
    for step in range(1, num_steps + 1):
        # Of step t of T, floor(t x + 1/2) spikes are due.
        due = torch.floor(step * x + 0.5)
        yield (due - before).to(inputs.dtype)
        before = due


def _neuron(config: SpikingConfig) -> Any:
    try:
        import snntorch
        from snntorch import surrogate
    except ModuleNotFoundError as error:
        if error.name != "snntorch":
            raise
        raise ArchitectureError(
            "net.kind spiking: snntorch is not installed: pip install 'zerofleet[spiking]'"
        ) from None

    made = {"atan": surrogate.atan, "fast_sigmoid": surrogate.fast_sigmoid}[config.surrogate]
    slope = config.surrogate_slope
    gradient = made(alpha=slope) if config.surrogate == "atan" else made(slope=slope)
    with torch.device("cpu"):
        neuron = snntorch.Leaky(beta=config.beta, threshold=config.threshold, spike_grad=gradient)
    # snntorch keeps every neuron ever made in a list, for ever.
    snntorch.SpikingNeuron.instances.remove(neuron)
    return neuron
