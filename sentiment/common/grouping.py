"""Group tasks: small items are handed out together, and large ones alone."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def grouped(items: Iterable[T], size: Callable[[T], int], most: int, most_items: int) -> Iterator[list[T]]:
    """Yield groups of ``items`` in order, each of a total size up to ``most`` and of up to ``most_items`` items."""
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
