"""Check settings: their names and types when they come from TOML or JSON, and their values by rules.

A rule is declared together with the default of a setting. It is checked whenever settings are created.
"""

import difflib
import math
import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, field, fields, is_dataclass
from typing import Any, TypeVar

from sentiment.errors import SettingsError

T = TypeVar("T")
_RULE = "rule"
_WORDS = {
    bool: "true or false",
    dict: "a table of names and values",
    float: "a number",
    int: "a whole number",
    list: "a list in brackets",
    str: "text",
    tuple: "a list in brackets",
}


class Section:
    """A base class for sections of settings, which checks every field that was declared with a rule."""

    __slots__ = ()

    def __post_init__(self) -> None:
        """Raise a SettingsError if the value of a field, or a value in its list, is not allowed."""
        section = type(self).__name__.removesuffix("Settings").lower()
        for each in fields(self):  # type: ignore[arg-type]
            if each.metadata:
                allows, expected = each.metadata[_RULE]
                found = getattr(self, each.name)
                for value in found if isinstance(found, tuple) else (found,):
                    require(allows(value), f"{section}.{each.name}: expected {expected}, received {value!r}")


def at_least(lowest: float, default: Any) -> Any:
    """Declare a setting that is a number of at least ``lowest``, or a list of such numbers."""
    return _declared(default, lambda value: value >= lowest, f"at least {lowest}")


def more_than(limit: float, default: float) -> Any:
    """Declare a setting that is a number above ``limit``."""
    return _declared(default, lambda value: value > limit, f"more than {limit}")


def fraction(default: float, also: float | None = None) -> Any:
    """Declare a setting that is at least 0 and less than 1. The value ``also`` is allowed too."""
    return _declared(default, lambda value: 0 <= value < 1 or value == also, "a number from 0 up to, not including, 1")


def one_of(*allowed: str, default: str) -> Any:
    """Declare a setting that is one of the texts in ``allowed``."""
    return _declared(default, lambda value: value in allowed, f"one of {', '.join(allowed)}")


def require(condition: bool, message: str) -> None:
    """Raise a SettingsError with ``message`` unless ``condition`` is true."""
    if not condition:
        raise SettingsError(message)


def from_dict(cls: type[T], values: object, where: str = "") -> T:
    """Make a settings dataclass from a dictionary, with one of its own per section. Errors name the section ``where``.

    Raises:
        SettingsError: a key is unknown (the nearest known one is suggested) or missing, or a value has the wrong type.
    """
    if not isinstance(values, dict):
        raise SettingsError(f"{where or 'settings'}: expected a section of settings, received {values!r}")
    hints = typing.get_type_hints(cls)
    for key in values:
        if key not in hints:
            near = difflib.get_close_matches(str(key), hints, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(hints)}"
            raise SettingsError(f"{_dotted(where, key)}: unknown setting; {hint}")
    given = {key: _convert(hints[key], value, _dotted(where, key)) for key, value in values.items()}
    for each in fields(cls):  # type: ignore[arg-type]
        if each.default is each.default_factory is MISSING and each.name not in given:
            raise SettingsError(f"{_dotted(where, each.name)}: expected a value, received none")
    return cls(**given)


def _declared(default: Any, allows: Callable[[Any], bool], expected: str) -> Any:
    return field(default=default, metadata={_RULE: (allows, expected)})


def _dotted(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)


def _convert(hint: Any, value: Any, where: str) -> Any:
    if hint is Any:
        return value
    if is_dataclass(hint):
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
