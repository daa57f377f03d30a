"""Training speed on a GPU, with any Keras backend: ours, Keras `fit` and `torch.nn.RNN`; writes `bench_gpu.json`."""

import argparse
import importlib.util
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipelines.shared import publishing, stage
from pipelines.shared.libraries import import_keras

if TYPE_CHECKING:
    import keras
    import numpy as np

    from sentiment.data.encoded import EncodedPart
    from sentiment.settings import Settings
    from sentiment.training.trainer import Trainer

_EPOCH = 1_600_000
_VOCABULARY, _DIMENSION = 60_000, 200
_ROWS_COMPARED = 256
_TOLERANCE = 1e-4


def run(this: stage.Stage) -> None:
    """Check that all compute the same, measure, write."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # leave some memory to the others
    import_keras()
    import keras

    from pipelines.bench.tables import machine, rates, table
    from pipelines.bench.timing import time_in_turn
    from sentiment.training.devices import accelerators

    part, matrix = _rows(this)
    work: dict[str, Any] = {}
    for batch_size in this.arguments.batch_size:
        for name, epoch in _contenders(this, part, matrix, batch_size).items():
            work[f"{name}, batch {batch_size:,}"] = (epoch, len(part.labels))
    memory = _peak_of_ours(work)
    stage.log.info("measuring %s: %d turns each and one to warm up", "; ".join(work), this.arguments.runs)
    timings = time_in_turn(work, this.arguments.runs)
    entries = rates(timings, f"Keras fit, padded, batch {this.arguments.batch_size[0]:,}")
    for entry in entries.values():
        entry["seconds_for_1.6_million"] = _EPOCH / entry["tweets_per_second"]
    device = ", ".join(accelerators()) or "no GPU"
    software = f"Keras {keras.version()} on {keras.backend.backend()}"
    report = {"machine": f"{device}, {software}, {machine()}", "rows": len(part.labels)}
    report |= {"sections": {"training": entries}, "peak_device_mib": memory}
    folder = this.places.root / "models"
    folder.mkdir(parents=True, exist_ok=True)
    publishing.write_json(folder / "bench_gpu.json", report)
    sys.stdout.write(table(report))
    sys.stdout.write("".join(f"{name}: {mib:,.0f} MiB of device memory at most\n" for name, mib in memory.items()))


def _peak_of_ours(work: dict[str, Any]) -> dict[str, float]:
    """Peak device memory after a first epoch of each of ours, before the others have used any."""
    from sentiment.training.devices import peak_memory_mib

    peaks = {}
    for name in (name for name in work if name.startswith("ours")):
        work[name][0]()
        if (peak := peak_memory_mib()) is not None:
            peaks[name] = peak
    return peaks


def _rows(this: stage.Stage) -> "tuple[EncodedPart, np.ndarray]":
    """The profile's encoded rows, repeated as often as need be, or invented ones."""
    import numpy as np

    from pipelines.shared.artefacts import read_part
    from sentiment.data.encoded import spread

    processed, n = this.places.processed, this.arguments.rows
    if not (processed / "embedding_matrix.npy").exists():
        stage.log.info("no encoded rows of this profile: inventing some")
        return _invented(n, this.settings.preprocessing.max_tokens)
    return spread(read_part(processed, "train"), n), np.load(processed / "embedding_matrix.npy")


def _invented(n: int, max_tokens: int) -> "tuple[EncodedPart, np.ndarray]":
    """Rows of about 11 tokens out of a Zipf vocabulary, as tweets have them."""
    import numpy as np

    from sentiment.data.encoded import EncodedPart

    random = np.random.default_rng(7)
    lengths = np.clip(random.gamma(3.5, 3.2, n).astype(int) + 1, 1, max_tokens)
    shares = 1.0 / np.arange(2, _VOCABULARY)
    bounds = np.cumsum(shares / shares.sum())[:-1]
    ids = np.zeros((n, max_tokens), np.uint16)
    real = np.arange(max_tokens) < lengths[:, None]
    ids[real] = np.searchsorted(bounds, random.random(np.count_nonzero(real))) + 2
    matrix = random.standard_normal((_VOCABULARY, _DIMENSION), np.float32)
    return EncodedPart(ids, random.integers(0, 2, n, np.uint8)), matrix


def _contenders(this: stage.Stage, part: "EncodedPart", matrix: "np.ndarray", batch_size: int) -> dict[str, Any]:
    """Name -> a function that runs one epoch; all start from the same weights."""
    import numpy as np

    from pipelines.bench.fit_epoch import fit_epoch
    from sentiment.network.keras_network import build_network
    from sentiment.training.fitting import make_batches, trainer_class

    settings = replace(this.settings, training=replace(this.settings.training, batch_size=batch_size))
    classes = int(part.labels.max()) + 1
    model, plain = (build_network(matrix, settings.network, classes) for _ in range(2))
    plain.set_weights(model.get_weights())
    batches, _ = make_batches({"train": part, "validation": part}, settings)
    trainer = trainer_class()(model, settings, len(batches), part.ids.shape[1])
    plain.compile("adamw", "sparse_categorical_crossentropy")
    network = _torch_network(model)
    _compare(plain, trainer, network, part, settings)
    ids, labels = part.ids.astype(np.int32), part.labels.astype(np.int32)

    def ours() -> None:
        batches.start_epoch(batches.epoch + 1)
        trainer.run(batches, "ours", learn=True)

    contenders: dict[str, Any] = {
        "ours": ours,
        "Keras fit, padded": fit_epoch(plain, ids, labels, batch_size=batch_size),
    }
    if network is not None:
        from pipelines.bench.torch_network import epoch_of

        contenders["torch.nn.RNN"] = epoch_of(network, batches, settings)
    return contenders


def _torch_network(model: "keras.Model") -> Any:
    if not importlib.util.find_spec("torch"):
        stage.log.info("PyTorch is not installed: torch.nn.RNN is left out")
        return None
    from pipelines.bench.torch_network import TorchNetwork

    return TorchNetwork(model)


def _compare(plain: "keras.Model", trainer: "Trainer", network: Any, part: "EncodedPart", settings: "Settings") -> None:
    """Refuse to measure networks that compute different things."""
    import numpy as np

    from pipelines.bench.precision import exact_products
    from sentiment.data.encoded import spread
    from sentiment.training.batches import token_batch
    from sentiment.training.fitting import make_batches

    few = spread(part, _ROWS_COMPARED)
    _, batches = make_batches({"train": few, "validation": few}, settings)
    with exact_products():
        expected = plain.predict_on_batch(few.ids.astype(np.int32))
        answers = {"ours": trainer.any_model.predict_on_batch(token_batch(few.ids)._asdict())}
        loss = trainer.run(batches, "comparing", learn=False)["loss"]
    if network is not None:
        answers["torch.nn.RNN"] = network.probabilities(few.ids)
    smoothing = settings.training.label_smoothing
    y_true = np.eye(expected.shape[1])[few.labels] * (1 - smoothing) + smoothing / expected.shape[1]
    differences = {name: float(np.abs(answer - expected).max()) for name, answer in answers.items()}
    differences["loss"] = abs(loss + float((y_true * np.log(expected)).sum(axis=1).mean()))
    stage.log.info("largest differences from the plain network: %s", differences)
    if not max(differences.values()) <= _TOLERANCE:
        raise AssertionError(f"the contenders compute different things: {differences}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stage's own options."""
    parser.add_argument("--rows", type=int, default=_EPOCH, help=f"tweets an epoch (default: {_EPOCH})")
    parser.add_argument("--runs", type=int, default=3, help="counted turns of each, of a second at least (default: 3)")
    parser.add_argument("--batch-size", type=int, nargs="+", default=[1024, 16384], help="(default: 1024 16384)")


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
