"""`check_game`: does a game keep every promise of `zerofleet.games.protocol`? Ours and yours."""

import random
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from zerofleet.games import Game, State
from zerofleet.games.python_game import PythonGame
from zerofleet.games.user_class import explain, raised_at

_GAME_NAMES = sorted(name for name in vars(Game) if not name.startswith("_"))
_STATE_NAMES = sorted(name for name in vars(State) if not name.startswith("_"))


class GameCheckError(AssertionError):
    """A broken promise: which one, what was expected, what came, in which position."""


def check_game(game: Game, *, num_games: int = 50, seed: int = 0) -> None:
    """Plays random games and checks everything the Python face of a game promises.

    Legal sets ascend and are empty exactly at the end; copies are independent; equal positions have
    equal hashes whatever the path; symmetries commute with moves; results are zero-sum, or in games
    of one rise with `search_value`; chance outcomes have probabilities; texts, packed bytes and
    action texts come back; observations have their shape; illegal actions are refused; no game is
    longer than `max_plies`.

    Args:
      num_games: random games; their every position is checked, the costly checks on a sample.
      seed: of the random games; the same seed checks the same positions.
    Raises: GameCheckError at the first broken promise, with the moves that lead there; so too where
      the game raises an error of its own, which is chained.
    """
    if num_games < 1:
        raise ValueError(f"num_games has to be >= 1, got {num_games}")
    checker = _Checker(game, random.Random(seed))
    try:
        checker.check_facts()
        for _ in range(num_games):
            checker.play_one_game()
        checker.check_symmetric_observations()
    except GameCheckError:
        raise
    except Exception as error:
        told = explain(error) or f"{type(error).__name__}: {error}\n  at {raised_at(error)}"
        raise GameCheckError(f"{told}\n  reached from moves {checker.moves}") from error


class _Checker:
    def __init__(self, game: Game, rng: random.Random) -> None:
        self.game = game
        self.rng = rng
        self.moves: list[int] = []
        # What the author calls the method that makes a move.
        self.play = "play" if isinstance(game, PythonGame) else "apply"
        self.text_of_hash: dict[int, str] = {}
        self.hash_of_text: dict[str, int] = {}
        # Per symmetry [cells, cells]: may the right cell still be the image of the left one?
        self.images: list[NDArray[np.bool_]] = []

    # ---- reporting

    def fail(self, promise: str, detail: str, state: Any = None) -> NoReturn:
        where = "" if state is None else f"; in {state.text()!r} after moves {self.moves}"
        raise GameCheckError(f"{getattr(self.game, 'name', self.game)}: {promise}: {detail}{where}")

    def equal(self, promise: str, expected: object, got: object, state: Any = None) -> None:
        if expected != got:
            self.fail(promise, f"expected {expected!r}, got {got!r}", state)

    def same_state(self, promise: str, expected: Any, got: Any) -> None:
        is_equal = expected == got
        if not is_equal or expected != got:  # both operators, which may disagree
            self.fail(promise, f"expected {expected.text()!r}, got {got.text()!r}", expected)
        self.equal(promise + ", hash", expected.hash, got.hash, expected)
        self.equal(promise + ", text", expected.text(), got.text(), expected)
        self.equal(promise + ", terminal", expected.is_terminal, got.is_terminal, expected)
        self.equal(promise + ", legal", expected.legal_actions(), got.legal_actions(), expected)
        if not expected.is_terminal:
            self.equal(promise + ", to_play", expected.to_play, got.to_play, expected)
        else:
            self.equal(
                promise + ", returns", list(expected.returns()), list(got.returns()), expected
            )

    def refuses(self, promise: str, state: Any, call: Any) -> None:
        try:
            got = call()
        except Exception as error:
            if explain(error):
                raise  # a method that failed has refused nothing
            if isinstance(error, ValueError):
                return
            self.fail(promise, f"expected ValueError, got {error!r}", state)
        self.fail(promise, f"expected ValueError, got {got!r}", state)

    # ---- facts that need no play

    def check_facts(self) -> None:
        game = self.game
        missing = [name for name in _GAME_NAMES if not hasattr(game, name)]
        if missing:
            raise GameCheckError(f"{game!r}: the game has no {', '.join(missing)}")
        first, second = game.initial_state(), game.initial_state()
        missing = [name for name in _STATE_NAMES if not hasattr(first, name)]
        if missing:
            self.fail("face", f"its states have no {', '.join(missing)}")
        if first is second:
            self.fail("initial_state", "expected a new object each time")
        self.check_legal_set(first)
        if first.is_terminal:
            self.fail("the start", "the game is over before the first move", first)
        self.same_state("initial_state", first, second)
        for name in ("num_actions", "max_plies", "symmetries", "packed_bytes"):
            if getattr(game, name) < 1:
                self.fail(name, f"expected at least 1, got {getattr(game, name)}")
        if game.max_chance_outcomes < 0:
            self.fail("max_chance_outcomes", f"expected at least 0, got {game.max_chance_outcomes}")
        if not game.spec.startswith(game.name):
            self.fail("spec", f"expected {game.name!r} and its options, got {game.spec!r}")
        if game.num_players not in (1, 2):
            self.fail("num_players", f"expected 1 or 2, got {game.num_players}")
        shape = game.observation_shape
        if not (isinstance(shape, tuple) and len(shape) == 3 and all(n >= 1 for n in shape)):
            self.fail("observation_shape", f"expected (C, H, W), got {shape!r}")
        scalar = game.score_scalar
        if scalar is not None and (game.num_players, scalar in range(game.num_scalars)) != (
            1,
            True,
        ):
            self.fail(
                "score_scalar",
                f"expected None, or with one player one of 0..{game.num_scalars - 1}, got {scalar}",
            )
        for symmetry in range(game.symmetries):
            self.check_permutation("transform_action", symmetry, game.num_actions)
            self.check_permutation("transform_outcome", symmetry, game.max_chance_outcomes)
        cells = shape[1] * shape[2]
        self.images = [np.ones((cells, cells), bool) for _ in range(game.symmetries)]

    def check_permutation(self, name: str, symmetry: int, size: int) -> None:
        transform = getattr(self.game, name)
        images = [transform(a, symmetry) for a in range(size)]
        if sorted(images) != list(range(size)):
            self.fail(name, f"symmetry {symmetry} is no permutation: {images}")
        if symmetry == 0:
            self.equal("symmetry 0 is the identity", list(range(size)), images)

    # ---- one random game

    def play_one_game(self) -> None:
        state = self.game.initial_state()
        self.moves = []
        while True:
            self.check_state(state)
            if state.is_terminal:
                return
            if state.at_length_bound:
                self.fail("at_length_bound", "True before the end", state)
            if len(self.moves) >= self.game.max_plies:
                self.fail(
                    "max_plies",
                    f"a game longer than {self.game.max_plies} plies; does every game end? If so, "
                    "say a larger max_plies",
                    state,
                )
            if self.rng.random() < 0.3:
                self.check_transposition(state)
            action = self.rng.choice(state.legal_actions())
            before = state.copy()
            state.apply(action)
            self.moves.append(action)
            if state == before:
                self.fail(self.play, f"action {action} changed nothing", state)

    def check_state(self, state: Any) -> None:
        self.check_legal_set(state)
        self.check_result(state)
        self.check_chance(state)
        self.check_hash(state)
        self.check_observation(state)
        self.check_round_trips(state)
        self.check_copy(state)
        self.check_repeatable(state)
        self.check_refusals(state)
        if self.rng.random() < 0.25 or state.is_terminal:
            self.check_symmetries(state)
            self.check_perft(state)

    def check_legal_set(self, state: Any) -> None:
        legal = state.legal_actions()
        if not isinstance(legal, list) or any(type(a) is not int for a in legal):
            self.fail("legal_actions", f"expected a list of int, got {legal!r}", state)
        if legal != sorted(set(legal)):
            self.fail("legal_actions", f"expected ascending order, each once, got {legal}", state)
        last = self.num_choices(state) - 1
        if legal and not 0 <= legal[0] <= legal[-1] <= last:
            self.fail("legal_actions", f"outside 0..{last}: {legal}", state)
        self.equal(
            "terminal exactly if there is no legal action", not legal, state.is_terminal, state
        )

    def num_choices(self, state: Any) -> int:
        """Players' actions, or outcomes where nature moves."""
        return self.game.max_chance_outcomes if state.is_chance else self.game.num_actions

    def check_result(self, state: Any) -> None:
        players = self.game.num_players
        if not state.is_terminal:
            if state.is_chance:
                self.equal("to_play where nature moves", -1, state.to_play, state)
            elif state.to_play not in range(players):
                self.fail("to_play", f"expected 0..{players - 1}, got {state.to_play!r}", state)
            self.refuses("returns before the end", state, state.returns)
            return
        returns = list(state.returns())
        if len(returns) != players or not np.isfinite(returns).all():
            self.fail("returns", f"expected {players} numbers, all finite, got {returns}", state)
        if players == 2 and not all(-1 <= r <= 1 for r in returns):
            self.fail("returns", f"expected 2 numbers in -1..1, got {returns}", state)
        if players == 2 and sum(returns) != 0:
            self.fail("returns", f"expected a sum of 0, got {returns}", state)
        self.check_search_value(returns[0], state)

    def check_search_value(self, result: float, state: Any) -> None:
        values = [self.game.search_value(r) for r in (result - 1, result, result + 1)]
        if self.game.num_players == 2:
            self.equal("search_value of two players", result, values[1], state)
        elif not (-1 <= values[1] <= 1 and values[0] <= values[1] <= values[2]):
            self.fail("search_value", f"expected to rise in -1..1, got {values}", state)

    def check_chance(self, state: Any) -> None:
        if not state.is_chance:
            self.refuses("chance_outcomes where nature does not move", state, state.chance_outcomes)
            return
        outcomes = state.chance_outcomes()
        if state.is_terminal:
            self.fail("is_chance", "nature moves after the end", state)
        self.equal("chance outcomes", state.legal_actions(), [a for a, _ in outcomes], state)
        total = sum(p for _, p in outcomes)
        if abs(total - 1) > 1e-5 or any(p <= 0 for _, p in outcomes):
            self.fail("chance_outcomes", f"expected positive, sum 1; got {outcomes}", state)

    def check_hash(self, state: Any) -> None:
        text, key = state.text(), state.hash
        if type(key) is not int or not 0 <= key < 1 << 64:
            self.fail("hash", f"expected an int of 64 bits, got {key!r}", state)
        self.equal("equal texts, equal hashes", self.hash_of_text.setdefault(text, key), key, state)
        self.equal(
            "different texts, different hashes",
            self.text_of_hash.setdefault(key, text),
            text,
            state,
        )

    def check_observation(self, state: Any) -> None:
        planes, scalars = state.observation(), state.scalars()
        expected = (self.game.observation_shape, np.dtype(np.float32))
        self.equal("observation", expected, (planes.shape, planes.dtype), state)
        expected_scalars = ((self.game.num_scalars,), np.dtype(np.float32))
        self.equal("scalars", expected_scalars, (scalars.shape, scalars.dtype), state)
        if not (np.isfinite(planes).all() and np.isfinite(scalars).all()):
            self.fail("observation", "expected finite numbers", state)
        kept = planes.copy()
        planes += 1
        if not np.array_equal(state.observation(), kept):
            self.fail("observation", "expected an array of its own each time", state)

    def check_round_trips(self, state: Any) -> None:
        game, text = self.game, state.text()
        if not isinstance(text, str) or "\n" in text:
            self.fail("text", f"expected one line, got {text!r}", state)
        self.same_state("parse(text)", state, self.read_back(state, text))
        packed = state.pack()
        self.equal(
            "pack", ((game.packed_bytes,), np.dtype(np.uint8)), (packed.shape, packed.dtype), state
        )
        self.same_state("unpack(pack)", state, game.unpack(packed))
        named: dict[str, int] = {}
        for action in state.legal_actions():
            name = game.action_to_text(state, action)
            if named.setdefault(name, action) != action:
                self.fail("action_to_text", f"{name!r} is both {named[name]} and {action}", state)
            self.equal(f"action text {name!r}", action, game.action_from_text(state, name), state)

    def read_back(self, state: Any, text: str) -> Any:
        try:
            return self.game.parse(text)
        except ValueError as error:
            self.fail(
                "parse(text)",
                f"the text of a position cannot be read back; positions of numbers, strings and "
                f"tuples can, others need text(position) and parse(text)\n  {error}\n ",
                state,
            )

    def check_copy(self, state: Any) -> None:
        copy = state.copy()
        if copy is state:
            self.fail("copy", "expected another object", state)
        self.same_state("copy", state, copy)
        if state.is_terminal:
            return
        text, key, legal = state.text(), state.hash, state.legal_actions()
        planes = state.observation()
        copy.apply(self.rng.choice(legal))
        same = (text, key, legal) == (state.text(), state.hash, state.legal_actions())
        if not same or not np.array_equal(planes, state.observation()):
            why = "; play() must return a new position" if self.play == "play" else ""
            self.fail(
                "copy",
                f"a move on the copy changed the original, which was {text!r}{why}",
                state,
            )

    def check_repeatable(self, state: Any) -> None:
        if state.is_terminal:
            return
        legal = state.legal_actions()
        action = legal[len(self.moves) % len(legal)]
        one, two = state.copy(), state.copy()
        one.apply(action)
        two.apply(action)
        if one != two:
            self.fail(
                self.play,
                f"action {action} led to {one.text()!r} and, played again, to {two.text()!r}; "
                "chance belongs into chance_outcomes",
                state,
            )

    def check_refusals(self, state: Any) -> None:
        legal = set(state.legal_actions())
        end = self.num_choices(state)
        illegal = [a for a in range(end) if a not in legal]
        tried = [-1, end, 10**9]
        tried += self.rng.sample(illegal, min(3, len(illegal)))
        before = state.text()
        for action in tried:
            self.refuses(f"illegal action {action}", state, lambda a=action: state.apply(a))
            self.equal(f"refusing action {action} changes nothing", before, state.text(), state)
        self.refuses("parse of no position", state, lambda: self.game.parse("no position, surely"))
        self.refuses(
            "text of no action", state, lambda: self.game.action_from_text(state, "no action")
        )

    def check_transposition(self, state: Any) -> None:
        """Plays a, b, c and c, b, a: where both are possible and meet, states must be equal."""
        one, sequence = state.copy(), []
        for _ in range(3):
            if one.is_terminal:
                return
            sequence.append(self.rng.choice(one.legal_actions()))
            one.apply(sequence[-1])
        other = state.copy()
        for action in reversed(sequence):
            if action not in other.legal_actions():
                return
            other.apply(action)
        if one.text() == other.text():
            self.same_state("two move orders to one position", one, other)

    def check_symmetries(self, state: Any) -> None:
        game, legal = self.game, state.legal_actions()
        transform = game.transform_outcome if state.is_chance else game.transform_action
        self.same_state("symmetry 0 is the identity", state, state.transformed(0))
        for symmetry in range(game.symmetries):
            image = state.transformed(symmetry)
            what = f"symmetry {symmetry}"
            moved = sorted(transform(a, symmetry) for a in legal)
            self.equal(f"{what}, legal set", moved, image.legal_actions(), state)
            self.equal(f"{what}, terminal", state.is_terminal, image.is_terminal, state)
            self.equal(f"{what}, to_play", state.to_play, image.to_play, state)
            back = [image.transformed(j) == state for j in range(game.symmetries)]
            if not any(back):
                self.fail(what, "no symmetry leads back", state)
            if state.is_terminal:
                self.equal(f"{what}, returns", list(state.returns()), list(image.returns()), state)
            else:
                action = self.rng.choice(legal)
                after = state.copy()
                after.apply(action)
                image.apply(transform(action, symmetry))
                self.same_state(
                    f"{what} before and after a move", after.transformed(symmetry), image
                )
            self.note_observation(state, symmetry)

    def note_observation(self, state: Any, symmetry: int) -> None:
        image = state.transformed(symmetry)
        if not np.array_equal(state.scalars(), image.scalars()):
            self.fail(f"symmetry {symmetry}", "expected equal scalars", state)
        channels = self.game.observation_shape[0]
        left = state.observation().reshape(channels, -1, 1)
        right = image.observation().reshape(channels, 1, -1)
        self.images[symmetry] &= (left == right).all(axis=0)

    def check_symmetric_observations(self) -> None:
        """Each symmetry must move all planes of all positions by one permutation of the cells."""
        for symmetry, possible in enumerate(self.images):
            if not (possible.any(axis=0).all() and possible.any(axis=1).all()):
                cell = int(np.argmin(possible.any(axis=1)))
                self.fail(f"symmetry {symmetry}, observation", f"cell {cell} has no image")

    def check_perft(self, state: Any) -> None:
        legal = state.legal_actions()
        self.equal("perft(0)", 1, self.game.perft(0, state), state)
        self.equal("perft(1)", len(legal), self.game.perft(1, state), state)
        if len(legal) > 30:
            return
        total = 0
        for action in legal:
            child = state.copy()
            child.apply(action)
            total += len(child.legal_actions())
        self.equal("perft(2)", total, self.game.perft(2, state), state)
