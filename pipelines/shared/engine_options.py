"""The option ``--workers`` of stages that can use several processes, and the engine that it selects."""

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.shared import stage
from sentiment.common import engines
from sentiment.common.command_line import count

if TYPE_CHECKING:
    from sentiment.common.engines import Engine


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--workers``."""
    parser.add_argument(
        "--workers", type=count, default=0, metavar="N", help="processes (default: this one with all its threads)"
    )


def make_engine(arguments: argparse.Namespace) -> "Engine":
    """Return an engine with ``--workers`` processes, for use in a ``with`` statement."""
    if arguments.workers < 2:
        from sentiment.common.engines import InProcess

        return InProcess()
    from sentiment.common.engines import LocalEngine

    return LocalEngine(arguments.workers)


def results(engine: "Engine", function: Callable[[Any], Any], tasks: Sequence[Any], what: str) -> list[Any]:
    """Apply ``function`` to each task, and return the results in order. Log progress as "3 of 8 parts: ``what``"."""

    def tell(done: int) -> None:
        if len(tasks) > 1:
            stage.log.info("%d of %d parts: %s", done, len(tasks), what)

    return engines.results(engine, function, tasks, tell)
