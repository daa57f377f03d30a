"""Stage 5: export the trained model as SavedModel, LiteRT and NumPy files. `model.json`, written last, marks success.

The model folder also gets a JavaScript module that predicts from the NumPy files, and a web page with both embedded.
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.shared import profiles, publishing, stage
from pipelines.shared.artefacts import TOLERANCE, read_preprocessor, require_agreement, rows_to_compare
from pipelines.shared.base_model import KERAS_MODEL
from pipelines.shared.stage import import_keras, without_chatter
from sentiment.common.file_checks import sha256_of
from sentiment.data.splitting import SEEN, TRAIN
from sentiment.errors import ArtefactError
from sentiment.network.folded import FoldedNetwork
from sentiment.predict.model_files import MANIFEST, checksums
from sentiment.predict.model_folder import MODEL, chunk_files, describe, network_files
from sentiment.settings import NetworkSettings
from sentiment.settings_checks import from_dict
from sentiment.text.chunk_table import ChunkTable
from sentiment.text.frequent_chunks import make_table
from sentiment.text.preprocessor import Preprocessor

if TYPE_CHECKING:
    import keras

_ROWS_PER_BATCH = 65_536
_MOST_BY_8_BITS = 0.1
_WARM_UP = ["I love this", "what a waste of time :("]


def run(this: stage.Stage) -> None:
    """Export the network in all file formats, and check that each gives the probabilities of the trained network.

    The network is first folded: one table replaces all layers before the recurrent one.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"  # needed to export a SavedModel, whichever backend trained
    import_keras()
    import keras

    from sentiment.network.keras_network import fold
    from sentiment.report.try_page import JAVASCRIPT, TRY_PAGE, render_try_page

    folder = this.places.model
    trained = publishing.read_json(folder / "training.json")
    trained |= {"settings": publishing.read_json(folder / "settings.json")}
    settings = from_dict(NetworkSettings, trained["settings"]["network"])
    if settings != this.settings.network:
        stage.log.info("using the network settings that the model was trained with")
    if trained["encoded"] != publishing.read_json(this.places.processed / "encoded.json"):
        raise ArtefactError(
            f"{folder}: was trained with another lexicon than {this.places.processed} has; run `make train`"
        )
    model = keras.models.load_model(publishing.require(folder / KERAS_MODEL))
    preprocessor = read_preprocessor(this.places.processed)
    folded = fold(model, settings)
    network = folded.in_8_bits() if this.settings.export.table == "int8" else folded
    with publishing.publish(folder, last="model.json") as staging:
        preprocessor.save(staging)
        shutil.copyfile(this.places.processed / "coverage.json", staging / "coverage.json")
        network_files(staging, network)
        preprocessor = replace(preprocessor, table=_chunk_table(this.places.interim / "tweets.parquet", preprocessor))
        chunk_files(staging, preprocessor.table)
        _save(staging, preprocessor, network, trained["classes"])
        ids = rows_to_compare(this.places.processed)
        _compare_folded(ids, model, folded, network)
        _compare(staging, ids, network)
        about = profiles.known_of_corpus(this.profile, trained["inputs"]["corpus"]["sha256"])
        publishing.write_json(staging / MODEL, describe(staging, trained["classes"], trained["settings"]["network"]))
        shutil.copyfile(JAVASCRIPT, staging / JAVASCRIPT.name)
        publishing.write_text(staging / TRY_PAGE, render_try_page(staging, folder.name))
        _write_manifest(staging, trained | {"about": about}, folder)
    _link(this.places.model)
    stage.log.info("%s: SavedModel, LiteRT and NumPy inference agree within %g", folder, TOLERANCE)


def _chunk_table(tweets: Path, preprocessor: Preprocessor) -> ChunkTable | None:
    """Return a table from frequent chunks (texts between spaces) to their ids, for which prediction runs no rules."""
    with pq.ParquetFile(publishing.require(tweets)) as source:
        batches = source.iter_batches(_ROWS_PER_BATCH, columns=["text", "part"])
        training = (batch.filter(pc.equal(batch.column("part"), TRAIN)) for batch in batches)
        return make_table(preprocessor, (batch.column("text").cast(pa.string()) for batch in training))


def _save(folder: Path, preprocessor: Preprocessor, network: FoldedNetwork, classes: list[str]) -> None:
    from sentiment.export.formats import ServingModule, to_tflite, write_warm_up
    from sentiment.export.text_graph import CHUNKS_TSV

    version = folder / "saved_model" / "1"
    ServingModule(preprocessor, network, classes, folder).save(version)
    (folder / CHUNKS_TSV).unlink()  # the assets of the SavedModel contain a copy
    write_warm_up(version, _WARM_UP)
    # TensorFlow Serving expects a numbered folder inside; with these links tf.saved_model.load accepts the outer one.
    for name in ("saved_model.pb", "variables", "assets"):
        (folder / "saved_model" / name).symlink_to(Path("1") / name)
    (folder / "model.tflite").write_bytes(to_tflite(network, preprocessor.max_tokens))


def _compare_folded(ids: np.ndarray, model: "keras.Model", folded: FoldedNetwork, network: FoldedNetwork) -> None:
    """Raise an ArtefactError if the ``folded`` network or its 8-bit version ``network`` gives other probabilities.

    The folded network must agree with the trained ``model``, and the 8-bit version with the folded network.
    """
    answers = folded.of_padded(ids)
    expected = model.predict(ids, batch_size=512, verbose=0)
    require_agreement({"folded network": answers}, expected, "trained network")
    difference = float(np.abs(network.of_padded(ids) - answers).max())
    if difference > _MOST_BY_8_BITS:
        raise ArtefactError(
            f"8 bits change a probability by {difference:.2g}, expected at most {_MOST_BY_8_BITS}; "
            'run make again with SET="export.table=float32"'
        )
    stage.log.info("tables of %s change a probability by at most %.2g", network.table.dtype, difference)


def _compare(folder: Path, ids: np.ndarray, network: FoldedNetwork) -> None:
    """Raise an ArtefactError if the SavedModel or LiteRT model in ``folder`` disagrees with NumPy inference."""
    import tensorflow as tf

    saved = tf.saved_model.load(str(folder / "saved_model" / "1"))
    answers = {
        "SavedModel": saved.signatures["serve_ids"](ids=tf.constant(ids))["probabilities"].numpy(),
        "LiteRT model": by_litert(folder / "model.tflite", ids),
    }
    require_agreement(answers, network.of_padded(ids), "NumPy inference")


def by_litert(path: Path, ids: np.ndarray) -> np.ndarray:
    """Return the LiteRT model's probabilities for padded ``ids``, without the log messages of its runtime."""
    from sentiment.export.formats import run_tflite

    with without_chatter():
        return run_tflite(path, ids)


def _write_manifest(staging: Path, trained: dict[str, Any], folder: Path) -> None:
    kept = {
        name: sha256_of(folder / name) for name in (KERAS_MODEL, "history.csv", "settings.json", "training.json", SEEN)
    }
    artefacts = dict(sorted((checksums(staging) | kept).items()))
    publishing.write_json(staging / MANIFEST, trained | {"artefacts": artefacts})


def _link(folder: Path) -> None:
    """Make ``models/latest`` a link to the model in ``folder``."""
    temporary = folder.parent / f".latest.{folder.name}"
    temporary.unlink(missing_ok=True)  # left by a run that was killed here
    temporary.symlink_to(folder.name)
    temporary.replace(folder.parent / "latest")


if __name__ == "__main__":
    stage.main(run, __doc__)
