"""The averaged weights, and the statistics of batch normalisation that belong to them."""

import pytest
import torch
from torch import nn

from zerofleet.training.average import WeightAverage


def test_an_average_is_a_weighted_mean_of_all_weights():
    model = nn.Linear(1, 1, bias=False)
    average = WeightAverage(model, 0.9)
    history = []
    for step in range(200):
        model.weight.data.fill_(float(step))
        average.update()
        history.append(float(step))
    expected = sum(0.1 * 0.9 ** (199 - k) * value for k, value in enumerate(history))
    assert average.model.weight.item() == pytest.approx(expected, rel=1e-4)
    # The first weights are forgotten at once.
    early = WeightAverage(nn.Linear(1, 1, bias=False), 0.999)
    assert early.model.weight.requires_grad is False


def test_the_first_steps_have_a_shorter_memory():
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(1000.0)
    average = WeightAverage(model, 0.999)
    model.weight.data.fill_(1.0)
    for _ in range(100):
        average.update()
    assert average.model.weight.item() == pytest.approx(1.0, abs=0.01)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 4, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(4)

    def forward(self, x):
        return self.norm2(self.second(torch.relu(self.norm(self.first(x)))))


def test_statistics_are_those_of_the_averaged_weights():
    """Over the whole data at once, and not a mixture of those the weights had on the way."""
    torch.manual_seed(1)
    model = Net().train()
    average = WeightAverage(model, 0.9)
    data = torch.randn(256, 2, 5, 5) * 3 + 1
    for _ in range(30):  # weights far apart, whose own statistics do not fit their mean
        for parameter in model.parameters():
            parameter.data.add_(torch.randn_like(parameter))
        model(data)
        average.update()
    average.measure_norms((lambda net, part=part: net(part)) for part in data.chunk(4))
    published = average.model
    assert not published.training
    assert not any(module.training for module in published.modules())
    # In evaluation the data come out normalised, as they do in training on one large batch.
    first = published.norm(published.first(data))
    assert first.mean((0, 2, 3)) == pytest.approx(published.norm.bias, abs=0.02)
    assert first.std((0, 2, 3)) == pytest.approx(published.norm.weight.abs(), rel=0.02)
    with torch.no_grad():
        evaluated = published(data)
        whole = WeightAverage(published, 0.0).model.train()(data)
    assert (evaluated - whole).abs().mean() < 0.02 * whole.abs().mean()
    # Statistics of the model on its way would be far off.
    assert (published.norm2.running_var / model.norm2.running_var - 1).abs().max() > 0.2
    assert published.norm.momentum == model.norm.momentum == 0.1
