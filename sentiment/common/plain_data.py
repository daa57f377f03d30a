"""Convert plain data from TOML or JSON to settings dataclasses, with an error message for every mistake."""

import dataclasses
import difflib
import math
import types
import typing
from typing import Any, TypeVar

from sentiment.errors import SettingsError

T = TypeVar("T")
_WORDS = {
    bool: "true or false",
    dict: "a table of names and values",
    float: "a number",
    int: "a whole number",
    list: "a list in brackets",
    str: "text",
    tuple: "a list in brackets",
}


def from_dict(cls: type[T], values: object, where: str = "") -> T:
    """Make an instance of a settings dataclass from a dictionary.

    Args:
        cls: the dataclass.
        values: name of a field -> its value. A section is a dictionary itself.
        where: the dotted name of the section, used in error messages.

    Raises:
        SettingsError: a key is unknown (the nearest known one is suggested) or a value has the wrong type.
    """
    if not isinstance(values, dict):
        raise SettingsError(f"{where or 'settings'}: expected a section of settings, received {values!r}")
    hints = typing.get_type_hints(cls)
    for key in values:
        if key not in hints:
            near = difflib.get_close_matches(str(key), hints, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(hints)}"
            raise SettingsError(f"{_dotted(where, key)}: unknown setting; {hint}")
    return cls(**{key: _convert(hints[key], value, _dotted(where, key)) for key, value in values.items()})


def _dotted(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)


def _convert(hint: Any, value: Any, where: str) -> Any:
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint):
        return from_dict(typing.cast(type, hint), value, where)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_convert(arguments[0], item, where) for item in value)
    if origin is dict and isinstance(value, dict):
        return {_convert(arguments[0], key, where): _convert(arguments[1], item, where) for key, item in value.items()}
    allowed = tuple(typing.get_origin(kind) or kind for kind in arguments) if origin is types.UnionType else (hint,)
    if list in allowed and type(value) in (list, tuple):
        item = next(typing.get_args(kind)[0] for kind in arguments if typing.get_origin(kind) is list)
        return [_convert(item, each, where) for each in value]
    if float in allowed and type(value) is int:
        return float(value)
    if type(value) not in allowed:
        raise SettingsError(f"{where}: expected {_in_words(allowed)}, received {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"{where}: expected a finite number, received {value}")
    return value


def _in_words(kinds: tuple[Any, ...]) -> str:
    """Return the names of types in plain words, for example "a whole number or text"."""
    words = (_WORDS.get(typing.get_origin(kind) or kind, str(kind)) for kind in kinds)
    return " or ".join(dict.fromkeys(words))
