"""Games of the arena as files: text, and the formats of chess and Go programs, PGN and SGF."""

from collections.abc import Sequence

from zerofleet.arena.game_text import match_text, scores_text
from zerofleet.arena.match import GameRecord, MatchResult
from zerofleet.arena.scores import ScoreResult
from zerofleet.games.chess import format_pgn
from zerofleet.games.protocol import Game
from zerofleet.games.sgf import to_sgf

_SGF_ENDS = {"timeout": "T", "resigned": "R"}
"""How SGF says that a game was not played to its end; anything else is a forfeit, F."""


def game_texts(game: Game, results: Sequence[MatchResult | ScoreResult]) -> dict[str, str]:
    """Returns all games by the ending of a file: txt, one a line; pgn or sgf where there is one."""
    texts = [
        match_text(game, r) if isinstance(r, MatchResult) else scores_text(game, r) for r in results
    ]
    files = {"txt": "\n".join(texts)}
    written = game_file(game, [r for r in results if isinstance(r, MatchResult)])
    return files if written is None else {**files, written[0]: written[1]}


def game_file(game: Game, results: Sequence[MatchResult]) -> tuple[str, str] | None:
    """Returns all games of these matches as one file.

    Returns: its ending, "pgn" or "sgf", and its text; None for games that have no such format.
    """
    write = {"chess": _pgn, "go": _sgf}.get(game.name)
    if write is None:
        return None
    texts = [
        write(game, result, record, number)
        for result in results
        for number, record in enumerate(result.games, start=1)
    ]
    return ("pgn" if game.name == "chess" else "sgf"), "\n".join(texts)


def _pgn(game: Game, result: MatchResult, record: GameRecord, number: int) -> str:
    white, black = result.names(record)
    winner = record.winner
    return format_pgn(
        record.actions,
        result="1/2-1/2" if winner is None else ("1-0", "0-1")[winner],
        tags={
            "Event": f"{result.player} - {result.opponent}",
            "Round": str(number),
            "White": white,
            "Black": black,
            "Termination": record.termination,
        },
    )


def _sgf(game: Game, result: MatchResult, record: GameRecord, number: int) -> str:
    black, white = result.names(record)
    properties = {
        "PB": black,
        "PW": white,
        "EV": f"{result.player} - {result.opponent}",
        "RO": str(number),
    }
    state = game.initial_state()
    for action in record.actions:
        state.apply(action)
    if not state.is_terminal:
        winner = record.winner
        end = _SGF_ENDS.get(record.termination, "F")
        properties["RE"] = "0" if winner is None else f"{'BW'[winner]}+{end}"
        properties["GC"] = record.termination
    return to_sgf(state, properties=properties)
