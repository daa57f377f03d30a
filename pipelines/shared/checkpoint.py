"""Save the state of training in a checkpoint. An interrupted run resumes if its inputs and settings are unchanged."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.shared import publishing, stage
from pipelines.shared.base_model import KERAS_MODEL

if TYPE_CHECKING:
    from sentiment.training.fitting import TrainingState


class Checkpoint:
    """The checkpoint file of one training run.

    Attributes:
        path: the path of the ``.npz`` file.
        identity: the text that :func:`identity` returns. A state with another identity is not resumed.
        run: the beginning of the run's log lines, which tells several runs apart.
    """

    def __init__(self, path: Path, identity: str, run: str = "") -> None:
        self.path, self.identity, self.run = path, identity, run

    def read(self) -> "TrainingState":
        """Return the saved state, or a new state if the file is missing, damaged or has another identity."""
        from sentiment.common.file_checks import read_arrays
        from sentiment.training.fitting import TrainingState

        try:
            arrays = read_arrays(self.path)
            meta = json.loads(str(arrays.pop("meta")))
        except FileNotFoundError:
            return TrainingState()
        except (OSError, ValueError, KeyError) as error:
            stage.log.warning("%s is damaged (%s); starting anew", self.path, error)
            return TrainingState()
        if meta["identity"] != self.identity:
            stage.log.info("inputs or settings have changed since the interrupted run; starting anew")
            return TrainingState()
        stage.log.info("%sresuming after epoch %d", self.run, len(meta["history"]))
        told = (meta["history"], meta["best_epoch"], meta.get("start", {}))
        recent = [_group(arrays, f"recent/{i}/") for i in range(meta.get("recent", 0))]
        return TrainingState(*told, _group(arrays, "now/"), _group(arrays, "best/"), recent)

    def write(self, state: "TrainingState") -> None:
        """Save ``state`` atomically: write a temporary file, then rename it."""
        import numpy as np

        meta = {
            "identity": self.identity,
            "history": state.history,
            "best_epoch": state.best_epoch,
            "start": state.start,
            "recent": len(state.recent),
        }
        now = {f"now/{name}": value for name, value in state.weights.items()}
        best = {f"best/{name}": value for name, value in state.best_weights.items()}
        recent = {f"recent/{i}/{name}": value for i, each in enumerate(state.recent) for name, value in each.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".tmp.npz")
        try:
            np.savez(temporary, meta=np.array(json.dumps(meta)), **now, **best, **recent)  # type: ignore[arg-type]
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)
        before, told = ([], state.history[-1]) if state.history else (["before the first epoch"], state.start)
        stage.log.info("%s%s", self.run, ", ".join([*before, *(f"{name} {value:.4g}" for name, value in told.items())]))


def _group(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def identity(this: stage.Stage) -> str:
    """Return a text that identifies the settings, rows, matrix, base model and backend of a training run."""
    import keras

    names = ("train.ids.npy", "train.labels.npy", "validation.ids.npy", "embedding_matrix.npy")
    parts = [publishing.sha256(this.places.processed / name) for name in names]
    parts += [publishing.sha256(this.base_model / KERAS_MODEL)] if this.base_model else []
    return json.dumps([keras.backend.backend(), keras.version(), this.settings.to_dict(), parts], sort_keys=True)
