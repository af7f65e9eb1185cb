"""Games of the arena as text, for people and for grep."""

from collections.abc import Sequence

from zerofleet.arena.match import MatchResult
from zerofleet.arena.scores import ScoreResult
from zerofleet.games.protocol import Game, State


def match_text(game: Game, result: MatchResult) -> str:
    """Returns the match, one game a line: first player, second player, result, end, actions.

    Actions are in the game's notation; `|` parts the opening from the players' own moves.
    """
    lines = [
        f"# {result.game}: {result.player} - {result.opponent}, {len(result.games)} games "
        f"({result.num_distinct} distinct), {result.wins} won {result.draws} drawn "
        f"{result.losses} lost"
    ]
    for number, record in enumerate(result.games, start=1):
        first, second = result.names(record)
        words = _words(game, record.actions)
        words.insert(record.num_opening_plies, "|")
        winner = record.winner
        score = "1/2" if winner is None else ("1-0", "0-1")[winner]
        lines.append(
            f"{number}\t{first}\t{second}\t{score}\t{record.termination}\t{' '.join(words)}"
        )
    return "\n".join(lines) + "\n"


def scores_text(game: Game, result: ScoreResult) -> str:
    """Returns games of one player, one a line: player, score, end, actions and outcomes."""
    lines = [f"# {result.game}: {result.player}, {len(result.games)} games"]
    for number, record in enumerate(result.games, start=1):
        words = " ".join(_words(game, record.actions))
        lines.append(f"{number}\t{result.player}\t{record.score:g}\t{record.termination}\t{words}")
    return "\n".join(lines) + "\n"


def _words(game: Game, actions: Sequence[int]) -> list[str]:
    """The actions of a game in its notation."""
    state: State = game.initial_state()
    words = []
    for action in actions:
        words.append(game.action_to_text(state, action))
        state.apply(action)
    return words
