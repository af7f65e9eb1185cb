"""Games of chess from PGN: which of them can be learned from, and how they end by our rules."""

from zerofleet import _core
from zerofleet.games.chess import outcome
from zerofleet.games.registry import load_game
from zerofleet.replay.imports.games import Filters, ImportedGame, Place, SkippedGame

SPEC = "chess"
_RETURN = {"1-0": 1.0, "1/2-1/2": 0.0, "0-1": -1.0}
# Words of the reader's errors and what the summary calls them, the first that fits.
_KINDS = {
    "illegal move": "an illegal move",
    "ambiguous move": "an ambiguous move",
    "null move": "a null move",
    "truncated?": "cut off",
    "tag FEN": "an impossible position",
    "variant ": "another variant",
    "not closed": "a comment or variation not closed",
}


class PgnGames:
    """A `GameReader` of PGN."""

    def __init__(self, filters: Filters, place: Place) -> None:
        """Goes on from a place; the next piece starts there."""
        self._filters = filters
        self._reader = _core.PgnReader(
            offset=place.offset, line=place.line, skipping=place.skipping
        )
        self._num_games = place.num_games

    def feed(self, piece: bytes) -> None:
        """The next piece, of any size."""
        self._reader.feed(piece)

    def finish(self) -> None:
        """The text has ended."""
        self._reader.finish()

    def next(self) -> ImportedGame | SkippedGame | None:
        """The next game."""
        game = self._reader.next()
        if game is None:
            return None
        self._num_games += 1
        return judged(game, self._filters)

    @property
    def place(self) -> Place:
        """Behind the last game."""
        reader = self._reader
        return Place(reader.offset, reader.line, self._num_games, reader.skipping)


def judged(game: _core.PgnGame, filters: Filters) -> ImportedGame | SkippedGame:
    """The game as it can be learned from, or why it cannot.

    Rules of ours that players have to claim end a game by themselves (docs/games/chess.md). Where
    players went on, a drawn game ends there; of one that was won afterwards the moves before that
    draw are kept, with the result it had.
    """

    def bad(kind: str, reason: str) -> SkippedGame:
        return SkippedGame(kind, reason, game.error_line or game.line)

    tags = game.tags
    ratings = [tags.get(name, "") for name in ("WhiteElo", "BlackElo")]
    if (skipped := filters.by_elo(ratings, game.line)) is not None:
        return skipped
    if game.error:
        kind = next((k for words, k in _KINDS.items() if words in game.error), "unreadable")
        return bad(kind, game.error)
    result, tag = game.result, tags.get("Result", "")
    if tag in _RETURN and tag != result:
        return bad(
            "contradictory results", f"the tag Result says {tag}, the moves end with {result}"
        )
    if result not in _RETURN:
        return bad("unfinished", f"unfinished: no result but {result}")
    num_plies = len(game.actions)
    if num_plies == 0:
        return bad("no moves", f"no moves, only the result {result}")
    if (skipped := filters.by_plies(num_plies, game.line)) is not None:
        return skipped
    termination = _core.TERMINATION_RESIGNED if _RETURN[result] else _core.TERMINATION_ADJUDICATED
    kept = num_plies
    if game.ended_by_rules:
        kept = game.num_plies_by_rules
        if game.rules_result == result:
            termination = _core.TERMINATION_PLAYED_OUT
            if game.at_length_bound:
                termination = _core.TERMINATION_LENGTH_BOUND
        elif (why := _final(game)) in ("checkmate", "stalemate", "insufficient_material"):
            return bad(
                "contradictory results",
                f"the result is {result}, but the last position is {game.rules_result} by "
                f"{why.replace('_', ' ')}",
            )
        else:
            kept -= 1
        if kept <= 0:
            return bad("no moves", "the rules end the game in its first position")
    return ImportedGame(
        spec=SPEC,
        actions=game.actions[:kept],
        first_player_return=_RETURN[result],
        line=game.line,
        termination=termination,
        initial_text=game.initial_fen or "",
        num_plies_cut=num_plies - kept,
    )


def _final(game: _core.PgnGame) -> str:
    """How the rules end it."""
    rules = load_game(SPEC)
    state = rules.parse(game.initial_fen) if game.initial_fen else rules.initial_state()
    for action in game.actions[: game.num_plies_by_rules].tolist():
        state.apply(action)
    return str(outcome(state))
