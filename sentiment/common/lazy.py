"""Properties that are computed when first needed, and then kept.

In Python 3.11, `functools.cached_property` holds a lock meanwhile. A child that is forked while another thread holds it
would wait for ever.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class LazyProperty(Generic[T]):
    """A property whose value is stored in the object. Threads that need it at once may each compute it."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type | None = None) -> T:
        value = instance.__dict__[self._name] = self._compute(instance)
        return value
