"""Read the training data: rows of ids with their weights, augmentation rows, and the frozen embedding matrix."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.shared import publishing, stage
from pipelines.shared.artefacts import check_agreement, read_part, read_preprocessor
from sentiment.errors import ArtefactError, SettingsError

if TYPE_CHECKING:
    import numpy as np

    from sentiment.data.encoded import EncodedPart
    from sentiment.training.candidates import TrainingRows


def read_rows(this: stage.Stage) -> "TrainingRows":
    """Read the training and validation rows, the embedding matrix and the classes that earlier stages wrote.

    Raises:
        ArtefactError: a file is missing, damaged, or made with other settings.
    """
    import numpy as np

    from sentiment.common.file_checks import open_array, require_sorted
    from sentiment.training.candidates import TrainingRows

    processed = this.places.processed
    check_agreement(processed, this.settings.preprocessing)
    told = publishing.read_json(processed / "encoded.json")
    require_sorted(told["classes"], processed / "encoded.json")
    try:
        matrix = np.array(open_array(publishing.require(processed / "embedding_matrix.npy")))
    except ValueError as error:
        raise ArtefactError(f"{processed}/embedding_matrix.npy: damaged ({error}); run `make preprocess`") from error
    weights = row_weights(this.places.interim)
    parts = {name: read_part(processed, name)._replace(weights=weights.get(name)) for name in ("train", "validation")}
    return TrainingRows(parts, matrix, told["classes"], int(told["seen"]))


def row_weights(interim: Path) -> "dict[str, np.ndarray]":
    """Return the row weights of each part, float32 ``(n,)``, with mean 1 in training; empty if there is one corpus."""
    import numpy as np
    import pyarrow.parquet as pq

    from sentiment.data.splitting import PARTS

    corpora = publishing.read_json(interim / "load.json").get("corpora")
    if not corpora:
        return {}
    weight = np.array([each["weight"] for each in corpora])
    rows = pq.read_table(publishing.require(interim / "tweets.parquet"), columns=["part", "corpus"])
    part, corpus = (rows.column(name).to_numpy() for name in ("part", "corpus"))
    mean = weight[corpus[part == PARTS.index("train")]].mean()
    return {name: (weight[corpus[part == i]] / mean).astype(np.float32) for i, name in enumerate(PARTS)}


def add_augmentation(this: stage.Stage, part: "EncodedPart", classes: list[str]) -> "EncodedPart":
    """Append augmentation rows to ``part``, as ``training.contrast`` and ``training.phrases`` ask for.

    Raises:
        SettingsError: the classes do not include a negative and a positive one.
    """
    options = this.settings.training
    if not (options.contrast or options.phrases):
        return part
    from sentiment.augment.polarity import Poles
    from sentiment.augment.rows import augmented

    meanings = [this.settings.corpus.polarity.get(name, name) for name in classes]
    try:
        poles = Poles(meanings.index("negative"), meanings.index("positive"))
    except ValueError:
        raise SettingsError(
            f"training.contrast: expected a negative and a positive class, received {', '.join(classes)}: "
            "say with corpus.polarity which these are"
        ) from None
    preprocessor = read_preprocessor(this.places.processed)
    more = augmented(part, preprocessor, poles, options.contrast, options.phrases, options.seed)
    stage.log.info("%d rows of augmentation beside %d", len(more.labels) - len(part.labels), len(part.labels))
    return more
