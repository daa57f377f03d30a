"""What runs tasks: an engine applies a function to each of them and yields each answer as soon as it is there.

Which tasks there are, which are done already and what follows from a failure is the same on all engines.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

# A task is given up after its process has ended this often. The task itself may use more memory than there is.
ATTEMPTS = 3


class Outcome(NamedTuple):
    """The ``result`` of a task, or why there is none (``lost``: its process ended again and again)."""

    task: int
    result: Any
    lost: str = ""


class Engine(Protocol):
    """Processes of this machine or of others, which run while the engine is entered as a context."""

    def __enter__(self) -> "Engine":
        """Start the workers."""

    def __exit__(self, *exception: object) -> None:
        """End all processes."""

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Outcome]:
        """Yield the outcome of each task as soon as it is done; an exception of ``function`` is raised here."""


class InProcess:
    """The engine without further processes: this one does one task after the other, with all its threads."""

    workers = 1

    def __enter__(self) -> "InProcess":
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Outcome]:
        """See :class:`Engine`."""
        for i, task in enumerate(tasks):
            yield Outcome(i, function(task))


def results(
    engine: Engine,
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
    progress: Callable[[int], None] = lambda done: None,
) -> list[Any]:
    """Return ``function`` of each task, in the order of the tasks.

    ``progress`` is called with the number of tasks done.

    Raises:
        ChildProcessError: the process of a task ended again and again.
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
