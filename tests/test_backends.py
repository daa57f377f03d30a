"""Training needs Keras and nothing of TensorFlow's, so that it runs on whichever backend has the GPU."""

import importlib.util
import subprocess
import sys
import tracemalloc
from pathlib import Path

import keras
import numpy as np
import pytest

from pipelines.shared.training_record import versions
from sentiment.data.encoded import EncodedPart
from sentiment.errors import SettingsError
from sentiment.training.batches import Batches
from sentiment.training.devices import accelerators, describe, share_batches
from tests.test_structure import ROOT, imported

needs_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not among the dependencies; install it to run this"
)


def reachable(start: Path, but: str = "") -> set[str]:
    """Dotted names of all that a module imports, and that those of our own which it imports do, ``but`` one."""
    names, open_ends, seen = set(), [start], set()
    while open_ends:
        path = open_ends.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        names |= (found := imported(path) - {but})
        parents = {name.rpartition(".")[0] for name in found}
        open_ends += [ROOT / f"{name.replace('.', '/')}.py" for name in found | parents]
    return names


def test_no_module_that_training_reaches_imports_tensorflow() -> None:
    """But for what asks for that backend first: the stage, to be repeatable, and the trainer that is TensorFlow's."""
    its_own = "sentiment.training.tensorflow_trainer.TensorFlowTrainer"
    assert its_own in imported(ROOT / "sentiment/training/fitting.py")
    names = reachable(ROOT / "sentiment/training/fitting.py", but=its_own)
    names |= reachable(ROOT / "sentiment/network/folding.py") | imported(ROOT / "pipelines/train.py") - {"tensorflow"}
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
from sentiment.training.devices import describe

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
    command = [sys.executable, "-c", TRAIN, str(model), str(answers)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("with the jax backend on the CPU (no GPU found)")
    ids = np.random.default_rng(0).integers(1, 9, (48, 4)).astype(np.uint8)
    np.testing.assert_allclose(keras.models.load_model(model)(ids.astype(np.int32)), np.load(answers), atol=1e-6)


RESIDENT = """
import sys
import keras, numpy as np
from sentiment.training import batches as batching, fitting as training, jax_trainer as resident, trainer as trainers
from sentiment.data.encoded import EncodedPart
from sentiment.network.keras_network import build_network
from sentiment.settings import *

network = NetworkSettings(projection=(5,), units=3, trainable_dimension=2, trainable_dropout=0.0, output_dropout=0.0)
settings = Settings(preprocessing=PreprocessingSettings(max_tokens=9), network=network,
                    training=TrainingSettings(epochs=1, batch_size=16, class_weights="balanced"))
random = np.random.default_rng(0)
ids = np.where(np.arange(9) < random.integers(6, 10, (83, 1)), random.integers(1, 30, (83, 9)), 0).astype(np.uint8)
part = EncodedPart(ids, random.choice(2, 83, p=[0.7, 0.3]))
matrix = random.normal(size=(30, 6)).astype(np.float32)

class InOrder:
    # Batches dealt in another order.
    def __init__(self, batches, order):
        self.batches, self.order = batches, order

    def __len__(self):
        return len(self.order)

    def __getitem__(self, index):
        return self.batches[self.order[index]]

def weights_and_figures(kind):
    keras.utils.set_random_seed(1)
    model = build_network(matrix, network, 2)
    batches, _ = training.make_batches({"train": part, "validation": part}, settings)
    validation = batching.Batches(part, 2, 64, class_weights=batches.class_weights)
    trainer = kind(model, settings, len(batches), 9)
    before = [np.array(variable) for variable in trainer.variables]
    dealt = InOrder(batches, resident.in_runs(batches)) if kind is trainers.Trainer else batches
    figures = trainer.run(dealt, "", learn=True) | {
        f"val_{name}": value for name, value in trainer.run(validation, "", learn=False).items()}
    after = [np.array(variable) for variable in trainer.variables]
    assert max(np.abs(a - b).max() for a, b in zip(after, before, strict=True) if a.dtype == np.float32) > 1e-3
    assert {batches.width(i) for i in range(len(batches))} == {8, 9}
    return after, figures

(expected, figures), (weights, resident_figures) = map(weights_and_figures, (trainers.Trainer, resident.ResidentTrainer))
for one, other in zip(weights, expected, strict=True):
    np.testing.assert_allclose(one, other, atol=1e-5)
for name, value in figures.items():
    np.testing.assert_allclose(resident_figures[name], value, atol=1e-5)
assert training.trainer_class() is training.Trainer
training.accelerators = lambda: ["a GPU"]
assert training.trainer_class() is resident.ResidentTrainer
"""


@needs_jax
def test_an_epoch_on_the_device_gives_the_weights_of_an_ordinary_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    done = subprocess.run([sys.executable, "-c", RESIDENT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


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


SHARED = """
import json, sys
import jax, keras, numpy as np
from sentiment.data.encoded import EncodedPart
from sentiment.errors import SettingsError
from sentiment.network.keras_network import build_network
from sentiment.settings import *
from sentiment.training import fitting
from sentiment.training.devices import share_batches
from sentiment.training.trainer import Trainer

network = NetworkSettings(projection=(16,), units=8, bidirectional=False, output_dropout=0.0)
settings = Settings(preprocessing=PreprocessingSettings(max_tokens=8), network=network,
                    training=TrainingSettings(epochs=1, batch_size=32))
random = np.random.default_rng(0)
ids = np.where(np.arange(8) < random.integers(1, 9, (640, 1)), random.integers(1, 900, (640, 8)), 0)
part = EncodedPart(ids.astype(np.uint16), random.choice(2, 640, p=[0.7, 0.3]))
matrix = random.normal(size=(900, 10)).astype(np.float32)

def losses(devices):
    keras.utils.set_random_seed(1)
    share_batches(devices, 32)
    model = build_network(matrix, network, 2)
    batches, _ = fitting.make_batches({"train": part, "validation": part}, settings)
    trainer = fitting.trainer_class()(model, settings, len(batches), 8)
    assert type(trainer) is Trainer
    found = []
    for i in range(20):
        inputs, y_true, weights = batches[i]
        figures = trainer.step(inputs, y_true, weights, learn=True)
        found.append(float(figures["loss"]))
    kernel = model.get_layer("classes").kernel.value
    assert len(kernel.sharding.device_set) == devices, kernel.sharding
    return found, np.array(kernel)

(alone, kernel), (shared, other) = losses(1), losses(2)
assert abs(alone[0] - alone[19]) > 1e-3
np.testing.assert_allclose(shared, alone, atol=1e-6)
np.testing.assert_allclose(other, kernel, atol=1e-5)
for devices, batch_size in ((4, 32), (2, 33)):
    try:
        share_batches(devices, batch_size)
    except SettingsError as error:
        print(error)
jax.process_count = lambda: 2
try:
    share_batches(2, 32)
except SettingsError as error:
    print(error)
"""


@needs_jax
def test_two_devices_give_the_losses_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch has far fewer distinct tokens in each half than in the whole: taken by halves, positions would be wrong."""
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
    done = subprocess.run([sys.executable, "-c", SHARED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert [line.partition(": ")[2][:30] for line in said] == [
        "expected at least 4 devices, f", "expected a power of two that d", "one process may use several de",
    ]  # fmt: skip


def test_several_devices_are_refused_where_they_would_not_be_used() -> None:
    share_batches(1, 32)
    with pytest.raises(SettingsError, match="2 devices need the JAX backend, this is tensorflow"):
        share_batches(2, 32)
