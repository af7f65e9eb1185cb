"""The random player is uniform, seeded and independent of the batch."""

from collections import Counter

from zerofleet.games import load_game
from zerofleet.players.player import Player, mix_seed
from zerofleet.players.random_player import RandomPlayer


def test_uniform_over_legal_actions() -> None:
    state = load_game("connect_four").initial_state()
    counts = Counter(RandomPlayer().select_actions([state] * 7000, range(7000)))
    assert set(counts) == set(range(7))
    # Binomial with mean 1000 and standard deviation 29.
    assert max(abs(n - 1000) for n in counts.values()) < 150


def test_the_choice_depends_on_state_and_seed_alone() -> None:
    game = load_game("ultimate_ttt")
    states = [game.initial_state(), game.initial_state()]
    states[1].apply(40)
    player = RandomPlayer()
    together = player.select_actions(states, [5, 6])
    assert together == [
        player.select_actions([s], [k])[0] for s, k in zip(states, (5, 6), strict=True)
    ]
    assert isinstance(player, Player)


def test_mix_seed() -> None:
    assert mix_seed(1, 2) == mix_seed(1, 2)
    assert len({mix_seed(a, b) for a in range(100) for b in range(100)}) == 10_000
    assert all(0 <= mix_seed(n) < 2**63 for n in range(-100, 100))
