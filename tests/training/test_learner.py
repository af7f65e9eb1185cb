import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from learning_data import GAME, SMALL, model, positions, window
from zerofleet import _core
from zerofleet.games import load_game
from zerofleet.nets.export import dequantize, export_nnue
from zerofleet.nets.nnue_file import from_bytes
from zerofleet.replay.split import validation_positions
from zerofleet.replay.window import PositionBatch, Window
from zerofleet.training.checkpoint import learner_to_bytes, restore_learner
from zerofleet.training.config import TrainingConfig
from zerofleet.training.errors import CheckpointError, TrainingError
from zerofleet.training.learner import Learner
from zerofleet.training.validation import ValidationSet

CONFIG = TrainingConfig(compile=False, compute_dtype="float32", train_epochs=3, min_steps=1)


def learner(config=CONFIG, *, seed=0, net=None):
    return Learner(net or model(seed=2), config, device="cpu", seed=seed)


def test_learns():
    made = learner(CONFIG.model_copy(update={"train_epochs": 6}))
    result = made.train_loop(window(num_games=120), 1)
    assert result.num_epochs == 6
    assert len(result.train_losses) == 6
    assert len(result.validation_losses) == 7
    assert result.train_losses[-1] < 0.7 * result.train_losses[0]
    assert result.validation_losses[-1] < 0.8 * result.validation_losses[0]
    assert result.num_positions == result.num_steps * result.batch_size
    assert result.positions_per_second > 0
    assert made.num_steps == result.num_steps


def test_validation_is_of_the_exported_net():
    made = learner()
    result = made.train_loop(window(), 1)
    exported = learner(net=dequantize(from_bytes(export_nnue(made.model))))
    validation = ValidationSet(window(), lambda_search=CONFIG.lambda_search)
    assert exported.validation_loss(validation) == result.validation_losses[-1]
    core = _core.NnueNetwork(export_nnue(made.model))
    rows = window().validation_rows
    evaluations = core.evaluate(GAME, window().packed[rows])
    assert result.eval_sd == pytest.approx(evaluations.std(), rel=1e-5)


def test_same_seed_same_weights():
    first, second, other = learner(), learner(), learner(seed=1)
    for made in (first, second, other):
        made.train_loop(window(), 1)
    assert export_nnue(first.model) == export_nnue(second.model)
    assert export_nnue(first.model) != export_nnue(other.model)


def test_a_restored_learner_goes_on_as_if_nothing_happened():
    whole = learner()
    whole.train_loop(window(), 1)
    state = learner_to_bytes(whole)
    restored = learner(net=model(seed=9))
    restore_learner(restored, state)
    assert restored.num_steps == whole.num_steps
    for made in (whole, restored):
        made.train_loop(window(), 2)
    assert export_nnue(whole.model) == export_nnue(restored.model)
    assert learner_to_bytes(whole) == learner_to_bytes(restored)


def test_a_wrong_state_changes_nothing():
    made = learner()
    before = learner_to_bytes(made)
    other = learner(net=model(SMALL.model_copy(update={"num_hidden1": 16})))
    with pytest.raises(CheckpointError, match=r"trainer\.pt: the net is .*->16->.*expected"):
        restore_learner(made, learner_to_bytes(other), source="trainer.pt")
    for data in (b"", b"junk", before[:-100]):
        with pytest.raises(CheckpointError, match="found something else"):
            restore_learner(made, data)
    assert learner_to_bytes(made) == before


def test_losses_that_are_no_numbers_end_the_loop():
    batch = positions()
    values = batch.search_value.copy()
    values[:] = np.inf
    poisoned = Window.from_sources(
        GAME, [replace(batch, search_value=values)], max_positions=10_000
    )
    with pytest.raises(TrainingError, match=r"loop 4, epoch 0, batch 0: the loss is .* version 3"):
        learner().train_loop(poisoned, 4, last_good="version 3")


def test_too_few_positions():
    with pytest.raises(TrainingError, match=r"loop 1: \d+ positions to train on, expected at"):
        learner().train_loop(window(max_positions=40), 1)


def test_stops_when_asked():
    asked = iter([False] * 4 + [True] * 100)
    result = learner().train_loop(window(), 1, should_stop=lambda share: next(asked))
    assert result.num_steps == 4


def test_trains_on_without_a_compiler(monkeypatch, caplog):
    """What torch raises where no compiler is installed."""
    from torch._inductor.exc import InvalidCxxCompiler

    def compile_nothing(function, **_):
        def fail(*_):
            raise InvalidCxxCompiler

        return fail

    monkeypatch.setattr(torch, "compile", compile_nothing)
    with caplog.at_level(logging.WARNING):
        made = learner(CONFIG.model_copy(update={"compile": True}))
        made.train_loop(window(), 1)
    plain = learner()
    plain.train_loop(window(), 1)
    assert export_nnue(made.model) == export_nnue(plain.model)
    assert len(caplog.records) == 1
    assert "install a C++ compiler" in caplog.text


def test_the_compiled_step_is_the_same_step():
    compiled = learner(CONFIG.model_copy(update={"compile": True, "train_epochs": 1}))
    plain = learner(CONFIG.model_copy(update={"train_epochs": 1}))
    one = compiled.train_loop(window(), 1)
    two = plain.train_loop(window(), 1)
    assert one.train_losses == pytest.approx(two.train_losses, rel=1e-3)
    assert one.validation_losses[-1] == pytest.approx(two.validation_losses[-1], rel=0.01)


def test_relabelling_does_not_change_the_scale():
    """Generation after generation learns its own evaluations; their spread must stay.

    The window holds all mirror images of its positions, each with its own label. A net says
    slightly different things about them, which averages out as training shows every symmetry; the
    mean over the images is what must keep its scale.
    """
    config = CONFIG.model_copy(update={"lambda_search": 1.0, "min_steps": 400})
    made = learner(config)
    made.train_loop(window(num_games=150), 0)
    game = load_game(GAME)
    originals = [game.unpack(packed) for packed in positions(num_games=150).packed[::8]]
    images = np.concatenate(
        [game.pack_states([s.transformed(k) for s in originals]) for k in range(game.symmetries)]
    )
    spreads = []
    for generation in range(6):
        evaluations = _core.NnueNetwork(export_nnue(made.model)).evaluate(GAME, images)
        spreads.append(evaluations.reshape(game.symmetries, -1).mean(axis=0).std())
        labelled = PositionBatch(
            source="own",
            model_version=generation,
            packed=images,
            search_value=np.tanh(evaluations / 1024).astype(np.float32),
            result=np.zeros(len(images), np.float32),
            is_validation=validation_positions(GAME, images, share=0.1),
        )
        relabelled = Window.from_sources(GAME, [labelled], max_positions=100_000)
        # At the fixed point there is nothing to learn.
        assert made.validation_loss(ValidationSet(relabelled, lambda_search=1.0)) < 1e-9
        made.train_loop(relabelled, generation + 1)
    assert spreads[0] > 100
    np.testing.assert_allclose(spreads, spreads[0], rtol=0.1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_trains_on_a_gpu():
    made = Learner(model(), CONFIG.model_copy(update={"compute_dtype": "auto"}), device="cuda")
    result = made.train_loop(window(), 1)
    assert result.train_losses[-1] < result.train_losses[0]
