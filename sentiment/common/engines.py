"""What runs tasks: an engine maps a function over them and hands back each answer as it comes.

That is all an engine does. Which tasks there are, what is done already and what becomes of a failure is the same
on all of them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

# A task whose process has ended so often is given up: it may itself be what ends it, for want of memory for instance.
ATTEMPTS = 3


class Outcome(NamedTuple):
    """What became of a task: its ``result``, or why there is none (``lost``: its process ended again and again)."""

    task: int
    result: Any
    lost: str = ""


class Engine(Protocol):
    """Processes, here or elsewhere, that are there while the engine is entered as a context."""

    def __enter__(self) -> "Engine":
        """Start."""

    def __exit__(self, *exception: object) -> None:
        """End all processes."""

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Outcome]:
        """``function`` of each task, in the order in which they are done. What it raises is raised here."""


def results(
    engine: Engine,
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
    progress: Callable[[int], None] = lambda done: None,
) -> list[Any]:
    """``function`` of each task, in the order of the tasks, where none may be lost.

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
    """Have this process use one thread for all it does: there is a process for each core."""
    import pyarrow as pa

    from sentiment.common.parallel import work_alone

    work_alone()
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
