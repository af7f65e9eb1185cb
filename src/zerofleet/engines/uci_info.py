"""What our UCI engine tells about a search: `info` lines, scores, moves."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from zerofleet.engines.analysis import Analysis, Line, Report
from zerofleet.games.chess import uci

_MOST_VALUE = 1 - 1e-5


def centipawns(value: float) -> int:
    """A value in [-1, 1] as a score: 400 log10 of the odds, the scale of Elo differences.

    100 is an expected score of 64 %, 400 one of 91 %. At most 2,120.
    """
    value = max(-_MOST_VALUE, min(_MOST_VALUE, value))
    return round(400 * math.log10((1 + value) / (1 - value)))


def win_draw_loss(value: float, draw: float) -> tuple[int, int, int]:
    """Per mille won, drawn and lost, from the mean value and the probability of a draw."""
    draw = max(0.0, min(draw, 1 - abs(value)))
    won, drawn = round(500 * (1 - draw + value)), round(1000 * draw)
    won = min(won, 1000 - drawn)
    return won, drawn, 1000 - won - drawn


def moves_text(state: Any, actions: Sequence[int]) -> list[str]:
    """The actions from this state on, as UCI writes them."""
    state = state.copy()
    words = []
    for action in actions:
        words.append(uci(state, action))
        state.apply(action)
    return words


def info_lines(
    analysis: Analysis, report: Report, *, num_lines: int, show_wdl: bool
) -> Iterator[str]:
    """The lines of `info` for the best `num_lines` moves."""
    state = analysis.state
    deepest = max(report.deepest, report.depth)
    rate = round(report.simulations / max(report.seconds, 1e-3))
    for number, line in enumerate(report.lines[:num_lines], start=1):
        yield " ".join(
            [
                f"info depth {report.depth} seldepth {max(deepest, len(line.actions))}",
                f"multipv {number} score {_score(line)}",
                *([_wdl(analysis, line)] if show_wdl else []),
                f"nodes {report.simulations} nps {rate} hashfull {round(1000 * report.full)}",
                f"time {round(1000 * report.seconds)} pv",
                *moves_text(state, line.actions),
            ]
        )


def _score(line: Line) -> str:
    return "mate 1" if line.wins else f"cp {centipawns(line.value)}"


def _wdl(analysis: Analysis, line: Line) -> str:
    won, drawn, lost = win_draw_loss(line.value, analysis.draw_probability(line.actions[0]))
    return f"wdl {won} {drawn} {lost}"
