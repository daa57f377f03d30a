"""The engine that needs no other process: tasks one after the other in this one, with all threads that it has."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sentiment.common.engines import Outcome


class InProcess:
    """See the module."""

    workers = 1

    def __enter__(self) -> "InProcess":
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Outcome]:
        """See :class:`sentiment.common.engines.Engine`."""
        for i, task in enumerate(tasks):
            yield Outcome(i, function(task))
