"""Games of a match as text, for people and for grep."""

from zerofleet.arena.match import MatchResult
from zerofleet.games.protocol import Game, State

_RESULTS = {(1.0, False): "1-0", (0.0, False): "0-1", (1.0, True): "0-1", (0.0, True): "1-0"}


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
        names = (result.player, result.opponent)
        first, second = names[::-1] if record.swapped else names
        state: State = game.initial_state()
        words = []
        for ply, action in enumerate(record.actions):
            if ply == record.num_opening_plies:
                words.append("|")
            words.append(game.action_to_text(state, action))
            state.apply(action)
        score = _RESULTS.get((record.score, record.swapped), "1/2")
        lines.append(
            f"{number}\t{first}\t{second}\t{score}\t{record.termination}\t{' '.join(words)}"
        )
    return "\n".join(lines) + "\n"
