"""Options that choose what runs the tasks of a command: processes of this machine, or Ray."""

import argparse
from typing import TYPE_CHECKING

from sentiment.common.command_line import count, workers
from sentiment.common.parallel import available_cores
from sentiment.errors import InputError

if TYPE_CHECKING:
    from sentiment.common.engines import Engine

_PATIENCE = 60  # seconds


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--engine``, ``--workers``, ``--address`` and ``--patience``."""
    engine = parser.add_argument_group("engine")
    engine.add_argument("--engine", choices=("local", "ray"), default="local", help="a process pool, or Ray")
    engine.add_argument("--workers", type=workers, default=0, metavar="N", help="processes (default: one per core)")
    engine.add_argument("--address", default="", help="of a Ray cluster: auto or host:port (default: a local one)")
    engine.add_argument(
        "--patience", type=count, metavar="SECONDS", help=f"to wait while no node has a core ({_PATIENCE})"
    )


def engine_of(arguments: argparse.Namespace) -> "Engine":
    """Return the engine that the options name.

    Raises:
        InputError: an option of Ray is given without Ray.
    """
    if arguments.engine == "ray":
        from sentiment.common.ray_engine import RayEngine

        patience = _PATIENCE if arguments.patience is None else arguments.patience
        return RayEngine(arguments.workers, arguments.address, patience)
    if arguments.address or arguments.patience is not None:
        raise InputError("--address, --patience: have no use without --engine ray; add it, or leave them out")
    from sentiment.common.local_engine import LocalEngine

    return LocalEngine(arguments.workers or available_cores())
