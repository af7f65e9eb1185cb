import numpy as np

from learning_data import GAME, games, positions, shard_meta
from zerofleet import _core
from zerofleet.games import load_game
from zerofleet.replay.shards import positions_of_shard
from zerofleet.replay.split import validation_games, validation_positions


def test_share_of_games_is_kept():
    kept = validation_games("w1", np.arange(100_000), share=0.05)
    assert abs(kept.mean() - 0.05) < 0.003
    assert not validation_games("w1", np.arange(1000), share=0.0).any()
    assert validation_games("w1", np.arange(1000), share=1.0).all()


def test_choice_is_of_worker_and_number_alone():
    numbers = np.arange(10_000)
    one, two = (validation_games(w, numbers, share=0.5) for w in ("w1", "w2"))
    np.testing.assert_array_equal(one[::-1], validation_games("w1", numbers[::-1], share=0.5))
    assert 0.45 < (one == two).mean() < 0.55


def test_a_game_is_never_on_both_sides():
    made = games()
    batch = positions_of_shard(shard_meta(), made, name="s", validation_share=0.3)
    kept = validation_games("w1", made.game_number, share=0.3)
    assert 0 < kept.sum() < len(kept)
    # Every position of a game says the same: count those of kept games by their flags.
    flags = _core.PLY_VALUE_TARGET | _core.PLY_QUIET
    learnt = (made.ply_flags & flags) == flags
    game_of_ply = np.repeat(np.arange(made.num_games), np.diff(made.game_start))
    np.testing.assert_array_equal(batch.is_validation, kept[game_of_ply[learnt]])


def test_mirror_images_of_seed_positions_stay_together():
    packed = positions().packed[:400]
    game = load_game(GAME)
    original = validation_positions(GAME, packed, share=0.3)
    assert 0.1 < original.mean() < 0.5
    for symmetry in range(1, game.symmetries):
        images = game.pack_states([game.unpack(p).transformed(symmetry) for p in packed])
        np.testing.assert_array_equal(validation_positions(GAME, images, share=0.3), original)
