"""Run the stages repeatedly with different settings, and save the metrics of each run.

The commands `crossvalidate`, `curve` and `ablation` use this module. A command that is started again after an
interruption skips the runs that already have metrics.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipelines.shared import publishing, stage
from pipelines.shared.base_model import KERAS_MODEL
from sentiment.data.table_files import checksum_of
from sentiment.errors import ArtefactError, InputError

INPUT_OPTIONS: stage.Options = {
    "--corpus": {"type": Path, "help": "labelled table, folder or pattern (default: the profile's)"},
    "--glove": {"type": Path, "help": "GloVe vectors; not needed with --from"},
}


@dataclass(frozen=True, slots=True)
class RepeatedRun:
    """One run of the stages in a separate folder.

    Attributes:
        this: the command that repeats the stages, and the base model to start from.
        root: the folder that contains `data/` and `models/` of the run.
        pairs: the settings that the run overrides, as ``section.key=value``.
        glove: the GloVe file, which is not read if there is a base model.
    """

    this: stage.Stage
    root: Path
    pairs: tuple[str, ...]
    glove: Path | None

    @property
    def places(self) -> stage.Places:
        """Return the folders of the run."""
        return stage.Places(self.root, self.this.places.profile)

    def load(self) -> None:
        """Run the stage `load`."""
        self.run("load", *_corpus_option(self.this))

    def make_ids(self) -> None:
        """Run `load`, `preprocess` and `embed`, unless their results exist."""
        if (self.places.processed / "embedding_matrix.npy").exists():
            return
        vectors = ["--glove", str(self.glove)] if self.glove and not self.this.base_model else []
        self.load()
        self.run("preprocess", *vectors)
        self.run("embed", *vectors)

    def run(self, name: str, *options: str) -> None:
        """Run one stage in a new process."""
        given = ["--profile", self.this.arguments.profile, "--root", str(self.root)]
        given += [part for pair in (*self.this.arguments.set, *self.pairs) for part in ("--set", pair)]
        given += ["--from", str(self.this.base_model)] if self.this.base_model else []
        run_stage(name, [*given, *options])


def run_stage(name: str, options: Sequence[str]) -> None:
    """Run a stage in a new process, with fresh memory and random state. A failure raises an `ArtefactError`."""
    if last := stage.failure_of(f"pipelines.{name}", *options):
        raise ArtefactError(f"the stage {name} failed: {last}; finished runs are kept, the same command goes on")


def work_folder(this: stage.Stage, command: str, *made_from: object) -> Path:
    """Return the folder for the runs of ``command``, named by a digest of settings, inputs and ``made_from``.

    Raises:
        InputError: neither vectors nor a base model is given, or an input file is missing.
    """
    glove, base = this.arguments.glove, this.base_model
    if glove is None and base is None:
        raise InputError("--glove: expected vectors, or a model to start from (--from), received neither")
    corpora = [Path(each) for each in _corpus_option(this)[1:]] or [Path(each.file) for each in this.settings.corpora]
    inputs = [
        checksum(each) for each in (*corpora, *([glove] if glove else []), *([base / KERAS_MODEL] if base else []))
    ]
    return this.places.interim / command / digest(this.settings.to_dict(), inputs, *made_from)


def digest(*parts: object) -> str:
    """Return the first 12 hexadecimal digits of a SHA-256 of ``parts``, which are JSON values."""
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def kept(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the metrics in the JSON file ``path``. If the file is missing, call ``make`` and save its result."""
    if not path.exists():
        publishing.write_json(path, make())
    return dict(publishing.read_json(path))


def _corpus_option(this: stage.Stage) -> list[str]:
    """Return the option ``--corpus`` for `load`; empty if the profile names its own files (``[[corpora]]``)."""
    if this.arguments.corpus is None and this.settings.corpora:
        return []
    return ["--corpus", str(this.arguments.corpus or this.places.raw / "corpus.csv")]


@cache
def checksum(place: Path) -> str:
    """Return the checksum of an input, which is read only once. A missing input raises an `InputError`."""
    try:
        return checksum_of(place)
    except OSError as error:
        raise InputError(
            f"{place}: cannot be read ({error.strerror}); give another with CORPUS, GLOVE, FROM or --vectors"
        ) from None
