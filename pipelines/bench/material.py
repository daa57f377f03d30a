"""What a benchmark's contenders are made from."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from pipelines.shared import publishing, stage
from pipelines.shared.artefacts import read_part

if TYPE_CHECKING:
    import keras

    from sentiment.data.encoded import EncodedPart
    from sentiment.predict.classifier import SentimentClassifier
    from sentiment.settings import Settings

TRAINING_ROWS = 16_384


class Contender(NamedTuple):
    """Something to run, and how many tweets it handles then."""

    run: Callable[[], Any]
    tweets: int


@dataclass(frozen=True)
class Material:
    """What contenders are made from: the profile's files, ``rows`` texts, and ``few`` of them for the slow ones."""

    places: stage.Places
    rows: int
    few: int

    @cached_property
    def texts(self) -> list[str]:
        """Raw tweets."""
        import pyarrow.parquet as pq

        tweets = publishing.require(self.places.interim / "tweets.parquet")
        return pq.read_table(tweets, columns=["text"]).column("text").slice(0, self.rows).to_pylist()

    @cached_property
    def model(self) -> "SentimentClassifier":
        """The light form."""
        import sentiment

        return sentiment.load(self.places.model)

    @cached_property
    def settings(self) -> "Settings":
        """Those the model was trained with."""
        from sentiment.common.plain_data import from_dict
        from sentiment.settings import Settings

        return from_dict(Settings, publishing.read_json(self.places.model / "settings.json"))

    @cached_property
    def part(self) -> "EncodedPart":
        """Training rows."""
        from sentiment.data.encoded import spread

        return spread(read_part(self.places.processed, "train"), TRAINING_ROWS)

    def network(self) -> "keras.Model":
        """A fresh network; each has the same weights."""
        import keras
        import numpy as np

        from sentiment.network.keras_network import build_network

        keras.utils.set_random_seed(self.settings.training.seed)
        matrix = np.load(self.places.processed / "embedding_matrix.npy")
        return build_network(matrix, self.settings.network, len(self.model.classes_))
