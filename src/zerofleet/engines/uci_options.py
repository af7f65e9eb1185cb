"""Options of UCI engines: how one is announced, and what values it takes. For both ends.

Source: the UCI protocol of R. Huber and S. Meyer-Kahlen (2006), commands `option` and `setoption`.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

OptionKind = Literal["check", "spin", "combo", "button", "string"]

_KEYWORDS = ("name", "type", "default", "min", "max", "var")
_EMPTY = "<empty>"
"""How engines write an empty text."""


class OptionError(ValueError):
    """An option that is none, or a value it does not take; says what it takes."""


@dataclass(frozen=True)
class UciOption:
    """One option of an engine."""

    name: str
    kind: OptionKind
    default: str = ""
    """`true` or `false` of a check, a number of a spin."""
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()
    """Of a combo."""

    def announced(self) -> str:
        """The line by which an engine tells of it."""
        words = [f"option name {self.name} type {self.kind}"]
        if self.kind != "button":
            words.append(f"default {self.default or _EMPTY}")
        if self.kind == "spin":
            words.append(f"min {self.least} max {self.most}")
        words += [f"var {choice}" for choice in self.choices]
        return " ".join(words)

    def checked(self, value: str) -> str:
        """The value as the engine takes it. Raises OptionError saying what was expected."""
        value = value.strip()
        if self.kind == "spin":
            expected = f"a number {self.least}..{self.most}"
            try:
                number = int(value)
            except ValueError:
                number = None
            inside = number is not None and (
                (self.least is None or number >= self.least)
                and (self.most is None or number <= self.most)
            )
            if inside:
                return str(number)
        elif self.kind == "check":
            expected = "true or false"
            if value.lower() in ("true", "false"):
                return value.lower()
        elif self.kind == "combo":
            expected = f"one of {', '.join(self.choices)}"
            known = {choice.lower(): choice for choice in self.choices}
            if value.lower() in known:
                return known[value.lower()]
        elif self.kind == "button":
            expected = "no value, it is a button"
            if not value:
                return ""
        else:
            return "" if value == _EMPTY else value
        raise OptionError(f"option {self.name}: expected {expected}; came {value[:80]!r}")


def parse_option(line: str) -> UciOption:
    """The option an engine announces. Raises OptionError if the line announces none."""
    words = line.split()
    fields: dict[str, list[str]] = {}
    choices: list[list[str]] = []
    current: list[str] | None = None
    for word in words[1:]:
        # A name may hold the words of the grammar only before its type is known.
        if word in _KEYWORDS and (word in ("name", "type") or "type" in fields):
            current = []
            if word == "var":
                choices.append(current)
            else:
                fields[word] = current
        elif current is not None:
            current.append(word)
    kind = " ".join(fields.get("type", ()))
    name = " ".join(fields.get("name", ()))
    if words[:1] != ["option"] or not name or kind not in get_args(OptionKind):
        raise OptionError(f"expected `option name NAME type TYPE ...`; came {line[:80]!r}")
    default = " ".join(fields.get("default", ()))
    try:
        least, most = (int(fields[key][0]) if fields.get(key) else None for key in ("min", "max"))
    except ValueError:
        raise OptionError(f"expected whole numbers as min and max; came {line[:80]!r}") from None
    return UciOption(
        name=name,
        kind=kind,  # type: ignore[arg-type]
        default="" if default == _EMPTY else default,
        least=least,
        most=most,
        choices=tuple(" ".join(choice) for choice in choices),
    )


def find_option(options: Iterable[UciOption], name: str) -> UciOption:
    """The option of this name; capitals do not matter. Raises OptionError naming the nearest."""
    known = {option.name.lower(): option for option in options}
    found = known.get(name.strip().lower())
    if found is not None:
        return found
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"did you mean {known[near[0]].name!r}? " if near else ""
    names = ", ".join(option.name for option in known.values())
    raise OptionError(f"unknown option {name.strip()[:80]!r}; {hint}Options are: {names or 'none'}")
