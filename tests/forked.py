"""Runs of stages in processes that are forked from one which has imported what they need: a new Python takes a second."""

import importlib
import multiprocessing
import os
from pathlib import Path

from pipelines.shared.stage import main
from tests.changes import count

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["pytest", "tests.forked", "pipelines.load", "pipelines.preprocess", "pipelines.embed", "spacy"]
)


def run(folder: Path | str, stage: str, argv: list[str], kill_before: int = 0) -> int:
    """Run a stage in this process; kill it before a change of files in ``folder``, or return how many there were."""
    module = importlib.import_module(f"pipelines.{stage}")
    return count(str(folder), lambda: main(module.run, "", getattr(module, "OPTIONS", {}), argv), kill_before)


def _run(log: Path, *arguments: object) -> None:
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT), 2)
    run(*arguments)  # type: ignore[arg-type]


class Forked(_CONTEXT.Process):
    """A process that runs a stage as :func:`run` does; what it says is in ``log``."""

    def __init__(self, log: Path, *arguments: object) -> None:
        super().__init__(target=_run, args=(log, *arguments))
        self.log = log
        self.start()

    def wait(self) -> int | None:
        self.join()
        return self.exitcode

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""
