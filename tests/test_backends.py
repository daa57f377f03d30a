"""Training needs Keras and nothing of TensorFlow's, so that it runs on whichever backend has the GPU."""

import importlib.util
import tracemalloc
from pathlib import Path

import keras
import numpy as np
import pytest

from pipelines.shared.training_files import versions
from sentiment.data.encoded import EncodedPart
from sentiment.training.backend import accelerators, describe
from sentiment.training.batches import Batches
from tests.model_fixture import run_child
from tests.test_structure import ROOT, imported, ours, reached

needs_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not among the dependencies; install it to run this"
)


def reachable(start: Path, but: Path | None = None) -> set[str]:
    """Dotted names of all that a module imports, and that those of our own which it imports do, ``but`` one."""
    return {name for path in reached(start, but) | {start} for name in imported(path)}


def test_no_module_that_training_reaches_imports_tensorflow() -> None:
    """But for what asks for that backend first: the stage, to be repeatable, and the trainer that is TensorFlow's."""
    its_own = ROOT / "sentiment/training/tensorflow_trainer.py"
    assert its_own in ours(ROOT / "sentiment/training/fitting.py")
    names = reachable(ROOT / "sentiment/training/fitting.py", but=its_own)
    names |= imported(ROOT / "pipelines/train.py") - {"tensorflow"}
    assert {
        "sentiment.training.fitting.train",
        "sentiment.network.cells.STEPS",
        "sentiment.settings.NetworkSettings",
    } <= names
    assert not [name for name in names if name.split(".")[0] in ("tensorflow", "spacy")]
    assert "tensorflow" in reachable(ROOT / "pipelines/export.py")  # the search does find it


def test_versions_are_of_what_is_installed() -> None:
    assert versions(("numpy", "no-such-package")) == {"numpy": np.__version__}


def test_the_device_is_named() -> None:
    assert accelerators() == []  # the suite hides them
    assert describe() == f"Keras {keras.version()} with the tensorflow backend on the CPU (no GPU found)"


TRAIN = """
import sys
sys.modules["tensorflow"] = sys.modules["spacy"] = None  # as if they were not installed
import keras, numpy as np
from sentiment.data.encoded import EncodedPart
from sentiment.network.keras_network import build_network
from sentiment.settings import *
from sentiment.training.fitting import TrainingState, train
from sentiment.training.backend import describe

keras.utils.set_random_seed(1)
network = NetworkSettings(projection=(5,), units=3)
settings = Settings(preprocessing=PreprocessingSettings(max_tokens=9), network=network,
                    training=TrainingSettings(epochs=1, batch_size=16))
random = np.random.default_rng(0)
part = EncodedPart(random.integers(1, 9, (48, 4)).astype(np.uint8), random.integers(0, 2, 48))
model = build_network(random.normal(size=(9, 6)).astype(np.float32), network, 2)
train(model, {"train": part, "validation": part}, settings, TrainingState(), lambda state: None)
model.save(sys.argv[1])
np.save(sys.argv[2], keras.ops.convert_to_numpy(model(part.ids.astype(np.int32))))
print(describe())
"""


@needs_jax
def test_jax_trains_without_tensorflow_and_tensorflow_reads_what_it_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    model, answers = tmp_path / "model.keras", tmp_path / "answers.npy"
    done = run_child("-c", TRAIN, model, answers)
    assert done.stdout.splitlines()[-1].endswith("with the jax backend on the CPU (no GPU found)")
    ids = np.random.default_rng(0).integers(1, 9, (48, 4)).astype(np.uint8)
    np.testing.assert_allclose(keras.models.load_model(model)(ids.astype(np.int32)), np.load(answers), atol=1e-6)


def test_batches_of_mapped_rows_leave_them_on_disk(tmp_path: Path) -> None:
    """Training holds neither a copy of the encoded rows, nor half of one: a few numbers a row are all."""
    random, n = np.random.default_rng(0), 300_000
    path = tmp_path / "ids.npy"
    np.save(path, random.integers(0, 999, (n, 40)).astype(np.uint16))
    part = EncodedPart(np.load(path, mmap_mode="r"), np.zeros(n, np.uint8))
    tracemalloc.start()
    batches = Batches(part, 2, 1024, seed=1)
    batches.start_epoch(1)
    rows = sum(np.count_nonzero(batches[i][2]) for i in range(0, len(batches), 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows > 10_000
    assert peak < 0.45 * part.ids.nbytes
