"""What the short texts of players are made of."""

from zerofleet.players.player import PlayerError


def number_of(text: str, key: str, value: str, least: int, most: int) -> int:
    """The number of a setting; raises PlayerError, quoting the whole text, if it is none."""
    if not (value.isascii() and value.isdecimal()) or not least <= int(value) <= most:
        raise PlayerError(f"{text!r}: expected {key} as a number {least}..{most}; came {value!r}")
    return int(value)
