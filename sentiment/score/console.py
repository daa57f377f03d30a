"""The engine options (this machine, or Ray) and the progress bar of the commands that score."""

import argparse
import time
from typing import TYPE_CHECKING, Any

from sentiment.common.command_line import count, workers
from sentiment.common.messages import counted
from sentiment.common.parallel import available_cores
from sentiment.errors import InputError

if TYPE_CHECKING:
    from sentiment.common.engines import Engine
    from sentiment.score.run import Totals

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
    """Return the engine that the options select. Options for Ray without ``--engine ray`` raise an `InputError`."""
    if arguments.engine == "ray":
        from sentiment.common.ray_engine import RayEngine

        patience = _PATIENCE if arguments.patience is None else arguments.patience
        return RayEngine(arguments.workers, arguments.address, patience)
    if arguments.address or arguments.patience is not None:
        raise InputError("--address, --patience: have no use without --engine ray; add it, or leave them out")
    from sentiment.common.engines import LocalEngine

    return LocalEngine(arguments.workers or available_cores())


class ScoringBar:
    """A progress bar: the bytes of input, the time left, and the numbers of tweets, parts and failures so far."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._begun = time.monotonic()
        self._rows_before = 0

    def __enter__(self) -> "ScoringBar":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, totals: "Totals", size: int) -> None:
        """Show ``totals`` after ``size`` more bytes. In the first call, ``size`` is the size of all input, negated."""
        from tqdm import tqdm

        if size <= 0:
            self._bar = tqdm(total=-size, unit="B", unit_scale=True, unit_divisor=1024, disable=None)
            self._begun, self._rows_before = time.monotonic(), totals.rows
            return
        rate = (totals.rows - self._rows_before) / max(1e-9, time.monotonic() - self._begun)
        done = len(totals.done) + len(totals.failed)
        parts = f"parts {done}/{totals.parts}, {len(totals.failed)} failed"
        self._bar.set_postfix_str(f"{counted(totals.rows, 'tweet')}, {rate:.0f}/s, {parts}", refresh=False)
        self._bar.update(size)
