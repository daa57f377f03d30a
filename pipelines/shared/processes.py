"""Run stages as separate processes, so that memory and random state are fresh."""

import subprocess
import sys
from collections.abc import Sequence

from sentiment.errors import ArtefactError


def run_stage(name: str, options: Sequence[str]) -> None:
    """Run a stage and wait for its end.

    Raises:
        ArtefactError: the stage failed; the message quotes its last line.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"pipelines.{name}", *options], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ArtefactError(f"the stage {name} failed: {last}; finished runs are kept, the same command goes on")
