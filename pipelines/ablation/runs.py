"""One training run of an ablation: what identifies it, how it is made, and where its result is kept."""

import csv
import json
import time
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipelines.ablation.grid import Overrides, Result
from pipelines.shared import publishing, stage
from pipelines.shared.processes import run_stage

# Sections that training alone depends on: runs that differ in these only share what comes before.
_OF_TRAINING = ("network.", "training.")


@dataclass(frozen=True, slots=True)
class Run:
    """A training run to make; hashable.

    Attributes:
        pairs: the settings it overrides, sorted ``section.key=value`` with values as JSON has them.
        glove: GloVe vectors.
        seed: of the training.
    """

    pairs: tuple[str, ...]
    glove: Path
    seed: int

    @property
    def shared(self) -> tuple[str, ...]:
        """What identifies the ids and the matrix that it is trained on."""
        return (*(pair for pair in self.pairs if not pair.startswith(_OF_TRAINING)), str(self.glove))


def make_run(overrides: Overrides, glove: Path, seed: int) -> Run:
    """A run of some overrides."""
    return Run(as_pairs(overrides), glove, seed)


def as_pairs(overrides: Overrides) -> tuple[str, ...]:
    """Overrides as ``--set`` takes them."""
    return tuple(sorted(f"{name}={json.dumps(value)}" for name, value in overrides.items()))


class ResultLog:
    """Results on disk, one a line. Those made from other files or other settings of the profile do not count."""

    def __init__(self, path: Path, this: stage.Stage) -> None:
        self.path = path
        self._made_from = json.dumps(
            [this.settings.to_dict(), publishing.sha256(this.arguments.corpus)], sort_keys=True
        )
        self._gloves: dict[Path, str] = {}
        self._known: dict[str, Result] = {}
        if path.exists():
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                self._read(line, number)

    def find(self, run: Run) -> Result | None:
        """The result of ``run``, if there is one."""
        return self._known.get(self._identity(run))

    def add(self, run: Run, result: Result) -> None:
        """Append a result."""
        told: dict[str, Any] = {"settings": run.pairs, "glove": run.glove.name, "seed": run.seed}
        identity = self._identity(run)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"identity": identity} | told | {"result": asdict(result)}) + "\n")
        self._known[identity] = result

    def _identity(self, run: Run) -> str:
        if run.glove not in self._gloves:
            self._gloves[run.glove] = publishing.sha256(run.glove)
        parts = [self._made_from, run.pairs, self._gloves[run.glove], run.seed]
        return sha256(json.dumps(parts).encode()).hexdigest()

    def _read(self, line: str, number: int) -> None:
        try:
            data = json.loads(line)
            self._known[data["identity"]] = Result(**data["result"])
        except (ValueError, KeyError, TypeError) as error:  # such as the last line of a killed run
            stage.log.warning("%s:%d: not a result (%s); that run is made again", self.path, number, error)


def work_folder(this: stage.Stage, run: Run) -> Path:
    """Root of what ``run`` shares with others; may be removed when they are done."""
    digest = sha256(json.dumps(run.shared).encode()).hexdigest()[:12]
    return this.places.interim / "ablation" / digest


def execute(this: stage.Stage, run: Run) -> Result:
    """Make what is shared if need be, train, read the figures."""
    root = work_folder(this, run)
    options = ["--profile", this.arguments.profile, "--root", str(root)]
    options += [part for pair in (*this.arguments.set, *run.pairs) for part in ("--set", pair)]
    places = stage.Places(root, this.places.profile)
    if not (places.processed / "embedding_matrix.npy").exists():
        run_stage("load", [*options, "--corpus", str(this.arguments.corpus)])
        run_stage("preprocess", [*options, "--glove", str(run.glove)])
        run_stage("embed", [*options, "--glove", str(run.glove)])
    start = time.monotonic()
    run_stage("train", [*options, "--set", f"training.seed={run.seed}"])
    return _read_result(places.model, time.monotonic() - start)


def _read_result(model: Path, seconds: float) -> Result:
    trained = publishing.read_json(model / "training.json", "make ablation")
    with (model / "history.csv").open(encoding="utf-8", newline="") as file:
        best = list(csv.DictReader(file))[trained["best_epoch"] - 1]
    rows = {part: sum(counts.values()) for part, counts in trained["rows"].items()}
    return Result(float(best["val_accuracy"]), float(best["val_loss"]), rows["train"], rows["validation"], seconds)
