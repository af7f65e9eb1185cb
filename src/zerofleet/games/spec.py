"""The one text that names a game with its options: `go(komi=7.5,size=9)`."""

from collections.abc import Mapping
from typing import Any


def split_spec(spec: str) -> tuple[str, dict[str, str]]:
    """Splits `NAME` or `NAME(OPTION=VALUE,...)` into the name and its options, values as text.

    Raises: ValueError saying what is wrong with the form.
    """

    def bad(why: str) -> ValueError:
        return ValueError(f"game {spec!r}: {why}; expected NAME or NAME(OPTION=VALUE,...)")

    name, opened, rest = spec.strip().partition("(")
    if not opened:
        return name, {}
    if not rest.endswith(")"):
        raise bad("no ')' at the end")
    options: dict[str, str] = {}
    inside = rest[:-1].strip()
    for item in inside.split(",") if inside else ():
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not key:
            raise bad(f"no OPTION=VALUE in {item!r}")
        if key in options:
            raise bad(f"option {key!r} twice")
        options[key] = value
    return name.strip(), options


def join_spec(spec: str, options: Mapping[str, Any]) -> str:
    """The spec with these options added to its own; ascending by name, standard values kept.

    Raises: ValueError for an option that both give, with different values.
    """
    if not options:
        return spec
    name, known = split_spec(spec)
    for key, value in options.items():
        text = _to_text(name, key, value)
        if known.setdefault(key, text) != text:
            raise ValueError(
                f"{name}: option {key!r} is given twice, as {key}={known[key]} and {key}={text}"
            )
    return f"{name}({','.join(f'{key}={known[key]}' for key in sorted(known))})"


def write_spec(name: str, options: Mapping[str, Any], standard: Mapping[str, Any]) -> str:
    """The canonical text: options that differ from their standard value, ascending by name."""
    shown = [
        f"{key}={_to_text(name, key, options[key])}"
        for key in sorted(options)
        if key not in standard or options[key] != standard[key]
    ]
    return f"{name}({','.join(shown)})" if shown else name


def _to_text(name: str, key: str, value: Any) -> str:
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() else repr(value)
    text = str(value)
    if any(ch in text for ch in ",()="):
        raise ValueError(f"{name}: option {key}={value!r}; expected a number or a word")
    return text
