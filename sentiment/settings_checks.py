"""Declare the allowed values of a setting together with its default. They are checked when settings are created."""

from collections.abc import Callable
from dataclasses import field, fields
from typing import Any

from sentiment.errors import SettingsError

_RULE = "rule"


class Section:
    """A base class for sections of settings, which checks every field that was declared with a rule.

    Error messages call the field ``TrainingSettings.epochs``, for example, ``training.epochs``.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        """Check the value of every field, or each value of a field that is a list.

        Raises:
            SettingsError: a value is not allowed.
        """
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
    """Declare a setting that is a number from 0 up to, but not including, 1, or the number ``also``."""
    return _declared(default, lambda value: 0 <= value < 1 or value == also, "a number from 0 up to, not including, 1")


def one_of(*allowed: str, default: str) -> Any:
    """Declare a setting that is one of the texts in ``allowed``."""
    return _declared(default, lambda value: value in allowed, f"one of {', '.join(allowed)}")


def require(condition: bool, message: str) -> None:
    """Raise a SettingsError with ``message`` unless ``condition`` is true."""
    if not condition:
        raise SettingsError(message)


def _declared(default: Any, allows: Callable[[Any], bool], expected: str) -> Any:
    return field(default=default, metadata={_RULE: (allows, expected)})
