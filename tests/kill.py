"""`make faults`: every stage is killed at many points, looked at, run again, and compared with an undisturbed run.

A kill comes right before a chosen change in the file system (a file opened for writing, a rename, a removal), or after a
random time. Half of the points find the folders as an earlier run left them, half without the stage's own artefacts.
"""

import argparse
import logging
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import forked
from tests.model_fixture import Trained, write_inputs
from tests.snapshot import all_artefacts

STAGES = ("load", "preprocess", "embed", "train", "export", "evaluate", "report")
DOCUMENTS = ("README.md", "report.html")


@dataclass(frozen=True)
class Reference:
    """An undisturbed run: a copy of its folder before and after each stage, and what its stages took."""

    this: Trained
    copies: Path
    seconds: dict[str, float]
    changes: dict[str, int]

    def restore(self, stage: str, when: str = "before") -> None:
        """Put the folder back to how ``stage`` found it, or left it."""
        shutil.rmtree(self.this.root)
        shutil.copytree(self.copies / f"{when}-{stage}", self.this.root, symlinks=True)

    def artefacts(self, stage: str) -> dict[str, str]:
        return all_artefacts(self.copies / f"after-{stage}")

    def documents(self, stage: str) -> list[bytes]:
        return documents(self.copies / f"after-{stage}")


def documents(root: Path) -> list[bytes]:
    return [path.read_bytes() for name in DOCUMENTS if (path := root / "models" / "tiny" / name).exists()]


def finish(this: Trained, stage: str) -> int:
    """Run ``stage`` undisturbed in this process, and return the number of its changes."""
    return forked.run(this.root, stage, this.options_of(stage))


def make_reference(folder: Path, stages: Sequence[str]) -> Reference:
    this = write_inputs(folder / "root")
    made = Reference(this, folder / "copies", {}, {})
    for stage in stages:
        shutil.copytree(this.root, made.copies / f"before-{stage}", symlinks=True)
        begun = time.monotonic()
        made.changes[stage] = finish(this, stage)
        made.seconds[stage] = time.monotonic() - begun
        shutil.copytree(this.root, made.copies / f"after-{stage}", symlinks=True)
    return made


def kill_and_recover(
    made: Reference, stage: str, kill_before: int = 0, delay: float = 0.0, again: bool = False
) -> bool:
    """Kill ``stage`` before a change in the file system, or, without one, after ``delay`` seconds; then run it again.

    Tell whether the kill came before the stage's end. With ``again``, the stage has run before in this folder.
    """
    made.restore(stage, "after" if again else "before")
    log, this = made.this.root.parent / "log", made.this
    process = forked.Forked(log, this.root, stage, this.options_of(stage), kill_before)
    if not kill_before:
        time.sleep(delay)
        process.kill()
    killed = process.wait() == -signal.SIGKILL
    check_nothing_partial(made, stage)
    finish(this, stage)
    assert all_artefacts(made.this.root) == made.artefacts(stage), difference(made, stage)
    if stage == "report":
        assert documents(made.this.root) == made.documents(stage)
    return killed


def check_nothing_partial(made: Reference, stage: str) -> None:
    """Every file under a final name is whole: inputs and settings are the same, so it is that of the undisturbed run."""
    whole, now = made.artefacts(stage), all_artefacts(made.this.root, hidden=False)
    partial = [name for name, mark in now.items() if whole.get(name) != mark]
    assert not partial, f"{stage}: {partial}"
    if stage == "report":
        assert all(document in made.documents(stage) for document in documents(made.this.root))


def difference(made: Reference, stage: str) -> list[str]:
    whole, now = made.artefacts(stage), all_artefacts(made.this.root)
    return [name for name in whole.keys() | now.keys() if whole.get(name) != now.get(name)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=10, help="for each stage (default: 10)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.getLogger("pipelines").setLevel(logging.ERROR)  # of the stages that run in this process
    choose = random.Random(arguments.seed)
    failures = 0
    with tempfile.TemporaryDirectory(prefix="sentiment-kill-") as folder:
        made = make_reference(Path(folder), STAGES)
        for stage in STAGES:
            killed = 0
            for point in range(arguments.points):
                change = choose.randint(1, made.changes[stage]) if point % 2 else 0
                delay = choose.uniform(0, made.seconds[stage])
                try:
                    killed += kill_and_recover(made, stage, change, delay, again=point // 2 % 2 == 1)
                except (AssertionError, SystemExit) as error:
                    failures += 1
                    sys.stdout.write(f"{stage}, change {change}, {delay:.2f} s: {error}\n")
            sys.stdout.write(f"{stage}: {arguments.points} points, {killed} killed before its end, "
                             f"{made.changes[stage]} changes, {made.seconds[stage]:.1f} s\n")  # fmt: skip
            sys.stdout.flush()
    sys.stdout.write(f"{failures} failures\n")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
