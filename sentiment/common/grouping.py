"""Small things together, large ones alone: what is handed out at once."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def grouped(items: Iterable[T], size: Callable[[T], int], most: int, most_items: int) -> Iterator[list[T]]:
    """``items`` in their order, as many at once as come to ``most`` in size and ``most_items`` in number."""
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
