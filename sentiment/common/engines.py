"""Engines run tasks: they apply a function to each task and yield each result as soon as it is ready.

An engine does not decide which tasks there are or what follows from a failure. Its caller does, in the same way for all
engines.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

# A task is given up after its process has died this many times, because the task itself may need too much memory.
ATTEMPTS = 3


class Outcome(NamedTuple):
    """The ``result`` of the task with the index ``task``, or in ``lost`` the reason why it was given up."""

    task: int
    result: Any
    lost: str = ""


class Engine(Protocol):
    """Worker processes on this machine or on others. They run while the engine is used in a ``with`` statement."""

    def __enter__(self) -> "Engine":
        """Start the workers."""

    def __exit__(self, *exception: object) -> None:
        """Stop the workers."""

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Outcome]:
        """Apply ``function`` to each task, and yield each outcome when ready. Errors of ``function`` propagate."""


class InProcess:
    """An engine that runs one task after the other in this process, with all its threads."""

    workers = 1

    def __enter__(self) -> "InProcess":
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Outcome]:
        """Apply ``function`` to each task in order, and yield the outcomes."""
        for i, task in enumerate(tasks):
            yield Outcome(i, function(task))


def results(
    engine: Engine,
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
    progress: Callable[[int], None] = lambda done: None,
) -> list[Any]:
    """Apply ``function`` to each task, and return the results in the order of the tasks.

    ``progress`` is called with the number of finished tasks after each task.

    Raises:
        ChildProcessError: a task was given up, because its process died repeatedly.
    """
    found: list[Any] = [None] * len(tasks)
    for done, outcome in enumerate(engine.map(function, tasks), 1):
        if outcome.lost:
            raise ChildProcessError(f"a task was given up: {outcome.lost}; use fewer workers")
        found[outcome.task] = outcome.result
        progress(done)
    return found


def use_one_core() -> None:
    """Limit this process to one thread, because there is one process per core."""
    import pyarrow as pa

    from sentiment.common.parallel import work_alone

    work_alone()
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
