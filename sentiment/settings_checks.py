"""Declare what a setting may be beside its default, so that a section of settings checks itself when it is made."""

from collections.abc import Callable
from dataclasses import field, fields
from typing import Any

from sentiment.errors import SettingsError

_CHECK = "check"


class Section:
    """A section of settings: each field that was declared with a rule below is checked against it.

    The name of the section in messages is that of its class, so ``TrainingSettings.epochs`` is ``training.epochs``.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            SettingsError: a value is not allowed.
        """
        section = type(self).__name__.removesuffix("Settings").lower()
        for each in fields(self):  # type: ignore[arg-type]
            if check := each.metadata.get(_CHECK):
                check(f"{section}.{each.name}", getattr(self, each.name))


def at_least(lowest: float, default: Any) -> Any:
    """Declare a number, or a list of numbers, of at least ``lowest``."""

    def check(name: str, value: Any) -> None:
        for each in value if isinstance(value, tuple) else (value,):
            require(each >= lowest, f"{name}: expected at least {lowest}, received {each}")

    return _declared(default, check)


def more_than(limit: float, default: float) -> Any:
    """Declare a number above ``limit``."""
    return _declared(
        default, lambda name, value: require(value > limit, f"{name}: expected more than {limit}, received {value}")
    )


def fraction(default: float, also: float | None = None) -> Any:
    """Declare a number from 0 up to, not including, 1, or the number ``also``."""

    def check(name: str, value: float) -> None:
        allowed = 0 <= value < 1 or value == also
        require(allowed, f"{name}: expected a number from 0 up to, not including, 1, received {value}")

    return _declared(default, check)


def one_of(*allowed: str, default: str) -> Any:
    """Declare a text that is one of those ``allowed``."""
    return _declared(default, lambda name, value: require_one_of(name, value, allowed))


def require(condition: bool, message: str) -> None:
    """Raise a SettingsError with ``message`` unless ``condition`` is true."""
    if not condition:
        raise SettingsError(message)


def require_one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise a SettingsError unless ``value`` is one of those ``allowed``."""
    require(value in allowed, f"{name}: expected one of {', '.join(allowed)}, received {value!r}")


def _declared(default: Any, check: Callable[[str, Any], None]) -> Any:
    return field(default=default, metadata={_CHECK: check})
