"""Group small items into tasks of a useful size."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def grouped(items: Iterable[T], size: Callable[[T], int], most: int, most_items: int) -> Iterator[list[T]]:
    """Yield groups of consecutive ``items``, each with at most ``most_items`` items and a total size up to ``most``.

    An item that is larger than ``most`` is a group of its own.
    """
    together: list[T] = []
    total = 0
    for item in items:
        if together and (total + size(item) > most or len(together) == most_items):
            yield together
            together, total = [], 0
        together.append(item)
        total += size(item)
    if together:
        yield together
