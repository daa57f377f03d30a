"""Stage 3: make the frozen embedding matrix (`embedding_matrix.npy`), and measure how many words have a vector."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.shared import publishing, stage
from pipelines.shared.artefacts import read_part, read_preprocessor
from pipelines.shared.base_model import load_network
from pipelines.shared.glove_files import glove_file, read_glove
from pipelines.shared.stage import import_keras
from sentiment.common.file_checks import sha256_of
from sentiment.common.ragged import Ragged
from sentiment.data.encoded import ragged_rows
from sentiment.text.file_names import LEXICON
from sentiment.text.preprocessor import Preprocessor

if TYPE_CHECKING:
    from sentiment.embedding.matrix import FoundVectors

    _Made = tuple[np.ndarray, FoundVectors, dict[str, Any]]

# Share of the tokens. It is 0.9 or more for English tweets; with vectors of another language only punctuation matches.
_FEW = 0.5


def run(this: stage.Stage) -> None:
    """Write the embedding matrix, and a report on its coverage. A word without a vector gets one from other words."""
    from sentiment.embedding.matrix import measure_coverage

    processed, settings = this.places.processed, this.settings.embedding
    preprocessor = read_preprocessor(processed)
    train_ids = ragged_rows(read_part(processed, "train").ids)
    made = _from_base_model if this.base_model else _from_glove
    matrix, found, origin = made(this, preprocessor, train_ids)
    coverage = measure_coverage(found, preprocessor.lexicon, train_ids, preprocessor.seen_ids)
    report = coverage.to_dict() | origin | {"settings": asdict(settings)}
    report["lexicon_sha256"] = sha256_of(processed / LEXICON)
    with publishing.publish(processed, last="embedding_matrix.npy") as staging:
        publishing.write_json(staging / "coverage.json", report)
        np.save(staging / "embedding_matrix.npy", matrix)
    stage.log.info(
        "%d x %d matrix; %.1f%% of the lemmas in training and %.1f%% of the tokens have a vector; "
        "most frequent without: %s",
        *matrix.shape,
        100 * report["type_share"],
        100 * report["token_share"],
        " ".join(word for word, _ in coverage.missing[:10]),
    )
    if report["token_share"] < _FEW:  # training on unsuitable vectors causes no error
        stage.log.warning(
            "WARNING: only %.1f%% of the tokens have a vector in %s, expected over %.0f%%: check that it is the right "
            "file (GLOVE), and of the tweets' language",
            *(100 * report["token_share"], this.base_model or report["source"], 100 * _FEW),
        )


def _from_glove(this: stage.Stage, preprocessor: Preprocessor, train_ids: Ragged) -> "_Made":
    """Return the matrix, the vectors found in the GloVe file, and entries of the report that describe this file."""
    from sentiment.embedding.matrix import complete, find_vectors, wanted_words

    glove = glove_file(this.arguments.glove, this.places.raw, this.profile)
    lexicon = preprocessor.lexicon
    vectors = read_glove(glove, wanted_words(lexicon), this.settings.embedding)
    found = find_vectors(lexicon, vectors)
    matrix = complete(found, train_ids, preprocessor.seen_ids)
    origin = {"dimension": vectors.dimension, "glove_words": vectors.file_words}
    return matrix, found, origin | {"source": str(glove), "source_sha256": sha256_of(glove)}


def _from_base_model(this: stage.Stage, preprocessor: Preprocessor, train_ids: Ragged) -> "_Made":
    """Return the matrix, the vectors found in the base model, and the report's entries on the original GloVe file."""
    import_keras()
    from sentiment.embedding.matrix import carry_over
    from sentiment.network.keras_network import GLOVE

    folder = this.base_model
    assert folder is not None
    vectors = load_network(folder).get_layer(GLOVE).get_weights()[0]
    old = read_preprocessor(folder).lexicon.vocabulary
    matrix, found = carry_over(vectors, old, preprocessor.lexicon.vocabulary, train_ids)
    theirs = publishing.read_json(folder / "coverage.json")
    origin = {name: theirs.get(name) for name in ("glove_words", "source", "source_sha256")}
    return matrix, found, origin | {"dimension": int(matrix.shape[1])}


_GLOVE = "GloVe vectors: .txt (also packed: .gz, .bz2, .xz, .zst, .zip), or .npy with .words.parquet"
OPTIONS = {"--glove": {"type": Path, "help": _GLOVE}}

if __name__ == "__main__":
    stage.main(run, __doc__, OPTIONS)
