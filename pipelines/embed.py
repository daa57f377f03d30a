"""Stage 3: GloVe vectors become the frozen embedding matrix (`embedding_matrix.npy`), with its coverage."""

import argparse
from dataclasses import asdict
from pathlib import Path

from pipelines.shared import publishing, stage
from pipelines.shared.glove_files import glove_file, read_glove


def run(this: stage.Stage) -> None:
    """Read the lexicon's words from GloVe, complete the matrix, write."""
    import numpy as np

    from pipelines.shared.artefacts import read_part, read_preprocessor
    from sentiment.data.encoded import ragged_rows
    from sentiment.embedding.matrix import complete, find_vectors, measure_coverage, wanted_words

    processed, settings = this.places.processed, this.settings.embedding
    glove = glove_file(this.arguments.glove, this.places.raw, this.profile)
    preprocessor = read_preprocessor(processed)
    lexicon, seen = preprocessor.lexicon, preprocessor.seen_ids
    vectors = read_glove(glove, wanted_words(lexicon), settings)
    train_ids = ragged_rows(read_part(processed, "train").ids)
    found = find_vectors(lexicon, vectors)
    coverage = measure_coverage(found, lexicon, train_ids, seen)
    matrix = complete(found, train_ids, settings, seen)
    report = coverage.to_dict() | {"dimension": vectors.dimension, "glove_words": vectors.file_words}
    report |= {"source": str(glove), "source_sha256": publishing.sha256(glove), "settings": asdict(settings)}
    report["lexicon_sha256"] = publishing.sha256(processed / "lexicon.tsv")
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stage's own options."""
    parser.add_argument("--glove", type=Path, help="GloVe vectors: .txt, .txt.gz, .zip, or .npy with .words.parquet")


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
